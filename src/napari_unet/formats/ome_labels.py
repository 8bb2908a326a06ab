"""Label images in the two formats of the Open Microscopy Environment: OME-TIFF and OME-Zarr 0.5."""

from __future__ import annotations

import itertools
import os
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_unet.errors import UserError
from napari_unet.formats.atomic import replace_whole
from napari_unet.formats.writing import fitting_labels, ome_metadata

VERSION = "0.5"
_CHUNK = 1024
_BOX = 4 * _CHUNK
"""Side in px of what is written at once."""
_SMALLEST_LEVEL = 256
_KINDS = {"T": "time", "C": "channel"}


def write_ome_tiff(
    path: Path | str, labels: NDArray[Any], pixel_size_um: float | None = None, axes: str | None = None
) -> None:
    """Write a label image as OME-TIFF: uint16 where the values fit, else int32.

    Parameters
    ----------
    path : Path or str
        ``.ome.tif``; an older file is replaced.
    labels : (…, Y, X) array of integers
    pixel_size_um : float, optional
        Width of a pixel.
    axes : str, optional
        One letter per axis; ``YX``, ``ZYX`` or ``TZYX`` by default.

    Raises
    ------
    UserError
        As `write_labels`.
    """
    metadata: dict[str, Any] = {"axes": _axes(labels, axes), **ome_metadata(pixel_size_um)}
    with replace_whole(path) as temporary:
        tifffile.imwrite(temporary, fitting_labels(labels), ome=True, metadata=metadata, compression="zlib")


def write_ome_zarr_labels(
    path: Path | str,
    labels: Any,
    pixel_size_um: float | None = None,
    axes: str | None = None,
    dtype: Any = None,
) -> None:
    """Write a label image with a pyramid as OME-Zarr 0.5, a folder; whole or not at all.

    Parameters
    ----------
    path : Path or str
        ``.zarr``; must not exist.
    labels : (…, Y, X) array of integers
        Anything that is cut by indices and slices; a part of a plane is in memory at a time.
    pixel_size_um : float, optional
        Width of a pixel.
    axes : str, optional
        As `write_ome_tiff`.
    dtype : dtype, optional
        What the numbers are stored as, for labels that are not in memory; by default uint16 where they fit, else
        int32.

    Raises
    ------
    UserError
        If there is something of that name already, or it can't be written.
    """
    import zarr

    path, axes = Path(path), _axes(labels, axes)
    if path.exists():
        raise UserError(f"{path} exists already and is not overwritten; choose another name.")
    fitting = fitting_labels(labels) if dtype is None else labels
    stored_as = fitting.dtype if dtype is None else np.dtype(dtype)
    *leading, height, width = (int(n) for n in labels.shape)
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        group = zarr.open_group(str(unfinished), mode="w-", zarr_format=3)
        datasets, levels = [], list[Any]()
        for k in range(_n_levels(labels.shape)):
            sides = tuple(-(-n // 2**k) for n in (height, width))
            stored = group.create_array(
                str(k),
                shape=(*leading, *sides),
                chunks=(1,) * len(leading) + tuple(min(_CHUNK, n) for n in sides),
                dtype=stored_as,
                dimension_names=list(axes.lower()),
            )
            levels.append(stored)
            datasets.append({"path": str(k), "coordinateTransformations": _at_level(axes, pixel_size_um, k)})
        for plane in np.ndindex(*leading):
            _write_plane(fitting, levels, plane, height, width)
        multiscale: dict[str, Any] = {
            "name": "labels",
            "axes": _described(axes, pixel_size_um),
            "datasets": datasets,
            "type": "nearest",
        }
        description: Any = {
            "version": VERSION,
            "multiscales": [multiscale],
            "image-label": {"version": VERSION},
        }
        group.attrs["ome"] = description
        os.replace(unfinished, path)
    except OSError as error:
        raise UserError(
            f"{path} was not written: {error.strerror or error}; choose another place."
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _write_plane(labels: Any, levels: Sequence[Any], plane: tuple[int, ...], height: int, width: int) -> None:
    """Write a plane at every level, a box at a time; each box begins at a pixel that every level has."""
    box = max(_BOX, 2 ** (len(levels) - 1))
    for top, left in itertools.product(range(0, height, box), range(0, width, box)):
        rows, columns = slice(top, min(top + box, height)), slice(left, min(left + box, width))
        part = np.asarray(labels[(*plane, rows, columns)])
        for k, stored in enumerate(levels):
            coarse = part[:: 2**k, :: 2**k].astype(stored.dtype)
            y, x = top >> k, left >> k
            stored[(*plane, slice(y, y + coarse.shape[0]), slice(x, x + coarse.shape[1]))] = coarse


def _n_levels(shape: tuple[int, ...]) -> int:
    n, side = 1, max(shape[-2:])
    while side > _SMALLEST_LEVEL:
        n, side = n + 1, side // 2
    return n


def _at_level(axes: str, pixel_size_um: float | None, level: int) -> list[dict[str, Any]]:
    factor = float(2**level)
    scale = [factor * (pixel_size_um or 1.0) if axis in "YX" else 1.0 for axis in axes]
    # Every second pixel is taken, so that the first one's centre stays where it is.
    return [{"type": "scale", "scale": scale}]


def _described(axes: str, pixel_size_um: float | None) -> list[dict[str, str]]:
    described = []
    for axis in axes:
        entry = {"name": axis.lower(), "type": _KINDS.get(axis, "space")}
        if pixel_size_um is not None and axis in "YX":
            entry["unit"] = "micrometer"
        described.append(entry)
    return described


def _axes(labels: Any, axes: str | None) -> str:
    found = axes or {2: "YX", 3: "ZYX", 4: "TZYX"}.get(len(labels.shape))
    if found is None or len(found) != len(labels.shape):
        raise UserError(f"Labels of shape {labels.shape} can't be written: name one axis for each dimension.")
    return found
