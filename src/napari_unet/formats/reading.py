"""Images and label images from files: TIFF, OME-TIFF, PNG, JPEG and OME-Zarr."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tifffile import TiffFile, TiffPageSeries

from napari_unet.errors import UserError
from napari_unet.formats.axes import guess_axes
from napari_unet.formats.ome_zarr import read_ome_zarr
from napari_unet.formats.paths import file_kind, name_of
from napari_unet.formats.pixel_size import pixel_size_of_tiff
from napari_unet.formats.room import check_packing, check_room, no_room
from napari_unet.formats.unpacking import check_part
from napari_unet.formats.unreadable import UNREADABLE

FRACTIONS = "{} holds fractions; labels are whole numbers, so save labels, not a probability."

_BOUNDED = {1, 5, 8, 32773, 32946}
"""TIFF's numbers for no packing, LZW, deflate (twice) and run lengths."""


@dataclass(frozen=True)
class ImageFile:
    """What an image file holds.

    Attributes
    ----------
    name : str
        The file's name without folder and extension.
    array : array
        In the machine's byte order, of the file's data type; without alpha.
    axes : str
        One letter per axis of `array`; ``S`` (last) for red, green and blue.
    pixel_size_um : float or None
        Width of a pixel, if the file tells.
    rgb : bool
        `axes` has an ``S``. Colour files whose three channels are equal are read as grey.
    plane_distance_um : float or None
        From one plane to the next along Z, if the file tells.
    """

    name: str
    array: NDArray[Any]
    axes: str
    pixel_size_um: float | None
    rgb: bool
    plane_distance_um: float | None = None


def read_image(path: Path | str) -> ImageFile:
    """Read an image with its axes and pixel size.

    Parameters
    ----------
    path : Path or str
        ``.tif``, ``.tiff``, ``.ome.tif``, ``.png``, ``.jpg``, ``.jpeg``, ``.zarr``.

    Raises
    ------
    UserError
        If there is no such file, it is of another kind, or damaged.
    """
    path = Path(path)
    kind = file_kind(path)
    if not path.exists():
        raise UserError(f"There is no file {path}.")
    if kind == "zarr":
        array, axes, pixel_size_um = read_ome_zarr(path)
    else:
        try:
            array, axes, pixel_size_um = _read_tiff(path) if kind == "tiff" else _read_picture(path)
        except UserError:
            raise
        except MemoryError as error:
            raise no_room(path, path.stat().st_size) from error
        except Image.DecompressionBombError as error:
            raise UserError(
                f"{path} has more pixels than such a file is read with; save it as TIFF."
            ) from error
        except UNREADABLE as error:
            raise UserError(
                f"{path} could not be read; it is damaged or no image ({_first_line(error)})."
            ) from error
    if array.size == 0 or array.dtype.kind not in "buif":
        raise UserError(f"{path} holds no image: its shape is {array.shape} and its type {array.dtype}.")
    if array.dtype.kind == "b":
        array = array.astype(np.uint8)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    array, axes = _join_samples(array, axes)
    return ImageFile(
        name_of(path),
        array,
        axes,
        pixel_size_um,
        rgb="S" in axes,
        plane_distance_um=plane_distance(path, axes),
    )


def read_labels(path: Path | str) -> ImageFile:
    """Read a label image, its values as they are stored.

    Raises
    ------
    UserError
        If it can't be read, has several channels, or holds numbers that are no integers.
    """
    labels = read_image(path)
    array, axes = labels.array, labels.axes
    if "C" in axes and array.shape[axes.index("C")] == 1:
        array, axes = array.take(0, axis=axes.index("C")), axes.replace("C", "")
    if "S" in axes or "C" in axes:
        raise UserError(
            f"{path} has several channels; labels are one number per pixel, so save them as one channel."
        )
    if array.dtype.kind == "f":
        if not np.isfinite(array).all() or (array != np.rint(array)).any():
            raise UserError(FRACTIONS.format(path))
        array = array.astype(np.int64)
    return ImageFile(labels.name, array, axes, labels.pixel_size_um, rgb=False)


def plane_distance(path: Path, axes: str) -> float | None:
    """Return how far apart the planes along Z are in µm, where a file tells."""
    from napari_unet.formats.header import read_header  # which needs this module

    header = read_header(path) if "Z" in axes else None
    return None if header is None else header.plane_distance_um


def _read_tiff(path: Path) -> tuple[NDArray[Any], str, float | None]:
    with TiffFile(path) as tif:
        check_other_files(path, tif)
        series = tif.series[0]
        axes = series.axes
        check_room(path, int(series.nbytes))
        page = series.keyframe
        bounded = page.compression in _BOUNDED and not tif.is_ome  # which may lie in several files
        check_packing(path, int(series.nbytes) if bounded else 0, math.prod(page.chunked))
        if page.compression != 1:
            _check_parts(path, series)
        try:
            array = series.asarray()
        except ValueError as error:
            if "imagecodecs" not in str(error):
                raise
            array = _read_with_pillow(path, series.shape)
        pixel_size_um = pixel_size_of_tiff(tif)
    if not set(axes) <= set("TCZYXS"):  # pages in a sequence that nobody named
        axes = guess_axes(array, rgb="S" in axes)
    return array, axes, pixel_size_um


def _check_parts(path: Path, series: TiffPageSeries) -> None:
    """Raise `UserError` where a strip or tile would unpack to far more than it should."""
    expected = math.prod(series.keyframe.chunks) * series.dtype.itemsize
    for page in series.pages:
        if page is None:
            continue
        file = page.parent.filehandle  # those of other files of an OME-TIFF may be closed
        closed = file.closed
        if closed:
            file.open()
        try:
            for offset, size in zip(page.dataoffsets, page.databytecounts, strict=False):
                file.seek(offset)
                check_part(path, file.read(size), expected)
        finally:
            if closed:
                file.close()


def check_other_files(path: Path, tif: TiffFile) -> None:
    """Raise `UserError` where an OME-TIFF asks for planes of files that do not lie beside it."""
    if not (tif.is_ome and tif.ome_metadata):
        return
    try:
        elements = ElementTree.fromstring(tif.ome_metadata).iter()
        names = [element.get("FileName", "") for element in elements]
    except ElementTree.ParseError:  # then nothing is read by it, unless others repair it
        names = ["/"] if "FileName" in tif.ome_metadata else []
    if any(set(name) & set("/\\:") or name == ".." for name in names):
        raise UserError(f"{path} names files outside of its own folder; save it as one file.")


def _read_with_pillow(path: Path, shape: tuple[int, ...]) -> NDArray[Any]:
    """Read a TIFF of the common compressions that tifffile leaves to the package imagecodecs, such as LZW."""
    try:
        array = np.stack(list(iio.imiter(path, plugin="pillow")))
        return array.reshape(shape)
    except UNREADABLE as error:
        raise UserError(
            f"{path} is compressed in a way that needs one more package: pip install imagecodecs."
        ) from error


def _read_picture(path: Path) -> tuple[NDArray[Any], str, float | None]:
    """Read PNG or JPEG; grey with alpha and palettes included."""
    # Whatever else it may be, it is not opened: among other readers are some that start programs.
    with Image.open(path, formats=("PNG", "JPEG")) as header:
        n_bytes = 8 * header.width * header.height
        check_room(path, n_bytes)
        check_packing(path, n_bytes)
    array = np.asarray(iio.imread(path, index=0, plugin="pillow"))
    return array, guess_axes(array, rgb=array.ndim == 3), None


def _join_samples(array: NDArray[Any], axes: str) -> tuple[NDArray[Any], str]:
    """Put samples last, drop alpha, and make colours of which all three are equal one grey channel."""
    if "S" not in axes:
        return array, axes
    array = np.moveaxis(array, axes.index("S"), -1)
    axes = axes.replace("S", "") + "S"
    if array.shape[-1] in (2, 4):
        array = array[..., :-1]
    grey = array[..., :1]
    if (array == grey).all():
        return np.ascontiguousarray(array[..., 0]), axes[:-1]
    return array, axes


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
