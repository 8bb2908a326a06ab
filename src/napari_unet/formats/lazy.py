"""Images that are read box by box: OME-Zarr, TIFF of any size, and arrays that compute or read when they are asked."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from tifffile import TiffFile, TiffPageSeries

from napari_unet.errors import UserError
from napari_unet.formats.axes import guess_axes, match_channels, plane_axes, to_channels_first
from napari_unet.formats.ome_zarr import open_ome_zarr
from napari_unet.formats.paths import file_kind, name_of
from napari_unet.formats.pixel_size import pixel_size_of_tiff
from napari_unet.formats.reading import check_other_files, plane_distance, read_image
from napari_unet.formats.unreadable import UNREADABLE

LARGEST_PIECE = 256 * 2**20
"""Bytes of a file's strip or tile up to which the file counts as readable box by box."""


@dataclass(frozen=True, eq=False)
class LazyImage:
    """An image of one plane of which any box can be read.

    Attributes
    ----------
    name : str
        The file's name without folder and extension, or the layer's.
    array
        Of numpy, dask or Zarr, or anything that is cut by slices.
    axes : str
        One letter per axis of `array`.
    pixel_size_um : float or None
    channels : tuple of int, optional
        Which channels are read, all where ``None``.
    again : callable, optional
        Opens the same image in any process that sees the disk; ``None`` for what is only here.
    """

    name: str
    array: Any
    axes: str
    pixel_size_um: float | None = None
    channels: tuple[int, ...] | None = None
    again: Callable[[], LazyImage] | None = None

    def __post_init__(self) -> None:
        if len(self.axes) != len(self.array.shape) or not {"Y", "X"} <= set(self.axes):
            raise UserError(f"{self.name}: the axes “{self.axes}” do not fit the shape {self.array.shape}.")
        if 0 in self.array.shape or np.dtype(self.array.dtype).kind not in "buif":
            raise UserError(f"{self.name} holds no image: its shape is {self.array.shape}.")
        if self.n_planes > 1:
            raise UserError(
                f"{self.name} has {self.n_planes} planes; choose one, for a plane is segmented block by block."
            )

    @property
    def n_planes(self) -> int:
        """How many planes there are along other axes than channels, rows and columns."""
        return math.prod(self._length(axis) for axis in plane_axes(self.axes))

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, Y, X) in px; without alpha."""
        n_channels = self._length("C") if "C" in self.axes else 1
        if "S" in self.axes:
            samples = self._length("S")
            n_channels *= samples - 1 if samples in (2, 4) else samples
        if self.channels is not None:
            n_channels = len(self.channels)
        return n_channels, self._length("Y"), self._length("X")

    @property
    def dtype(self) -> np.dtype[Any]:
        """What kind of numbers it holds."""
        dtype: np.dtype[Any] = np.dtype(self.array.dtype)
        return dtype

    def read(self, top: int, bottom: int, left: int, right: int, n_channels: int) -> NDArray[Any]:
        """Return a box that lies inside of the image.

        Parameters
        ----------
        n_channels
            As many as the network has; a grey image serves as RGB.

        Returns
        -------
        array
            Shape ``(C, bottom - top, right - left)``.
        """
        cut = {"Y": slice(top, bottom), "X": slice(left, right)}
        index = tuple(cut.get(axis, slice(None)) for axis in self.axes)
        try:
            box = to_channels_first(np.asarray(self.array[index]), self.axes)
        except UserError:
            raise
        except UNREADABLE as error:
            raise UserError(
                f"{self.name} could not be read around row {top}, column {left}; it is damaged or gone ({error})."
            ) from error
        if self.channels is not None:
            box = box[list(self.channels)]
        box = box.astype(box.dtype.newbyteorder("="), copy=False)
        return match_channels(box, n_channels, self.name)

    def _length(self, axis: str) -> int:
        return int(self.array.shape[self.axes.index(axis)])


@dataclass(frozen=True, eq=False)
class Opened:
    """A file that is open for reading.

    Attributes
    ----------
    on_disk
        Its pixels are read when they are asked for, and not held in memory.
    """

    name: str
    array: Any
    axes: str
    pixel_size_um: float | None
    plane_distance_um: float | None = None
    on_disk: bool = True


def open_lazily(path: Path | str) -> LazyImage:
    """Open an image file of one plane without reading its pixels.

    Parameters
    ----------
    path : Path or str
        OME-Zarr, or TIFF that is tiled, in strips, or not packed; anything else is read whole.

    Raises
    ------
    UserError
        If there is no such file, it is of another kind or damaged, has several planes, or is packed in one piece that
        is too large to be unpacked.
    """
    opened = open_array(path)
    again = partial(open_lazily, Path(path).resolve()) if opened.on_disk else None
    return LazyImage(opened.name, opened.array, opened.axes, opened.pixel_size_um, again=again)


def open_array(path: Path | str) -> Opened:
    """Open an image file of any axes without reading its pixels, as `open_lazily`."""
    path = Path(path)
    kind = file_kind(path)
    if not path.exists():
        raise UserError(f"There is no file {path}.")
    if kind == "zarr":
        array, axes, pixel_size_um = open_ome_zarr(path)
        _check_piece(path, array.chunks, array.dtype)
        return Opened(name_of(path), array, axes, pixel_size_um, plane_distance(path, axes))
    if kind == "picture":
        file = read_image(path)
        return Opened(file.name, file.array, file.axes, file.pixel_size_um, on_disk=False)
    try:
        return _open_tiff(path)
    except UserError:
        raise
    except UNREADABLE as error:
        raise UserError(f"{path} could not be read; it is damaged or no image ({error}).") from error


def _open_tiff(path: Path) -> Opened:
    import zarr

    with TiffFile(path) as tif:
        check_other_files(path, tif)
        series = tif.series[0]
        axes = _axes(series)
        pixel_size_um = pixel_size_of_tiff(tif)
        array: Any = _mapped(path, series)
        if array is None:
            _check_piece(path, series.keyframe.chunks, series.dtype)
    if array is None:
        array = zarr.open_array(tifffile.imread(path, aszarr=True, series=0, level=0), mode="r")
    return Opened(name_of(path), array, axes, pixel_size_um, plane_distance(path, axes))


def _check_piece(path: Path, shape: Sequence[int], dtype: Any) -> None:
    """Raise `UserError` where what has to be unpacked at once takes a lot of memory."""
    n_bytes = math.prod(shape) * np.dtype(dtype).itemsize
    if n_bytes > LARGEST_PIECE:
        raise UserError(
            f"{path} is packed in pieces of {n_bytes / 1e9:.1f} GB, too large to be read one by one: save it tiled, "
            "or as OME-Zarr in smaller chunks."
        )


def _axes(series: TiffPageSeries) -> str:
    axes = str(series.axes)
    if set(axes) <= set("TCZYXS"):
        return axes
    return guess_axes(series, rgb="S" in axes)


@dataclass(frozen=True, eq=False)
class _Mapped:
    """Numbers that lie in a file as they are; each box is mapped into memory for as long as it is copied."""

    open: Callable[[], NDArray[Any]]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __getitem__(self, index: tuple[slice, ...]) -> NDArray[Any]:
        return np.array(self.open()[index])


def _mapped(path: Path, series: TiffPageSeries) -> _Mapped | None:
    if series.dataoffset is None or series.keyframe.is_tiled or series.keyframe.compression != 1:
        return None
    dtype = np.dtype(series.dtype).newbyteorder(series.keyframe.parent.byteorder)
    offset, shape = int(series.dataoffset), tuple(int(n) for n in series.shape)

    def open_it() -> NDArray[Any]:
        return np.memmap(path, dtype, "r", offset, shape)

    return _Mapped(open_it, shape, dtype)
