"""How many pixels each object of one label image shares with each object of another."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.integer[Any]]
Int32Array = npt.NDArray[np.int32]
Int64Array = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Overlaps:
    """The pairs of values that occur at the same pixels, background included.

    Attributes
    ----------
    first, second : int64 arrays (P,)
        Values of the two images, each pair once, sorted.
    pixels : int64 array (P,)
        Number of pixels that carry the pair.
    """

    first: Int64Array
    second: Int64Array
    pixels: Int64Array

    def areas_of_first(self) -> dict[int, int]:
        """Return the pixels of every value of the first image."""
        return _sum_by_value(self.first, self.pixels)

    def areas_of_second(self) -> dict[int, int]:
        """Return the pixels of every value of the second image."""
        return _sum_by_value(self.second, self.pixels)

    def where(self, keep: BoolArray) -> "Overlaps":
        """Return only the pairs for which `keep` is true."""
        return Overlaps(self.first[keep], self.second[keep], self.pixels[keep])

    def of_objects(self) -> "Overlaps":
        """Return only the pairs of an object with an object (neither value is 0)."""
        return self.where((self.first > 0) & (self.second > 0))


def count_overlaps(first: IntArray, second: IntArray) -> Overlaps:
    """Count the pixels of every pair of values at the same place.

    Label images consist of long runs of equal values, so runs are counted instead of pixels: 2048² with 2,000
    objects takes some 20 ms, whatever the size of the values.

    Parameters
    ----------
    first, second : integer arrays of one shape
        Values from 0 to 2³¹ - 1.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    if first.shape != second.shape:
        raise ValueError(f"label images of different shape: {first.shape} and {second.shape}")
    a, b = first.ravel(), second.ravel()
    if a.size == 0:
        nothing = np.zeros(0, np.int64)
        return Overlaps(nothing, nothing, nothing)
    changes = np.flatnonzero((a[1:] != a[:-1]) | (b[1:] != b[:-1])) + 1
    starts = np.concatenate([[0], changes])
    lengths = np.diff(starts, append=a.size)
    keys = (a[starts].astype(np.int64) << 32) | b[starts].astype(np.int64)
    pairs, inverse = np.unique(keys, return_inverse=True)
    pixels = np.bincount(inverse, weights=lengths).astype(np.int64)
    return Overlaps(pairs >> 32, pairs & 0xFFFFFFFF, pixels)


def _sum_by_value(values: Int64Array, pixels: Int64Array) -> dict[int, int]:
    found, inverse = np.unique(values, return_inverse=True)
    sums = np.bincount(inverse, weights=pixels).astype(np.int64)
    return dict(zip(found.tolist(), sums.tolist(), strict=True))


def values_in(labels: IntArray) -> Int64Array:
    """Return the sorted values of a label image, all ≥ 0; counting is faster than sorting where they are dense."""
    if int(labels.max(initial=0)) > 4 * labels.size + 1024:
        return np.unique(labels).astype(np.int64)
    return np.flatnonzero(np.bincount(labels.ravel())).astype(np.int64)


def holds(labels: IntArray, values: IntArray) -> BoolArray:
    """Return where labels hold one of the values; a stroke touches few, and so it takes a fraction of `isin`."""
    if values.size > 3:
        return np.isin(labels, values)
    held = np.zeros(labels.shape, bool)
    for value in values.tolist():
        held |= labels == value
    return held


def replace_values(labels: IntArray, replacements: dict[int, int]) -> Int32Array:
    """Return `labels` as int32 with some values replaced; values that are not named stay.

    Parameters
    ----------
    labels : integer array
        Values from 0 to 2³¹ - 1.
    replacements : dict
        Old value → new value.
    """
    top = int(labels.max(initial=0))
    if top > 4 * labels.size + 1024:  # a table of all values would be larger than the image
        found, inverse = np.unique(labels, return_inverse=True)
        new = np.array([replacements.get(int(v), int(v)) for v in found], np.int32)
        return new[inverse].reshape(labels.shape)
    table = np.arange(top + 1, dtype=np.int32)
    for old, value in replacements.items():
        if old <= top:
            table[old] = value
    result: Int32Array = table[labels]
    return result
