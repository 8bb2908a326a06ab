"""Images of many planes that are read plane by plane, or box by box, and never whole."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.errors import UserError
from napari_unet.formats.axes import check_axes, plane_axes
from napari_unet.formats.lazy import LazyImage, Opened, open_array

Index = tuple[int, ...]
"""Of a plane, along the axes that are neither channels, rows nor columns."""


@dataclass(frozen=True, eq=False)
class LazyStack:
    """An image of one plane or many.

    Attributes
    ----------
    name : str
        The file's name without folder and extension.
    array : array
        Of numpy, dask or Zarr, or anything that is cut by slices.
    axes : str
        One letter per axis of `array`, in any order.
    pixel_size_um : float or None
    plane_distance_um : float or None
        From one plane to the next along Z.
    again : callable, optional
        Opens the same image in any process that sees the disk.
    """

    name: str
    array: Any
    axes: str
    pixel_size_um: float | None = None
    plane_distance_um: float | None = None
    again: Callable[[], LazyStack] | None = None

    @property
    def letters(self) -> str:
        """The axes of planes, such as ``"TZ"``, in the order of the file."""
        return plane_axes(self.axes)

    @property
    def plane_shape(self) -> Index:
        """How many planes there are along each."""
        return tuple(self.array.shape[self.axes.index(axis)] for axis in self.letters)

    @property
    def n_planes(self) -> int:
        """How many there are in all."""
        return math.prod(self.plane_shape)

    @property
    def spacing_um(self) -> tuple[float, float, float] | None:
        """Distance of planes, height and width of a pixel, where the file tells all of it."""
        if not self.plane_distance_um or not self.pixel_size_um:
            return None
        return self.plane_distance_um, self.pixel_size_um, self.pixel_size_um

    def indices(self) -> Iterator[Index]:
        """Go through the planes, the last axis first."""
        return np.ndindex(*self.plane_shape)

    def plane(self, index: Index) -> LazyImage:
        """Return one plane, of which any box can be read."""
        where = dict(zip(self.letters, index, strict=True))
        axes = "".join(axis for axis in self.axes if axis not in where)
        array = self.array if not where else _Plane(self.array, self.axes, where)
        again = None if self.again is None else partial(_plane_again, self.again, self.axes, index)
        return LazyImage(self.name, array, axes, self.pixel_size_um, again=again)

    def at(self, where: Mapping[str, int]) -> LazyStack:
        """Return the part that lies at these places along some axes, such as one time point of a series."""
        if not where:
            return self
        axes = "".join(axis for axis in self.axes if axis not in where)
        return replace(self, array=_Plane(self.array, self.axes, where), axes=axes, again=None)

    def named(self, axes: str | None) -> LazyStack:
        """Return it with other names of its axes; samples of colours keep theirs.

        Raises
        ------
        UserError
            If they do not fit.
        """
        if axes is None:
            return self
        shape = tuple(n for n, axis in zip(self.array.shape, self.axes, strict=True) if axis != "S")
        colours = "S" in self.axes
        try:
            said = check_axes(axes.upper().removesuffix("S") if colours else axes, shape)
        except UserError as error:
            raise UserError(f"{self.name}: {error}") from error
        letters = iter(said)
        return replace(self, axes="".join("S" if axis == "S" else next(letters) for axis in self.axes))


@dataclass(frozen=True, eq=False)
class _Plane:
    """A plane of a stack, cut by slices as an array of its own."""

    array: Any
    axes: str
    where: Mapping[str, int]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(n for n, axis in zip(self.array.shape, self.axes, strict=True) if axis not in self.where)

    @property
    def dtype(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = np.dtype(self.array.dtype)
        return dtype

    def __getitem__(self, index: tuple[slice, ...]) -> NDArray[Any]:
        rest = iter(index)
        cut = tuple(self.where[axis] if axis in self.where else next(rest) for axis in self.axes)
        return np.asarray(self.array[cut])


def open_stack(path: Path | str) -> LazyStack:
    """Open an image file of one plane or many without reading its pixels; files as for `open_lazily`.

    Raises
    ------
    UserError
        As `open_lazily`, but for the number of planes.
    """
    opened: Opened = open_array(path)
    again = partial(open_stack, Path(path).resolve()) if opened.on_disk else None
    return LazyStack(
        opened.name, opened.array, opened.axes, opened.pixel_size_um, opened.plane_distance_um, again
    )


def _plane_again(open_it: Callable[[], LazyStack], axes: str, index: Index) -> LazyImage:
    return replace(open_it(), axes=axes).plane(index)
