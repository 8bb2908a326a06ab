"""What lies under a point, along a line or in a loop that was drawn on a plane of objects."""

import math
from collections.abc import Collection, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi
from skimage.draw import line, polygon

from napari_unet.objects.changes import Box, bounding_box
from napari_unet.objects.overlaps import BoolArray, IntArray, holds

Point = Sequence[float]
Path = npt.NDArray[np.float64]

_EIGHT = np.ones((3, 3), bool)


def pixel_of(point: Point) -> tuple[int, int]:
    """Return the pixel that holds a point; halves go up, so that it does not depend on where the corner is."""
    return math.floor(float(point[0]) + 0.5), math.floor(float(point[1]) + 0.5)


def value_at(labels: IntArray, point: Point) -> int:
    """Return the object under a point; 0 for background and outside the image."""
    y, x = pixel_of(point)
    inside = 0 <= y < labels.shape[0] and 0 <= x < labels.shape[1]
    return int(labels[y, x]) if inside else 0


def pixels_along(path: Path, shape: tuple[int, ...]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return rows and columns of the pixels that a path ``(N, 2)`` runs through, in its order, inside the image.

    Neighbours touch at least at a corner, so that no two pixels on its two sides share a side.
    """
    corners = np.floor(np.asarray(path, float) + 0.5).astype(np.intp).reshape(-1, 2)
    parts = [line(*a, *b) for a, b in pairwise(corners)] or [tuple(corners[:1].T)]
    rows, columns = (np.concatenate(along) for along in zip(*parts, strict=True))
    inside = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    return rows[inside], columns[inside]


def values_along(labels: IntArray, path: Path) -> list[int]:
    """Return the objects that a path ``(N, 2)`` runs through, in the order in which it meets them."""
    met = labels[pixels_along(path, labels.shape)]
    return [value for value in dict.fromkeys(met.tolist()) if value > 0]


def inside_loop(path: Path, shape: tuple[int, ...]) -> tuple[Box, BoolArray]:
    """Return the box of a loop ``(N, 2)``, closed by a straight line, and which of its pixels lie inside."""
    corners = np.asarray(path, float).reshape(-1, 2)
    low = np.clip(np.floor(corners.min(axis=0)), 0, np.array(shape)).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)) + 1, low, np.array(shape)).astype(int)
    box = (slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1])))
    mask = np.zeros((box[0].stop - box[0].start, box[1].stop - box[1].start), bool)
    rows, columns = polygon(corners[:, 0] - low[0], corners[:, 1] - low[1], mask.shape)
    mask[rows, columns] = True
    return box, mask


def values_enclosed(labels: IntArray, path: Path) -> tuple[list[int], Box | None]:
    """Return the objects that lie with at least half of their area in a loop ``(N, 2)``, and a box that holds them."""
    box, mask = inside_loop(path, labels.shape)
    found, inside = np.unique(labels[box][mask], return_counts=True)
    found, inside = found[found > 0], inside[found > 0]
    place = box_of(labels, found)
    if place is None:
        return [], None
    areas = count_pixels(labels[place], found)
    return [int(v) for v, n, area in zip(found, inside, areas, strict=True) if 2 * n >= area], place


def count_pixels(labels: IntArray, values: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Return how many pixels each of the sorted values has."""
    mine = labels[holds(labels, values)]
    return np.bincount(np.searchsorted(values, mine), minlength=len(values))


def box_of(
    labels: IntArray, values: Collection[int] | npt.NDArray[np.integer], margin: int = 0
) -> Box | None:
    """Return the smallest box that holds all of the values and a margin around; ``None`` where there are none."""
    box = bounding_box(holds(labels, np.asarray(list(values), np.int64))) if len(values) else None
    return None if box is None else widen(box, margin, labels.shape)


def widen(box: Box, margin: int, shape: tuple[int, ...]) -> Box:
    """Return a box that is wider by a margin on all sides, cut at the image's edge."""
    return tuple(
        slice(max(0, s.start - margin), min(n, s.stop + margin)) for s, n in zip(box, shape, strict=True)
    )


def piece_at(labels: IntArray, point: Point) -> tuple[Box, BoolArray]:
    """Return the connected patch of one value under a point: its box, and which of its pixels belong to it.

    A window around the point grows until the patch no longer reaches its edge: a small patch on a large plane is
    found at once.
    """
    y, x = pixel_of(point)
    reach = 64
    while True:
        window = widen((slice(y, y + 1), slice(x, x + 1)), reach, labels.shape)
        pieces, _ = ndi.label(labels[window] == labels[y, x], _EIGHT)
        mask = pieces == pieces[y - window[0].start, x - window[1].start]
        box = bounding_box(mask)
        assert box is not None  # it holds the point
        if _is_whole(box, window, labels.shape):
            place = tuple(
                slice(w.start + b.start, w.start + b.stop) for w, b in zip(window, box, strict=True)
            )
            return place, mask[box]
        reach *= 4


def _is_whole(box: Box, window: Box, shape: tuple[int, ...]) -> bool:
    """Return whether a patch's box in a window ends before the window does, unless the image ends there too."""
    return all(
        (b.start > 0 or w.start == 0) and (w.start + b.stop < w.stop or w.stop == n)
        for b, w, n in zip(box, window, shape, strict=True)
    )


def connected(mask: BoolArray, values: IntArray) -> bool:
    """Return whether one connected piece of the mask (8 neighbours) holds all values > 0 that lie in it."""
    pieces, n = ndi.label(mask, _EIGHT)
    if n < 2:
        return True
    wanted = set(np.unique(values[mask & (values > 0)]).tolist())
    pairs = np.unique(np.stack([pieces[mask], values[mask]]), axis=1)
    return any(wanted <= set(pairs[1, pairs[0] == k].tolist()) for k in range(1, n + 1))
