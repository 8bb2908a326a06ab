"""Memory is counted before it is taken: what the header of a file says may be a mistake, or worse."""

from __future__ import annotations

from pathlib import Path

import psutil

from napari_unet.errors import UserError

MOST_UNPACKED = 25_000
"""Bytes that one byte can unpack to: deflate makes 1,032 of one, LZW 2,730, and each bit a byte."""


def check_room(what: object, n_bytes: int) -> None:
    """Raise `UserError` if there is not as much memory as something needs.

    Parameters
    ----------
    what
        What the sentence names: a path.
    n_bytes
        As many as its header says; any number.
    """
    if n_bytes > free_memory():
        raise no_room(what, n_bytes)


def check_packing(path: Path, n_bytes: int, n_parts: int = 1) -> None:
    """Raise `UserError` if a file is too small for what its header says.

    Parameters
    ----------
    n_bytes
        Unpacked, of a file that is not packed, or by deflate, LZW or run lengths.
    n_parts
        Strips or tiles, each of which has an entry in the file.
    """
    size = path.stat().st_size
    if n_bytes > MOST_UNPACKED * size or n_parts > size:
        raise UserError(f"{path} is damaged: its {size:,} bytes can't hold what its header says.")


def no_room(what: object, n_bytes: int) -> UserError:
    """Return what to raise about something that needs so much memory."""
    size = f"{n_bytes / 1e9:,.1f}" if n_bytes < 10**15 else "millions of"
    return UserError(
        f"{what} needs {size} GB of memory, more than there is: close other programs, or use a part of it."
    )


def free_memory() -> int:
    """Return the bytes that could be taken now."""
    return int(psutil.virtual_memory().available + psutil.swap_memory().free)
