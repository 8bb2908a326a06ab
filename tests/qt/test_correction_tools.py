"""The tools of the Correct step in a real window: keys, clicks and drags, the drawn line, and napari's own tools."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from driving import canvas_of, place_of, stroke
from napari.components import ViewerModel
from napari.layers import Labels
from qtpy.QtCore import QCoreApplication, QEvent, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_unet._qt.correction.drawn_line import DrawnLine
from napari_unet._qt.correction.tools import BETWEEN, CLASS, DELETE, MERGE, NEW, SMOOTH, SPLIT, TOOLS
from napari_unet.session import Which


def labels_of_discs() -> np.ndarray:
    y, x = np.mgrid[:96, :128]
    labels = np.zeros((96, 128), np.int32)
    for i, (cy, cx) in enumerate([(24, 20), (24, 40), (24, 80), (72, 24), (72, 64)], start=1):
        labels[((y - cy) ** 2 + (x - cx) ** 2 <= 10**2) & (labels == 0)] = i
    return labels


def segmented(dock: Any) -> Any:
    """Show found objects on the discs; return the layer."""
    dock.loop.session.segmenting.show((), labels_of_discs(), "Segment")
    QApplication.processEvents()
    return dock.loop.layers.layer(Which.SEGMENTATION)


@pytest.fixture
def window(
    open_dock_in_shared_window: Callable[..., Any], discs: Any, qtbot: Any
) -> Iterator[tuple[Any, Any, Any]]:
    """A shown window with found objects on the discs: (viewer, dock, layer of the segmentation)."""
    viewer, dock = open_dock_in_shared_window()
    viewer.add_image(discs[0], name="discs", scale=(0.5, 0.5), units=("um", "um"))
    qtbot.wait(200)
    viewer.reset_view()
    dock.annotate.new.start.click()
    yield viewer, dock, segmented(dock)
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert not canvas_of(viewer).findChildren(DrawnLine), "a line was left behind"


def press(viewer: Any, key: Qt.Key) -> None:
    canvas_of(viewer).setFocus()
    QTest.keyClick(canvas_of(viewer), key)
    QApplication.processEvents()


def drag_halfway(viewer: Any, layer: Any, *points: tuple[float, float]) -> None:
    """Hold the left button without letting it go."""
    canvas = canvas_of(viewer)
    for i, point in enumerate(points):
        place = place_of(viewer, layer, point)
        kind = QMouseEvent.Type.MouseMove if i else QMouseEvent.Type.MouseButtonPress
        button = Qt.MouseButton.NoButton if i else Qt.MouseButton.LeftButton
        there = QPointF(canvas.mapToGlobal(place.toPoint()))
        event = QMouseEvent(
            kind, place, there, button, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        )
        QApplication.sendEvent(canvas, event)
        QApplication.processEvents()


def lines_on(viewer: Any) -> list[DrawnLine]:
    return [line for line in canvas_of(viewer).findChildren(DrawnLine) if line.isVisible()]


def test_keys_and_drags_merge_split_and_delete_each_in_one_step(window: Any) -> None:
    viewer, dock, layer = window
    session = dock.loop.session
    before = session.segmentation.copy()
    press(viewer, Qt.Key.Key_J)  # the annotation is the active layer: its keys choose the tool, too
    assert dock.loop.tools.tool == MERGE
    assert viewer.layers.selection.active == layer
    stroke(viewer, layer, (24, 14), (24, 30), (24, 46))
    assert np.unique(session.segmentation[24, 12:48]).tolist() == [1], dock.messages.text()
    assert np.unique(session.annotation[24, 12:48]).size == 1
    assert dock.messages.text() == "Merged 2 objects into one."

    press(viewer, Qt.Key.Key_S)
    stroke(viewer, layer, (56, 24), (72, 25), (90, 24))
    assert session.segmentation[72, 18] != session.segmentation[72, 30]
    assert session.annotation[72, 18] != session.annotation[72, 30]

    press(viewer, Qt.Key.Key_D)
    stroke(viewer, layer, (72, 64))
    stroke(viewer, layer, (10, 66), (10, 94), (38, 94), (38, 66))
    assert not session.segmentation[before == 5].any()
    assert not session.segmentation[before == 3].any()
    assert (session.annotation[before == 3] == 1).all()
    np.testing.assert_array_equal(layer.data, session.segmentation)
    names = []
    for _ in range(4):
        names.append(session.canvas.history.undo_name)
        QTest.keyClick(canvas_of(viewer), Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    QApplication.processEvents()
    assert names == ["Delete", "Delete", "Split", "Merge"]
    np.testing.assert_array_equal(session.segmentation, before)
    assert not session.annotation.any()
    np.testing.assert_array_equal(layer.data, before)


def test_two_clicks_merge_and_split_and_a_dot_marks_the_first(window: Any) -> None:
    viewer, dock, layer = window
    session = dock.loop.session
    assert not dock.correct.tools.buttons[BETWEEN].isVisibleTo(dock), "this is no stack"
    dock.correct.tools.buttons[MERGE].click()
    stroke(viewer, layer, (24, 16))
    assert "Now click on the piece" in dock.messages.text()
    (dot,) = lines_on(viewer)
    at = dot._points.at(0)
    viewer.scene.camera.zoom *= 2
    QApplication.processEvents()
    expected = place_of(viewer, layer, (24, 16))
    assert (dot._points.at(0) - at).manhattanLength() > 10
    assert (dot._points.at(0) - expected).manhattanLength() < 3
    viewer.reset_view()
    stroke(viewer, layer, (24, 44))
    assert not lines_on(viewer)
    assert np.unique(session.segmentation[24, 12:48]).tolist() == [1]
    dock.correct.tools.buttons[SPLIT].click()
    stroke(viewer, layer, (24, 16))
    stroke(viewer, layer, (24, 44))
    assert session.segmentation[24, 16] != session.segmentation[24, 44]


def test_what_cannot_be_done_says_so_and_changes_nothing(window: Any) -> None:
    viewer, dock, layer = window
    session = dock.loop.session
    before, done = session.segmentation.copy(), session.canvas.history.undo_name
    for key, points, words in (
        (Qt.Key.Key_J, [(24, 14), (24, 26)], "Only one object"),
        (Qt.Key.Key_J, [(50, 110)], "click on one"),
        (Qt.Key.Key_S, [(50, 10), (50, 90)], "meets no object"),
        (Qt.Key.Key_D, [(50, 110)], "no object to delete"),
        (Qt.Key.Key_N, [(50, 110)], "segment this plane first"),
    ):
        if dock.loop.tools.tool is None or dock.loop.tools.tool.key != chr(key):
            press(viewer, key)
        stroke(viewer, layer, *points)
        assert words in dock.messages.text()
        assert dock.messages.level() == "warning"
    np.testing.assert_array_equal(session.segmentation, before)
    assert session.canvas.history.undo_name == done


def test_the_line_is_seen_while_it_is_drawn_and_escape_gives_it_up(window: Any) -> None:
    viewer, dock, layer = window
    before = dock.loop.session.segmentation.copy()
    n_layers = len(viewer.layers)
    press(viewer, Qt.Key.Key_S)
    drag_halfway(viewer, layer, (10, 20), (20, 21), (38, 20))
    (line,) = lines_on(viewer)
    assert line.n_points() == 3
    assert len(viewer.layers) == n_layers
    press(viewer, Qt.Key.Key_Escape)
    assert not lines_on(viewer)
    stroke(viewer, layer, (38, 20))  # the button is let go
    np.testing.assert_array_equal(dock.loop.session.segmentation, before)
    assert dock.loop.tools.tool == SPLIT
    press(viewer, Qt.Key.Key_Escape)
    press(viewer, Qt.Key.Key_Escape)
    assert dock.loop.tools.tool is None
    assert layer.mode == "pan_zoom"


def test_naparis_tools_stay_as_they_are(window: Any) -> None:
    viewer, dock, layer = window
    tools = dock.loop.tools
    for key, mode in ((Qt.Key.Key_P, "paint"), (Qt.Key.Key_L, "pick"), (Qt.Key.Key_Z, "pan_zoom")):
        dock.correct.tools.buttons[DELETE].click()
        assert tools.tool == DELETE
        press(viewer, key)
        assert (tools.tool, layer.mode) == (None, mode)
        QApplication.processEvents()
        assert not dock.correct.tools.buttons[DELETE].isChecked()
    before = dock.loop.session.segmentation.copy()
    layer.mode = "pick"
    stroke(viewer, layer, (24, 80))
    assert layer.selected_label == 3
    np.testing.assert_array_equal(dock.loop.session.segmentation, before)


def test_space_moves_the_image_and_the_tool_stays(window: Any) -> None:
    viewer, dock, layer = window
    press(viewer, Qt.Key.Key_D)
    canvas = canvas_of(viewer)
    QTest.keyPress(canvas, Qt.Key.Key_Space)
    assert layer.mode == "pan_zoom"
    before = dock.loop.session.segmentation.copy()
    stroke(viewer, layer, (24, 80), (26, 84))
    np.testing.assert_array_equal(dock.loop.session.segmentation, before)
    QTest.keyRelease(canvas, Qt.Key.Key_Space)
    assert (dock.loop.tools.tool, layer.mode) == (DELETE, "pick")


def test_another_layer_or_a_removed_one_puts_the_tool_down(window: Any) -> None:
    viewer, dock, layer = window
    press(viewer, Qt.Key.Key_T)
    assert dock.loop.tools.tool == SMOOTH
    viewer.layers.selection.active = viewer.layers["Annotation"]
    assert (dock.loop.tools.tool, layer.mode) == (None, "pan_zoom")
    press(viewer, Qt.Key.Key_N)
    assert dock.loop.tools.tool == NEW
    viewer.layers.remove(layer)
    QApplication.processEvents()
    assert dock.loop.tools.tool is None
    assert not dock.correct.tools.buttons[NEW].isEnabled()
    viewer.layers.selection.active = viewer.layers["Annotation"]
    press(viewer, Qt.Key.Key_N)
    assert dock.messages.text() == "There are no objects to correct yet; segment first."


def test_classes_are_chosen_in_the_dock_and_given_by_a_click(window: Any) -> None:
    viewer, dock, layer = window
    session = dock.loop.session
    session.annotating.set_class_names(["alive", "dead"])
    press(viewer, Qt.Key.Key_C)
    kind = dock.correct.tools.kind
    assert kind.isVisibleTo(dock)
    kind.setCurrentIndex(1)
    kind.activated.emit(1)
    stroke(viewer, layer, (24, 80))
    assert dock.messages.text() == "Now of class “dead”."
    assert session.painting.object_classes == {2: 2}
    assert dock.loop.tools.tool == CLASS


def test_what_the_network_is_sure_of_is_accepted(window: Any) -> None:
    from napari_unet.session.stored import Stored

    _, dock, _ = window
    session = dock.loop.session
    QTest.mouseClick(dock.correct.accept_sure, Qt.MouseButton.LeftButton)
    assert "segment this plane first" in dock.messages.text()
    background = np.where(labels_of_discs() == 3, 0.01, 0.4).astype(np.float16)
    stored = Stored(np.stack([background, 1 - background]), None, 1.0, 20.0)
    session.separating.stored.put_back((), stored)
    QTest.mouseClick(dock.correct.accept_sure, Qt.MouseButton.LeftButton)
    assert dock.messages.text().startswith("One object is that sure: ")
    assert np.unique(session.annotation[labels_of_discs() > 0]).tolist() == [0, 2]


def test_an_object_is_drawn_between_two_planes_of_a_stack(
    open_dock_in_shared_window: Callable[..., Any], discs: Any, qtbot: Any
) -> None:
    viewer, dock = open_dock_in_shared_window()
    viewer.add_image(np.stack([discs[0]] * 5), name="stack")
    qtbot.wait(100)
    viewer.reset_view()
    viewer.dims.set_point(0, 0)
    session = dock.loop.session
    for plane in (0, 3):
        session.segmenting.show((plane,), labels_of_discs(), "Segment")
    QApplication.processEvents()
    layer = dock.loop.layers.layer(Which.SEGMENTATION)
    button = dock.correct.tools.buttons[BETWEEN]
    qtbot.waitUntil(button.isEnabled, timeout=2000)
    button.click()
    assert dock.loop.tools.tool == BETWEEN
    stroke(viewer, layer, (0, 24, 80))
    assert len(lines_on(viewer)) == 1
    viewer.dims.set_point(0, 3)
    QApplication.processEvents()
    stroke(viewer, layer, (3, 24, 80))
    assert dock.messages.text() == "Drawn on 2 planes between."
    for plane in (1, 2):
        np.testing.assert_array_equal(session.segmentation[plane] == 3, labels_of_discs() == 3)
        np.testing.assert_array_equal(session.annotation[plane] == 2, labels_of_discs() == 3)
    assert not lines_on(viewer)


def test_closing_the_window_between_two_clicks_ends_everything(window: Any, qtbot: Any) -> None:
    viewer, dock, layer = window
    loop = dock.loop
    press(viewer, Qt.Key.Key_S)
    stroke(viewer, layer, (24, 16))
    assert len(lines_on(viewer)) == 1
    loop.end()
    assert not lines_on(viewer)
    assert layer.mode == "pan_zoom"
    press(viewer, Qt.Key.Key_S)
    assert loop.tools.tool is None


def test_no_key_is_one_of_naparis_for_labels_or_the_viewer(window: Any) -> None:
    taken = {str(key) for owner in (Labels, ViewerModel) for key in owner.class_keymap}
    keys = {tool.key for tool in TOOLS}
    assert len(keys) == len(TOOLS)
    assert not keys & taken
    assert {"P", "E", "F", "L", "M", "X", "V"} <= taken
