"""The real window under a real display: mouse strokes, keys, a whole round, and its end."""

from __future__ import annotations

import gc
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from driving import canvas_of, stroke, train_a_little
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_unet.session import Which


@pytest.fixture
def window(open_dock: Callable[..., Any], discs: Any, qtbot: Any) -> tuple[Any, Any]:
    """A shown window with the discs, at half a µm per px."""
    viewer, dock = open_dock(show=True)
    viewer.add_image(discs[0], name="discs", scale=(0.5, 0.5), units=("um", "um"))
    qtbot.wait(200)
    viewer.reset_view()
    qtbot.wait(50)
    return viewer, dock


def test_strokes_of_the_mouse_paint_number_and_undo(window: Any, qtbot: Any) -> None:
    viewer, dock = window
    QTest.mouseClick(dock.annotate.new.start, Qt.MouseButton.LeftButton)
    layer = dock.loop.layers.layer(Which.ANNOTATION)
    layer.brush_size = 6
    annotation = dock.loop.session.annotation
    stroke(viewer, layer, (20, 20), (24, 24), (28, 28))
    assert annotation[24, 24] == 2
    stroke(viewer, layer, (24, 24), (20, 28))
    assert annotation[20, 28] == 2, "a stroke that starts on the object goes on with it"
    stroke(viewer, layer, (20, 60), (28, 68))
    assert annotation[24, 64] == 3, "a stroke that starts elsewhere begins another object"
    QTest.mouseClick(dock.annotate.brushes.background, Qt.MouseButton.LeftButton)
    stroke(viewer, layer, (48, 10), (48, 100))
    assert annotation[48, 60] == 1
    np.testing.assert_array_equal(layer.data, annotation)
    for still_there in ([2, 3], [2], [2], []):
        canvas_of(viewer).setFocus()
        QTest.keyClick(canvas_of(viewer), Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        QApplication.processEvents()
        assert np.unique(annotation[annotation > 0]).tolist() == still_there
        np.testing.assert_array_equal(layer.data, annotation)


def test_a_round_from_the_buttons_ends_in_an_overlay_that_lies_on_the_image(
    window: Any, discs: Any, qtbot: Any, tmp_path: Any
) -> None:
    viewer, dock = window
    said = {"coding": "project", "labels_are": "objects", "class_names": ()}
    viewer.add_labels(discs[1].copy(), metadata={"napari_unet": said}, scale=(0.5, 0.5), units=("um", "um"))
    train_a_little(dock, 3)
    qtbot.waitUntil(lambda: dock.loop.training is None, timeout=120_000)
    qtbot.waitUntil(lambda: dock.loop.n_segmented == 1, timeout=60_000)
    segmentation = viewer.layers["Segmentation"]
    np.testing.assert_array_equal(segmentation.scale, (0.5, 0.5))
    assert [str(unit) for unit in segmentation.units] == [str(unit) for unit in viewer.layers[0].units]
    assert dock.train.start.currentText() == "Round 1"
    assert dock.sections[3].is_open()
    assert dock.sections[5].is_open()
    assert dock.sections[6].is_open()
    # Threshold and layers act on what is stored: no job is started for them.
    dock.segment.separation.editors["threshold"].setValue(0.999)
    qtbot.waitUntil(lambda: dock.loop.session.separating.settings.threshold == 0.999, timeout=2000)
    for box, name in ((dock.segment.probability, "Probability"), (dock.segment.uncertainty, "Uncertainty")):
        box.click()
        np.testing.assert_array_equal(viewer.layers[name].scale, (0.5, 0.5))
    assert dock.loop.segmentation is None
    dock.loop.session.save_model(tmp_path / "round.safetensors")
    key = dock.loop.session.load_start_file(tmp_path / "round.safetensors")
    assert key in [start for start, _ in dock.loop.session.rounds.starts()]
    picture = viewer.screenshot(canvas_only=False, flash=False)
    assert picture.std() > 5


def endless_training(dock: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let the dock train without a network until it is told to stop."""
    seen = SimpleNamespace(stopped=False)

    def run(on_report: Any, should_stop: Any) -> str:
        import time

        while not should_stop():
            time.sleep(0.01)
        seen.stopped = True
        return "best"

    session = dock.loop.session
    monkeypatch.setattr(session, "prepare_training", lambda *_: SimpleNamespace(run=run))
    monkeypatch.setattr(session, "finish_training", lambda *_: None)
    dock.loop.segment_after_training = False
    return seen


def test_closing_the_window_stops_the_training(
    window: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer, dock = window
    dock.annotate.new.start.click()
    seen = endless_training(dock, monkeypatch)
    dock.loop.train("scratch", None)
    qtbot.wait(50)
    assert not seen.stopped
    viewer.close()
    qtbot.waitUntil(lambda: seen.stopped, timeout=5000)


def test_closing_the_dock_lets_the_training_go_on(
    open_dock: Callable[..., Any], discs: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_unet._qt.dock import Dock

    viewer, dock = open_dock()
    viewer.add_image(discs[0])
    dock.annotate.new.start.click()
    seen = endless_training(dock, monkeypatch)
    loop = dock.loop
    loop.train("scratch", None)
    viewer.window.remove_dock_widget(dock)
    del dock
    gc.collect()
    qtbot.wait(100)
    assert loop.training is not None
    loop.layers.layer(Which.ANNOTATION).paint((3, 3), 2)
    assert loop.session.annotation[3, 3] == 2
    again = Dock(viewer)
    viewer.window.add_dock_widget(again, name="U-Net again")
    qtbot.wait(50)
    assert again.loop is loop
    assert "Stop" in again.train.train.text()
    again.train.train.click()
    qtbot.waitUntil(lambda: seen.stopped and loop.training is None, timeout=5000)


def test_both_themes_give_readable_curves(window: Any) -> None:
    from napari.utils.theme import get_theme

    viewer, dock = window
    for name in ("light", "dark"):
        viewer.theme = name
        pen = dock.train.curves._plot.getPlotItem().getAxis("left").textPen()
        assert pen.color().name() == get_theme(name).text.as_hex("long")


def wide_parts(part: Any, width: int) -> list[str]:
    """Name what is too wide, from the outside in."""
    inner = [child for child in part.children() if child.isWidgetType() and child.isVisibleTo(part)]
    wide = [child for child in inner if child.minimumSizeHint().width() > width - 30]
    return [f"{type(child).__name__} {child.minimumSizeHint().width()}" for child in wide] + [
        name for child in wide for name in wide_parts(child, width)
    ]


def test_no_part_of_the_dock_is_wider_than_the_dock(window: Any, discs: Any, qtbot: Any) -> None:
    from qtpy.QtWidgets import QScrollArea

    from napari_unet._qt.rows import Fold

    _, dock = window
    area = dock.findChild(QScrollArea)
    width = area.minimumWidth() - area.verticalScrollBar().sizeHint().width()
    for annotated in (False, True):
        if annotated:
            dock.annotate.new.start.click()
            dock.annotate.kinds.set_open(True)
            dock.annotate.kinds.body.classes.add.click()
            dock.annotate.brushes.new_object.click()
        for section in dock.sections:
            section.set_open(True)
        for fold in dock.findChildren(Fold):
            fold.set_open(True)
        for part in (dock.train.curves, dock.train.progress, dock.segment._running):
            part.setVisible(True)
        qtbot.wait(100)
        assert area.widget().minimumSizeHint().width() <= width, wide_parts(area.widget(), width)
