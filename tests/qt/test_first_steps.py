"""What somebody new to the dock sees: each thing when it can be used, and one thing at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from driving import add_discs, words
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QPushButton, QVBoxLayout, QWidget

from napari_unet._qt.correction.tools import CLASS, MERGE, NEW, SPLIT
from napari_unet._qt.rows import Fold, button
from napari_unet.annotation.coding import Coding


def seen(widget: QWidget, dock: Any) -> bool:
    return widget.isVisibleTo(dock)


def sentences(dock: Any) -> list[str]:
    return [problem.sentence for problem in dock.annotate.problems.found()]


def test_what_acts_on_a_segmentation_comes_with_it(dock: Any, discs: Any, qtbot: Any) -> None:
    add_discs(dock, discs)
    qtbot.wait(100)
    for section in dock.sections:
        section.set_open(True)
    of_objects = [
        dock.segment.looks,
        dock.correct.corrections,
        dock.takeaway.labels,
        dock.takeaway.measurements,
    ]
    assert not any(seen(widget, dock) for widget in of_objects)
    assert "Segment first" in dock.correct.nothing.text()
    assert "Segment first" in dock.takeaway.what.text()
    dock.annotate.propose.set_open(True)
    dock.annotate.propose.body.propose()
    qtbot.waitUntil(lambda: dock.loop.session.segmentation is not None, timeout=20_000)
    qtbot.waitUntil(lambda: all(seen(widget, dock) for widget in of_objects), timeout=5_000)
    assert not seen(dock.correct.nothing, dock)


def test_tools_that_can_do_nothing_are_not_offered(dock: Any, discs: Any, qtbot: Any) -> None:
    add_discs(dock, discs)
    tools = dock.correct.tools
    tools.refresh()
    assert tools.buttons[MERGE].isVisibleTo(tools)
    assert not tools.buttons[CLASS].isVisibleTo(tools)
    dock.loop.session.annotating.set_class_names(["alive", "dead"])
    tools.refresh()
    assert tools.buttons[CLASS].isVisibleTo(tools)


def test_classes_have_no_tools_and_no_words_of_objects(dock: Any, discs: Any, qtbot: Any) -> None:
    add_discs(dock, discs, annotated=False)
    dock.annotate.new.classes.setChecked(True)
    dock.annotate.new.start.click()
    QApplication.processEvents()
    dock.refresh()
    tools = dock.correct.tools
    assert not any(tools.buttons[tool].isVisibleTo(tools) for tool in (MERGE, SPLIT, NEW))
    assert tools.buttons[CLASS].isVisibleTo(tools)
    assert not dock.correct.accept_surely.isVisibleTo(dock.correct.corrections)
    assert not any(fold.isVisibleTo(dock.know) for fold in dock.know._of_objects)


def test_hints_wait_until_a_training_could_start(dock: Any, discs: Any, qtbot: Any) -> None:
    layer = add_discs(dock, discs)
    lone = np.zeros_like(layer.data)
    lone[20:34, 20:34] = 2
    lone[25:27, 25:27] = 0  # a hole, which is a hint
    layer.data = lone
    problems = dock.annotate.problems
    qtbot.waitUntil(lambda: any("No background" in sentence for sentence in sentences(dock)), timeout=20_000)
    shown = [problem for problem in problems.found() if problem.blocking]
    assert len(problems.found()) > len(shown)
    assert problems._rows.count() == len(shown)
    assert problems.summary() == "not enough yet"


def test_labels_of_another_size_are_refused_before_they_are_used(dock: Any, discs: Any) -> None:
    add_discs(dock, discs, annotated=False)
    dock.viewer.add_labels(np.ones((50, 60), np.int32), name="other")
    new = dock.annotate.new
    new.reset_choices()
    new.import_labels.set_open(True)
    body = new.import_labels.body
    body.layer.setCurrentIndex(body.layer.findText("other"))
    body.coding.setCurrentIndex(body.coding.findData(Coding.MASKS))
    assert "60 × 50 px" in body.sentence.text()
    assert not body.use.isEnabled()


def test_an_image_layer_that_was_removed_is_said(dock: Any, discs: Any) -> None:
    add_discs(dock, discs)
    dock.viewer.layers.remove("discs")
    QApplication.processEvents()
    dock.refresh()
    assert dock.sections[0].state() == "discs · its layer was removed"
    assert words(dock) == ""


def test_tab_goes_into_what_was_made_late_before_it_goes_on(qtbot: Any) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    made: list[QPushButton] = []

    def body() -> QWidget:
        made.append(button("inside", "Lies in the fold.", lambda: None))
        return made[0]

    fold, after = Fold("More", "Opens.", body), button("after", "Lies below.", lambda: None)
    column = QVBoxLayout(window)
    column.addWidget(fold)
    column.addWidget(after)
    fold.set_open(True)
    order, widget = [], fold.nextInFocusChain()
    while widget is not fold and widget is not None:
        if isinstance(widget, QPushButton) and widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            order.append(widget.text())
        widget = widget.nextInFocusChain()
    assert order == ["inside", "after"]


def test_numbers_are_shown_without_zeros_at_their_end(dock: Any, discs: Any) -> None:
    add_discs(dock, discs)
    threshold = dock.segment.separation.editors["threshold"]
    assert threshold.cleanText().strip("0").lstrip(".,") == "5"
    assert len(threshold.cleanText()) == 3
