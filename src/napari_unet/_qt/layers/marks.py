"""Layers that mark objects of one plane in a few colours: errors, differences between two rounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from napari.layers import Image, Layer
from numpy.typing import NDArray

from napari_unet._qt.layers.sources import OURS, plane_geometry

_OPACITY = 0.9


def show_marks(
    viewer: Any, name: str, picture: NDArray[np.uint8], colours: Mapping[int, str], image: Layer
) -> None:
    """Show a picture of marks (Y, X), 0 transparent, above everything; what the user paints on stays active."""
    table = np.zeros((256, 4), np.uint8)
    for value, colour in colours.items():
        table[value] = (*bytes.fromhex(colour.removeprefix("#")), 255)
    pixels = table[picture]
    for layer in viewer.layers:
        if layer.metadata.get(OURS) == name and isinstance(layer, Image):
            if layer.data.shape == pixels.shape:
                layer.data = pixels
                layer.visible = True
                return
            viewer.layers.remove(layer)
            break
    active = viewer.layers.selection.active
    viewer.layers.append(
        Image(
            pixels,
            rgb=True,
            name=name,
            opacity=_OPACITY,
            blending="translucent",
            metadata={OURS: name},
            **plane_geometry(image),
        )
    )
    if active is not None:
        viewer.layers.selection.active = active


def hide_marks(viewer: Any, name: str) -> None:
    """Take the layer away, if there is one."""
    for layer in list(viewer.layers):
        if layer.metadata.get(OURS) == name:
            viewer.layers.remove(layer)
