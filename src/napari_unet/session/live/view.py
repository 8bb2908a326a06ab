"""What of an image is looked at, and at which resolution its overlay is made first and then."""

from __future__ import annotations

import math
from dataclasses import dataclass

from napari_unet.session.image import Plane

Box = tuple[int, int, int, int]
"""y0, y1, x0, x1 in px of the plane, half open."""

QUICK = 400_000
"""Pixels of the first overlay: 512² with what lies around it. On two cores a network looks at them in well under a
second."""
SHARP = 1_500_000
"""Pixels of the sharpened one: as many as a window shows."""
BEYOND = 0.08
"""Part of the visible width that is looked at beyond each edge, so that a small shift of the view needs nothing new."""
LEAST = 512
"""Pixels that are looked at along each axis however little is visible: one zooms in to paint, and out again."""
GRID = 32
"""Fields begin and end at multiples of this (px)."""


@dataclass(frozen=True)
class View:
    """What the canvas shows.

    Attributes
    ----------
    box
        In px of the plane, within it.
    zoom
        Pixels of the screen per pixel of the image.
    """

    plane: Plane
    box: Box
    zoom: float


@dataclass(frozen=True)
class Place:
    """A part of a plane, and at how many pixels per pixel of the image it is looked at."""

    plane: Plane
    box: Box
    reduction: float


def quick_place(view: View, shape: tuple[int, int]) -> Place:
    """Return what is looked at first."""
    box = _around(view.box, shape)
    return Place(view.plane, box, min(1.0, math.sqrt(QUICK / area_of(box))))


def sharp_place(view: View, shape: tuple[int, int]) -> Place | None:
    """Return the same at the resolution of the screen; ``None`` where the first one has it already."""
    quick = quick_place(view, shape)
    reduction = min(1.0, max(view.zoom, quick.reduction), math.sqrt(SHARP / area_of(quick.box)))
    if reduction < 1.2 * quick.reduction:
        return None
    return Place(view.plane, quick.box, reduction)


def surroundings(place: Place, shape: tuple[int, int]) -> list[Place]:
    """Return the rest of the plane in parts as large as a place, those beside it first."""
    y0, y1, x0, x1 = place.box
    height, width = y1 - y0, x1 - x0
    found = []
    for top in _starts(y0, height, shape[0]):
        for left in _starts(x0, width, shape[1]):
            box = (max(top, 0), min(top + height, shape[0]), max(left, 0), min(left + width, shape[1]))
            if (top, left) != (y0, x0) and area_of(box):
                away = max(abs(top - y0) / height, abs(left - x0) / width)
                found.append((away, Place(place.plane, box, place.reduction)))
    return [part for _, part in sorted(found, key=lambda one: one[0])]


def area_of(box: Box) -> int:
    """Return the number of pixels of a box."""
    return max(box[1] - box[0], 0) * max(box[3] - box[2], 0)


def _starts(start: int, length: int, end: int) -> range:
    first = start - math.ceil(start / length) * length
    return range(first, end, length)


def _around(box: Box, shape: tuple[int, int]) -> Box:
    spans = []
    for low, high, end in ((box[0], box[1], shape[0]), (box[2], box[3], shape[1])):
        beyond = max(BEYOND * (high - low), (LEAST - (high - low)) / 2)
        first = math.floor((low - beyond) / GRID) * GRID
        last = math.ceil((high + beyond) / GRID) * GRID
        spans.append((max(first, 0), min(last, end)))
    return (*spans[0], *spans[1])
