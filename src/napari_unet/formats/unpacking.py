"""Packed parts of files that would unpack to far more than their file says are found before that happens.

Readers unpack a strip, tile or chunk whole, however much comes of it: a megabyte can become gigabytes.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_unet.errors import UserError

SAFE = 256 * 1024**2
"""Bytes that any part may unpack to."""

_STEP = 1024**2

_KINDS: tuple[tuple[tuple[bytes, ...], int, Callable[[], Any]], ...] = (
    ((b"\x1f\x8b", b"\x78"), 1_032, lambda: zlib.decompressobj(wbits=47)),  # 47: with zlib's header or gzip's
    ((b"\xfd7zXZ\0", b"\x5d\0"), 10_000, lzma.LZMADecompressor),
    ((b"BZh",), 2_000_000, bz2.BZ2Decompressor),
)
"""How packed bytes begin, how many bytes one of them makes at most, and what unpacks them step by step."""


def check_part(path: Path, packed: bytes, expected: int) -> None:
    """Raise `UserError` where a packed part holds far more than it should; takes a few megabytes at most.

    Deflate, gzip, LZMA and bzip2 are known by how they begin and unpacked if they could make more than `SAFE`;
    Zstandard and Blosc say how much they hold. Parts of other kinds, and damaged ones, are left to the reader.

    Parameters
    ----------
    path
        What the sentence names.
    expected
        Bytes that it should hold.
    """
    most = max(2 * expected, 65_536)  # some programs pad the last one
    said = _said(packed)
    if said is not None and said > max(most, SAFE):
        raise _too_much(path)
    for beginnings, ratio, unpacker in _KINDS:
        if packed.startswith(beginnings) and len(packed) * ratio > max(most, SAFE):
            _unpack(path, packed, unpacker, most)


def _unpack(path: Path, packed: bytes, unpacker: Callable[[], Any], most: int) -> None:
    total = 0
    try:
        while packed:
            stream = unpacker()
            while not stream.eof:
                piece = stream.decompress(packed, _STEP)
                packed = getattr(stream, "unconsumed_tail", b"")  # lzma and bz2 keep it themselves
                total += len(piece)
                if total > most:
                    raise _too_much(path)
                if not piece and not packed:
                    return  # cut short
            packed = stream.unused_data  # gzip may be several, one behind the other
    except (zlib.error, lzma.LZMAError, OSError, EOFError):
        return


def _said(packed: bytes) -> int | None:
    """Return how many bytes a part of Zstandard or Blosc says that it holds."""
    if packed.startswith(b"\x28\xb5\x2f\xfd") and len(packed) > 18:
        flags = packed[4]
        single = flags >> 5 & 1
        start = 5 + (1 - single) + (0, 1, 2, 4)[flags & 3]
        size = (single, 2, 4, 8)[flags >> 6]
        n = int.from_bytes(packed[start : start + size], "little") + (256 if size == 2 else 0)
        return n if size else None
    if packed[:1] in (b"\x01", b"\x02") and len(packed) >= 16:
        n_bytes, _, n_packed = struct.unpack_from("<III", packed, 4)
        return n_bytes if n_packed == len(packed) else None
    return None


def _too_much(path: Path) -> UserError:
    return UserError(f"{path} is damaged: a part of it unpacks to more than its header says.")
