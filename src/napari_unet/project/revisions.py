"""What each round was trained on: annotated planes as they were when the training began, so that it can be repeated.

A revision is a JSON document, and its labels are cut into tiles: each tile is a file that is named by the SHA-256 of
what it holds. A later revision shares the tiles in which nothing was painted since, so it takes about as much room as
what was painted since the last one.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, JsonValue, model_validator

from napari_unet.errors import UserError
from napari_unet.project.chunks import Breathe
from napari_unet.project.disk import Disk
from napari_unet.project.documents import (
    MOST_PIXELS,
    Document,
    ImageId,
    Number,
    ShortText,
    VersionedDocument,
    read_document,
    write_document,
)
from napari_unet.project.records import Index

if TYPE_CHECKING:
    from napari_unet.project.writer import Writer

SIDE = 512
"""Side in px of a tile, as of the chunks of the annotation."""

NAME = r"[0-9]{8}-[0-9]{6}-[0-9a-f]{8}"
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
PathText = Annotated[str, Field(max_length=4096)]
_ROWS = 256


class KeptStack(Document):
    """The stack that a plane is of, as in ``Stack``; its other planes are those of the image."""

    name: Annotated[str, Field(max_length=1000)]
    axis: Annotated[int, Field(ge=0, le=7)]
    step: Number | None = None


class KeptPlane(Document):
    """One plane of a training.

    Attributes
    ----------
    name, picture
        As in ``AnnotatedImage``.
    plane
        Index along the leading axes of the image.
    shape
        Height and width in px.
    tiles
        (row, column, SHA-256) of the tiles that are not all 0.
    pixels
        SHA-256 of each channel of the image that was trained on: whether it is still the same one.
    regions
        As in the notes of an image.
    """

    name: Annotated[str, Field(max_length=1000)]
    picture: Annotated[str, Field(max_length=1000)] = ""
    plane: tuple[Index, ...] = Field(default=(), max_length=7)
    shape: tuple[Annotated[int, Field(ge=1, le=2**31)], Annotated[int, Field(ge=1, le=2**31)]]
    tiles: tuple[tuple[Index, Index, Digest], ...] = ()
    pixels: tuple[Digest, ...] = ()
    regions: JsonValue = None
    pixel_size_um: Number | None = None
    stack: KeptStack | None = None

    @model_validator(mode="after")
    def _check_size(self) -> Self:
        if self.shape[0] * self.shape[1] > MOST_PIXELS:
            raise ValueError("the plane is larger than any that can be worked on")
        return self


class KeptAnnotation(Document):
    """What was annotated on one image: its planes, and what was said about its objects.

    `corrections` are as in the notes of an image.
    """

    image: ImageId
    planes: tuple[KeptPlane, ...]
    object_classes: dict[Annotated[str, Field(pattern=r"^[0-9]{1,10}$")], int] = Field(default_factory=dict)
    complete: tuple[int, ...] = ()
    corrections: JsonValue = None


class Beginning(Document):
    """What a training started from; `digest` is that of its weights, empty from scratch."""

    kind: Literal["scratch", "bundled", "round", "file"]
    round: int | None = None
    path: PathText = ""
    digest: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")


class Revision(VersionedDocument):
    """``revisions/NAME.json``: all that went into a training but the pixels."""

    what = "revision"

    started: ShortText
    labels_are: Literal["objects", "classes"]
    class_names: tuple[ShortText, ...] = ()
    rgb: bool = False
    channel_names: tuple[ShortText, ...] = ()
    object_size: Number | None = None
    settings: dict[str, JsonValue]
    start: Beginning
    machine: dict[ShortText, ShortText] = Field(default_factory=dict)
    images: tuple[KeptAnnotation, ...]


class KeptRevisions:
    """All revisions of a project; made by `Project`."""

    def __init__(self, disk: Disk, writer: Writer, folder: Path) -> None:
        self._disk = disk
        self._writer = writer
        self._folder = folder

    def keep(
        self,
        revision: Revision,
        arrays: Sequence[tuple[NDArray[np.int32], NDArray[Any]]],
        digest: Callable[[], str],
    ) -> str:
        """Have a revision written soon; return its name.

        Parameters
        ----------
        revision
            Without tiles and digests: they are made in the writer's thread.
        arrays
            Labels (Y, X) and pixels (C, Y, X) of each plane, in the order of the document. They must stay as they are.
        digest
            Returns that of the weights the training starts from.
        """
        name = f"{datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"

        def write(breathe: Breathe) -> None:
            self._disk.make_folder(self._folder / "tiles")
            given = iter(arrays)
            images = [
                annotation.model_copy(
                    update={"planes": tuple(self._plane(p, *next(given), breathe) for p in annotation.planes)}
                )
                for annotation in revision.images
            ]
            self._disk.sync_folder(self._folder / "tiles")
            start = revision.start.model_copy(update={"digest": digest()})
            whole = revision.model_copy(update={"images": tuple(images), "start": start})
            # Only now, as a revision is there when its document is.
            write_document(self._disk, self._folder / f"{name}.json", whole)

        self._writer.submit(write)
        return name

    def read(self, name: str) -> Revision:
        """Read what a round was trained on; raises `UserError` as `read_revision`."""
        return read_revision(self._disk, self._folder.parent, name)

    def labels(self, plane: KeptPlane) -> NDArray[np.int32]:
        """Return the labels of a plane as they were then; raises `UserError` as `read_labels`."""
        return read_labels(self._disk, self._folder.parent, plane)

    def _plane(
        self, kept: KeptPlane, labels: NDArray[np.int32], pixels: NDArray[Any], breathe: Breathe
    ) -> KeptPlane:
        tiles = []
        for row in range(-(-labels.shape[0] // SIDE)):
            for column in range(-(-labels.shape[1] // SIDE)):
                tile = labels[_box(row, column)]
                if tile.any():
                    content = np.ascontiguousarray(tile, "<i4").tobytes()
                    tiles.append((row, column, self._keep_tile(content)))
                breathe()
        return kept.model_copy(update={"tiles": tuple(tiles), "pixels": digests(pixels, breathe)})

    def _keep_tile(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        path = self._folder / "tiles" / digest
        if not self._disk.exists(path):
            self._disk.put(path, zlib.compress(content, 1), settle=False)
        return digest


def read_revision(disk: Disk, project: Path, name: str) -> Revision:
    """Read what a round was trained on.

    Raises
    ------
    UserError
        If it is not there, or damaged.
    """
    path = project / "revisions" / f"{name}.json"
    if not re.fullmatch(NAME, name) or not disk.exists(path):
        raise UserError(f"The annotation that it was trained on was not kept ({path.name} is not there).")
    return read_document(disk, path, Revision)


def read_labels(disk: Disk, project: Path, plane: KeptPlane) -> NDArray[np.int32]:
    """Return the labels (Y, X) of a plane as they were when the training began.

    Raises
    ------
    UserError
        If a part of them is not there, or is another than the one that was kept.
    """
    try:
        labels = np.zeros(plane.shape, np.int32)
    except MemoryError as error:
        raise UserError(f"“{plane.name}” needs more memory than there is.") from error
    for row, column, digest in plane.tiles:
        part = labels[_box(row, column)]
        path = project / "revisions" / "tiles" / digest
        try:
            packed = disk.read(path, part.nbytes + part.nbytes // 100 + 4096)
            content = zlib.decompressobj().decompress(packed, part.nbytes + 1)
        except (OSError, zlib.error) as error:
            raise _changed(plane, path) from error
        if len(content) != part.nbytes or hashlib.sha256(content).hexdigest() != digest:
            raise _changed(plane, path)
        part[:] = np.frombuffer(content, "<i4").reshape(part.shape)
    return labels


def digests(pixels: NDArray[Any], breathe: Callable[[], None] = lambda: None) -> tuple[str, ...]:
    """Return the SHA-256 of each channel of a plane (C, Y, X), whatever the order of bytes in memory."""
    found = []
    for channel in pixels:
        dtype = channel.dtype.newbyteorder("<")
        digest = hashlib.sha256(f"{dtype.str} {channel.shape}".encode())
        for top in range(0, channel.shape[0], _ROWS):
            digest.update(np.ascontiguousarray(channel[top : top + _ROWS], dtype).data)
            breathe()
        found.append(digest.hexdigest())
    return tuple(found)


def _box(row: int, column: int) -> tuple[slice, slice]:
    return slice(row * SIDE, (row + 1) * SIDE), slice(column * SIDE, (column + 1) * SIDE)


def _changed(plane: KeptPlane, path: Path) -> UserError:
    return UserError(
        f"The annotation of “{plane.name}” that it was trained on is not what was kept any more: "
        f"{path} is missing or was changed; take a snapshot or a copy of the project."
    )
