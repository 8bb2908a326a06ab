"""A model in one file: weights, and in the header all that is needed to use them on a new image.

The format is safetensors: a JSON header and the raw numbers behind it. Nothing in it can be executed, and
every size is checked against what the header's architecture asks for before memory is taken.
"""

import hashlib
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import torch
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    field_validator,
    model_validator,
)
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from napari_unet.errors import UserError
from napari_unet.network.scaling import Normalisation
from napari_unet.network.unet import UNet, UNetConfig
from napari_unet.objects.separate import SeparationSettings

HEADER_KEY = "napari_unet"
FORMAT_VERSION = 1

ShortText = Annotated[str, Field(max_length=300)]
Size = Annotated[float, Field(gt=0, allow_inf_nan=False)]
StoredPlace = tuple[ShortText, tuple[int, int, int, int]]
"""An image's name and a box (y0, y1, x0, x1) in px of the image."""


class Provenance(BaseModel):
    """Where a model's weights come from: enough to repeat the training, and to know where it never looked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lineage: ShortText = ""  # rounds that started from one another share it
    started_from: ShortText = ""  # "bundled", "scratch", a round's or a file's name
    seed: int | None = None
    steps: int | None = Field(default=None, ge=0)
    minutes: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    threads: int | None = Field(default=None, ge=1)
    device: ShortText = ""  # "cpu", "cuda" or "mps"
    versions: dict[str, str] = Field(default_factory=dict)  # of napari-unet, torch, …
    images: tuple[str, ...] = ()  # names of the images it was trained on
    annotated: dict[str, int] = Field(default_factory=dict)  # how many objects, regions, pixels … on them
    settings: dict[str, JsonValue] = Field(default_factory=dict)  # of the training, as they were
    held_out: tuple[StoredPlace, ...] = ()  # where no patch of the lineage ever trains
    trained: tuple[StoredPlace, ...] = ()  # where at least one did
    scores: dict[str, float] = Field(default_factory=dict)  # measured in the held-out places


class ModelDescription(BaseModel):
    """The header of a model file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Literal[1] = 1
    name: ShortText
    network: UNetConfig
    axes: Literal["CYX", "CZYX"] = "CYX"
    channel_names: tuple[ShortText, ...] = ()  # one per input channel, or none
    rgb: bool = False  # the channels are red, green and blue of one picture
    normalisation: Normalisation
    object_size: Size  # typical equivalent diameter in px at the network's resolution
    object_size_image: Size | None = None  # the same in px of the training images
    object_size_um: Size | None = None  # the same in µm
    scale: Size = 1.0  # px of the network per px of the training images
    plane_step: Size | None = None  # px of the network from one plane of a volume to the next
    magnification: Literal["as in training", "per image"] = "as in training"  # see `TrainingSettings`
    labels_are: Literal["objects", "classes"]
    class_names: tuple[ShortText, ...] = ()  # one per class, background first, or none
    separation: dict[str, JsonValue] = Field(default_factory=dict)  # how objects are made from the output
    training: Provenance = Field(default_factory=Provenance)

    @field_validator("separation")
    @classmethod
    def _check_separation(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        SeparationSettings.model_validate(value)
        return value

    @model_validator(mode="after")
    def _check_counts(self) -> Self:
        if self.network.dimensions != len(self.axes) - 1 or (self.plane_step is None) == ("Z" in self.axes):
            raise ValueError(
                f"the axes {self.axes} do not fit a network of {self.network.dimensions} dimensions"
            )
        channels, classes = self.network.in_channels, self.network.classes
        for what, found, wanted in (
            ("channel_names", len(self.channel_names), channels),
            ("class_names", len(self.class_names), classes),
        ):
            if found not in (0, wanted):
                raise ValueError(f"{what} has {found} entries instead of {wanted}")
        if not len(self.normalisation.low) == len(self.normalisation.high) == channels:
            raise ValueError(
                f"normalisation needs one low and one high value for each of {channels} channels"
            )
        if self.rgb and channels != 3:
            raise ValueError(f"an RGB model has 3 channels, not {channels}")
        return self


@dataclass(frozen=True)
class Model:
    """A network ready to predict (in evaluation mode) and what has to be known to use it."""

    description: ModelDescription
    network: UNet


def save_model(model: Model, path: str | os.PathLike[str], half: bool = False) -> None:
    """Write a model file; at no time does `path` hold half a file.

    Parameters
    ----------
    model : Model
    path : path
        An existing file is replaced, but only when the new one is complete on disk.
    half : bool
        Store the convolutions' weights with 16 bits: half the size, outputs that agree to about 1e-3.

    Raises
    ------
    UserError
        If the file cannot be written, or a weight is not finite.
    """
    path = Path(path)
    tensors = {}
    for name, tensor in model.network.state_dict().items():
        tensor = tensor.detach().cpu().contiguous()
        tensors[name] = tensor.half() if half and tensor.dim() >= 4 else tensor
    _check_finite(tensors, f'The model "{model.description.name}" cannot be saved')
    content = save(tensors, {HEADER_KEY: model.description.model_dump_json()})
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with open(unfinished, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except OSError as error:
        with suppress(OSError):  # it may never have come into being
            unfinished.unlink()
        raise UserError(f"{path} could not be written: {_reason(error)}.") from error


def load_model(path: str | os.PathLike[str]) -> Model:
    """Read a model file.

    Returns
    -------
    Model
        On the CPU, float32, in evaluation mode.

    Raises
    ------
    UserError
        If the file is missing, truncated, foreign or of an unknown version, or does not fit its header.
    """
    path = Path(path)
    with _opened(path) as file:
        description, names = _check_header(path, file)
        # A copy, since what safetensors hands out is the file itself, mapped into memory.
        state = {name: file.get_tensor(name).clone() for name in names}
    _check_finite(state, f"{path} cannot be used")
    network = UNet(description.network)
    network.load_state_dict(state)
    return Model(description, network.eval())


def describe_model(path: str | os.PathLike[str]) -> ModelDescription:
    """Read what a model file says of itself, and none of its weights; raises as `load_model`."""
    path = Path(path)
    with _opened(path) as file:
        return _check_header(path, file)[0]


def digest_of(model: Model) -> str:
    """Return the SHA-256 of a model's weights, whatever file they come from."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.network.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    if not path.is_file():
        raise UserError(f"{path} could not be read: there is no such file.")
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except SafetensorError as error:
        raise UserError(
            f"{path} is damaged or no model file ({error}): choose another, or copy it again."
        ) from error
    except OSError as error:
        raise UserError(f"{path} could not be read: {_reason(error)}.") from error


def _check_header(path: Path, file: Any) -> tuple[ModelDescription, list[str]]:
    """Return the description and the names of the tensors, whose shapes are those that it asks for."""
    description = _read_description(path, file.metadata())
    kinds = {}
    for name in file.keys():  # noqa: SIM118 (a handle, not a mapping)
        entry = file.get_slice(name)
        kinds[name] = (_DTYPES.get(entry.get_dtype(), entry.get_dtype()), tuple(entry.get_shape()))
    _check_tensors(path, kinds, description.network)
    return description, list(kinds)


def _read_description(path: Path, metadata: Mapping[str, str] | None) -> ModelDescription:
    text = (metadata or {}).get(HEADER_KEY)
    if text is None:
        raise UserError(f"{path} was not written by napari-unet: choose a model file that was.")
    try:
        version = _Versioned.model_validate_json(text).format_version
        if version > FORMAT_VERSION:
            raise UserError(
                f"{path} has format version {version} and this napari-unet reads up to {FORMAT_VERSION}: "
                "update napari-unet."
            )
        return ModelDescription.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "header"
        raise UserError(f"{path} has a header that cannot be used ({where}: {first['msg']}).") from error


class _Versioned(BaseModel):
    """What every version of the header has in common."""

    format_version: int


_DTYPES = {"F16": "float", "BF16": "float", "F32": "float", "I64": "integer"}

_Kind = tuple[str, tuple[int, ...]]  # kind of number, shape


def _check_tensors(path: Path, kinds: Mapping[str, _Kind], config: UNetConfig) -> None:
    """Compare a file's tensors with those of the architecture it claims, without taking memory for them."""
    with torch.device("meta"):
        wanted = {
            name: ("float" if tensor.is_floating_point() else "integer", tuple(tensor.shape))
            for name, tensor in UNet(config).state_dict().items()
        }
    for name in sorted(wanted.keys() | kinds.keys()):
        if wanted.get(name) != kinds.get(name):
            raise UserError(
                f"{path} does not fit its own header: {name} is {_describe(kinds.get(name))} "
                f"instead of {_describe(wanted.get(name))}."
            )


def _describe(kind: _Kind | None) -> str:
    return "absent" if kind is None else f"{kind[0]} {' × '.join(map(str, kind[1])) or 'number'}"


def _check_finite(tensors: Mapping[str, Tensor], what: str) -> None:
    for name, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise UserError(f"{what}: {name} holds numbers that are not finite; take an earlier round.")


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
