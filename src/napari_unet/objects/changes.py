"""Changes of an array that can be taken back, and the boxes that they are kept in."""

from dataclasses import dataclass

import numpy as np

from napari_unet.objects.overlaps import BoolArray, IntArray

Box = tuple[slice, ...]


@dataclass(frozen=True)
class Change:
    """New values for a box of one array, with what was there before.

    Attributes
    ----------
    offset : tuple of int
        First corner of the box, one number per axis of the array.
    old, new : arrays of one shape
        Values of the box before and after.
    """

    offset: tuple[int, ...]
    old: IntArray
    new: IntArray

    @property
    def box(self) -> Box:
        """The place of the change in its array."""
        return tuple(slice(o, o + n) for o, n in zip(self.offset, self.new.shape, strict=True))


def apply(array: IntArray, change: Change) -> None:
    """Write the new values of `change` into `array`, in place."""
    array[change.box] = change.new


def invert(change: Change) -> Change:
    """Return the change that takes `change` back."""
    return Change(change.offset, change.new, change.old)


def diff(old: IntArray, new: IntArray, box: Box | None = None) -> Change | None:
    """Return the smallest change that makes `new` of `old`; None if they are equal.

    Parameters
    ----------
    old, new : integer arrays of one shape
        Both are copied where they differ.
    box : tuple of slices, optional
        Where they can differ; everywhere when not given.
    """
    place = box or tuple(slice(0, n) for n in old.shape)
    return change_place(old, place, new[place])


def change_place(array: IntArray, place: Box, new: IntArray) -> Change | None:
    """Return the smallest change that gives the place of the array the values `new`; None if it has them."""
    old = array[place]
    inner = bounding_box(old != new)
    if inner is None:
        return None
    offset = tuple((p.start or 0) + i.start for p, i in zip(place, inner, strict=True))
    return Change(offset, old[inner].copy(), new[inner].astype(array.dtype))


def change_box(array: IntArray, place: Box, new: IntArray) -> Change | None:
    """Return the change that gives all of a place of the array the values `new`; None if it has them."""
    old = array[place]
    if np.array_equal(old, new):
        return None
    return Change(tuple(p.start for p in place), old.copy(), new.astype(array.dtype))


def bounding_box(mask: BoolArray) -> Box | None:
    """Return the smallest box that holds all true elements; None if there are none."""
    box = []
    for axis in range(mask.ndim):
        along = np.flatnonzero(mask.any(axis=tuple(k for k in range(mask.ndim) if k != axis)))
        if not along.size:
            return None
        box.append(slice(int(along[0]), int(along[-1]) + 1))
    return tuple(box)
