"""Rounds in the dock: names, work, comparison, alarm; and *Evaluate*, with mouse and keys in the real window."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from driving import add_discs, train_a_little, words
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from napari_unet._qt.know import comparing, evaluating
from napari_unet._qt.layers.sources import OURS
from napari_unet.annotation.coding import Coding, LabelsAre
from napari_unet.objects.comparison import Difference
from napari_unet.objects.verdicts import Verdict
from napari_unet.session import Which

LEFT = Qt.MouseButton.LeftButton


def click(tree: Any, row: int, column: int = 0, keys: Any = Qt.KeyboardModifier.NoModifier) -> None:
    place = tree.visualItemRect(tree.topLevelItem(row)).topLeft() + QPoint(
        tree.columnViewportPosition(column) + 12, 4
    )
    QTest.mouseClick(tree.viewport(), LEFT, keys, place)


def press(widget: Any) -> None:
    QTest.mouseClick(widget, LEFT)


def a_round(dock: Any, qtbot: Any, steps: int = 2) -> None:
    n = len(dock.loop.session.rounds.all)
    train_a_little(dock, steps)
    qtbot.waitUntil(lambda: len(dock.loop.session.rounds.all) == n + 1, timeout=120_000)
    qtbot.waitUntil(lambda: dock.loop.training is None and dock.loop.n_segmented == n + 1, timeout=60_000)


def with_discs(open_dock_in_shared_window: Any, discs: Any) -> tuple[Any, Any]:
    viewer, dock = open_dock_in_shared_window()
    viewer.add_image(discs[0], name="discs")
    said = {"coding": "project", "labels_are": "objects", "class_names": ()}
    viewer.add_labels(discs[1].copy(), metadata={"napari_unet": said})
    return viewer, dock


def test_rounds_are_named_compared_and_used_again(
    open_dock_in_shared_window: Any, discs: Any, qtbot: Any
) -> None:
    viewer, dock = with_discs(open_dock_in_shared_window, discs)
    rounds, session = dock.know.rounds, dock.loop.session
    assert "Train first" in dock.know.scores.text()
    assert not rounds.list.isVisibleTo(dock)
    a_round(dock, qtbot)
    a_round(dock, qtbot)
    assert dock.sections[5].is_open()
    assert "no honest scores" in dock.know.scores.text()  # four objects are too few to hold some out
    assert [rounds.list.topLevelItem(k).text(0) for k in range(2)] == ["Round 1", "Round 2"]
    assert rounds.list.topLevelItem(1).font(0).bold()
    dock._area.ensureWidgetVisible(rounds.list)
    # another name, by double click and keys
    item = rounds.list.topLevelItem(0)
    rounds.list.editItem(item, 0)
    editor = rounds.list.focusWidget()
    QTest.keyClicks(editor, "the first")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: session.rounds.all[0].name == "the first", timeout=5000)
    assert ("round 1", "the first") in session.rounds.starts()
    # both chosen, compared
    click(rounds.list, 0)
    assert "nothing was held out" in rounds.about.text()
    click(rounds.list, 1, keys=Qt.KeyboardModifier.ControlModifier)
    assert [done.number for done in rounds.chosen()] == [1, 2]
    press(rounds.compare)
    qtbot.waitUntil(lambda: "From “the first” to “Round 2”" in rounds.news.text(), timeout=60_000)
    assert [layer.name for layer in viewer.layers if layer.metadata.get(OURS) == comparing.LAYER]
    # the first one again; nothing is lost
    click(rounds.list, 0)
    dock.train._chosen_start = session.rounds.all[1].key
    dock.train._take_choices()
    press(rounds.use)
    assert session.current is session.rounds.all[0]
    dock.refresh()
    assert dock.train.start.currentText() == "the first"  # as it says, the next training starts from it
    qtbot.waitUntil(lambda: dock.loop.n_segmented == 3, timeout=60_000)
    assert len(session.rounds.all) == 2
    qtbot.waitUntil(lambda: rounds.list.topLevelItem(0).font(0).bold(), timeout=5000)
    # painting is work
    session.record_stroke(Which.ANNOTATION, (80, 100), np.full((5, 5), 9, np.int32))
    dock.loop.edited.emit()
    qtbot.waitUntil(lambda: "1 stroke" in rounds.work.text(), timeout=20_000)


def test_an_accepted_object_that_breaks_is_an_alarm(dock: Any, discs: Any, qtbot: Any) -> None:
    add_discs(dock, discs)
    loop = dock.loop
    good = np.where(discs[1] > 1, discs[1], 0)
    bad = np.where(good == 3, 0, good)
    names = iter(["first", "second"])

    def found(labels: Any) -> None:
        loop.segmentation_run.found = {(): labels}
        loop.session.rounds.current = type("Done", (), {"name": next(names)})()
        loop.comparing._watch()
        loop.session.rounds.current = None

    found(good)
    assert loop.comparing.comparison is None
    found(bad)
    qtbot.waitUntil(lambda: loop.comparing.comparison is not None, timeout=20_000)
    assert loop.comparing.comparison.count(Difference.BROKEN) == 1
    assert "right in “first” and is not in “second”" in words(dock)
    assert dock.know.rounds.objects.topLevelItem(0).text(1) == "object 3"
    assert comparing.LAYER in [layer.name for layer in dock.viewer.layers]
    loop.session.segmenting.show((), good, "Segment")
    loop.undo()  # what broke is no longer shown
    assert comparing.LAYER not in [layer.name for layer in dock.viewer.layers]
    assert dock.know.rounds.objects.topLevelItemCount() == 0


def test_evaluate_shows_numbers_errors_and_goes_there(
    open_dock_in_shared_window: Any, discs: Any, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer, dock = open_dock_in_shared_window()
    viewer.add_image(discs[0], name="discs")
    truth = np.where(discs[1] > 1, discs[1] - 1, 0)
    viewer.add_labels(truth, name="truth")
    panel, session = dock.know.evaluate, dock.loop.session
    found = np.where(truth == 2, 0, truth).astype(np.int32)
    found[found == 4] = 3
    found[40:44, 20:30] = 3  # less than half of either, then
    found[70:76, 60:68] = 9
    session.segmenting.show((), found, "Segment")
    qtbot.waitUntil(panel.evaluate.isEnabled, timeout=5000)
    dock.sections[5].set_open(True)
    fold = panel.parentWidget()
    while not hasattr(fold, "set_open"):
        fold = fold.parentWidget()
    fold.set_open(True)
    assert panel.truth.currentData() == "truth"  # rather than the annotation
    dock._area.ensureWidgetVisible(panel.evaluate)
    press(panel.evaluate)
    qtbot.waitUntil(lambda: "made up" in panel.numbers.text(), timeout=20_000)
    assert "1 found, 1 missed, 1 made up, 2 merged, 0 split" in panel.numbers.text()
    assert "too little to tell" in panel.numbers.text()
    errors = next(layer for layer in viewer.layers if layer.name == evaluating.LAYER)
    assert tuple(errors.data[24, 64][:3]) == (0xF0, 0xE4, 0x42)
    lines = [panel.objects.topLevelItem(k).text(0) for k in range(panel.objects.topLevelItemCount())]
    assert lines[-1] == "found"
    assert sorted(lines) == ["found", "made up", "merged", "merged", "missed"]
    click(panel.objects, lines.index("missed"))
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], (24, 64), atol=1)
    panel.save_to(tmp_path / "objects.csv")
    qtbot.waitUntil(lambda: "Saved" in words(dock), timeout=20_000)
    with open(tmp_path / "objects.csv", newline="") as file:
        assert len(list(csv.DictReader(file))) == len(lines)
    assert (tmp_path / "objects_errors.png").exists()
    assert panel._verdicts.count(Verdict.MERGED) == 2
    session.annotating.start(LabelsAre.OBJECTS)
    annotation = dock.loop.layers.layer(Which.ANNOTATION).name
    qtbot.waitUntil(lambda: panel.truth.findData(annotation) == 1, timeout=10_000)
    panel.truth.setCurrentIndex(1)
    panel.truth.activated.emit(panel.truth.currentIndex())
    assert panel.coding.currentData() is Coding.PROJECT
    # a file of another size is refused in one sentence
    tifffile.imwrite(tmp_path / "small.tif", truth[:50].astype(np.uint8))
    panel.take_file(tmp_path / "small.tif")
    press(panel.evaluate)
    qtbot.waitUntil(lambda: "one size" in words(dock), timeout=20_000)


def test_an_earlier_annotation_comes_back_with_its_round_and_undo_takes_it_back(
    open_dock_in_shared_window: Any, discs: Any, qtbot: Any
) -> None:
    _, dock = with_discs(open_dock_in_shared_window, discs)
    rounds, session = dock.know.rounds, dock.loop.session
    layer = dock.loop.layers.layer(Which.ANNOTATION)
    layer.data_setitem((np.array([90]), np.array([120])), 1)
    qtbot.waitUntil(lambda: dock.loop.keeping.keeper is not None, timeout=30_000)
    a_round(dock, qtbot)
    then = np.array(layer.data)
    layer.data_setitem(tuple(np.indices((20, 20)).reshape(2, -1)), 9)  # spoilt
    qtbot.waitUntil(lambda: (session.annotation == 9).any(), timeout=10_000)
    now = np.array(layer.data)
    click(rounds.list, 0)
    assert rounds.use_all.isEnabled()
    press(rounds.use_all)
    qtbot.waitUntil(lambda: np.array_equal(session.annotation, then), timeout=30_000)
    assert "is as it was when its training began" in words(dock)
    np.testing.assert_array_equal(layer.data, then)
    qtbot.waitUntil(lambda: dock.loop.segmentation is None and dock.loop.n_segmented == 2, timeout=60_000)
    (snapshot,) = (dock.loop.keeping.project.folder / "snapshots").iterdir()
    assert "before-go-back-to-round-1" in snapshot.name
    if session.canvas.history.undo_name == "Segment":  # where the network found something
        dock.loop.undo()
    assert session.canvas.history.undo_name == "Go back to Round 1"
    dock.loop.undo()
    np.testing.assert_array_equal(layer.data, now)
