"""An image as an endless plane: mirrored at its edges again and again, and turned if asked.

Reading a box costs memory for that box alone, wherever it lies and however small the image is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

Image = NDArray[np.float32]
Box = tuple[int, int, int, int]
"""y0, y1, x0, x1 in px, half open; may lie outside of the image."""

SPLINE_REACH = 16
"""Pixels after which a cubic spline's memory of its border (0.27^n) is below float32's rounding."""


@dataclass(frozen=True)
class Plane:
    """The plane that a mirrored image covers, seen from the image's own pixel grid.

    Attributes
    ----------
    image : array or Part, (C, Y, X)
    frame : Box
        The part of the plane that is looked at: beyond it, a padded network sees zeros.
    """

    image: NDArray[Any] | Part
    frame: Box

    def read(self, box: Box) -> Image:
        """Return the (C, y1 - y0, x1 - x0) float32 pixels of a box."""
        return read_mirrored(self.image, box)


@dataclass(frozen=True)
class TurnedPlane:
    """The same plane, turned about the image's first pixel, on a pixel grid of its own; it has no frame.

    Attributes
    ----------
    image : array or Part, (C, Y, X)
    angle : float
        In radians.
    """

    image: NDArray[Any] | Part
    angle: float
    frame: None = field(default=None, init=False)

    def read(self, box: Box) -> Image:
        """Return the (C, y1 - y0, x1 - x0) float32 pixels of a box, by cubic splines."""
        y, x = self._turn(box, -self.angle)
        y0, x0 = math.floor(y.min()) - SPLINE_REACH, math.floor(x.min()) - SPLINE_REACH
        y1, x1 = math.ceil(y.max()) + SPLINE_REACH + 1, math.ceil(x.max()) + SPLINE_REACH + 1
        region = read_mirrored(self.image, (y0, y1, x0, x1))
        at = np.stack([y - y0, x - x0])
        return np.stack([map_coordinates(channel, at, order=3, mode="mirror") for channel in region])

    def enclose(self, box: Box, multiple: int) -> Box:
        """Return the box of this plane, from multiple to multiple, in which a box of the image lies."""
        sides: list[int] = []
        for at in self._turn(box, self.angle):
            first = math.floor(at.min() / multiple) * multiple
            sides += [first, first + round_up(math.ceil(at.max()) + 1 - first, multiple)]
        return sides[0], sides[1], sides[2], sides[3]

    def turn_back(self, values: Image, at: Box, box: Box) -> Image:
        """Return a box of the image from values (K, Y, X) of this plane's box `at`, by interpolation."""
        y, x = self._turn(box, self.angle)
        coordinates = np.stack([y - at[0], x - at[2]])
        return np.stack([map_coordinates(channel, coordinates, order=1) for channel in values])

    def _turn(self, box: Box, angle: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return where the pixels of a box, (Y, X) each, come to lie."""
        y, x = np.mgrid[box[0] : box[1], box[2] : box[3]].astype(np.float64)
        cos, sin = math.cos(angle), math.sin(angle)
        return cos * y - sin * x, sin * y + cos * x


@dataclass(frozen=True, eq=False)
class Part:
    """A part of an image that is asked for rows and columns as if it were the whole.

    Attributes
    ----------
    pixels : array, (C, Y, X) float32
    top, left : int
        Where its first pixel lies in the whole.
    shape : tuple of int
        (C, Y, X) of the whole.
    """

    pixels: Image
    top: int
    left: int
    shape: tuple[int, int, int]

    @property
    def ndim(self) -> int:
        """How many axes the whole has."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """How many numbers the whole has."""
        return math.prod(self.shape)

    def __getitem__(self, at: tuple[slice, NDArray[np.int_], NDArray[np.int_]]) -> Image:
        channels, rows, columns = at
        rows, columns = rows - self.top, columns - self.left
        if min(rows.min(), columns.min()) < 0:  # numpy would count from the other end
            raise IndexError("this part of the image does not reach so far")
        return self.pixels[channels, rows, columns]


def read_mirrored(image: NDArray[Any] | Part, box: Box) -> Image:
    """Cut a box out of the plane that `image` (C, Y, X), mirrored at its edges without end, covers."""
    y0, y1, x0, x1 = box
    rows = _mirror(np.arange(y0, y1), image.shape[1])
    columns = _mirror(np.arange(x0, x1), image.shape[2])
    return np.ascontiguousarray(image[:, rows[:, None], columns[None, :]], dtype=np.float32)


def _mirror(at: NDArray[np.int_], size: int) -> NDArray[np.int_]:
    """Fold coordinates back into 0..size-1; the pixel at the edge is repeated: … 1 0 | 0 1 … n-1 | n-1 …"""
    at = at % (2 * size)
    return np.minimum(at, 2 * size - 1 - at)


def round_up(size: int, multiple: int) -> int:
    """Return the smallest multiple of `multiple` that is not less than `size`."""
    return math.ceil(size / multiple) * multiple
