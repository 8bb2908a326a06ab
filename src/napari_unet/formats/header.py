"""What a file says of its axes, without reading a pixel."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tifffile import TiffFile

from napari_unet.errors import UserError
from napari_unet.formats.paths import file_kind
from napari_unet.formats.pixel_size import to_micrometres
from napari_unet.formats.unreadable import UNREADABLE


@dataclass(frozen=True)
class Header:
    """Axes of a file.

    Attributes
    ----------
    axes
        One letter per axis, ``S`` for colours.
    shape
        Of the whole array.
    plane_distance_um
        From one plane to the next along Z, where the file tells.
    """

    axes: str
    shape: tuple[int, ...]
    plane_distance_um: float | None = None


def read_header(path: Path | str) -> Header | None:
    """Return what a TIFF, OME-TIFF, ImageJ TIFF or OME-Zarr says of its axes; ``None`` where it says nothing.

    Never raises for what a file may hold: whoever asks goes on without.
    """
    path = Path(path)
    try:
        kind = file_kind(path)
        if kind == "tiff":
            return _of_tiff(path)
        return _of_zarr(path) if kind == "zarr" else None
    except (UserError, ImportError, ElementTree.ParseError, RecursionError, *UNREADABLE):
        return None


def _of_tiff(path: Path) -> Header | None:
    with TiffFile(path) as tif:
        series = tif.series[0]
        axes, shape = str(series.axes), tuple(int(n) for n in series.shape)
        if not set(axes) <= set("TCZYXS") or len(axes) != len(shape):
            return None
        distance = None
        if tif.is_ome and tif.ome_metadata:
            pixels = ElementTree.fromstring(tif.ome_metadata).find(".//{*}Image/{*}Pixels")
            if pixels is not None and "PhysicalSizeZ" in pixels.attrib:
                unit = pixels.attrib.get("PhysicalSizeZUnit", "µm")
                distance = to_micrometres(float(pixels.attrib["PhysicalSizeZ"]), unit)
        elif tif.is_imagej and tif.imagej_metadata:
            said = tif.imagej_metadata
            distance = to_micrometres(float(said.get("spacing", math.nan)), str(said.get("unit", "pixel")))
        return Header(axes, shape, distance)


def _of_zarr(path: Path) -> Header | None:
    import zarr

    node = zarr.open(str(path), mode="r")
    if isinstance(node, zarr.Array):
        return None
    attributes: Any = dict(node.attrs)
    multiscale = attributes.get("ome", attributes)["multiscales"][0]
    level = multiscale["datasets"][0]
    described = [axis if isinstance(axis, Mapping) else {"name": axis} for axis in multiscale["axes"]]
    axes = "".join(str(axis["name"])[:1].upper() for axis in described)
    stored = node[str(level["path"])]
    shape = tuple(int(n) for n in getattr(stored, "shape", ()))
    if len(shape) != len(axes) or len(set(axes)) < len(axes):
        return None
    distance = None
    if "Z" in axes and described[axes.index("Z")].get("unit"):
        size = 1.0
        for owner in (level, multiscale):
            for transformation in owner.get("coordinateTransformations", []):
                if transformation.get("type") == "scale":
                    size *= float(transformation["scale"][axes.index("Z")])
        distance = to_micrometres(size, str(described[axes.index("Z")]["unit"]))
    return Header(axes, shape, distance)
