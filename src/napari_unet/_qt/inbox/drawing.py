"""What an entry of the inbox is about, and what is proposed, drawn over the image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.layers import Layer, Shapes

from napari_unet._qt.layers.sources import OURS, plane_geometry

NAME = "Worth a look"
ABOUT, PROPOSED = "#ffd400", "#ff3fa4"
"""Colours of what it is about, and of what is proposed."""


class Drawing:
    """A layer of lines that is there while an entry is looked at; nobody edits it."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self.layer: Shapes | None = None

    def show(self, image: Layer, about: Sequence[Any], proposed: Sequence[Any]) -> None:
        """Draw lines ``(N, 2)`` in px of the plane: outlines of what it is about, and what is proposed."""
        lines = [(np.asarray(line), ABOUT) for line in about] + [
            (np.asarray(line), PROPOSED) for line in proposed
        ]
        self.remove()
        viewer = self._viewer()
        if viewer is None or not lines:
            return
        width = 0.5 if max(len(line) for line, _ in lines) < 8 else 0.7
        self.layer = Shapes(
            [line for line, _ in lines],
            shape_type="path",
            edge_color=[colour for _, colour in lines],
            face_color="transparent",
            edge_width=width,
            name=NAME,
            metadata={OURS: NAME},
            opacity=1.0,
            **plane_geometry(image),
        )
        self.layer.editable = False
        active = viewer.layers.selection.active
        viewer.layers.append(self.layer)
        if active is not None:  # tools and keys stay those of the layer that is worked on
            viewer.layers.selection.active = active

    def remove(self) -> None:
        """Take it away."""
        viewer = self._viewer()
        if viewer is not None and self.layer is not None and self.layer in viewer.layers:
            active = viewer.layers.selection.active
            viewer.layers.remove(self.layer)
            if active is not None and active in viewer.layers:
                viewer.layers.selection.active = active
        self.layer = None
