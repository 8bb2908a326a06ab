"""A Shapes layer whose rectangles and polygons say: inside, all is annotated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.layers import Layer, Shapes
from qtpy.QtCore import QObject, Signal

from napari_unet._qt.colours import BACKGROUND
from napari_unet._qt.layers.sources import geometry
from napari_unet.annotation.regions import Region

_KINDS = ("rectangle", "polygon")


class RegionsLayer(QObject):
    """The Shapes layer that holds the regions, once there is one.

    Signals
    -------
    drawn(list, int)
        The regions that are drawn now, and how many shapes are no regions.
    """

    drawn = Signal(list, int)

    def __init__(self) -> None:
        super().__init__()
        self.layer: Shapes | None = None

    def add(self, viewer: Any, image: Layer) -> None:
        """Make the layer where there is none; select it, with the rectangle as tool."""
        if self.layer is None:
            self.layer = make_regions_layer(image, "Annotation regions")
            viewer.add_layer(self.layer)
            self.layer.events.data.connect(self._read)
        viewer.layers.selection.active = self.layer
        self.layer.mode = "add_rectangle"

    def restore(self, viewer: Any, image: Layer, regions: Sequence[Region]) -> None:
        """Draw regions that were kept, instead of those that are drawn."""
        if not regions and self.layer is None:
            return
        if self.layer is None:
            active = viewer.layers.selection.active
            self.add(viewer, image)
            self.layer.mode = "pan_zoom"
            viewer.layers.selection.active = active
        self.layer.events.data.disconnect(self._read)
        try:
            self.layer.data = []
            for region in regions:
                corners = np.asarray(region.vertices, float)
                lead = np.broadcast_to(np.asarray(region.plane, float), (len(corners), len(region.plane)))
                self.layer.add(np.hstack([lead, corners]), shape_type=region.kind)
        finally:
            self.layer.events.data.connect(self._read)

    def forget(self, tell: bool = True) -> None:
        """Let the layer be an ordinary one; tell that there are no regions any more."""
        if self.layer is not None:
            self.layer.events.data.disconnect(self._read)
            self.layer = None
            if tell:
                self.drawn.emit([], 0)

    def chosen(self) -> list[Region]:
        """Return the selected regions, all where none is selected."""
        return selected_regions(self.layer) if self.layer is not None else []

    def _read(self, event: Any = None) -> None:
        # napari tells of a shape before and after it is there; what counts is what is there now.
        if self.layer is not None:
            self.drawn.emit(*regions_of(self.layer))


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
