"""The JSON files of a project: what may stand in them, checked when they are read."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self, TypeVar

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import from_json

from napari_unet.errors import UserError
from napari_unet.project.disk import Disk
from napari_unet.project.records import Index, Name
from napari_unet.project.schema import SCHEMA, What, brought_up

MOST_BYTES = 64 * 1024**2
MOST_PIXELS = 2**34

ShortText = Annotated[str, Field(max_length=300)]
ImageId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
"""Names a folder: nothing that means something to a file system can stand in it."""

Progress = Literal["new", "work", "done"]
Notes = Annotated[dict[Name, JsonValue], Field(max_length=1000)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Channel = Annotated[int, Field(ge=0, le=10_000)]


class Document(BaseModel):
    """What stands in one file, or in a part of it."""

    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="strings")


class VersionedDocument(Document):
    """What stands in one file, with the version of its form; see `schema`."""

    what: ClassVar[What]

    schema_version: Literal[2] = SCHEMA


class ImageSummary(Document):
    """What a list of images shows, without opening them."""

    id: ImageId
    name: ShortText
    progress: Progress = "new"


class ProjectDocument(VersionedDocument):
    """``project.json``."""

    what = "project"

    name: ShortText
    created: ShortText
    program: ShortText = ""  # version of napari-unet that made it
    images: tuple[ImageSummary, ...] = Field(default=(), max_length=100_000)
    notes: Notes = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_ids(self) -> Self:
        if len({image.id for image in self.images}) < len(self.images):
            raise ValueError("two images have one id")
        return self


class FileReference(Document):
    """A file that is not in the project, with what it takes to know it again.

    Attributes
    ----------
    path, relative
        Absolute, and as seen from the project's folder (empty where there is no way).
    size, mtime_ns
        Bytes, and time of the last change. Those of a folder (OME-Zarr) are 0.
    digest
        SHA-256 over size and first, middle and last block; of a folder over its description and file names.
    """

    path: str = Field(min_length=1, max_length=4096)
    relative: str = Field(default="", max_length=4096)
    size: int = Field(ge=0)
    mtime_ns: int
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")

    @field_validator("path", "relative")
    @classmethod
    def _no_null(cls, value: str) -> str:
        if "\0" in value:
            raise ValueError("a path holds no null character")
        return value


class ImageDescription(VersionedDocument):
    """``image.json``: an image as the user saw it when it came into the project.

    Attributes
    ----------
    axes
        One letter per axis of the spatial shape, such as "ZYX".
    shape
        Of the whole array, channels included; `channel_axis` tells which axis they are.
    scale, units
        Per spatial axis; empty when nothing is known.
    channels
        The chosen ones.
    file
        Where the pixels are; ``None`` if they came without a file.
    copied
        The pixels are in the project (``pixels.zarr``).
    """

    what = "image"

    name: ShortText
    axes: str = Field(pattern=r"^[A-Za-z]{2,6}$")
    shape: tuple[Annotated[int, Field(ge=1, le=2**31)], ...] = Field(min_length=2, max_length=7)
    dtype: Annotated[str, Field(pattern=r"^(bool|u?int(8|16|32|64)|float(16|32|64))$")]
    channel_axis: int | None = Field(default=None, ge=0, le=6)
    rgb: bool = False
    channels: tuple[Channel, ...] = Field(default=(), max_length=10_000)
    scale: tuple[Number, ...] = Field(default=(), max_length=7)
    units: tuple[ShortText, ...] = Field(default=(), max_length=7)
    pixel_size_um: Number | None = None
    file: FileReference | None = None
    copied: bool = False

    @model_validator(mode="after")
    def _check_shape(self) -> Self:
        if self.channel_axis is not None and self.channel_axis >= len(self.shape):
            raise ValueError("there is no such channel axis")
        if len(self.axes) != len(self.spatial_shape):
            raise ValueError("axes and shape have different lengths")
        for entries in (self.scale, self.units):
            if entries and len(entries) != len(self.axes):
                raise ValueError("scale or units do not fit the axes")
        if math.prod(self.shape) > MOST_PIXELS:
            raise ValueError("the image is larger than any that can be worked on")
        return self

    @property
    def spatial_shape(self) -> tuple[int, ...]:
        """Shape without channels: that of annotation and segmentation."""
        if self.channel_axis is None:
            return self.shape
        return self.shape[: self.channel_axis] + self.shape[self.channel_axis + 1 :]

    @property
    def n_bytes(self) -> int:
        """Size of the pixels."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


class StateDocument(VersionedDocument):
    """``state.json``: the checkpoint. What the journal holds up to `sequence` is in chunks and notes.

    Attributes
    ----------
    generations
        Which folder holds each array.
    """

    what = "state"

    sequence: int = Field(default=0, ge=0)
    generations: dict[Name, Index] = Field(default_factory=dict, max_length=16)
    notes: Notes = Field(default_factory=dict)


class _Version(BaseModel):
    """What every version has in common, but for the first one's ``image.json``, which does not say it."""

    schema_version: int = 1


D = TypeVar("D", bound=VersionedDocument)


def read_document(disk: Disk, path: Path, kind: type[D]) -> D:
    """Read and check a JSON file, of this version or an older one.

    Raises
    ------
    UserError
        If it is not there, damaged, foreign, or was made by a newer program.
    """
    return read_of_version(disk, path, kind)[0]


def read_of_version(disk: Disk, path: Path, kind: type[D]) -> tuple[D, int]:
    """Read and check a JSON file as `read_document`; return the version it has on the disk, too."""
    try:
        content = disk.read(path, MOST_BYTES)
    except OSError as error:
        raise UserError(f"{path} could not be read: {(error.strerror or str(error)).lower()}.") from error
    try:
        version = _Version.model_validate_json(content).schema_version
        if version > SCHEMA:
            raise UserError(f"{path.parent} was made by a newer napari-unet: update napari-unet.")
        if 1 <= version < SCHEMA:
            return kind.model_validate(brought_up(kind.what, from_json(content), version)), version
        return kind.model_validate_json(content), version
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "file"
        raise UserError(
            f"{path} is damaged or not from napari-unet ({where[:100]}: {first['msg']}); "
            "take a snapshot or a copy of the project."
        ) from error


def write_document(disk: Disk, path: Path, document: VersionedDocument) -> None:
    """Write a JSON file whole."""
    disk.put(path, document.model_dump_json(indent=1).encode())
