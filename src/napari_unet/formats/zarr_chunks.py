"""Zarr arrays of which few chunks are there: what nobody wrote is not asked for chunk by chunk."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FEW = 1000
"""Chunks that zarr is asked for whether they are there or not: it takes less than a second."""

Index = tuple[int, ...]


def read_written(place: Path, stored: Any) -> NDArray[Any]:
    """Read a whole array; of one with many chunks, few of which are there, these only.

    A header of some hundred bytes can claim hundreds of millions of chunks, and zarr looks for each of them.

    Parameters
    ----------
    place
        The folder of the array.
    stored : zarr.Array

    Returns
    -------
    array
        Of the shape and dtype of `stored`; the fill value where no chunk is.
    """
    sides: Index = tuple(map(int, getattr(stored, "shards", None) or stored.chunks))
    grid = tuple(-(-n // side) for n, side in zip(stored.shape, sides, strict=True))
    if math.prod(grid) <= FEW:
        return np.asarray(stored[...])
    written = written_chunks(place, grid)
    if 2 * len(written) > math.prod(grid):
        return np.asarray(stored[...])
    fill = stored.fill_value
    read = np.full(stored.shape, fill, stored.dtype) if fill else np.zeros(stored.shape, stored.dtype)
    for index in written:
        box = tuple(slice(k * side, (k + 1) * side) for k, side in zip(index, sides, strict=True))
        read[box] = stored[box]
    return read


def written_chunks(place: Path, grid: Index) -> list[Index]:
    """Return the places in the grid of chunks that have a file; names of version 2 and 3, nested or not."""
    found = []
    for file in place.rglob("*"):
        words = re.split(r"[/\\.]", str(file.relative_to(place)))
        numbers = words[1:] if words[0] == "c" else words
        if len(numbers) == len(grid) and all(word.isdecimal() for word in numbers) and file.is_file():
            index = tuple(map(int, numbers))
            if all(k < n for k, n in zip(index, grid, strict=True)):
                found.append(index)
    return found
