"""How an image is cut: blocks, in which objects are made, and tiles, in which the network is run."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

Index = tuple[int, int]
"""Row and column of a block or tile."""
Box = tuple[int, int, int, int]
"""y0, y1, x0, x1 in px, half open."""


@dataclass(frozen=True)
class Grid:
    """Squares that cover a plane; those at the lower and right edge are cut off there.

    Attributes
    ----------
    height, width
        Of the plane in px.
    side
        Of a square in px.
    """

    height: int
    width: int
    side: int

    @property
    def shape(self) -> Index:
        """Rows and columns of squares."""
        return math.ceil(self.height / self.side), math.ceil(self.width / self.side)

    def __len__(self) -> int:
        rows, columns = self.shape
        return rows * columns

    def __iter__(self) -> Iterator[Index]:
        rows, columns = self.shape
        return ((row, column) for row in range(rows) for column in range(columns))

    def box(self, index: Index, around: int = 0) -> Box:
        """Return where a square lies, with so many px around it that are inside of the plane."""
        y0, x0 = (k * self.side for k in index)
        y1, x1 = min(y0 + self.side, self.height), min(x0 + self.side, self.width)
        return self.clip((y0 - around, y1 + around, x0 - around, x1 + around))

    def clip(self, box: Box) -> Box:
        """Return the part of a box that is inside of the plane."""
        y0, y1, x0, x1 = box
        return max(y0, 0), min(y1, self.height), max(x0, 0), min(x1, self.width)

    def touched(self, box: Box) -> list[Index]:
        """Return the squares that a box inside of the plane lies on."""
        y0, y1, x0, x1 = box
        rows = range(y0 // self.side, math.ceil(y1 / self.side))
        columns = range(x0 // self.side, math.ceil(x1 / self.side))
        return [(row, column) for row in rows for column in columns]


def overlap(one: Box, other: Box) -> Box | None:
    """Return what two boxes have in common."""
    y0, y1 = max(one[0], other[0]), min(one[1], other[1])
    x0, x1 = max(one[2], other[2]), min(one[3], other[3])
    return (y0, y1, x0, x1) if y0 < y1 and x0 < x1 else None


def cut(box: Box, origin: Box) -> tuple[slice, slice]:
    """Return where a box lies in an array of the pixels of another box."""
    return slice(box[0] - origin[0], box[1] - origin[0]), slice(box[2] - origin[2], box[3] - origin[2])
