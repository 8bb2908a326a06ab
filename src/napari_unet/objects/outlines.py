"""Outlines of objects along the edges of their pixels: nothing is rounded, so that a mask comes back as it was.

A pixel in row r and column c is the square from (c, r) to (c + 1, r + 1), as ImageJ and QuPath see it. Pixels that
touch at a corner only are parts of their own, and so polygons are valid everywhere: no ring crosses or touches itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_unet.objects.overlaps import IntArray

Ring = NDArray[np.int64]
"""Corners (x, y) in px, shape (n, 2), without repeating the first; only where the outline turns."""

Key = tuple[tuple[int, ...], int]
"""A plane, and the number of an object on it."""

_STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0))
"""Right, down, left, up as (rows, columns): a turn to the right is the next one."""


@dataclass(frozen=True, eq=False)
class Part:
    """One connected piece of an object: its outer ring, clockwise on the screen, and its holes, the other way."""

    outer: Ring
    holes: tuple[Ring, ...] = ()


@dataclass(frozen=True, eq=False)
class Outline:
    """The pieces of one object on one plane."""

    number: int
    plane: tuple[int, ...]
    parts: tuple[Part, ...]

    @property
    def key(self) -> Key:
        """Plane and number, under which one knows what belongs to the object."""
        return self.plane, self.number


def outlines(labels: IntArray) -> Iterator[Outline]:
    """Go through the outlines of all objects, plane by plane, in the order of their numbers.

    Parameters
    ----------
    labels : integer array (…, Y, X)
        0 is background.
    """
    for plane in np.ndindex(*labels.shape[:-2]):
        numbers, compact = np.unique(labels[plane], return_inverse=True)
        compact = compact.reshape(labels.shape[-2:]) + (1 if numbers.size and numbers[0] > 0 else 0)
        for number, box in zip(numbers[numbers > 0], ndimage.find_objects(compact), strict=True):
            mask = labels[plane][box] == number
            yield Outline(int(number), plane, outline_of(mask, (box[0].start, box[1].start)))


def outline_of(mask: NDArray[np.bool_], corner: tuple[int, int] = (0, 0)) -> tuple[Part, ...]:
    """Return the outline of a mask (Y, X) whose first pixel lies in this row and column."""
    pieces, n = ndimage.label(mask)
    shift = np.array([corner[1], corner[0]])
    parts = []
    for number in range(1, n + 1):
        rings = [ring + shift for ring in _rings(pieces == number)]
        outer = [ring for ring in rings if signed_area(ring) > 0]
        assert len(outer) == 1, "a connected piece has one outer ring"
        parts.append(Part(outer[0], tuple(ring for ring in rings if signed_area(ring) < 0)))
    return tuple(parts)


def mask_of(outline: Outline) -> tuple[NDArray[np.bool_], tuple[int, int]]:
    """Return the mask (Y, X) that an outline encloses, and the row and column of its first pixel."""
    rings = [ring for part in outline.parts for ring in (part.outer, *part.holes)]
    corners = np.concatenate(rings)
    (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    crossings = np.zeros((bottom - top, right - left + 1), bool)
    for ring in rings:
        for (x, y), (to_x, to_y) in zip(ring.tolist(), np.roll(ring, -1, axis=0).tolist(), strict=True):
            if x == to_x:
                crossings[min(y, to_y) - top : max(y, to_y) - top, x - left] ^= True
    return np.logical_xor.accumulate(crossings, axis=1)[:, :-1], (top, left)


def signed_area(ring: Ring) -> float:
    """Return the area in px² that a ring encloses; negative for holes."""
    x, y = ring[:, 0], ring[:, 1]
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) / 2)


def _rings(mask: NDArray[np.bool_]) -> list[Ring]:
    """Follow the pixels' edges around a connected piece, the piece to the right."""
    open_edges = _edges(mask)
    rings = []
    while open_edges:
        corner = next(iter(open_edges))
        direction = open_edges[corner][0]
        start, path = (corner, direction), []
        while True:
            path.append(corner)
            ways = open_edges[corner]
            ways.remove(direction)
            if not ways:
                del open_edges[corner]
            corner = (corner[0] + _STEPS[direction][0], corner[1] + _STEPS[direction][1])
            if corner == start[0] and (corner not in open_edges or (direction + 1) % 4 == start[1]):
                break
            ways = open_edges[corner]
            # Where two pixels touch at a corner the way goes on along the same pixel.
            turned = (direction + 1) % 4
            direction = turned if turned in ways else ways[0]
        rings += [_turns(simple) for simple in _split_at_touching_corners(path)]
    return rings


def _edges(mask: NDArray[np.bool_]) -> dict[tuple[int, int], list[int]]:
    """Return from every corner the directions of edges that begin there."""
    padded = np.pad(mask, 1)
    inside = padded[1:-1, 1:-1]
    sides = (
        padded[:-2, 1:-1],
        padded[1:-1, 2:],
        padded[2:, 1:-1],
        padded[1:-1, :-2],
    )  # above, right, below, left
    begins = ((0, 0), (0, 1), (1, 1), (1, 0))
    edges: dict[tuple[int, int], list[int]] = {}
    for direction, (outside, (row, column)) in enumerate(zip(sides, begins, strict=True)):
        for r, c in np.argwhere(inside & ~outside).tolist():
            edges.setdefault((r + row, c + column), []).append(direction)
    return edges


def _split_at_touching_corners(path: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Cut a closed way that passes a corner twice into ways that pass every corner once."""
    simple: list[list[tuple[int, int]]] = []
    way: list[tuple[int, int]] = []
    place: dict[tuple[int, int], int] = {}
    for corner in path:
        if corner in place:
            begin = place[corner]
            simple.append(way[begin:])
            for passed in way[begin:]:
                del place[passed]
            del way[begin:]
        place[corner] = len(way)
        way.append(corner)
    return [*simple, way]


def _turns(way: list[tuple[int, int]]) -> Ring:
    """Leave out corners in the middle of straight edges; (row, column) becomes (x, y)."""
    points = np.array(way, np.int64)[:, ::-1]
    before, after = points - np.roll(points, 1, axis=0), np.roll(points, -1, axis=0) - points
    turns: Ring = points[(before != after).any(axis=1)]
    return turns
