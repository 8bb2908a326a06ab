"""The selected object: its class, whether it is complete, and what undo makes of that."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from driving import add_discs
from qtpy.QtWidgets import QApplication

from napari_unet._qt.colours import CLASSES
from napari_unet.session import Which


@pytest.fixture
def layer(dock: Any, discs: Any) -> Any:
    """The annotation of the discs: 2 to 5 are closed in; 6 is only painted."""
    made = add_discs(dock, discs)
    made.data[60:84, 60:72] = np.where(made.data[60:84, 60:72] == 0, 6, made.data[60:84, 60:72])
    made.refresh()
    dock.loop.layers.settle()
    return made


def select(dock: Any, layer: Any, value: int, qtbot: Any) -> Any:
    row = dock.annotate.selected
    layer.selected_label = value
    qtbot.waitUntil(lambda: not row._quiet.isActive() and row._job is None, timeout=20_000)
    assert row.name.text().startswith(f"Object {value}")
    return row


def test_a_closed_in_object_is_complete_by_itself(dock: Any, layer: Any, qtbot: Any) -> None:
    row = select(dock, layer, 3, qtbot)
    assert row.complete.isChecked()
    assert not row.complete.isEnabled()
    assert row.sentence.text().startswith("Complete: background")


def test_an_open_object_says_why_and_can_be_said_to_be_complete(dock: Any, layer: Any, qtbot: Any) -> None:
    row = select(dock, layer, 6, qtbot)
    assert not row.complete.isChecked()
    assert "nothing is painted around it yet" in row.sentence.text()
    row.complete.click()
    assert dock.loop.session.painting.marked == {6}
    qtbot.waitUntil(lambda: row.sentence.text() == "Complete: you said so.", timeout=20_000)
    assert row.complete.isEnabled()
    dock.loop.undo()
    assert dock.messages.text() == "Undone: Complete."
    qtbot.waitUntil(lambda: not row.complete.isChecked(), timeout=20_000)
    row.complete.click()
    row.complete.click()
    assert dock.loop.session.painting.marked == set()


def test_a_stroke_that_closes_the_object_in_is_seen(dock: Any, layer: Any, qtbot: Any) -> None:
    row = select(dock, layer, 6, qtbot)
    layer.data[54:90, 54:78] = np.where(layer.data[54:90, 54:78] == 0, 1, layer.data[54:90, 54:78])
    layer.refresh()
    qtbot.waitUntil(lambda: row.complete.isChecked(), timeout=20_000)


def test_background_and_numbers_that_nothing_has_are_no_objects(dock: Any, layer: Any, qtbot: Any) -> None:
    row = dock.annotate.selected
    layer.selected_label = 1
    assert row.name.text() == "No object selected"
    assert not row.complete.isVisibleTo(row)
    row = select(dock, layer, 77, qtbot)
    assert row.name.text() == "Object 77: not painted here yet"
    assert not row.complete.isVisibleTo(row)
    assert not row.sentence.isVisibleTo(row)


def test_pick_selects_the_annotation_and_naparis_pipette(dock: Any, layer: Any) -> None:
    dock.viewer.layers.selection.active = dock.viewer.layers["discs"]
    dock.annotate.selected.pick.click()
    assert dock.viewer.layers.selection.active == layer
    assert layer.mode == "pick"


def test_classes_of_objects_are_named_given_shown_and_undone(dock: Any, layer: Any, qtbot: Any) -> None:
    row = select(dock, layer, 4, qtbot)
    assert not row.kind.isVisibleTo(row)
    kinds = dock.annotate.kinds
    kinds.set_open(True)
    kinds.body.classes.add.click()
    QApplication.processEvents()
    assert dock.loop.session.class_names == ("class 1", "class 2")
    kinds.body.classes.names[1].setText("dead")
    kinds.body.classes.names[1].editingFinished.emit()
    QApplication.processEvents()
    assert [row.kind.itemText(i) for i in range(row.kind.count())] == ["class 1", "dead"]
    assert row.kind.currentText() == "class 1"
    row.kind.setCurrentIndex(1)
    row.kind.activated.emit(1)
    assert dock.loop.session.painting.object_classes == {4: 2}
    assert layer.features.set_index("index")["class"].to_dict() == {
        2: "class 1", 3: "class 1", 4: "dead", 5: "class 1", 6: "class 1",
    }  # fmt: skip
    kinds.body.by_class.click()
    shown = [tuple(np.round(layer.get_color(value)[:3] * 255).astype(int)) for value in (3, 4)]
    expected = [tuple(int(CLASSES[i][k : k + 2], 16) for k in (1, 3, 5)) for i in (0, 1)]
    assert shown == expected
    dock.loop.undo()
    QApplication.processEvents()
    assert row.kind.currentText() == "class 1"
    assert tuple(np.round(layer.get_color(4)[:3] * 255).astype(int)) == expected[0]


def test_with_classes_to_paint_there_are_no_single_objects(dock: Any, discs: Any) -> None:
    add_discs(dock, discs, annotated=False)
    dock.annotate.new.classes.setChecked(True)
    dock.annotate.new.start.click()
    QApplication.processEvents()
    assert not dock.annotate.selected.isVisibleTo(dock.annotate)
    assert not dock.annotate.kinds.isVisibleTo(dock.annotate)
    assert dock.loop.layers.layer(Which.ANNOTATION).features.empty


def test_a_class_is_removed_with_one_click_and_undone(dock: Any, layer: Any, qtbot: Any) -> None:
    kinds = dock.annotate.kinds
    kinds.set_open(True)
    kinds.body.classes.add.click()
    QApplication.processEvents()
    kinds.body.classes.add.click()
    QApplication.processEvents()
    dock.loop.session.annotating.set_object_class(4, 3)
    kinds.body.classes.removers[1].click()
    QApplication.processEvents()
    assert dock.loop.session.class_names == ("class 1", "class 3")
    assert dock.loop.session.painting.object_classes == {4: 2}
    assert [field.text() for field in kinds.body.classes.names if field.isVisibleTo(kinds)] == [
        "class 1",
        "class 3",
    ]
    dock.loop.undo()
    QApplication.processEvents()
    assert dock.loop.session.class_names == ("class 1", "class 2", "class 3")
    assert kinds.body.classes.names[1].text() == "class 2"


def test_a_new_object_has_its_features_at_once(dock: Any, layer: Any) -> None:
    dock.loop.session.annotating.set_class_names(["living", "dead"])
    layer.paint((70, 110), 7)
    QApplication.processEvents()
    assert layer.features.set_index("index")["class"].to_dict()[7] == "living"
    assert len(layer.features) == len(set(layer.features["index"]))
