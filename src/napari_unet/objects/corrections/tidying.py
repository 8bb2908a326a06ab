"""Delete objects, fill their holes and smooth their outlines."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage as ndi

from napari_unet.errors import UserError
from napari_unet.objects.changes import Box, Change, change_box
from napari_unet.objects.corrections.places import box_of, widen
from napari_unet.objects.overlaps import BoolArray, IntArray, holds

SMOOTHING = 0.06
"""Width of the smoothing over the diameter: takes teeth and thorns of a tenth of an object."""

MOST_LOST = 0.85
"""Of the area at least this much stays: thin objects are smoothed less."""

_EIGHT = np.ones((3, 3), bool)


def delete(labels: IntArray, values: Sequence[int], place: Box | None = None) -> Change:
    """Erase objects.

    Parameters
    ----------
    place : tuple of slices, optional
        A box that holds all of them, where it is known.

    Raises
    ------
    UserError
        If there is none of them.
    """
    numbers = np.array([value for value in values if value > 0], np.int64)
    place = place or box_of(labels, numbers)
    if place is None:
        raise UserError("There is no object to delete.")
    change = change_box(labels, place, np.where(holds(labels[place], numbers), 0, labels[place]))
    assert change is not None  # the box holds one of them
    return change


def smooth(labels: IntArray, values: Sequence[int]) -> Change | None:
    """Fill the holes of objects and smooth their outlines; other objects stay as they are.

    Returns
    -------
    Change or None
        ``None`` where they are smooth already.

    Raises
    ------
    UserError
        If there is none of them.
    """
    numbers = np.array([value for value in values if value > 0], np.int64)
    place = box_of(labels, numbers, margin=8)
    if place is None:
        raise UserError("There is no object to smooth.")
    new = labels[place].copy()
    for value in numbers.tolist():
        box = box_of(new, [value], margin=8)
        if box is not None:
            mask = new[box] == value
            smoothed = smooth_mask(mask, new[box] == 0)
            new[box][mask] = 0
            new[box][smoothed] = value
    return change_box(labels, place, new)


def set_patch(labels: IntArray, place: Box, mask: BoolArray, value: int) -> Change | None:
    """Give the pixels of a mask in a box another value."""
    return change_box(labels, place, np.where(mask, value, labels[place]))


def smooth_patch(labels: IntArray, place: Box, mask: BoolArray) -> Change | None:
    """Fill the holes of one patch of a class and smooth its outline; other classes stay as they are."""
    around = widen(place, 8, labels.shape)
    seen = labels[around]
    inner = tuple(slice(p.start - a.start, p.stop - a.start) for p, a in zip(place, around, strict=True))
    patch = np.zeros(seen.shape, bool)
    patch[inner] = mask
    value = int(seen[patch][0])
    smoothed = smooth_mask(patch, seen == 0)
    return change_box(labels, around, np.where(smoothed, value, np.where(patch, 0, seen)))


def smooth_mask(mask: BoolArray, free: BoolArray) -> BoolArray:
    """Return a mask without holes and with a smooth outline, grown only into free pixels.

    It is one piece more likely than before, and never empty: what smoothing would take too much of is smoothed less.
    """
    may = mask | free
    filled: BoolArray = ndi.binary_fill_holes(mask) & may
    area = int(np.count_nonzero(filled))
    sigma = SMOOTHING * float(np.sqrt(4 * area / np.pi))
    while sigma > 0.3:
        smoothed = _largest(
            (ndi.gaussian_filter(filled.astype(np.float32), sigma, mode="nearest") > 0.5) & may
        )
        if np.count_nonzero(smoothed & filled) >= MOST_LOST * area:
            return smoothed
        sigma /= 2
    return filled


def _largest(mask: BoolArray) -> BoolArray:
    pieces, n = ndi.label(mask, _EIGHT)
    if n < 2:
        return mask
    areas = np.bincount(pieces.ravel())
    areas[0] = 0
    kept: BoolArray = pieces == areas.argmax()
    return kept
