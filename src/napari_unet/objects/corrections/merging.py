"""Make one object of several."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage as ndi

from napari_unet.errors import UserError
from napari_unet.objects.changes import Change, change_box
from napari_unet.objects.corrections.places import box_of, connected, count_pixels, widen
from napari_unet.objects.overlaps import BoolArray, IntArray, holds

WIDEST_GAP = 0.5
"""Over the diameter of the smallest of the objects: what lies farther apart is hardly one object."""

_EIGHT = np.ones((3, 3), bool)


def merge(labels: IntArray, values: Sequence[int]) -> Change:
    """Unite objects under the number of the largest, with the background between them.

    Raises
    ------
    UserError
        If there are fewer than two, or they lie apart.
    """
    numbers = np.unique([value for value in values if value > 0])
    if len(numbers) < 2:
        raise UserError(
            "Only one object was met: merging takes two or more." if len(numbers)
            else "No object was met: merging takes two or more."
        )  # fmt: skip
    tight = box_of(labels, numbers)
    if tight is None:
        raise UserError("These objects are not there any more.")
    areas = count_pixels(labels[tight], numbers)
    reach = WIDEST_GAP * float(np.sqrt(4 * areas.min() / np.pi))
    place = widen(tight, int(np.ceil(reach)) + 2, labels.shape)
    seen = labels[place]
    objects = np.where(holds(seen, numbers), seen, 0)
    whole = _bridge(objects, seen == 0, reach)
    if whole is None:
        raise UserError("These objects lie too far apart to be one: paint what lies between them first.")
    change = change_box(labels, place, np.where(whole, numbers[areas.argmax()], seen))
    assert change is not None  # there were two numbers
    return change


def _bridge(objects: IntArray, free: BoolArray, reach: float) -> BoolArray | None:
    """Return the objects with the free pixels between them; ``None`` where these do not connect them.

    A morphological closing, as narrow as connects them: of what it adds, only what touches two objects counts, so that
    outlines stay as they are elsewhere.
    """
    together = objects > 0
    distance, nearest = ndi.distance_transform_edt(~together, return_indices=True)
    radii = [1.5]
    while radii[-1] < reach:
        radii.append(min(2 * radii[-1], reach))
    for radius in radii:
        closed = ndi.distance_transform_edt(np.pad(distance <= radius, 1))[1:-1, 1:-1] > radius
        between = closed & free & ~together
        whole = together | _touching_two(between, objects[tuple(nearest)])
        if connected(whole, objects):
            return whole
    return None


def _touching_two(between: BoolArray, nearest: IntArray) -> BoolArray:
    """Return the pieces that lie between two objects: the nearest object is not the same everywhere in them."""
    pieces, n = ndi.label(between, _EIGHT)
    if n == 0:
        return between
    numbers = np.arange(1, n + 1)
    differs = ndi.minimum(nearest, pieces, numbers) != ndi.maximum(nearest, pieces, numbers)
    kept: BoolArray = np.concatenate([[False], differs])[pieces]
    return kept
