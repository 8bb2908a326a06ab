"""What stands in a journal: strokes and notes, each with its length and checksum, so that a torn one is noticed.

A record is ``magic, length, CRC-32`` (little endian, 4 bytes each) and a body of that length: sequence number
(8 bytes), length of a JSON text (4 bytes), the JSON text, and the zlib-compressed int32 values of a stroke.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from napari_unet.errors import UserError

MAGIC = b"\xa6nu\n"
_HEAD = struct.Struct("<4sII")
_BODY = struct.Struct("<QI")
MOST_TRIES = 64
"""Places at which reading is taken up again behind damage: a file made to waste time gets no more."""

PIECE = 4 * 1024**2
"""Pixels of a stroke in one record; larger ones become several, so that no reader needs much memory."""

Index = Annotated[int, Field(ge=0, le=2**40)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


@dataclass(frozen=True, eq=False)
class Stroke:
    """New values of a box of one array.

    Attributes
    ----------
    array, generation
        Which array, and which of those that came after one another under its name.
    offset, shape
        The box.
    packed
        zlib-compressed little-endian int32.
    """

    array: str
    generation: int
    offset: tuple[int, ...]
    shape: tuple[int, ...]
    packed: bytes

    @property
    def n_bytes(self) -> int:
        """Size of the values when unpacked."""
        return 4 * math.prod(self.shape)

    @property
    def box(self) -> tuple[slice, ...]:
        """Its place in the array."""
        return tuple(slice(o, o + n) for o, n in zip(self.offset, self.shape, strict=True))

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether the box lies inside an array of this shape."""
        return len(self.offset) == len(self.shape) == len(shape) and all(
            o + n <= whole for o, n, whole in zip(self.offset, self.shape, shape, strict=True)
        )

    def values(self) -> NDArray[np.int32]:
        """Unpack the values; no more memory is taken than the box needs.

        Raises
        ------
        UserError
            If they are not those of the box.
        """
        unpacker = zlib.decompressobj()
        try:
            content = unpacker.decompress(self.packed, self.n_bytes + 1)
        except zlib.error as error:
            raise UserError(f"A stroke in the journal cannot be unpacked ({error}).") from error
        if len(content) != self.n_bytes:
            raise UserError("A stroke in the journal holds another number of pixels than its box.")
        return np.frombuffer(content, "<i4").reshape(self.shape).astype(np.int32, copy=False)


@dataclass(frozen=True)
class Note:
    """A small thing that has a name: regions, classes, a setting, the place that was looked at.

    Attributes
    ----------
    text
        JSON.
    """

    name: str
    text: bytes


@dataclass(frozen=True)
class Record:
    """A stroke or note with its place in the order of all.

    Attributes
    ----------
    more
        It belongs together with the next one: both count or none.
    """

    sequence: int
    entry: Stroke | Note
    more: bool = False


class _StrokeHead(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["stroke"] = "stroke"
    array: Name
    generation: Index
    offset: tuple[Index, ...] = Field(max_length=16)
    shape: tuple[Index, ...] = Field(max_length=16)
    more: bool = False


class _NoteHead(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["note"] = "note"
    name: Name
    more: bool = False


_heads: TypeAdapter[_StrokeHead | _NoteHead] = TypeAdapter(
    Annotated[_StrokeHead | _NoteHead, Field(discriminator="kind")]
)


def pieces(shape: tuple[int, ...]) -> list[tuple[slice, ...]]:
    """Return the boxes that a box of this shape is cut into, one record each."""
    if math.prod(shape) <= PIECE:
        return [tuple(slice(0, n) for n in shape)]
    axis = next(k for k, n in enumerate(shape) if n > 1)
    half = shape[axis] // 2
    first = pieces((*shape[:axis], half, *shape[axis + 1 :]))
    second = pieces((*shape[:axis], shape[axis] - half, *shape[axis + 1 :]))
    moved = [(*b[:axis], slice(b[axis].start + half, b[axis].stop + half), *b[axis + 1 :]) for b in second]
    return first + moved


def pack(array: str, generation: int, offset: tuple[int, ...], values: NDArray[Any]) -> Iterator[Stroke]:
    """Yield the strokes that make a box of an array what `values` says: one per piece."""
    for box in pieces(values.shape):
        content = np.ascontiguousarray(values[box], "<i4")
        start = tuple(o + b.start for o, b in zip(offset, box, strict=True))
        yield Stroke(array, generation, start, content.shape, zlib.compress(content.tobytes(), 1))


def encode(record: Record) -> bytes:
    """Return a record as it stands in the journal."""
    entry = record.entry
    head: _StrokeHead | _NoteHead
    if isinstance(entry, Stroke):
        head = _StrokeHead(
            array=entry.array,
            generation=entry.generation,
            offset=entry.offset,
            shape=entry.shape,
            more=record.more,
        )
        content = entry.packed
    else:
        head = _NoteHead(name=entry.name, more=record.more)
        content = entry.text
    text = head.model_dump_json().encode()
    body = _BODY.pack(record.sequence, len(text)) + text + content
    return _HEAD.pack(MAGIC, len(body), zlib.crc32(body)) + body


def decode(content: bytes) -> Iterator[Record]:
    """Yield the whole records among these bytes; what is torn or damaged is passed over."""
    position, tries = 0, 0
    view = memoryview(content)
    while position + _HEAD.size <= len(content) and tries < MOST_TRIES:
        magic, length, checksum = _HEAD.unpack_from(content, position)
        body = view[position + _HEAD.size : position + _HEAD.size + length]
        if magic == MAGIC and len(body) == length and zlib.crc32(body) == checksum:
            record = _read_body(body)
            if record is not None:
                yield record
            position += _HEAD.size + length
            continue
        tries += 1
        position = content.find(MAGIC, position + 1)
        if position < 0:
            return


def _read_body(body: memoryview) -> Record | None:
    if len(body) < _BODY.size:
        return None
    sequence, length = _BODY.unpack_from(body)
    text, content = body[_BODY.size : _BODY.size + length], bytes(body[_BODY.size + length :])
    try:
        head = _heads.validate_json(bytes(text))
    except ValidationError:
        return None
    if isinstance(head, _NoteHead):
        return Record(sequence, Note(head.name, content), head.more)
    if len(head.offset) != len(head.shape) or math.prod(head.shape) > PIECE:
        return None
    return Record(sequence, Stroke(head.array, head.generation, head.offset, head.shape, content), head.more)
