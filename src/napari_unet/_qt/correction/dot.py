"""A dot that marks the first of two clicks, and stays on its place while the view moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from qtpy.QtWidgets import QWidget

from napari_unet._qt.correction.drawn_line import DrawnLine


class Dot:
    """Shown on a canvas, or not.

    Parameters
    ----------
    viewer
        Returns the viewer whose camera it follows.
    """

    def __init__(self, viewer: Callable[[], Any]) -> None:
        self._viewer = viewer
        self._widget: DrawnLine | None = None
        self._middle = self._world = np.zeros(2)

    def show(self, canvas: QWidget | None, place: Any, world: Any) -> None:
        """Mark a place.

        Parameters
        ----------
        canvas
            Where to draw; ``None`` where there is no window.
        place, world
            x and y on the canvas; the same place in world coordinates, rows and columns last.
        """
        self.remove()
        if canvas is None:
            return
        camera = self._camera()
        self._world = np.asarray(world, float)[-2:]
        # Where the camera's centre is on the canvas: found from the click, so that it holds in napari's grid too.
        self._middle = np.asarray(place, float) - self._from_centre(camera)
        self._widget = DrawnLine(canvas, loop=False)
        self._widget.move_dot(*place)
        camera.events.connect(self._follow)

    def remove(self) -> None:
        """Take it away."""
        if self._widget is not None:
            if self._viewer() is not None:
                self._camera().events.disconnect(self._follow)
            self._widget.remove()
            self._widget = None

    def _follow(self, event: Any = None) -> None:
        if self._widget is not None:
            self._widget.move_dot(*(self._middle + self._from_centre(self._camera())))

    def _from_centre(self, camera: Any) -> Any:
        vertical, horizontal = (str(way) for way in camera.orientation2d)
        signs = np.array([1 if horizontal == "right" else -1, 1 if vertical == "down" else -1])
        return signs * camera.zoom * (self._world - np.asarray(camera.center)[-2:])[::-1]

    def _camera(self) -> Any:
        viewer = self._viewer()
        return viewer.scene.camera if hasattr(viewer, "scene") else viewer.camera
