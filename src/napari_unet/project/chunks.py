"""A Zarr (version 3) array of gzip-compressed chunk files, written so that no crash leaves half a chunk.

The package zarr is not used for it: a stroke must go through `Disk`, which syncs, and what a damaged or hostile
chunk unpacks to must be bounded; zarr's own store does neither. Any Zarr reader opens the result; tests use zarr's.
"""

from __future__ import annotations

import itertools
import math
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.errors import UserError
from napari_unet.formats.room import check_room, no_room
from napari_unet.project.disk import Disk
from napari_unet.project.records import Stroke

SIDE = 512
MOST_UNPACKED = 64 * 1024**2
"""Bytes of strokes that are applied together."""

Breathe = Callable[[], None]
"""Called between two chunks, so that strokes painted meanwhile reach the journal."""

Index = tuple[int, ...]


def no_breath() -> None:
    """Go on at once."""


class ChunkedArray:
    """An array on disk.

    Parameters
    ----------
    disk : Disk
    folder : Path
    shape : tuple of int
    dtype : numpy dtype
        Of numbers.
    """

    def __init__(self, disk: Disk, folder: Path, shape: Sequence[int], dtype: Any = np.int32) -> None:
        self._disk = disk
        self.folder = folder
        self.shape = tuple(int(n) for n in shape)
        self.dtype = np.dtype(dtype).newbyteorder("<")
        self.chunk = tuple(1 if k < len(self.shape) - 2 else min(SIDE, n) for k, n in enumerate(self.shape))
        self._chunk_bytes = math.prod(self.chunk) * self.dtype.itemsize

    def description(self, names: Sequence[str]) -> dict[str, Any]:
        """Return what ``zarr.json`` says."""
        return {
            "zarr_format": 3,
            "node_type": "array",
            "shape": list(self.shape),
            "data_type": self.dtype.name,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(self.chunk)}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": False if self.dtype.kind == "b" else 0.0 if self.dtype.kind == "f" else 0,
            "codecs": [
                {"name": "bytes", "configuration": {"endian": "little"}},
                {"name": "gzip", "configuration": {"level": 1}},
            ],
            "dimension_names": list(names),
            "attributes": {},
        }

    def read(self) -> tuple[NDArray[Any], list[Path]]:
        """Return the array, and the chunks that are damaged, where it holds zeros.

        Raises
        ------
        UserError
            If it needs more memory than there is.
        """
        n_bytes = math.prod(self.shape) * self.dtype.itemsize
        check_room(self.folder, n_bytes)
        try:
            array = np.zeros(self.shape, self.dtype.newbyteorder("="))
        except (MemoryError, ValueError) as error:
            raise no_room(self.folder, n_bytes) from error
        damaged = []
        for path in self._disk.files(self.folder / "c"):
            index = self._index(path)
            if index is None:
                continue
            chunk = self._read_chunk(index)
            if chunk is None:
                damaged.append(path)
            else:
                box = self._box(index)
                array[box] = chunk[tuple(slice(0, b.stop - b.start) for b in box)]
        return array, damaged

    def write(self, array: NDArray[Any], breathe: Breathe = no_breath) -> None:
        """Write all chunks that are not zero; for a folder that holds no others."""
        folders = set()
        for index in itertools.product(
            *(range(-(-n // c)) for n, c in zip(self.shape, self.chunk, strict=True))
        ):
            part = array[self._box(index)]
            if part.any():
                chunk = np.zeros(self.chunk, self.dtype)
                chunk[tuple(slice(0, n) for n in part.shape)] = part
                folders.add(self._write_chunk(index, chunk))
            breathe()
        for folder in folders:
            self._disk.sync_folder(folder)

    def apply(self, strokes: Iterable[Stroke], breathe: Breathe = no_breath) -> None:
        """Write strokes, in order, into the chunks that they touch; doing so again changes nothing."""
        folders = set()
        for batch in _batches(strokes):
            values = [stroke.values() for stroke in batch]
            touched: dict[Index, list[int]] = {}
            for number, stroke in enumerate(batch):
                for index in self._touched(stroke):
                    touched.setdefault(index, []).append(number)
            for index, numbers in touched.items():
                chunk = self._read_chunk(index)
                # A damaged chunk was said and set aside when the image was opened.
                chunk = np.zeros(self.chunk, self.dtype) if chunk is None else chunk
                for number in numbers:
                    self._paint(chunk, index, batch[number], values[number])
                folders.add(self._write_chunk(index, chunk))
                breathe()
        for folder in folders:
            self._disk.sync_folder(folder)

    def _touched(self, stroke: Stroke) -> Iterator[Index]:
        return itertools.product(
            *(
                range(o // c, -(-(o + n) // c)) if n else range(0)
                for o, n, c in zip(stroke.offset, stroke.shape, self.chunk, strict=True)
            )
        )

    def _paint(self, chunk: NDArray[Any], index: Index, stroke: Stroke, values: NDArray[np.int32]) -> None:
        inside, taken = [], []
        for i, c, o, n in zip(index, self.chunk, stroke.offset, stroke.shape, strict=True):
            start, stop = max(i * c, o), min((i + 1) * c, o + n)
            inside.append(slice(start - i * c, stop - i * c))
            taken.append(slice(start - o, stop - o))
        chunk[tuple(inside)] = values[tuple(taken)]

    def _box(self, index: Index) -> tuple[slice, ...]:
        return tuple(
            slice(i * c, min((i + 1) * c, n)) for i, c, n in zip(index, self.chunk, self.shape, strict=True)
        )

    def _path(self, index: Index) -> Path:
        return self.folder.joinpath("c", *map(str, index))

    def _index(self, path: Path) -> Index | None:
        """Return which chunk a file is, ``None`` for files that are none."""
        parts = path.relative_to(self.folder / "c").parts
        if len(parts) != len(self.shape) or not all(
            p.isascii() and p.isdigit() and len(p) < 12 for p in parts
        ):
            return None
        index = tuple(int(part) for part in parts)
        inside = all(i * c < n for i, c, n in zip(index, self.chunk, self.shape, strict=True))
        return index if inside and path == self._path(index) else None

    def _read_chunk(self, index: Index) -> NDArray[Any] | None:
        """Return a writable chunk, zeros where there is no file, ``None`` if the file is damaged."""
        path = self._path(index)
        if not self._disk.exists(path):
            return np.zeros(self.chunk, self.dtype)
        unpacker = zlib.decompressobj(wbits=31)  # 31: with gzip's header and checksum
        try:
            packed = self._disk.read(path, self._chunk_bytes + self._chunk_bytes // 100 + 4096)
            content = unpacker.decompress(packed, self._chunk_bytes)
            # The checksum is compared when the end is read; a chunk holds nothing beyond its size.
            beyond = unpacker.decompress(unpacker.unconsumed_tail, 1) if not unpacker.eof else b""
        except (zlib.error, UserError):
            return None
        if len(content) != self._chunk_bytes or beyond or not unpacker.eof:
            return None
        return np.frombuffer(bytearray(content), self.dtype).reshape(self.chunk)

    def _write_chunk(self, index: Index, chunk: NDArray[Any]) -> Path:
        path = self._path(index)
        packer = zlib.compressobj(1, wbits=31)
        content = packer.compress(np.ascontiguousarray(chunk).tobytes()) + packer.flush()
        self._disk.make_folder(path.parent)
        self._disk.put(path, content, settle=False)
        return path.parent


def _batches(strokes: Iterable[Stroke]) -> Iterator[list[Stroke]]:
    batch: list[Stroke] = []
    size = 0
    for stroke in strokes:
        if batch and size + stroke.n_bytes > MOST_UNPACKED:
            yield batch
            batch, size = [], 0
        batch.append(stroke)
        size += stroke.n_bytes
    if batch:
        yield batch
