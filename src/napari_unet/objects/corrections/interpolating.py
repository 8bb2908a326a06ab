"""The outlines of an object on the planes between two on which it is known."""

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from napari_unet.errors import UserError
from napari_unet.objects.changes import Change, change_box
from napari_unet.objects.corrections.places import Point, box_of, value_at, widen
from napari_unet.objects.numbering import free_numbers
from napari_unet.objects.overlaps import BoolArray, IntArray


def mask_at(labels: IntArray, point: Point) -> BoolArray:
    """Return which pixels of a plane ``(Y, X)`` belong to the object under a point.

    Raises
    ------
    UserError
        If there is none.
    """
    value = value_at(labels, point)
    if value == 0:
        raise UserError("There is no object here; click on one.")
    mask: BoolArray = labels == value
    return mask


def interpolate(first: BoolArray, last: BoolArray, n: int) -> list[BoolArray]:
    """Return the `n` shapes between two, evenly spaced.

    The signed distances to both outlines are blended, after both were moved to the place between their centres:
    without that, an object that moves by its own width would vanish on the way.

    Parameters
    ----------
    first, last : bool arrays (Y, X)
        Neither is empty.
    """
    boxes = [box_of(mask, [1]) for mask in (first.view(np.uint8), last.view(np.uint8))]
    assert boxes[0] is not None
    assert boxes[1] is not None
    joined = tuple(
        slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(boxes[0], boxes[1], strict=True)
    )
    place = widen(joined, 2, first.shape)
    ends = [_signed_distance(mask[place]) for mask in (first, last)]
    centres = [np.array(ndi.center_of_mass(mask[place])) for mask in (first, last)]
    shapes = []
    for t in np.arange(1, n + 1) / (n + 1):
        middle = (1 - t) * centres[0] + t * centres[1]
        moved = [
            ndi.shift(end, middle - centre, order=1, mode="nearest")
            for end, centre in zip(ends, centres, strict=True)
        ]
        shape = np.zeros(first.shape, bool)
        shape[place] = (1 - t) * moved[0] + t * moved[1] > 0
        shapes.append(shape)
    return shapes


def add_shape(labels: IntArray, mask: BoolArray, number: int) -> Change | None:
    """Make an object of the free pixels of a mask ``(Y, X)``; with this number unless the plane has it."""
    place = box_of(mask.view(np.uint8), [1])
    if place is None:
        return None
    if (labels == number).any():
        (number,) = free_numbers(1, 1, labels)
    free = mask[place] & (labels[place] == 0)
    return change_box(labels, place, np.where(free, number, labels[place]))


def _signed_distance(mask: BoolArray) -> npt.NDArray[np.float64]:
    """Return the distance to the outline, positive inside; the image's edge is no outline."""
    if mask.all():
        return np.full(mask.shape, float(min(mask.shape)))
    distance: npt.NDArray[np.float64] = ndi.distance_transform_edt(mask) - ndi.distance_transform_edt(~mask)
    return distance
