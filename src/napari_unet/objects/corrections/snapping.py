"""Make an object where a person points at one: the outline comes from the network's probability."""

import numpy as np
from scipy import ndimage as ndi
from skimage.filters import threshold_otsu

from napari_unet.errors import UserError
from napari_unet.objects.changes import Box, Change, change_box
from napari_unet.objects.corrections.places import Path, Point, inside_loop, pixel_of, value_at, widen
from napari_unet.objects.corrections.tidying import smooth_mask
from napari_unet.objects.numbering import free_numbers
from napari_unet.objects.overlaps import BoolArray, FloatArray, IntArray

LEVELS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Thresholds that are tried, over the probability under the point."""

FAINTEST = 0.02
"""Below this probability under the point there is nothing to hold on to."""

RADIUS = 1.25
"""How far a new object may reach from the point, over the typical diameter."""

LEAST_CONTRAST = 0.15
"""Between inside and outside of a loop: with less, the loop itself is the object."""

LEAST_FILLED = 0.15
"""Of a loop: an object that fills less was hardly meant by it."""


def snap_to_point(labels: IntArray, point: Point, background: FloatArray, typical: float) -> Change:
    """Make an object around a point, bounded by other objects and by its size.

    Of the outlines along which the probability of an object is a constant part of that under the point, the one
    across which it falls most steeply is taken.

    Parameters
    ----------
    background : float array (Y, X)
        The network's probability of background.
    typical : float
        Diameter (px) of a typical object.

    Raises
    ------
    UserError
        If there is an object already, or the network saw nothing there.
    """
    y, x = pixel_of(point)
    if not (0 <= y < labels.shape[0] and 0 <= x < labels.shape[1]):
        raise UserError("That is outside the image.")
    if value_at(labels, point):
        raise UserError("There is an object already; delete it first, or split it.")
    reach = max(4, int(np.ceil(RADIUS * typical)))
    place = widen((slice(y, y + 1), slice(x, x + 1)), reach, labels.shape)
    free = labels[place] == 0
    at = (y - place[0].start, x - place[1].start)
    # A light blur: single pixels of noise make no outline.
    seen = ndi.gaussian_filter(1 - np.asarray(background[place], np.float32), 0.03 * typical)
    rows, columns = np.ogrid[: free.shape[0], : free.shape[1]]
    free &= (rows - at[0]) ** 2 + (columns - at[1]) ** 2 <= reach**2
    mask = _steepest(seen, free, at, typical) if seen[at] >= FAINTEST else None
    if mask is None:
        raise UserError("The network sees no object there: draw a circle around it instead.")
    return _added(labels, place, _tidy(mask, free))


def snap_to_loop(labels: IntArray, path: Path, background: FloatArray | None = None) -> Change:
    """Make an object of what a loose loop ``(N, 2)`` encloses: where the probability stands out, else all of it.

    Parameters
    ----------
    background : float array (Y, X), optional
        The network's probability of background.

    Raises
    ------
    UserError
        If the loop encloses no free pixel.
    """
    place, inside = inside_loop(path, labels.shape)
    free = inside & (labels[place] == 0)
    if not free.any():
        raise UserError("The circle holds nothing but other objects; delete or split those instead.")
    mask = free
    if background is not None:
        mask = _standing_out(1 - np.asarray(background[place], np.float32), free)
    return _added(labels, place, _tidy(mask, free))


def _steepest(seen: FloatArray, free: BoolArray, at: tuple[int, int], typical: float) -> BoolArray | None:
    """Return the region around a place with the steepest outline; ``None`` where none is large enough."""
    slope = ndi.gaussian_gradient_magnitude(seen, max(1.0, 0.05 * typical))
    best, steepest = None, 0.0
    least = 0.02 * typical**2
    for level in LEVELS:
        pieces, _ = ndi.label(free & (seen >= level * seen[at]))
        mask = pieces == pieces[at]
        if np.count_nonzero(mask) < least:
            break  # the higher, the smaller
        outline = mask & ~ndi.binary_erosion(mask, border_value=1)
        # Where others or the largest radius bound it there is no outline to judge.
        own = outline & ndi.binary_dilation(free & ~mask)
        steep = float(slope[own].mean()) * own.sum() / outline.sum() if own.any() else 0.0
        if best is None or steep > steepest:
            best, steepest = mask, steep
    return best


def _standing_out(seen: FloatArray, free: BoolArray) -> BoolArray:
    values = seen[free]
    low, high = np.percentile(values, [5, 95])
    if high - low < LEAST_CONTRAST:
        return free
    found: BoolArray = free & (seen > threshold_otsu(np.clip(values, low, high)))
    pieces, n = ndi.label(found)
    areas = np.bincount(pieces.ravel(), minlength=n + 1)
    areas[0] = 0
    largest: BoolArray = pieces == areas.argmax()
    return largest if areas.max() >= LEAST_FILLED * np.count_nonzero(free) else free


def _tidy(mask: BoolArray, free: BoolArray) -> BoolArray:
    """Return a mask without holes, lightly smoothed, within what is free."""
    return smooth_mask(mask, free & ~mask)


def _added(labels: IntArray, place: Box, mask: BoolArray) -> Change:
    (number,) = free_numbers(1, 1, labels)
    change = change_box(labels, place, np.where(mask, number, labels[place]))
    assert change is not None  # the mask is never empty
    return change
