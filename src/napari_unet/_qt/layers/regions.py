"""A Shapes layer whose rectangles and polygons say: inside, all is annotated."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Layer, Shapes

from napari_unet._qt.colours import BACKGROUND
from napari_unet._qt.layers.sources import geometry
from napari_unet.annotation.regions import Region

_KINDS = ("rectangle", "polygon")


def make_regions_layer(image: Layer, name: str) -> Shapes:
    """Return an empty layer that lies on the image."""
    layer = Shapes(
        ndim=image.ndim,
        name=name,
        edge_color=BACKGROUND,
        face_color="transparent",
        edge_width=2,
        **geometry(image),
    )
    layer.current_face_color = "#00000000"
    layer.current_edge_color = BACKGROUND
    return layer


def regions_of(layer: Shapes) -> tuple[list[Region], int]:
    """Return the regions that are drawn, and how many shapes are neither rectangle nor polygon."""
    regions: list[Region] = []
    others = 0
    for kind, vertices in zip(layer.shape_type, layer.data, strict=True):
        if kind not in _KINDS:
            others += 1
            continue
        regions.append(_region(kind, np.asarray(vertices, dtype=float)))
    return regions, others


def selected_regions(layer: Shapes) -> list[Region]:
    """Return the regions that are selected, all of them where none is."""
    chosen = sorted(layer.selected_data) or range(len(layer.data))
    return [
        _region(layer.shape_type[i], np.asarray(layer.data[i], dtype=float))
        for i in chosen
        if layer.shape_type[i] in _KINDS
    ]


def _region(kind: Any, vertices: Any) -> Region:
    plane = tuple(round(float(p)) for p in vertices[0, :-2])
    return Region(kind=kind, vertices=vertices[:, -2:], plane=plane)
