"""Layers that show one plane of a result: weight map, probability, uncertainty."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image, Layer
from numpy.typing import NDArray

from napari_unet._qt.colours import veil
from napari_unet._qt.layers.sources import OURS, plane_geometry

_LOOKS: dict[str, dict[str, Any]] = {
    "Weight map": {"colormap": veil("weights", "#d55e00"), "blending": "translucent", "opacity": 0.9},
    "Probability": {"colormap": "viridis", "blending": "translucent", "opacity": 0.6},
    "Uncertainty": {"colormap": veil("uncertainty", "#b000b0"), "blending": "translucent", "opacity": 0.9},
}
KINDS = tuple(_LOOKS)


class ResultLayers:
    """Two-dimensional layers, which napari shows on every plane of a stack; theirs is the current one."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._layers: dict[str, Image] = {}

    def shown(self) -> list[str]:
        """Return which kinds have a layer in the viewer; forget those that the user removed."""
        present = list(self._viewer.layers)
        self._layers = {kind: layer for kind, layer in self._layers.items() if layer in present}
        return list(self._layers)

    def show(
        self,
        kind: str,
        values: NDArray[np.float32],
        limits: tuple[float, float],
        image: Layer,
        opacity: float | None = None,
    ) -> Image:
        """Show a plane, shape ``(Y, X)``; the layer is made where there is none, and lies on `image`.

        Parameters
        ----------
        opacity
            Of a layer that is made; the user may change it.
        """
        if kind in self.shown():
            layer = self._layers[kind]
            layer.data = values
            if kind == "Weight map":
                layer.contrast_limits = limits
            return layer
        layer = Image(
            values,
            name=kind,
            contrast_limits=limits,
            metadata={OURS: kind},
            **(_LOOKS[kind] | ({} if opacity is None else {"opacity": opacity})),
            **plane_geometry(image),
        )
        # What the user paints stays the active layer, also under a veil.
        active = self._viewer.layers.selection.active
        self._layers[kind] = layer
        self._viewer.layers.insert(self._place(kind, image), layer)
        if active is not None:
            self._viewer.layers.selection.active = active
        return layer

    def redraw(self, kind: str) -> None:
        """Draw a layer again whose array was changed in place."""
        if kind in self.shown():
            self._layers[kind].refresh(extent=False, thumbnail=False)

    def hide(self, kind: str) -> None:
        """Remove the layer."""
        if kind in self.shown():
            self._viewer.layers.remove(self._layers.pop(kind))

    def _place(self, kind: str, image: Layer) -> int:
        layers = list(self._viewer.layers)
        covers = kind == "Probability"
        return layers.index(image) + 1 if covers and image in layers else len(layers)
