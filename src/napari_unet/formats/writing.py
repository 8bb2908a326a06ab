"""Label images and probabilities as TIFF that ImageJ and napari open, with the size of a pixel."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_unet.errors import UserError
from napari_unet.formats.atomic import replace_whole

LARGEST_UINT16 = 65535
TIFF_TILE = 512
"""Side in px of the tiles of a large TIFF."""


def write_labels(
    path: Path | str, labels: NDArray[Any], pixel_size_um: float | None = None, axes: str | None = None
) -> None:
    """Write a label image: uint16 when the values fit (an ImageJ TIFF), else int32 (a plain TIFF).

    Parameters
    ----------
    path : Path or str
        ``.tif``; an older file is replaced, but only when the new one is whole.
    labels : (…, Y, X) array of integers
    pixel_size_um : float, optional
        Width of a pixel, stored in the resolution tags.
    axes : str, optional
        One letter per axis; ``YX``, ``ZYX`` or ``TZYX`` by default.

    Raises
    ------
    UserError
        If the labels are no whole numbers or exceed int32, or the file can't be written.
    """
    fitting = fitting_labels(labels)
    axes = axes or {2: "YX", 3: "ZYX", 4: "TZYX"}.get(labels.ndim)
    if fitting.dtype == np.uint16:
        _write_imagej(Path(path), fitting, axes, pixel_size_um)
        return
    per_cm = None if pixel_size_um is None else 1e4 / pixel_size_um
    with replace_whole(path) as temporary:
        tifffile.imwrite(
            temporary,
            fitting,
            compression="zlib",
            metadata={"axes": axes},
            resolution=None if per_cm is None else (per_cm, per_cm),
            resolutionunit=None if per_cm is None else "CENTIMETER",
        )


def fitting_labels(labels: NDArray[Any]) -> NDArray[Any]:
    """Return labels as uint16 where the values fit, else as int32.

    Raises
    ------
    UserError
        If they are no whole numbers, or exceed int32.
    """
    if labels.dtype.kind not in "bui":
        raise UserError(f"Labels are whole numbers; these are {labels.dtype}, so nothing was written.")
    low, high = (int(labels.min()), int(labels.max())) if labels.size else (0, 0)
    if not -(2**31) <= low <= high < 2**31:
        raise UserError(f"Labels from {low} to {high} do not fit into 32 bits; renumber them.")
    return labels.astype(np.uint16 if low >= 0 and high <= LARGEST_UINT16 else np.int32)


def write_labels_in_parts(
    path: Path | str,
    labels: Any,
    pixel_size_um: float | None = None,
    axes: str | None = None,
    dtype: Any = np.int32,
    ome: bool = False,
) -> None:
    """Write labels that are read part by part as a tiled TIFF, larger than 4 GB if need be.

    Parameters
    ----------
    path : Path or str
        ``.tif``; an older file is replaced, but only when the new one is whole.
    labels : (…, Y, X) array of integers
        Anything that is cut by indices and slices: one row of tiles at a time is in memory.
    pixel_size_um : float, optional
    axes : str, optional
        One letter per axis; ``YX``, ``ZYX`` or ``TZYX`` by default.
    dtype : dtype
        What the numbers are stored as; they have to fit.
    ome : bool
        As OME-TIFF.

    Raises
    ------
    UserError
        If the file can't be written.
    """
    *leading, height, width = (int(n) for n in labels.shape)
    dtype = np.dtype(dtype)
    metadata: dict[str, Any] = {"axes": axes or {0: "YX", 1: "ZYX", 2: "TZYX"}[len(leading)]}
    per_cm = None if pixel_size_um is None else 1e4 / pixel_size_um
    if ome:
        metadata |= ome_metadata(pixel_size_um)

    def tiles() -> Iterator[NDArray[Any]]:
        for plane in np.ndindex(*leading):
            for y in range(0, height, TIFF_TILE):
                rows = np.asarray(labels[(*plane, slice(y, min(y + TIFF_TILE, height)), slice(0, width))])
                for x in range(0, width, TIFF_TILE):
                    part = rows[:, x : x + TIFF_TILE]
                    missing = [(0, TIFF_TILE - n) for n in part.shape]
                    yield np.ascontiguousarray(np.pad(part, missing), dtype)

    with replace_whole(path) as temporary:
        tifffile.imwrite(
            temporary,
            tiles(),
            shape=(*leading, height, width),
            dtype=dtype,
            tile=(TIFF_TILE, TIFF_TILE),
            ome=ome,
            bigtiff=dtype.itemsize * math.prod(labels.shape) > 2**31,
            compression="zlib",
            metadata=metadata,
            resolution=None if per_cm is None else (per_cm, per_cm),
            resolutionunit=None if per_cm is None else "CENTIMETER",
        )


def ome_metadata(pixel_size_um: float | None) -> dict[str, Any]:
    """Return what an OME-TIFF of labels says of itself beside its axes."""
    if pixel_size_um is None:
        return {"Name": "labels"}
    unit = {"PhysicalSizeXUnit": "µm", "PhysicalSizeYUnit": "µm"}
    return {"Name": "labels", "PhysicalSizeX": pixel_size_um, "PhysicalSizeY": pixel_size_um, **unit}


def write_probabilities(
    path: Path | str,
    probabilities: NDArray[Any],
    pixel_size_um: float | None = None,
    axes: str | None = None,
) -> None:
    """Write maps of numbers as an ImageJ TIFF of float32.

    Parameters
    ----------
    path : Path or str
        ``.tif``
    probabilities : (C, Y, X) or (Y, X) array
        One map per class, background first; or a weight map.
    pixel_size_um : float, optional
        Width of a pixel.
    axes : str, optional
        One letter per axis, in ImageJ's order TZCYX.

    Raises
    ------
    UserError
        If the file can't be written.
    """
    axes = axes or {2: "YX", 3: "CYX", 4: "ZCYX", 5: "TZCYX"}[probabilities.ndim]
    _write_imagej(Path(path), probabilities.astype(np.float32), axes, pixel_size_um)


def _write_imagej(path: Path, array: NDArray[Any], axes: str | None, pixel_size_um: float | None) -> None:
    metadata: dict[str, Any] = {"axes": axes}
    if pixel_size_um is not None:
        metadata["unit"] = "um"
    with replace_whole(path) as temporary:
        tifffile.imwrite(
            temporary,
            array,
            imagej=True,
            metadata=metadata,
            compression="zlib" if array.dtype.kind == "u" else None,
            resolution=None if pixel_size_um is None else (1 / pixel_size_um, 1 / pixel_size_um),
        )
