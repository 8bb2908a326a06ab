"""Which values a label image holds, and the box around each of them."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Box = tuple[slice, slice]

_DENSE = 1 << 20
"""Up to this largest value a table with one entry per value is faster than sorting the pixels."""


def values_present(labels: NDArray[np.int32], smallest: int = 2) -> NDArray[np.int32]:
    """Return the sorted values >= ``smallest`` of a label image, int32 ``(n,)``."""
    if labels.size == 0:
        return np.zeros(0, np.int32)
    if int(labels.max()) <= _DENSE:
        counts = np.bincount(labels.ravel())
        counts[:smallest] = 0
        return np.flatnonzero(counts).astype(np.int32)
    values = np.unique(labels)
    return values[values >= smallest].astype(np.int32)


def count_pixels(labels: NDArray[np.int32], values: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return how many pixels of a label image hold each of ``values``, int64 ``(n,)``."""
    if labels.size and int(labels.min()) >= 0 and int(labels.max()) <= _DENSE:
        counts = np.bincount(labels.ravel())
        return np.where(values < counts.size, counts[np.minimum(values, counts.size - 1)], 0)
    present, found = np.unique(labels, return_counts=True)
    areas = dict(zip(present.tolist(), found.tolist(), strict=True))
    return np.array([areas.get(int(value), 0) for value in values], np.int64)


def keep_values(labels: NDArray[np.int32], values: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return a copy of ``labels`` with 0 wherever the value is not among ``values``."""
    if labels.size and int(labels.min()) >= 0 and int(labels.max()) <= _DENSE:
        table = np.zeros(int(labels.max()) + 1, np.int32)
        inside = values[values < table.size]
        table[inside] = inside
        return table[labels]
    return np.where(np.isin(labels, values), labels, 0).astype(np.int32)


def bounding_boxes(labels: NDArray[np.int32]) -> dict[int, Box]:
    """Return value → tight box for every value >= 1 of a 2D label image, sorted by value."""
    if labels.size == 0:
        return {}
    if int(labels.max()) <= _DENSE:
        found = ndimage.find_objects(labels)
        return {value: box for value, box in enumerate(found, start=1) if box is not None}
    values, dense = np.unique(labels, return_inverse=True)
    found = ndimage.find_objects(dense.reshape(labels.shape).astype(np.int32) + 1)
    return {
        int(value): box for value, box in zip(values, found, strict=True) if value >= 1 and box is not None
    }


def grow(box: Box, by: tuple[int, int], shape: tuple[int, int]) -> Box:
    """Widen a box by ``by`` pixels on every side, cut at the image's edge."""
    (y, x), (dy, dx) = box, by
    return (
        slice(max(y.start - dy, 0), min(y.stop + dy, shape[0])),
        slice(max(x.start - dx, 0), min(x.stop + dx, shape[1])),
    )


def join(a: Box, b: Box) -> Box:
    """Return the smallest box that holds both boxes."""
    return (
        slice(min(a[0].start, b[0].start), max(a[0].stop, b[0].stop)),
        slice(min(a[1].start, b[1].start), max(a[1].stop, b[1].stop)),
    )


def box_of(mask: NDArray[np.bool_]) -> Box | None:
    """Return the tight box around the true pixels of a 2D mask, ``None`` when there are none."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
