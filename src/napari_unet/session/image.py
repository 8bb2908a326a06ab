"""Where the pixels come from: one image, or several channels of one, read plane by plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.errors import UserError
from napari_unet.formats.axes import check_axes, letters_of

Plane = tuple[int, ...]
"""Index of one plane: one integer per leading spatial axis, empty for a 2-D image."""

MICROMETRES = {"µm": 1.0, "um": 1.0, "μm": 1.0, "micrometer": 1.0, "micron": 1.0, "nm": 1e-3, "mm": 1e3}


@dataclass(frozen=True, eq=False)
class ImageSource:
    """An image that is read one plane at a time.

    Attributes
    ----------
    name
        What the user calls it.
    data
        Array of numpy or dask, of any number of dimensions from two on.
    channel_axis
        Axis of the channels, ``None`` for one channel.
    rgb
        The last axis holds red, green, blue (and perhaps alpha, which is not used).
    scale, units, axis_labels
        One entry per spatial axis, as in the napari layer; empty when nothing is known.
    """

    name: str
    data: Any
    channel_axis: int | None = None
    rgb: bool = False
    scale: tuple[float, ...] = ()
    units: tuple[str, ...] = ()
    axis_labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.rgb:
            object.__setattr__(self, "channel_axis", self.data.ndim - 1)
        if len(self.spatial_shape) < 2:
            raise UserError(
                f"“{self.name}” has {len(self.spatial_shape)} dimension(s); choose an image with at least two."
            )
        if 0 in self.data.shape:
            raise UserError(f"“{self.name}” has no pixels; choose another image.")
        if np.dtype(self.data.dtype).kind not in "buif":
            raise UserError(f"“{self.name}” holds {self.data.dtype} values; choose an image of numbers.")

    @property
    def spatial_shape(self) -> tuple[int, ...]:
        """Shape without the channel axis."""
        shape = tuple(int(n) for n in self.data.shape)
        if self.channel_axis is None:
            return shape
        axis = self.channel_axis % len(shape)
        return shape[:axis] + shape[axis + 1 :]

    @property
    def plane_shape(self) -> tuple[int, int]:
        """Height and width of a plane in px."""
        shape = self.spatial_shape
        return shape[-2], shape[-1]

    @property
    def n_channels(self) -> int:
        """Number of channels that a network sees; alpha is left out."""
        if self.channel_axis is None:
            return 1
        n = int(self.data.shape[self.channel_axis])
        return min(n, 3) if self.rgb else n

    @property
    def pixel_size_um(self) -> float | None:
        """Width of a pixel in µm, where scale and units tell."""
        if not self.scale or not self.units:
            return None
        factor = MICROMETRES.get(str(self.units[-1]))
        return None if factor is None else float(self.scale[-1]) * factor

    @property
    def axes(self) -> str:
        """One letter per spatial axis, as the labels say, or else as usual: ``"ZYX"``, ``"TZYX"``."""
        return letters_of(self.axis_labels, len(self.spatial_shape))

    def with_axes(self, axes: str) -> ImageSource:
        """Return the same image with other names of its spatial axes; rows and columns are the last two.

        Raises
        ------
        UserError
            If the names do not fit.
        """
        axes = check_axes(axes, self.spatial_shape)
        if not axes.endswith("YX"):
            raise UserError(
                f"In “{axes}” rows (Y) and columns (X) are not the last two axes: rearrange the image."
            )
        return replace(self, axis_labels=tuple(axes))

    def planes(self) -> list[Plane]:
        """Every plane's index, in order."""
        return [tuple(int(i) for i in index) for index in np.ndindex(*self.spatial_shape[:-2])]

    def plane(self, index: Plane = (), channels: Sequence[int] | None = None) -> NDArray[Any]:
        """Read one plane.

        Returns
        -------
        ndarray
            Shape ``(C, Y, X)``, dtype as in the image.
        """
        data = self.data
        if self.channel_axis is None:
            plane = np.asarray(data[tuple(index)])[np.newaxis]
        else:
            axis = self.channel_axis % data.ndim
            leading: list[int | slice] = list(index)
            if axis <= len(index):
                leading.insert(axis, slice(None))
            # Three axes are left in the image's order: the channels' place among them follows.
            plane = np.moveaxis(np.asarray(data[tuple(leading)]), max(axis - len(index), 0), 0)
        plane = plane[: self.n_channels]
        return plane if channels is None else plane[list(channels)]

    def plane_later(self, index: Plane, channels: Sequence[int]) -> Any:
        """Return one plane, or what becomes it by ``np.asarray`` where the image is not in memory.

        To read a file takes time, and memory; whoever prepares work for another thread has neither.
        """
        if isinstance(self.data, np.ndarray) and not isinstance(self.data, np.memmap):
            return self.plane(index, channels)
        return UnreadPlane(self, index, tuple(channels))


@dataclass(frozen=True, eq=False)
class UnreadPlane:
    """A plane of an image that is read when it is made an array ``(C, Y, X)``."""

    source: ImageSource
    index: Plane
    channels: tuple[int, ...]
    ndim: int = 3

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, rows, columns."""
        return (len(self.channels), *self.source.plane_shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """That of the image."""
        dtype: np.dtype[Any] = np.dtype(self.source.data.dtype)
        return dtype

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self.source.plane(self.index, self.channels), dtype)


def stack_channels(sources: Sequence[ImageSource]) -> ImageSource:
    """Join images of one shape into the channels of one image, first source first."""
    first = sources[0]
    for other in sources[1:]:
        if other.spatial_shape != first.spatial_shape:
            raise UserError(
                f"“{other.name}” is {_size(other)} and “{first.name}” is {_size(first)}; "
                "choose channels of one size."
            )
    if len(sources) == 1:
        return first
    data = np.stack([source.data for source in sources]) if _in_memory(sources) else _lazy_stack(sources)
    return ImageSource(
        " + ".join(source.name for source in sources),
        data,
        0,
        False,
        first.scale,
        first.units,
        first.axis_labels,
    )


def _in_memory(sources: Sequence[ImageSource]) -> bool:
    return all(
        isinstance(source.data, np.ndarray) and not isinstance(source.data, np.memmap) for source in sources
    )


def _lazy_stack(sources: Sequence[ImageSource]) -> Any:
    import dask.array

    return dask.array.stack([dask.array.asarray(source.data) for source in sources])


def _size(source: ImageSource) -> str:
    return " × ".join(str(n) for n in source.spatial_shape)
