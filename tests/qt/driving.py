"""What tests of the dock do again and again."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication


def add_discs(dock: Any, discs: Any, annotated: bool = True) -> Any:
    """Open the discs; return the annotation layer."""
    dock.viewer.add_image(discs[0], name="discs")
    if not annotated:
        return None
    said = {"coding": "project", "labels_are": "objects", "class_names": ()}
    return dock.viewer.add_labels(discs[1].copy(), metadata={"napari_unet": said})


def words(dock: Any) -> str:
    return dock.messages.text()


def canvas_of(viewer: Any) -> Any:
    return viewer.window._qt_viewer.canvas.native


def place_of(viewer: Any, layer: Any, index: tuple[float, float]) -> QPointF:
    """Return where a pixel is on the canvas."""
    camera = viewer.scene.camera
    world = np.asarray(layer.data_to_world(index))[-2:]
    y, x = (world - np.asarray(camera.center)[-2:]) * camera.zoom
    canvas = canvas_of(viewer)
    return QPointF(QPoint(round(canvas.width() / 2 + x), round(canvas.height() / 2 + y)))


def stroke(viewer: Any, layer: Any, *points: tuple[float, float]) -> None:
    """Draw over the canvas with the left button held."""
    canvas = canvas_of(viewer)
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    kinds = QMouseEvent.Type
    events = [(kinds.MouseMove, points[0], none, none), (kinds.MouseButtonPress, points[0], left, left)]
    events += [(kinds.MouseMove, point, none, left) for point in points[1:]]
    events += [(kinds.MouseButtonRelease, points[-1], left, none)]
    for kind, point, button, held in events:
        place = place_of(viewer, layer, point)  # now: the window may still be finding its size
        there = QPointF(canvas.mapToGlobal(place.toPoint()))
        event = QMouseEvent(kind, place, there, button, held, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(canvas, event)
        QApplication.processEvents()


def train_a_little(dock: Any, steps: int) -> None:
    """Press Train for a few steps of a tiny network from scratch."""
    train = dock.train
    train.budget.setCurrentIndex(train.budget.findData("steps"))
    train.steps.setValue(steps)
    train.start.setCurrentIndex(train.start.findData("scratch"))
    train.start.activated.emit(train.start.currentIndex())
    train.advanced.set_open(True)
    train.advanced.body.width_box.setValue(4)
    train.advanced.body.depth_box.setValue(2)
    train.train.click()
    assert dock.loop.training is not None, words(dock)
