"""Outlines as JSON: GeoJSON as QuPath reads it, and COCO as tools for machine learning do."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.formats.atomic import replace_whole
from napari_unet.objects.outlines import Key, Outline, Part, Ring, mask_of, signed_area

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

    def feature(outline: Outline) -> dict[str, Any]:
        key = outline.key
        properties: dict[str, Any] = {"objectType": "detection", "name": str(outline.number)}
        if classes and key in classes:
            properties["classification"] = {"name": classes[key]}
        if measurements and key in measurements:
            properties["measurements"] = dict(measurements[key])
        return {
            "type": "Feature",
            "id": str(uuid.uuid5(_ONE_PROJECT, repr(key))),
            "geometry": _geometry(outline, axes),
            "properties": properties,
        }

    with replace_whole(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        file.write('{"type": "FeatureCollection", "features": [')
        n = _write_one_by_one(file, map(feature, outlines))
        file.write("]}")
    return n


def write_coco(
    path: Path | str,
    shape: tuple[int, ...],
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
    shape : tuple of int
        Of the labels, ``(…, Y, X)``.
    outlines : iterable of Outline
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
    height, width = shape[-2:]
    ids = {plane: k for k, plane in enumerate(np.ndindex(*shape[:-2]), 1)}
    names = list(dict.fromkeys([*class_names, *(classes or {}).values()])) or ["object"]

    def annotation(number: int, outline: Outline) -> dict[str, Any]:
        area = sum(signed_area(ring) for part in outline.parts for ring in (part.outer, *part.holes))
        corners = np.concatenate([part.outer for part in outline.parts])
        low, high = corners.min(axis=0), corners.max(axis=0)
        has_holes = any(part.holes for part in outline.parts)
        return {
            "id": number,
            "image_id": ids[outline.plane],
            "category_id": names.index((classes or {}).get(outline.key, names[0])) + 1,
            "segmentation": run_lengths(*mask_of(outline), height, width)
            if has_holes
            else _polygons(outline),
            "area": area,
            "bbox": [*low.tolist(), *(high - low).tolist()],
            "iscrowd": 0,
            "object_number": outline.number,
        }

    images = [
        {
            "id": k,
            "file_name": image_name + (str(list(plane)) if plane else ""),
            "width": width,
            "height": height,
        }
        for plane, k in ids.items()
    ]
    categories = [{"id": k + 1, "name": name, "supercategory": ""} for k, name in enumerate(names)]
    with replace_whole(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        file.write(f'{{"images": {json.dumps(images, ensure_ascii=False)}, "annotations": [')
        n = _write_one_by_one(file, itertools.starmap(annotation, enumerate(outlines, 1)))
        file.write(f'], "categories": {json.dumps(categories, ensure_ascii=False)}}}')
    return n


def run_lengths(
    mask: NDArray[np.bool_], corner: tuple[int, int], height: int, width: int
) -> dict[str, list[int]]:
    """Return a mask as COCO's run lengths in its image: column by column, background first.

    Parameters
    ----------
    mask
        Shape ``(Y, X)``, a part of the image.
    corner
        Row and column of its first pixel.
    height, width
        Of the image.
    """
    columns, rows = np.nonzero(mask.T)
    inside = (columns + corner[1]) * height + rows + corner[0]
    jumps = np.flatnonzero(np.diff(inside) > 1) + 1
    edges = np.stack(
        [np.append(inside[:1], inside[jumps]), np.append(inside[jumps - 1], inside[-1:]) + 1], axis=-1
    )
    runs = np.diff(edges.ravel(), prepend=0, append=height * width).tolist()
    return {"size": [height, width], "counts": runs if runs[-1] else runs[:-1]}


def _write_one_by_one(file: IO[str], entries: Iterable[Mapping[str, Any]]) -> int:
    """Write the entries of a list, of which memory holds one at a time; return how many there are."""
    n = 0
    for n, entry in enumerate(entries, 1):
        file.write((", " if n > 1 else "") + json.dumps(entry, ensure_ascii=False))
    return n


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
