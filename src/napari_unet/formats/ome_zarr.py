"""OME-Zarr images, read at full resolution; the package zarr is needed only here."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from numpy.typing import NDArray

from napari_unet.errors import UserError
from napari_unet.formats.axes import guess_axes
from napari_unet.formats.pixel_size import to_micrometres
from napari_unet.formats.room import check_room, no_room
from napari_unet.formats.unpacking import check_part
from napari_unet.formats.zarr_chunks import read_written

# what zarr and numcodecs raise for descriptions and chunks that are damaged or that they do not know
UNREADABLE = (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, RuntimeError,
              NotImplementedError, AssertionError, ArithmeticError, RecursionError)  # fmt: skip


def read_ome_zarr(path: Path) -> tuple[NDArray[Any], str, float | None]:
    """Read an OME-Zarr image (0.4 or 0.5) or a bare Zarr array.

    Parameters
    ----------
    path : Path
        Folder of the Zarr group or array.

    Returns
    -------
    array : array
        Level 0, whole.
    axes : str
        One upper-case letter per axis.
    pixel_size_um : float or None

    Raises
    ------
    UserError
        If zarr is not installed, the folder holds no image, or one that needs more memory than there is.
    """
    stored, place, axes, pixel_size = _open(path)
    return _read(path, place, stored), axes, pixel_size


def open_ome_zarr(path: Path) -> tuple[Any, str, float | None]:
    """Open an OME-Zarr image or a bare Zarr array without reading its pixels.

    Returns
    -------
    stored : zarr.Array
        Level 0.
    axes : str
    pixel_size_um : float or None

    Raises
    ------
    UserError
        As `read_ome_zarr`, but for memory.
    """
    stored, _, axes, pixel_size = _open(path)
    return stored, axes, pixel_size


def _open(path: Path) -> tuple[Any, Path, str, float | None]:
    """Return level 0, the folder that it lies in, its axes and the width of its pixels."""
    try:
        import zarr
    except ImportError:
        raise UserError(f"{path} is OME-Zarr, which needs one more package: pip install zarr.") from None
    try:
        node = zarr.open(str(path), mode="r")
    except UNREADABLE as error:
        raise UserError(f"{path} could not be read as OME-Zarr ({_short(error)}).") from error
    if isinstance(node, zarr.Array):
        return _checked(path, node), path, guess_axes(node), None
    try:
        attributes: Any = dict(node.attrs)
        multiscale = attributes.get("ome", attributes)["multiscales"][0]
        level = multiscale["datasets"][0]
        inside = _inside(path, level["path"])
        axes = "".join(_letter(axis) for axis in multiscale.get("axes", []))
        pixel_size = _pixel_size(multiscale, level)
        stored = node[inside]
        if not isinstance(stored, zarr.Array):
            raise TypeError(inside)
    except UserError:
        raise
    except UNREADABLE as error:
        raise UserError(f"{path} is a Zarr folder without an OME image in it.") from error
    fits = len(axes) == stored.ndim and len(set(axes)) == len(axes)
    return _checked(path, stored), path / inside, axes if fits else guess_axes(stored), pixel_size


def _checked(path: Path, stored: Any) -> Any:
    """Return an array, after a look at what reading it would do."""
    try:
        described = stored.metadata.to_dict()
        described.pop("attributes", None)
        if "pickle" in json.dumps(described, default=str).lower():
            raise UserError(
                f"{path} is packed in a way that could run a program when it is read (pickle): "
                "save it in another way."
            )
        if stored.dtype.kind not in "buif":
            raise UserError(f"{path} holds no image: its type is {stored.dtype}.")
    except UserError:
        raise
    except UNREADABLE as error:
        raise UserError(f"{path} could not be read as OME-Zarr ({_short(error)}).") from error
    return stored


def _read(path: Path, place: Path, stored: Any) -> NDArray[Any]:
    """Read a whole array, which lies at `place`, if it fits into memory."""
    try:
        sizes = stored.shape, stored.chunks, getattr(stored, "shards", None) or ()
        n_bytes = sum(math.prod(map(int, shape)) for shape in sizes) * stored.dtype.itemsize
        check_room(path, n_bytes)
        largest = max(math.prod(map(int, shape)) for shape in sizes[1:]) * stored.dtype.itemsize
        for chunk in place.rglob("*"):
            if chunk.is_file() and chunk.suffix != ".json":
                check_part(path, chunk.read_bytes(), largest)
        return read_written(place, stored)
    except UserError:
        raise
    except MemoryError as error:
        raise no_room(path, n_bytes) from error
    except UNREADABLE as error:
        raise UserError(f"{path} could not be read as OME-Zarr ({_short(error)}).") from error


def _inside(path: Path, level: object) -> str:
    """Return the place of an array within the folder."""
    place = PurePosixPath(str(level).replace("\\", "/"))
    if place.is_absolute() or ".." in place.parts or ":" in str(place):
        raise UserError(f"{path} names an image outside of its own folder ({str(level)[:100]}).")
    return str(place)


def _letter(axis: Any) -> str:
    return str(axis["name"] if isinstance(axis, Mapping) else axis)[:1].upper()


def _pixel_size(multiscale: Mapping[str, Any], level: Mapping[str, Any]) -> float | None:
    """Width of a pixel in µm, if the last axis has a unit of length."""
    axes = multiscale.get("axes", [])
    unit = axes[-1].get("unit") if axes and isinstance(axes[-1], Mapping) else None
    if unit is None:
        return None
    size = 1.0
    for owner in (level, multiscale):
        for transformation in owner.get("coordinateTransformations", []):
            if transformation.get("type") == "scale":
                size *= float(transformation["scale"][-1])
    return to_micrometres(size, str(unit))


def _short(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
