"""The descriptions that make chunk folders OME-Zarr 0.5 images and labels for other programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from napari_unet.project.documents import ImageDescription

VERSION = "0.5"
_TYPES = {"t": "time", "c": "channel"}
_UNITS = {
    "µm": "micrometer",
    "μm": "micrometer",
    "um": "micrometer",
    "micron": "micrometer",
    "nm": "nanometer",
    "mm": "millimeter",
    "s": "second",
    "ms": "millisecond",
}
_KNOWN = {"micrometer", "nanometer", "millimeter", "second", "millisecond"}


def axis_names(image: ImageDescription, channels: bool = False) -> list[str]:
    """Return one name per axis, each only once; with `channels` for the pixels, else for labels."""
    names: list[str] = []
    for letter in image.axes.lower():
        names.append(letter if letter not in names else f"{letter}{len(names)}")
    if channels and image.channel_axis is not None:
        names.insert(image.channel_axis, "c" if "c" not in names else "channel")
    return names


def labels_group(names: Sequence[str]) -> bytes:
    """Return ``zarr.json`` of the folder that holds label images of these names."""
    return _group({"labels": list(names)})


def label_image(image: ImageDescription, name: str, path: str) -> bytes:
    """Return ``zarr.json`` of a label image whose array is in the folder `path`."""
    return _group({"multiscales": [_multiscale(image, name, path, False)], "image-label": {}})


def pixel_image(image: ImageDescription) -> bytes:
    """Return ``zarr.json`` of the image whose array is in the folder ``0``."""
    return _group({"multiscales": [_multiscale(image, image.name, "0", True)]})


def as_json(description: Mapping[str, Any]) -> bytes:
    """Return a description as it stands in ``zarr.json``."""
    return json.dumps(description, indent=1).encode()


def _group(ome: dict[str, Any]) -> bytes:
    attributes = {"ome": {"version": VERSION, **ome}}
    return as_json({"zarr_format": 3, "node_type": "group", "attributes": attributes})


def _multiscale(image: ImageDescription, name: str, path: str, channels: bool) -> dict[str, Any]:
    scale = [abs(s) or 1.0 for s in image.scale] or [1.0] * len(image.axes)
    units = list(image.units) or [""] * len(image.axes)
    names = axis_names(image, channels)
    if channels and image.channel_axis is not None:
        scale.insert(image.channel_axis, 1.0)
        units.insert(image.channel_axis, "")
    axes = []
    for axis, unit in zip(names, units, strict=True):
        entry = {"name": axis, "type": _TYPES.get(axis[:1], "space")}
        full = _UNITS.get(unit, unit)
        axes.append(entry | ({"unit": full} if full in _KNOWN else {}))
    dataset = {"path": path, "coordinateTransformations": [{"type": "scale", "scale": scale}]}
    return {"name": name, "axes": axes, "datasets": [dataset]}
