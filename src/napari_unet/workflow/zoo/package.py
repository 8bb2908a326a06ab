"""A package for the BioImage Model Zoo: weights, a sample in and out, and all that others need to run it."""

from __future__ import annotations

import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from PIL import Image

from napari_unet.errors import UserError
from napari_unet.formats.atomic import replace_whole
from napari_unet.network.architecture import UNetConfig
from napari_unet.network.model_file import Model
from napari_unet.network.scaling import normalise, resample_image
from napari_unet.workflow.scale import scale_of
from napari_unet.workflow.zoo import shipped_unet
from napari_unet.workflow.zoo.about import About
from napari_unet.workflow.zoo.onnx_file import as_onnx, check_planar
from napari_unet.workflow.zoo.rdf import architecture_of, describe
from napari_unet.workflow.zoo.texts import documentation

LARGEST_SAMPLE = 256
_NAME_SIGNS = " _+-()"


def write_package(
    model: Model, about: About, image: NDArray[Any], path: Path | str, pixel_size_um: float | None = None
) -> None:
    """Write a package as ``.zip``; weights as a state dict and, where the package onnx is installed, as ONNX.

    Parameters
    ----------
    model : Model
        Of planes.
    about : About
    image : array (C, Y, X)
        An image of the kind that the network is for, at its own scale; a part of it becomes the sample.
    path : Path or str
        ``.zip``; an older file is replaced.
    pixel_size_um : float, optional
        Of `image`.

    Raises
    ------
    UserError
        If something that only the user can say is missing, the network is one of volumes, the image doesn't fit it or
        is too small, or the file can't be written.
    """
    check_planar(model.description.network)
    check_about(about)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _fill(folder, model, about, image, pixel_size_um)
        with (
            replace_whole(path) as temporary,
            zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
        ):
            for file in sorted(folder.iterdir()):
                archive.write(file, file.name)


def check_about(about: About) -> None:
    """Raise `UserError` where something is missing that the zoo asks for."""
    if not 5 <= len(about.name) <= 128 or not all(
        c.isascii() and (c.isalnum() or c in _NAME_SIGNS) for c in about.name
    ):
        raise UserError(
            "A name in the zoo has 5 to 128 letters, digits, spaces or _ + - ( ); choose such a one."
        )
    if not about.authors or not all(author.strip() for author in about.authors):
        raise UserError("Say who made the network: a package for the zoo names its authors.")
    if not about.license.strip():
        raise UserError("Choose a licence, such as CC-BY-4.0: without one nobody may use the network.")
    if not about.description.strip():
        raise UserError("Say in a sentence what the network finds.")


def sample_of(
    model: Model, image: NDArray[Any], pixel_size_um: float | None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return a sample (1, C, Y, X) at the network's scale, not normalised yet, and the network's output for it.

    Raises
    ------
    UserError
        If the image has other channels than the network, or is too small for it.
    """
    from napari_unet.workflow.segmentation import check_fits

    description, config = model.description, model.description.network
    check_fits(description, image)
    small = resample_image(image.astype(np.float32), scale_of(description, None, pixel_size_um))
    sides = [_valid_size(config, min(side, LARGEST_SAMPLE)) for side in small.shape[1:]]
    if min(sides) < smallest_side(config):
        raise UserError(
            f"This image is too small for a sample: at the network's scale it has {small.shape[1]} × {small.shape[2]} "
            f"px, and it takes {smallest_side(config)} px; choose a larger one."
        )
    top, left = ((have - side) // 2 for have, side in zip(small.shape[1:], sides, strict=True))
    sample = np.ascontiguousarray(small[:, top : top + sides[0], left : left + sides[1]])
    with torch.no_grad():
        output = as_shipped(model)(torch.from_numpy(normalise(sample, description.normalisation))[None])
    return sample[None], output.numpy()


def as_shipped(model: Model) -> shipped_unet.UNet:
    """Return the network as it runs on its own."""
    network = shipped_unet.UNet(**architecture_of(model.description)).eval()
    network.load_state_dict(model.network.state_dict())
    return network


def smallest_side(config: UNetConfig) -> int:
    """Return the least side in px that others may give the network: one that is not all border."""
    border = 2 * config.halo if config.padded else 0
    return next(side for side in range(border + 1, 10_000) if _valid_size(config, side) == side)


def _valid_size(config: UNetConfig, largest: int) -> int:
    """Return the largest side up to `largest` that the network takes, 0 where there is none."""
    for side in range(largest, max(largest - 4 * config.multiple, 0), -1):
        with suppress(UserError):
            config.check_input_size(side, side)
            return side
    return 0


def _fill(folder: Path, model: Model, about: About, image: NDArray[Any], pixel_size_um: float | None) -> None:
    """Write what a package holds into a folder."""
    sample, output = sample_of(model, image, pixel_size_um)
    np.save(folder / "sample_in.npy", sample, allow_pickle=False)
    np.save(folder / "sample_out.npy", output, allow_pickle=False)
    _cover(sample[0], output[0]).save(folder / "cover.png")
    (folder / "documentation.md").write_text(documentation(model.description, about), encoding="utf-8")
    (folder / "unet.py").write_bytes(Path(shipped_unet.__file__).read_bytes())
    torch.save(dict(model.network.state_dict()), folder / "weights.pt")
    with suppress(UserError):  # without the package onnx a package has the state dict alone
        (folder / "weights.onnx").write_bytes(as_onnx(model).SerializeToString())
    described = describe(model, about, folder, pixel_size_um, smallest_side(model.description.network))
    text = yaml.safe_dump(described, sort_keys=False, allow_unicode=True, width=100)
    (folder / "bioimageio.yaml").write_text(text, encoding="utf-8")


def _cover(sample: NDArray[np.float32], output: NDArray[np.float32]) -> Image.Image:
    """Return the sample and what the network finds in it, side by side: twice as wide as high."""
    side = min(output.shape[1:])
    grey = sample if sample.shape[0] == 3 else np.repeat(sample[:1], 3, axis=0)
    grey, found = _centre(grey, side), _centre(1 - output[:1], side)[0]
    low, high = np.percentile(grey, [1, 99.5])
    shown = np.clip((grey - low) / max(float(high - low), 1e-9), 0, 1)
    overlay = shown * (1 - 0.6 * found) + np.array([0.9, 0.62, 0.0])[:, None, None] * 0.6 * found
    both = np.concatenate([shown, overlay], axis=2).transpose(1, 2, 0)
    return Image.fromarray(np.round(255 * both).astype(np.uint8)).resize((512, 256))


def _centre(planes: NDArray[Any], side: int) -> NDArray[Any]:
    top, left = ((have - side) // 2 for have in planes.shape[1:])
    return planes[:, top : top + side, left : left + side]
