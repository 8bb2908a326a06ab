"""*Would more labels help?* and *How good are people?* in the real window."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from driving import stroke, words
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_unet.errors import Stopped
from napari_unet.objects.intervals import Interval
from napari_unet.session import Which
from napari_unet.session.blind import OWN_AGREEMENT
from napari_unet.session.learning import LearningCurveTask
from napari_unet.synthetic.cells import touching_cells
from napari_unet.workflow.learning_curve import LearningCurve, Point

LEFT = Qt.MouseButton.LeftButton


def open_fold(panel: Any) -> None:
    fold = panel.parentWidget()
    while not hasattr(fold, "set_open"):
        fold = fold.parentWidget()
    fold.set_open(True)


@pytest.mark.slow
def test_eight_objects_are_drawn_again_and_are_a_line_on_the_curve(open_dock: Any, qtbot: Any) -> None:
    viewer, dock = open_dock(show=True)
    image, truth = touching_cells((140, 180), diameter=18, seed=1)
    layer = viewer.add_image(image, name="cells", scale=(0.5, 0.5), translate=(3, 4))
    said = {"coding": "project", "labels_are": "objects", "class_names": ()}
    labels = np.where(truth > 0, truth + 1, 1).astype(np.int32)
    geometry = {"scale": layer.scale, "translate": layer.translate}
    viewer.add_labels(labels, name="mine", metadata={"napari_unet": said}, **geometry)
    blind, learning, session = dock.know.blind, dock.know.learning, dock.loop.session
    dock.sections[5].set_open(True)
    for panel in (blind, learning):
        open_fold(panel)
    # a stroke, so that there is a project to keep the agreement
    session.record_stroke(Which.ANNOTATION, (0, 0), np.full((1, 1), 1 + (labels[0, 0] == 1), np.int32))
    session.undo()
    qtbot.waitUntil(lambda: dock.loop.keeping.project is not None, timeout=20_000)
    qtbot.waitUntil(blind.begin.isEnabled, timeout=5000)
    dock._area.ensureWidgetVisible(blind.begin)
    QTest.mouseClick(blind.begin, LEFT)
    test = blind._test
    assert test is not None, words(dock)
    assert [each.name for each in viewer.layers if each.visible] == ["Crop", "Which one", "Draw it again"]
    hidden = test.next
    drawn = viewer.layers["Draw it again"]
    np.testing.assert_allclose(
        drawn.data_to_world((0, 0))[-2:], layer.data_to_world([side.start for side in hidden.box])
    )
    QTest.mouseClick(blind.next, LEFT)  # nothing drawn yet
    assert "Nothing is drawn yet" in words(dock)
    stroke(viewer, drawn, hidden.centre, (hidden.centre[0] + 2, hidden.centre[1]))
    assert np.asarray(drawn.data)[hidden.centre] == 1
    if os.environ.get("SHOTS"):
        viewer.screenshot(f"{os.environ['SHOTS']}/blind.png", canvas_only=False, flash=False)
    for k in range(8):
        drawn, hidden = viewer.layers["Draw it again"], test.next
        drawn.data = hidden.shape.astype(np.uint8) if k else drawn.data
        QTest.mouseClick(blind.next, LEFT)
    assert blind._test is None
    assert {each.name for each in viewer.layers} == {"cells", "mine"}
    assert viewer.layers["cells"].visible
    assert "objects again" in words(dock)
    kept = dock.loop.keeping.project.notes[OWN_AGREEMENT]
    assert len(kept) == 8
    assert kept[1:] == [1.0] * 7
    points = tuple(
        Point(n, Interval(f1, f1 - 0.1, min(f1 + 0.08, 1), 30)) for n, f1 in ((8, 0.6), (16, 0.7), (32, 0.8))
    )
    learning.show_curve(LearningCurve(points, 0.05, 0.01, 0.09))
    assert (
        "20 more objects would change F1 by about +0.05 (+0.01 to +0.09): go on annotating."
        in learning.words.text()
    )
    names = [type(item).__name__ for item in learning.plot.getPlotItem().items]
    assert names.count("ErrorBarItem") == 2
    assert "InfiniteLine" in names, "one's own agreement"
    if os.environ.get("SHOTS"):
        dock._area.ensureWidgetVisible(learning.plot)
        qtbot.wait(300)
        viewer.screenshot(f"{os.environ['SHOTS']}/curve.png", canvas_only=False, flash=False)


def test_trainings_on_parts_begin_only_when_idle_and_can_be_stopped(
    dock: Any, qtbot: Any, monkeypatch: Any
) -> None:
    image, truth = touching_cells((140, 180), diameter=18, seed=1)
    dock.viewer.add_image(image, name="cells")
    said = {"coding": "project", "labels_are": "objects", "class_names": ()}
    dock.viewer.add_labels(np.where(truth > 0, truth + 1, 1).astype(np.int32), metadata={"napari_unet": said})
    panel = dock.know.learning

    def wait_for_the_end(self: Any, on_progress: Any, should_stop: Any) -> Any:
        on_progress(0.3, "Training 2 of 6")
        while not should_stop():
            pass
        raise Stopped

    monkeypatch.setattr(LearningCurveTask, "run", wait_for_the_end)
    panel.begin_if_idle()
    assert panel._job is None, "nobody wants it"
    panel.by_itself.setChecked(True)
    panel.begin_if_idle()
    assert panel._job is None, "nothing was trained yet"
    panel.start.click()
    assert panel.start.text() == "Stop"
    qtbot.waitUntil(lambda: panel.progress.format() == "Training 2 of 6", timeout=10_000)
    panel.start.click()
    qtbot.waitUntil(lambda: panel._job is None, timeout=10_000)
    assert "stopped before it knew" in panel.words.text()
