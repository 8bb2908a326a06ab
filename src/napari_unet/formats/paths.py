"""Which files are meant: one, a folder or a pattern; and which label image belongs to which image."""

from __future__ import annotations

import glob
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from napari_unet.errors import UserError

Kind = Literal["tiff", "picture", "zarr"]
KINDS: dict[str, Kind] = {
    ".tif": "tiff", ".tiff": "tiff", ".zarr": "zarr",
    ".png": "picture", ".jpg": "picture", ".jpeg": "picture",
}  # fmt: skip


ROI_ENDINGS = (".zip", ".roi")
"""Regions of ImageJ, which can be labels of an image."""

ENDINGS_OF_TOOLS = (
    "_cp_masks", "_masks", "_mask", "_labels", "_label", "-labels", "-labeling", "_Labels", "_Object Identities",
    "_Simple Segmentation", "_rois", "_RoiSet", "RoiSet",
)  # fmt: skip
"""What Cellpose, Labkit, ilastik and others append to the name of an image for its labels."""


def file_kind(path: Path) -> Kind:
    """Tell the kind of an image file by its extension.

    Raises
    ------
    UserError
        If it is none that can be read.
    """
    kind = KINDS.get(path.suffix.lower())
    if path.name.lower().endswith("_seg.npy"):
        raise UserError(
            f"{path} is Cellpose's own file, a pickle: reading it could run a program, so it is not read. "
            "In Cellpose choose “Save masks as PNG/tif”, or call it with --save_tif, and use NAME_cp_masks.tif or .png."
        )
    if kind is None:
        raise UserError(f"{path} is of a kind that can't be read; use TIFF, OME-TIFF, PNG, JPEG or OME-Zarr.")
    return kind


def name_of(path: Path) -> str:
    """Return the file's name without folder and without all of its extension (``.ome.tif`` as a whole)."""
    stem = path.name
    if path.suffix.lower() in (*KINDS, *ROI_ENDINGS):
        stem = path.stem
    return stem[:-4] if stem.lower().endswith(".ome") else stem


def probabilities_path(target: Path) -> Path:
    """Return ``NAME_probabilities.tif`` beside ``NAME.tif``, and ``.zarr`` beside ``.zarr``."""
    ending = ".zarr" if target.suffix.lower() == ".zarr" else ".tif"
    return target.with_name(f"{name_of(target)}_probabilities{ending}")


def find_images(source: Path | str | Sequence[Path | str]) -> list[Path]:
    """List the image files that are meant by a file, a folder, a pattern such as ``"a/*.tif"``, or several.

    Parameters
    ----------
    source : Path or str, or a sequence of them

    Returns
    -------
    list of Path
        In the order given; within a folder or pattern by name, numbers by their value; no file twice.

    Raises
    ------
    UserError
        If something is not there, is of a kind that can't be read, or a folder holds no image.
    """
    return _find(source, tuple(KINDS))


def find_labels(source: Path | str | Sequence[Path | str]) -> list[Path]:
    """List label images as `find_images` does, and regions of ImageJ (``.zip``, ``.roi``)."""
    return _find(source, (*KINDS, *ROI_ENDINGS))


def _find(source: Path | str | Sequence[Path | str], endings: Sequence[str]) -> list[Path]:
    sources = [source] if isinstance(source, str | Path) else source
    found = [path for each in sources for path in _expand(Path(each), endings)]
    if not found:
        raise UserError("No images were given.")
    return list(dict.fromkeys(found))


def pair_by_name(
    images: Sequence[Path], labels: Sequence[Path], *, every_image: bool = True
) -> list[tuple[Path, Path]]:
    """Find to every label image the image of the same name, extensions aside; one of each always fit.

    What other programs append to the name, such as ``_cp_masks``, is left out where no image is called so.

    Parameters
    ----------
    images, labels : sequence of Path
    every_image : bool
        Images without labels are an error; else they are left out.

    Returns
    -------
    list of (image, labels)
        In the order of `images`.

    Raises
    ------
    UserError
        If a name occurs twice, or stands alone; the sentence names it.
    """
    if len(images) == len(labels) == 1:
        return [(images[0], labels[0])]
    by_name = _by_name(images)
    labels_by_name = {_without_ending(name, by_name): path for name, path in _by_name(labels).items()}
    alone = [name for name in labels_by_name if name not in by_name]
    if alone:
        raise UserError(f"No image has the name of the labels {_some(alone)}; give both the same name.")
    alone = [name for name in by_name if name not in labels_by_name]
    if alone and every_image:
        raise UserError(f"No labels have the name of the image {_some(alone)}; give both the same name.")
    return [(path, labels_by_name[name]) for name, path in by_name.items() if name in labels_by_name]


def _expand(path: Path, endings: Sequence[str]) -> list[Path]:
    if path.suffix.lower() == ".zarr" and path.is_dir():
        return [path]
    if path.is_dir():
        inside = [p for p in path.iterdir() if p.suffix.lower() in endings and not p.name.startswith(".")]
        if not inside:
            raise UserError(f"The folder {path} holds no images (TIFF, OME-TIFF, PNG, JPEG or OME-Zarr).")
        return sorted(inside, key=_by_number)
    if path.exists():
        if path.suffix.lower() not in endings:
            file_kind(path)
        return [path]
    matching = [Path(p) for p in glob.glob(str(path), recursive=True)] if glob.has_magic(str(path)) else []
    matching = [p for p in matching if p.suffix.lower() in endings]
    if not matching:
        raise UserError(f"There is no file or folder {path}.")
    return sorted(matching, key=_by_number)


def _by_number(path: Path) -> list[tuple[int, str]]:
    """Sort key under which ``2.tif`` comes before ``10.tif``."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [(int(part), "") if part.isdigit() else (0, part) for part in parts]


def _by_name(paths: Sequence[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in paths:
        name = name_of(path)
        if name in found:
            raise UserError(f"{found[name]} and {path} have the same name; keep one of them.")
        found[name] = path
    return found


def _without_ending(name: str, images: Mapping[str, Path]) -> str:
    """Return the name of the image that labels of this name belong to, or the name as it is."""
    if name in images:
        return name
    short = [name[: -len(ending)] for ending in ENDINGS_OF_TOOLS if name.endswith(ending)]
    return next((each for each in short if each in images), name)


def _some(names: Sequence[str]) -> str:
    """Name the first three, and say how many more there are."""
    named = ", ".join(names[:3])
    return named if len(names) <= 3 else f"{named} and {len(names) - 3} more"
