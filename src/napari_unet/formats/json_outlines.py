"""Outlines as JSON: GeoJSON as QuPath reads it, and COCO as tools for machine learning do."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.formats.atomic import replace_whole
from napari_unet.objects.outlines import Key, Outline, Part, Ring, signed_area
from napari_unet.objects.overlaps import IntArray

_ONE_PROJECT = uuid.UUID("7d9bd5c2-6d54-4c36-9d2c-0a0a3d2f57a1")
"""From which the identifiers of objects are derived: the same object has the same one each time."""


def write_geojson(
    path: Path | str,
    outlines: Iterable[Outline],
    axes: str = "",
    classes: Mapping[Key, str] | None = None,
    measurements: Mapping[Key, Mapping[str, float]] | None = None,
) -> int:
    """Write a collection of features in px: QuPath's detections, with class and measurements.

    Parameters
    ----------
    path : Path or str
        ``.geojson``; an older file is replaced.
    outlines : iterable of Outline
    axes : str
        One letter per axis of the planes: Z and T tell QuPath the plane.
    classes, measurements : mapping
        By plane and number.

    Returns
    -------
    int
        How many features there are.

    Raises
    ------
    UserError
        If the file can't be written.
    """
    features = []
    for outline in outlines:
        key = outline.key
        properties: dict[str, Any] = {"objectType": "detection", "name": str(outline.number)}
        if classes and key in classes:
            properties["classification"] = {"name": classes[key]}
        if measurements and key in measurements:
            properties["measurements"] = dict(measurements[key])
        features.append(
            {
                "type": "Feature",
                "id": str(uuid.uuid5(_ONE_PROJECT, repr(key))),
                "geometry": _geometry(outline, axes),
                "properties": properties,
            }
        )
    _write_json(path, {"type": "FeatureCollection", "features": features})
    return len(features)


def write_coco(
    path: Path | str,
    labels: IntArray,
    outlines: Iterable[Outline],
    image_name: str,
    classes: Mapping[Key, str] | None = None,
    class_names: Iterable[str] = (),
) -> int:
    """Write instances as COCO: polygons, or run lengths for objects with holes, which polygons can't say.

    Parameters
    ----------
    path : Path or str
        ``.json``; an older file is replaced.
    labels : integer array (…, Y, X)
    outlines : iterable of Outline
        Of these labels.
    image_name : str
        File name of the image; planes of a stack are images of their own, ``NAME[0, 3]``.
    classes : mapping, optional
        By plane and number; one category ``object`` without.
    class_names : iterable of str
        All categories in their order; others that occur follow.

    Returns
    -------
    int
        How many annotations there are.
    """
    height, width = labels.shape[-2:]
    planes = list(np.ndindex(*labels.shape[:-2]))
    names = list(dict.fromkeys([*class_names, *(classes or {}).values()])) or ["object"]
    annotations: list[dict[str, Any]] = []
    for outline in outlines:
        area = sum(signed_area(ring) for part in outline.parts for ring in (part.outer, *part.holes))
        corners = np.concatenate([part.outer for part in outline.parts])
        low, high = corners.min(axis=0), corners.max(axis=0)
        named = (classes or {}).get(outline.key, names[0])
        mask = labels[outline.plane] == outline.number if any(p.holes for p in outline.parts) else None
        annotations.append(
            {
                "id": len(annotations) + 1,
                "image_id": planes.index(outline.plane) + 1,
                "category_id": names.index(named) + 1,
                "segmentation": _polygons(outline) if mask is None else run_lengths(mask),
                "area": area,
                "bbox": [*low.tolist(), *(high - low).tolist()],
                "iscrowd": 0,
                "object_number": outline.number,
            }
        )
    images = [
        {
            "id": k + 1,
            "file_name": image_name + (str(list(plane)) if plane else ""),
            "width": width,
            "height": height,
        }
        for k, plane in enumerate(planes)
    ]
    categories = [{"id": k + 1, "name": name, "supercategory": ""} for k, name in enumerate(names)]
    _write_json(path, {"images": images, "annotations": annotations, "categories": categories})
    return len(annotations)


def run_lengths(mask: NDArray[np.bool_]) -> dict[str, list[int]]:
    """Return a mask (Y, X) as COCO's run lengths: column by column, background first."""
    flat = mask.ravel(order="F")
    edges = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
    return {"size": list(mask.shape), "counts": [0, *runs] if flat.size and flat[0] else runs}


def _polygons(outline: Outline) -> list[list[int]]:
    return [part.outer.ravel().tolist() for part in outline.parts]


def _geometry(outline: Outline, axes: str) -> dict[str, Any]:
    polygons = [_rings(part) for part in outline.parts]
    geometry: dict[str, Any] = (
        {"type": "Polygon", "coordinates": polygons[0]}
        if len(polygons) == 1
        else {"type": "MultiPolygon", "coordinates": polygons}
    )
    if outline.plane:
        position = dict(zip(axes, outline.plane, strict=False))
        geometry["plane"] = {"c": -1, "z": position.get("Z", 0), "t": position.get("T", 0)}
    return geometry


def _rings(part: Part) -> list[list[list[int]]]:
    return [_closed(ring) for ring in (part.outer, *part.holes)]


def _closed(ring: Ring) -> list[list[int]]:
    return [*ring.tolist(), ring[0].tolist()]


def _write_json(path: Path | str, content: Mapping[str, Any]) -> None:
    with replace_whole(path) as temporary:
        temporary.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
