"""Where objects go on: on which planes beside the one that is looked at, and where on each."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from napari_unet.errors import UserError
from napari_unet.objects.changes import Box
from napari_unet.objects.corrections.places import box_of, widen
from napari_unet.session.image import Plane

_GAP = 2
"""Planes ahead that are looked at: linking leaves out one at most."""
NOTHING_HERE = "There is no object here; click on one."


def planes_of_objects(
    labels: NDArray[np.int32], plane: Plane, values: Collection[int], axes: Sequence[int]
) -> Iterator[tuple[Plane, list[int], Box]]:
    """Yield the planes on which objects go on, which of them, and a box that holds these.

    From plane to plane it is looked for near where they were: a stack needs not be searched whole.

    Parameters
    ----------
    labels
        All planes.
    plane
        One that has some of them.
    axes
        Leading axes along which one number is one object.

    Raises
    ------
    UserError
        If the plane has none of them.
    """
    numbers = np.array(sorted(values), np.int64)
    start = box_of(labels[plane], numbers)
    if start is None:
        raise UserError(NOTHING_HERE)
    found = {plane: start}
    ahead = [plane]
    while ahead:
        here = ahead.pop()
        box = found[here]
        yield here, np.intersect1d(labels[here][box], numbers).tolist(), box
        around = widen(box, max(side.stop - side.start for side in box), labels.shape[-2:])
        for other in _next_to(here, axes, labels.shape):
            place = None if other in found else _box_near(labels[other], numbers, around)
            if place is not None:
                found[other] = place
                ahead.append(other)


def _next_to(plane: Plane, axes: Sequence[int], shape: Sequence[int]) -> Iterator[Plane]:
    for axis in axes:
        for step in (-1, 1, -_GAP, _GAP):
            i = plane[axis] + step
            if 0 <= i < shape[axis]:
                yield (*plane[:axis], i, *plane[axis + 1 :])


def _box_near(labels: NDArray[np.int32], numbers: NDArray[np.int64], around: Box) -> Box | None:
    """Return the box of objects that reach into a part of a plane; ``None`` where none does."""
    inner = box_of(labels[around], numbers)
    if inner is None:
        return None
    sides = list(zip(around, inner, labels.shape, strict=True))
    cut = any((i.start == 0 < a.start) or (a.start + i.stop == a.stop < n) for a, i, n in sides)
    if cut:
        return box_of(labels, numbers)
    return tuple(slice(a.start + i.start, a.start + i.stop) for a, i, _ in sides)
