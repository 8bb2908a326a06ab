"""Drive the real napari window as a person does: mouse strokes on the canvas, clicks on buttons, pictures of it all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractButton, QApplication, QScrollArea, QWidget

Point = tuple[float, float]
"""Row and column in px of the image."""


class RealWindow:
    """One napari window with the dock open."""

    def __init__(self, layers: Sequence[tuple[Any, dict[str, Any], str]], size: tuple[int, int]) -> None:
        import napari
        from napari.layers import Layer

        from napari_unet._qt.dock import open_dock

        self.viewer = napari.Viewer(title="napari-unet", show=True)
        for data, attributes, kind in layers:
            self.viewer.add_layer(Layer.create(data, attributes, kind))
        self.dock = open_dock(self.viewer)
        self.viewer.window.resize(*size)
        self.settle(0.5)
        self.viewer.reset_view()
        self.settle(0.3)

    @property
    def loop(self) -> Any:
        """The dock's loop."""
        return self.dock.loop

    def settle(self, seconds: float = 0.15) -> None:
        """Let the window work for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            QApplication.processEvents()
            time.sleep(0.005)

    def wait(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        """Let the window work until the condition holds."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"{what} took more than {seconds:.0f} s")
            self.settle(0.05)
        self.settle(0.2)

    def click(self, button: QAbstractButton) -> None:
        """Scroll to a button of the dock and click it."""
        self.show_in_dock(button)
        assert button.isEnabled(), f"“{button.text()}” can't be pressed now"
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        self.settle()

    def press_key(self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Press a key over the canvas."""
        self.canvas.setFocus()
        QTest.keyClick(self.canvas, key, modifier)
        self.settle()

    def show_in_dock(self, widget: QWidget) -> None:
        """Scroll the dock to a widget."""
        area = self.dock.findChild(QScrollArea)
        area.ensureWidgetVisible(widget, 0, 60)
        self.settle()

    @property
    def canvas(self) -> QWidget:
        """The widget that shows the image and takes the mouse."""
        native: QWidget = self.viewer.window._qt_viewer.canvas.native
        return native

    def place(self, point: Point) -> QPoint:
        """Return where a pixel of the image is on the canvas."""
        camera = self.viewer.scene.camera if hasattr(self.viewer, "scene") else self.viewer.camera
        world = self.viewer.layers[0].data_to_world(self._with_plane(point))
        y, x = (np.asarray(world)[-2:] - np.asarray(camera.center)[-2:]) * camera.zoom
        return QPoint(round(self.canvas.width() / 2 + x), round(self.canvas.height() / 2 + y))

    def stroke(self, points: Iterable[Point]) -> None:
        """Draw with the left button held, from point to point."""
        places = [self.place(point) for point in points]
        self._mouse(QMouseEvent.Type.MouseMove, places[0], held=False)
        self._mouse(QMouseEvent.Type.MouseButtonPress, places[0])
        for place in places[1:]:
            self._mouse(QMouseEvent.Type.MouseMove, place)
        self._mouse(QMouseEvent.Type.MouseButtonRelease, places[-1], held=False)
        self.settle()

    def click_at(self, point: Point) -> None:
        """Click on a pixel of the image."""
        self.stroke([point])

    def picture(self, path: Path) -> None:
        """Write a picture of the whole window."""
        self.settle(0.3)
        self.viewer.screenshot(str(path), canvas_only=False, flash=False)

    def close(self) -> None:
        """Close the window."""
        self.viewer.close()
        self.settle(0.3)

    def _with_plane(self, point: Point) -> tuple[float, ...]:
        layer = self.viewer.layers[0]
        n = layer.ndim
        return (0.0,) * (n - 2) + (float(point[0]), float(point[1]))

    def _mouse(self, kind: Any, place: QPoint, held: bool = True) -> None:
        button = Qt.MouseButton.NoButton if kind == QMouseEvent.Type.MouseMove else Qt.MouseButton.LeftButton
        buttons = Qt.MouseButton.LeftButton if held else Qt.MouseButton.NoButton
        there = QPointF(place)
        on_screen = QPointF(self.canvas.mapToGlobal(place))
        event = QMouseEvent(kind, there, on_screen, button, buttons, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(self.canvas, event)
        QApplication.processEvents()
