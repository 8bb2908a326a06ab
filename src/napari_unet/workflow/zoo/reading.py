"""Packages of the BioImage Model Zoo that others made: read in memory, never unpacked, and nothing in them is run.

Of the weights, tensors are read (safetensors, or a state dict through PyTorch's loader that takes nothing but tensors),
or an ONNX graph, which is data. TorchScript, TensorFlow and the Python file of an architecture are programs: not read.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import torch
import yaml
from pydantic import ValidationError
from torch import Tensor

from napari_unet.errors import UserError
from napari_unet.formats.room import check_room
from napari_unet.network.architecture import UNetConfig
from napari_unet.network.model_file import Model, ModelDescription, load_model
from napari_unet.network.scaling import TARGET_SIZE, Normalisation
from napari_unet.network.unet import UNet
from napari_unet.workflow.zoo.foreign import ForeignModel

DESCRIPTIONS = ("bioimageio.yaml", "rdf.yaml", "model.yaml")
_LARGEST_DESCRIPTION = 2**20
_UNREADABLE = (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, RuntimeError, EOFError,
               zlib.error, zipfile.BadZipFile, yaml.YAMLError, NotImplementedError, RecursionError)  # fmt: skip


def read_package(path: Path | str) -> Model | ForeignModel:
    """Read a package.

    Parameters
    ----------
    path : Path or str
        ``.zip``.

    Returns
    -------
    Model or ForeignModel
        A `Model`, which can be trained on, where the weights are those of a U-Net as here; else one that segments.

    Raises
    ------
    UserError
        If it is damaged, holds no weights that can be read without running a program, or another kind of network.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            package = _Package(path, archive)
            return package.read()
    except UserError:
        raise
    except _UNREADABLE as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
        raise UserError(f"{path} could not be read as a package of the model zoo ({reason}).") from error


def load_network(path: Path) -> Model:
    """Read a model file, or a package of the zoo with a network that can be trained on.

    Raises
    ------
    UserError
        If it can't be read, or is a network that only segments.
    """
    if path.suffix.lower() != ".zip":
        return load_model(path)
    found = read_package(path)
    if isinstance(found, ForeignModel):
        raise UserError(
            f"{path} holds a network of another program: it can't be trained on. It segments from a shell: "
            f"napari-unet segment IMAGES -o FOLDER --model {path.name}."
        )
    return found


def read_foreign(network: str) -> ForeignModel | None:
    """Return the network of a package that another program made, None for anything else that can be a network."""
    if not network.lower().endswith(".zip"):
        return None
    found = read_package(network)
    return found if isinstance(found, ForeignModel) else None


class _Package:
    """An open archive and what its description says."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self.path, self._archive = path, archive
        names = [name for name in DESCRIPTIONS if name in archive.namelist()]
        if not names:
            raise UserError(f"{path} is no package of the model zoo: there is no bioimageio.yaml in it.")
        if archive.getinfo(names[0]).file_size > _LARGEST_DESCRIPTION:
            raise UserError(f"{path} has a description that is larger than any; it is damaged.")
        described = yaml.safe_load(self._bytes(names[0]))
        if not isinstance(described, dict) or not isinstance(described.get("weights"), dict):
            raise UserError(f"{path} is no package of a model: its description names no weights.")
        version = str(described.get("format_version", ""))
        if not version.startswith("0.5"):
            raise UserError(
                f"{path} is a package of format {version[:20] or 'unknown'} and 0.5 is read; download it anew from "
                "bioimage.io, or bring it up to date with bioimageio.core."
            )
        self.described: dict[str, Any] = described

    def read(self) -> Model | ForeignModel:
        """Return the network, of the first kind of weights that can be read."""
        weights = self.described["weights"]
        state, why = self._state(weights)
        if state is not None:
            description = self._described_here() or self._guessed(state)
            if description is not None:
                return self._model(state, description)
            why = "its network is another one than the U-Net of this plugin"
        if "onnx" in weights:
            if "external_data" in weights["onnx"]:
                raise UserError(
                    f"{self.path} keeps its weights apart from the ONNX graph, which is not read."
                )
            return ForeignModel.of(self.described, self._source(weights["onnx"]), str(self.path))
        raise UserError(
            f"{self.path} can't be used: {why}, and there are no ONNX weights, which could be used for any network. On "
            "bioimage.io, look for a model with ONNX weights."
        )

    def _state(self, weights: Mapping[str, Any]) -> tuple[dict[str, Tensor] | None, str]:
        """Return the tensors of a state dict, or why there is none."""
        for kind in ("pytorch_safetensors", "safetensors", "pytorch_state_dict"):
            if kind not in weights:
                continue
            content = self._source(weights[kind])
            if kind != "pytorch_state_dict" or str(weights[kind]["source"]).endswith(".safetensors"):
                from safetensors.torch import load

                return load(content), ""
            try:
                loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
            except Exception as error:  # what PyTorch refuses has many classes; some are those of pickle
                raise UserError(
                    f"{self.path} is damaged, or its state dict holds more than tensors, which could be a program: "
                    "it is not read."
                ) from error
            if not isinstance(loaded, Mapping) or not all(isinstance(t, Tensor) for t in loaded.values()):
                return None, "its state dict holds more than tensors"
            return {str(name): tensor for name, tensor in loaded.items()}, ""
        kinds = ", ".join(str(kind)[:40] for kind in weights)
        return None, f"its weights ({kinds}) are programs, which are not run"

    def _source(self, entry: Mapping[str, Any]) -> bytes:
        """Return the bytes of a file of the package, after a look whether they are those that the description means."""
        name = str(entry["source"])
        place = PurePosixPath(name.replace("\\", "/"))
        if "://" in name:
            raise UserError(
                f"{self.path} does not hold its weights but says where they are; download the whole package."
            )
        if place.is_absolute() or ".." in place.parts or ":" in name:
            raise UserError(f"{self.path} names a file outside of the package ({name[:100]}).")
        content = self._bytes(str(place))
        said = entry.get("sha256")
        if said is not None and hashlib.sha256(content).hexdigest() != str(said).lower():
            raise UserError(
                f"{self.path} is damaged: {name[:100]} is not the file that its description means."
            )
        return content

    def _bytes(self, name: str) -> bytes:
        size = self._archive.getinfo(name).file_size
        check_room(self.path, 3 * size)
        with self._archive.open(
            name
        ) as file:  # no more than the size that was checked, whatever the entry unpacks to
            return file.read(size)

    def _model(self, state: dict[str, Tensor], description: ModelDescription) -> Model:
        if not has_shapes_of(state, description.network):
            raise UserError(f"{self.path} does not fit its own description: the network is another one.")
        network = UNet(description.network)
        network.load_state_dict(
            {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
        )
        if not all(bool(torch.isfinite(tensor).all()) for tensor in network.state_dict().values()):
            raise UserError(f"{self.path} can't be used: its weights hold numbers that are not finite.")
        return Model(description, network.eval())

    def _described_here(self) -> ModelDescription | None:
        """Return what napari-unet wrote into the package, None where it did not."""
        ours = (self.described.get("config") or {}).get("napari_unet")
        if not isinstance(ours, Mapping) or not isinstance(ours.get("model"), str):
            return None
        try:
            return ModelDescription.model_validate_json(ours["model"])
        except ValidationError as error:
            raise UserError(f"{self.path} has a description of its network that can't be used.") from error

    def _guessed(self, state: Mapping[str, Tensor]) -> ModelDescription | None:
        """Return what follows from the weights alone, None where they are another network's."""
        config = config_of(state)
        if config is None:
            return None
        n = config.in_channels
        return ModelDescription(
            name=str(self.described.get("name", self.path.stem))[:300],
            network=config,
            normalisation=Normalisation(low=(0.0,) * n, high=(1.0,) * n),
            object_size=TARGET_SIZE,
            labels_are="objects",
        )


def config_of(state: Mapping[str, Tensor]) -> UNetConfig | None:
    """Return the U-Net of planes whose weights these are, None where they are another network's.

    Two outputs are two classes, three are two classes and the distance; networks with batch normalisation are padded,
    as here.
    """
    try:
        width, channels = state["contract.0.conv1.weight"].shape[:2]
        outputs = state["classify.weight"].shape[0]
        batch = "contract.0.norm1.weight" in state
        config = UNetConfig(
            in_channels=channels,
            classes=2 if outputs <= 3 else outputs,
            distance=outputs == 3,
            width=width,
            depth=sum(name.startswith("up.") and name.endswith(".weight") for name in state),
            normalisation="batch" if batch else "none",
            padded=batch,
        )
    except (KeyError, ValueError, IndexError):
        return None
    return config if has_shapes_of(state, config) else None


def has_shapes_of(state: Mapping[str, Tensor], config: UNetConfig) -> bool:
    """Tell whether these are the tensors of a network, without taking memory for it."""
    with torch.device("meta"):
        wanted = {name: tuple(tensor.shape) for name, tensor in UNet(config).state_dict().items()}
    return wanted == {name: tuple(tensor.shape) for name, tensor in state.items()}
