"""A part of an image resampled as the whole would be: the same weights, from the pixels around the part alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array


@dataclass(frozen=True, eq=False)
class Taps:
    """How pixels of one axis are made from those of another.

    Attributes
    ----------
    start, stop
        The pixels that are needed.
    weights
        Shape ``(made, stop - start)``; ``None`` where both axes have the same pixels.
    """

    start: int
    stop: int
    weights: csr_array | None


def taps(start: int, stop: int, n_made: int, n_given: int, antialias: bool) -> Taps:
    """Return how the pixels `start` to `stop` of an axis of `n_made` px come from one of `n_given` px.

    The arithmetic is that of PyTorch's linear interpolation (``align_corners=False``), in the same precision, so that
    every block gets what the whole image would get from `resample_image` and `resample_probability`.

    Parameters
    ----------
    antialias
        Average over all pixels that fall into one, when reducing.
    """
    if n_made == n_given:
        return Taps(start, stop, None)
    ratio = np.float32(n_given / n_made)
    at = np.arange(start, stop, dtype=np.float32) + np.float32(0.5)
    if antialias and ratio > 1:
        centre = ratio * at
        first = np.maximum((centre - ratio + np.float32(0.5)).astype(np.int64), 0)
        last = np.minimum((centre + ratio + np.float32(0.5)).astype(np.int64), n_given)
        column = first[:, None] + np.arange(int((last - first).max()))
        weight = 1 - np.abs((column - centre[:, None] + np.float32(0.5)) / ratio)
        weight = np.where(column < last[:, None], np.maximum(weight, 0), 0)
        weight /= weight.sum(axis=1, keepdims=True)
        column = np.minimum(column, n_given - 1)
    else:
        source = np.maximum(ratio * at - np.float32(0.5), np.float32(0))
        first = np.minimum(source.astype(np.int64), n_given - 1)
        part = np.clip(source - first, 0, 1)
        column = np.stack([first, np.minimum(first + 1, n_given - 1)], axis=1)
        weight = np.stack([1 - part, part], axis=1)
    low, high = int(column.min()), int(column.max()) + 1
    row = np.broadcast_to(np.arange(len(column))[:, None], column.shape)
    entries = weight.ravel().astype(np.float32), (row.ravel(), column.ravel() - low)
    return Taps(low, high, csr_array(entries, shape=(len(column), high - low)))


def resample(pixels: NDArray[Any], rows: Taps, columns: Taps) -> NDArray[np.float32]:
    """Resample (K, rows.stop - rows.start, columns.stop - columns.start) to what both make of it."""
    made = [_along(columns, _along(rows, plane.astype(np.float32)).T).T for plane in pixels]
    return np.ascontiguousarray(np.stack(made), dtype=np.float32)


def _along(taps: Taps, plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Resample the first axis of a plane."""
    made: NDArray[np.float32] = plane if taps.weights is None else taps.weights @ plane
    return made
