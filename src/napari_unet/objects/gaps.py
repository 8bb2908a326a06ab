"""Close what should not be open: the gaps that the target cut between objects, and holes inside objects."""

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from napari_unet.objects.overlaps import BoolArray, Int32Array

DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))


def grow_into_gaps(labels: Int32Array, width: int) -> Int32Array:
    """Grow objects into the gaps that a cut of `width` px between touching objects has left.

    A background pixel is filled if a straight line through it (along a row, a column or a diagonal) meets two
    different objects and runs through at most `width` background pixels between them; it goes to the nearer
    one. Nothing else grows: growing everywhere would add 14 % to a lone disc of 30 px.

    Where two outlines run apart there are gaps as narrow that no cut has made. A cut leaves its whole width
    along rows or columns, so what is half as wide or less stays open, and so do pieces no longer than wide.
    Without these two rules discs of 30 px in clusters come out 1.6 % too large, with them 0.4 %.

    Parameters
    ----------
    labels : int32 array (Y, X)
        0 is background.
    width : int
        Both sides of the cut together, in px of the image; 0 leaves all as it is.
    """
    if width < 1:
        return labels
    rows, columns = np.nonzero(_between_objects(labels, width))
    if not rows.size:
        return labels
    padded = np.pad(labels, width)
    places = (rows + width) * padded.shape[1] + columns + width
    grown = labels.copy()
    grown[rows, columns] = _nearer_objects(padded, places, width)
    pieces, _ = ndi.label((grown > 0) & (labels == 0), np.ones((3, 3)))
    if width > 1:
        short = np.bincount(pieces.ravel()) <= width**2
        short[0] = False
        grown[short[pieces]] = 0
    return grown


def _nearer_objects(padded: Int32Array, places: npt.NDArray[np.int64], width: int) -> Int32Array:
    """Return for every place the nearer of the two objects that it lies between; 0 where it is not filled."""
    flat = padded.ravel()
    shortest = np.full(places.size, np.inf)
    nearer = np.zeros(places.size, np.int32)
    for dy, dx in DIRECTIONS:
        step = dy * padded.shape[1] + dx
        ahead, steps_ahead = _look(flat, places, step, width)
        behind, steps_behind = _look(flat, places, -step, width)
        run = steps_ahead + steps_behind - 1
        between = (ahead > 0) & (behind > 0) & (ahead != behind) & (run <= width)
        length = (run + 1) * np.hypot(dy, dx)
        better = between & (length < shortest)
        shortest[better] = length[better]
        nearer[better] = np.where(steps_ahead <= steps_behind, ahead, behind)[better]
        if dy == 0 or dx == 0:
            # Later directions are longer than this, so that the place stays open.
            narrow = between & (run <= width // 2)
            shortest[narrow] = 0
            nearer[narrow] = 0
    return nearer


def fill_label_holes(labels: Int32Array) -> Int32Array:
    """Fill background that one single object encloses; what lies between two objects or at the edge stays."""
    holes, n = ndi.label(labels == 0)
    inner = np.ones(n + 1, bool)
    for edge in (holes[0], holes[-1], holes[:, 0], holes[:, -1]):
        inner[edge] = False
    if not inner[1:].any():
        return labels
    lowest = np.full(n + 1, np.iinfo(np.int32).max, np.int32)
    highest = np.zeros(n + 1, np.int32)
    for here, there in ((np.s_[1:, :], np.s_[:-1, :]), (np.s_[:, 1:], np.s_[:, :-1])):
        for hole, label in ((holes[here], labels[there]), (holes[there], labels[here])):
            beside = (hole > 0) & (label > 0)
            beside[beside] = inner[hole[beside]]
            np.minimum.at(lowest, hole[beside], label[beside])
            np.maximum.at(highest, hole[beside], label[beside])
    filling = np.where(inner & (lowest == highest), highest, 0).astype(np.int32)
    filling[0] = 0
    result: Int32Array = np.where(labels == 0, filling[holes], labels)
    return result


def _between_objects(labels: Int32Array, width: int) -> BoolArray:
    """Return the background pixels that have two different objects within `width` rows and columns."""
    far = np.iinfo(np.int32).max
    highest = _highest_near(labels, width)
    lowest = far - _highest_near(np.where(labels == 0, 0, far - labels), width)
    between: BoolArray = (labels == 0) & (highest > 0) & (lowest != highest)
    return between


def _highest_near(values: Int32Array, width: int) -> Int32Array:
    """Return the maximum over the square of `width` px to each side, by windows that double in size."""
    for axis in (0, 1):
        padded = np.pad(values, [(width, width) if k == axis else (0, 0) for k in (0, 1)])
        rows = np.moveaxis(padded, axis, 0)
        reach, size = 1, 2 * width + 1
        while reach < size:
            step = min(reach, size - reach)
            rows = np.maximum(rows[:-step], rows[step:])
            reach += step
        values = np.moveaxis(rows, 0, axis)
    return values


def _look(
    flat: Int32Array, places: npt.NDArray[np.int64], step: int, width: int
) -> tuple[Int32Array, npt.NDArray[np.int64]]:
    """Return the first object in one direction within `width` steps (0: none) and the steps to it."""
    found = np.zeros(places.size, np.int32)
    steps = np.full(places.size, 10 * width, np.int64)
    for k in range(1, width + 1):
        label = flat[places + k * step]
        new = (found == 0) & (label > 0)
        found[new] = label[new]
        steps[new] = k
    return found, steps
