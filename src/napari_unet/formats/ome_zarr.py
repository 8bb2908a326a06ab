"""OME-Zarr images, read at full resolution; the package zarr is needed only here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.errors import UserError
from napari_unet.formats.axes import guess_axes
from napari_unet.formats.pixel_size import to_micrometres


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
        If zarr is not installed, or the folder holds no image.
    """
    try:
        import zarr
    except ImportError:
        raise UserError(f"{path} is OME-Zarr, which needs one more package: pip install zarr.") from None
    try:
        node = zarr.open(str(path), mode="r")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} could not be read as OME-Zarr ({error}).") from error
    if isinstance(node, zarr.Array):
        array = np.asarray(node[...])
        return array, guess_axes(array), None
    attributes = dict(node.attrs)
    described: Any = attributes.get("ome", attributes)
    try:
        multiscale = described["multiscales"][0]
        level = multiscale["datasets"][0]
        array = np.asarray(node[str(level["path"])])
    except (KeyError, IndexError, TypeError) as error:
        raise UserError(f"{path} is a Zarr folder without an OME image in it.") from error
    axes = "".join(_letter(axis) for axis in multiscale.get("axes", [])) or guess_axes(array)
    return array, axes, _pixel_size(multiscale, level)


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
