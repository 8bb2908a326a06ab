"""The dock over a viewer without a window: what it shows, what it lets one do, what it says."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from driving import add_discs, words
from qtpy.QtWidgets import QFileDialog, QPushButton

from napari_unet._qt.dock import Dock
from napari_unet._qt.rows import Fold
from napari_unet.annotation.coding import Coding, LabelsAre
from napari_unet.session import Which
from napari_unet.session.scope import Scope
from napari_unet.session.takeaway import TakeAway


class FakeTask:
    """A training that goes on until it is told to stop, or to go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.stopped = False
        self.steps_per_second = 9.0

    def run(self, on_report: Any, should_stop: Any) -> Any:
        while not self.go.wait(0.01):
            on_report(
                SimpleNamespace(
                    step=1,
                    fraction=0.1,
                    loss=1.0,
                    held_out=None,
                    steps_per_second=self.steps_per_second,
                    seconds_left=50.0,
                    message="",
                )
            )
            if should_stop():
                self.stopped = True
                break
        return "trained"


@pytest.fixture
def training(dock: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The dock's session trains without a network; what was finished is noted."""
    task = FakeTask()
    finished: list[Any] = []
    task.finished = finished
    monkeypatch.setattr(dock.loop.session, "prepare_training", lambda *_: task)
    monkeypatch.setattr(dock.loop.session, "finish_training", lambda task, trained: finished.append(trained))
    monkeypatch.setattr(dock.train, "settings", lambda: None)
    dock.loop.segment_after_training = False
    yield task
    task.go.set()


def test_without_an_image_it_says_what_to_do(dock: Any) -> None:
    assert dock.sections[0].state() == "open an image"
    assert dock.image._missing.isVisibleTo(dock)
    assert not dock.train.train.isEnabled()
    dock.segment.scopes.pressed.emit(Scope.PLANE)
    assert words(dock).startswith("No image is open")


def test_opening_an_image_leads_to_annotate_and_an_annotation_to_train(
    dock: Any, discs: Any, qtbot: Any
) -> None:
    assert [section.is_open() for section in dock.sections] == [True] + [False] * 6
    add_discs(dock, discs, annotated=False)
    assert dock.sections[1].is_open()
    assert not dock.sections[2].is_open()
    dock.annotate.new.start.click()
    qtbot.waitUntil(dock.sections[2].is_open, timeout=2000)
    assert dock.train.train.isEnabled()


def test_a_step_that_was_folded_away_stays_folded(dock: Any, discs: Any, qtbot: Any) -> None:
    add_discs(dock, discs)
    qtbot.waitUntil(dock.sections[2].is_open, timeout=2000)
    dock.sections[2].set_open(False)
    dock.refresh()
    assert not dock.sections[2].is_open()


def test_objects_or_classes_is_asked_and_classes_get_names(dock: Any, discs: Any, qtbot: Any) -> None:
    add_discs(dock, discs, annotated=False)
    dock.annotate.new.classes.setChecked(True)
    dock.annotate.new.start.click()
    assert dock.loop.session.labels_are is LabelsAre.CLASSES
    qtbot.waitUntil(lambda: len(dock.annotate.brushes.classes.names) == 2, timeout=2000)
    dock.annotate.brushes.classes.names[1].setText("membrane")
    dock.annotate.brushes.classes.names[1].editingFinished.emit()
    dock.annotate.brushes.classes.add.click()
    assert dock.loop.session.class_names == ("class 1", "membrane", "class 3")
    dock.annotate.brushes.classes.buttons[2].click()
    assert dock.loop.layers.layer(Which.ANNOTATION).selected_label == 4


def test_brush_buttons_set_layer_value_and_mode(dock: Any, discs: Any) -> None:
    layer = add_discs(dock, discs)
    dock.viewer.layers.selection.active = dock.viewer.layers["discs"]
    dock.annotate.brushes.background.click()
    assert (layer.selected_label, layer.mode) == (1, "paint")
    assert dock.viewer.layers.selection.active == layer
    dock.annotate.brushes.new_object.click()
    assert layer.selected_label == 6


@pytest.mark.parametrize(
    "labels",
    [np.zeros((5, 6), np.int32), np.full((96, 128), 2**40), np.full((96, 128), -1)],
    ids=["size", "too large", "negative"],
)
def test_labels_that_can_not_be_used_are_refused_in_one_sentence(dock: Any, discs: Any, labels: Any) -> None:
    add_discs(dock, discs, annotated=False)
    layer = dock.viewer.add_labels(labels)
    dock.loop.adopt(layer, Coding.MASKS, LabelsAre.OBJECTS)
    assert dock.messages.level() == "error"
    assert words(dock).endswith(".")
    assert dock.loop.session.annotation is None
    assert layer.visible


@pytest.mark.parametrize(("value", "what"), [(0, "annotated"), (1, "background"), (2, "background")])
def test_too_little_to_train_is_said_and_nothing_starts(dock: Any, discs: Any, value: int, what: str) -> None:
    add_discs(dock, discs, annotated=False)
    dock.annotate.new.start.click()
    if value:
        dock.loop.layers.layer(Which.ANNOTATION).paint((40, 40), value)
    dock.train.train.click()
    assert dock.loop.training is None
    assert dock.messages.level() == "error"
    assert what in words(dock)


def test_problems_are_found_and_led_to(dock: Any, discs: Any, qtbot: Any) -> None:
    add_discs(dock, discs, annotated=False)
    dock.annotate.new.start.click()
    qtbot.waitUntil(lambda: bool(dock.annotate.problems.found()), timeout=30_000)
    assert dock.annotate.problems.summary() == "not enough yet"
    layer = dock.loop.layers.layer(Which.ANNOTATION)
    layer.data[...] = discs[1]
    layer.data[90, 120] = 2  # one pixel, far from the rest of object 2
    layer.refresh()
    problems = dock.annotate.problems
    qtbot.waitUntil(lambda: any(p.where is not None for p in problems.found()), timeout=30_000)
    where = next(p.where for p in problems.found() if p.where is not None)
    problems._go(where)
    camera = dock.viewer.scene.camera
    np.testing.assert_allclose(camera.center[-2:], where[-2:])


def test_a_problem_is_fixed_with_one_click_and_undone_in_one_step(dock: Any, discs: Any, qtbot: Any) -> None:
    discs[1][57, 23:26] = 2  # a slip of the brush in the background around another object
    layer = add_discs(dock, discs)
    problems = dock.annotate.problems
    qtbot.waitUntil(lambda: [p.kind for p in problems.found()] == ["speck"], timeout=5000)
    (fix,) = [made for made in problems.findChildren(QPushButton) if made.text() == "Fix"]
    assert "Erase" in fix.toolTip()
    fix.click()
    assert not layer.data[57, 23:26].any()
    assert words(dock) == "Erase specks: done; Undo takes it back."
    qtbot.waitUntil(lambda: problems.found() == [], timeout=5000)
    dock.loop.undo()
    assert (layer.data[57, 23:26] == 2).all()
    qtbot.waitUntil(lambda: len(problems.found()) == 1, timeout=5000)


def test_proposals_fill_the_segmentation_only(dock: Any, discs: Any, qtbot: Any) -> None:
    add_discs(dock, discs, annotated=False)
    dock.annotate.new.start.click()
    dock.annotate.propose.set_open(True)
    propose = dock.annotate.propose.body
    propose.threshold.setValue(0.05)
    qtbot.waitUntil(lambda: "6 objects" in propose.sentence.text(), timeout=10_000)
    assert np.unique(dock.loop.session.segmentation).size == 7
    assert not dock.loop.session.annotation.any()
    propose.accept.click()
    assert np.unique(dock.loop.session.annotation).size >= 7


def test_while_a_proposal_is_made_only_the_newest_wish_waits(dock: Any, discs: Any, qtbot: Any) -> None:
    add_discs(dock, discs, annotated=False)
    dock.annotate.propose.set_open(True)
    propose = dock.annotate.propose.body
    shown = []
    dock.loop.segmented.connect(lambda: shown.append(propose.threshold.value()))
    propose.propose()
    for value in (0.9, 0.3, 0.1):
        propose.threshold.setValue(value)
        propose.propose()
    qtbot.waitUntil(lambda: propose._job is None and bool(shown), timeout=10_000)
    assert shown == [pytest.approx(0.1)]


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((20, 30)),
        np.full((20, 30), np.nan),
        np.random.default_rng(0).random((1, 40)),
        np.arange(600, dtype=">u2").reshape(20, 30),
        np.random.default_rng(0).integers(0, 255, (20, 30, 4)).astype(np.uint8),
        np.zeros((20, 30), bool),
    ],
    ids=["zero", "nan", "one row", "big endian", "rgba", "bool"],
)
def test_odd_images_can_be_annotated_and_proposed(dock: Any, image: Any, qtbot: Any) -> None:
    dock.viewer.add_image(image, rgb=image.ndim == 3)
    assert dock.loop.session.image is not None
    dock.annotate.new.start.click()
    dock.annotate.propose.set_open(True)
    dock.annotate.propose.body.propose()
    qtbot.waitUntil(lambda: dock.annotate.propose.body._job is None, timeout=10_000)
    assert "objects proposed" in dock.annotate.propose.body.sentence.text()
    assert dock.messages.level() != "error", words(dock)
    assert dock.loop.session.annotation.shape == image.shape[:2]


def test_an_image_of_another_shape_begins_anew_and_says_so(dock: Any, discs: Any) -> None:
    layer = add_discs(dock, discs)
    other = dock.viewer.add_image(np.zeros((40, 50), np.uint8), name="other")
    dock.image.layer.setCurrentIndex(dock.image.layer.findData(other))
    assert dock.loop.session.annotation is None
    assert dock.messages.level() == "warning"
    assert layer.name in words(dock)
    layer.paint((2, 2), 5)  # an ordinary layer now
    assert dock.loop.session.annotation is None


def test_channels_are_chosen_by_their_ticks(dock: Any) -> None:
    from qtpy.QtCore import Qt

    for name in ("red", "green", "other size"):
        shape = (20, 30) if name != "other size" else (10, 10)
        dock.viewer.add_image(np.zeros(shape, np.uint8), name=name)
    assert dock.image.channels.count() == 2
    dock.image.channels.item(1).setCheckState(Qt.CheckState.Checked)
    assert dock.loop.session.image.n_channels == 2
    dock.image.channels.item(0).setCheckState(Qt.CheckState.Unchecked)
    assert dock.loop.session.image.name == "green"


def test_the_object_size_is_measured_until_it_is_set(dock: Any, discs: Any, qtbot: Any) -> None:
    add_discs(dock, discs)
    qtbot.waitUntil(lambda: dock.image.size_origin.text() == "measured", timeout=60_000)
    assert abs(dock.image.size.value() - 23.5) < 1
    dock.image.size.setValue(40)
    assert dock.loop.session.object_size() == (40.0, "set by you")
    dock.image._measure_size()
    assert dock.loop.session.object_size()[1] == "measured"


def test_train_turns_into_stop_and_can_not_be_pressed_twice(
    dock: Any, discs: Any, training: Any, qtbot: Any
) -> None:
    add_discs(dock, discs)
    dock.train.train.click()
    job = dock.loop.training
    assert job is not None
    assert "Stop" in dock.train.train.text()
    dock.loop.train("scratch", None)
    assert dock.loop.training is job
    qtbot.waitUntil(lambda: bool(dock.loop.reports), timeout=3000)
    assert "50 s left" in dock.train.time_left.text()
    training.steps_per_second = 0.1  # of a large network
    qtbot.waitUntil(lambda: "Stop (within 15 s" in dock.train.train.text(), timeout=10_000)
    dock.train.train.click()
    assert dock.train.train.text() == "Stopping …"
    assert not dock.train.train.isEnabled()
    qtbot.waitUntil(lambda: dock.loop.training is None, timeout=3000)
    assert training.stopped
    assert training.finished == ["trained"], "a stopped training hands over its best"
    qtbot.waitUntil(lambda: dock.train.train.text() == "Train", timeout=1000)


def test_painting_goes_on_and_layers_may_go_while_it_trains(
    dock: Any, discs: Any, training: Any, qtbot: Any
) -> None:
    layer = add_discs(dock, discs)
    dock.train.train.click()
    layer.paint((2, 2), 9)
    assert dock.loop.session.annotation[2, 2] == 9
    dock.viewer.layers.remove(layer)
    dock.viewer.layers.remove(dock.viewer.layers["discs"])
    training.go.set()
    qtbot.waitUntil(lambda: dock.loop.training is None, timeout=30_000)
    assert training.finished == ["trained"]
    assert dock.loop.session.annotation[2, 2] == 9


def test_a_dock_that_is_opened_again_finds_the_training(
    dock: Any, discs: Any, training: Any, qtbot: Any
) -> None:
    add_discs(dock, discs)
    dock.train.train.click()
    qtbot.waitUntil(lambda: len(dock.loop.reports) > 2, timeout=30_000)
    dock.close()
    again = Dock(dock.viewer)
    qtbot.addWidget(again)
    assert again.loop is dock.loop
    assert again.train.curves.n_points()[0] > 2
    assert "Stop" in again.train.train.text()
    assert words(again) == words(dock)
    training.go.set()
    qtbot.waitUntil(lambda: again.train.train.text() == "Train", timeout=3000)


def test_a_device_that_is_not_there_is_said(dock: Any, discs: Any, qtbot: Any) -> None:
    from napari_unet.network.training_settings import TrainingSettings

    add_discs(dock, discs)
    dock.loop.train("scratch", TrainingSettings(steps=1, device="cuda:99"))
    qtbot.waitUntil(lambda: dock.loop.training is None, timeout=60_000)
    assert dock.messages.level() == "error"
    assert "NVIDIA" in words(dock)
    assert dock.loop.session.current is None


def test_a_full_disk_is_said_and_nothing_says_saved(
    dock: Any, discs: Any, monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    add_discs(dock, discs)
    said: list[str] = []
    dock.loop.said.connect(lambda level, sentence: said.append(sentence))
    monkeypatch.setattr(TakeAway, "save_objects", full)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("/tmp/x.tif", ""))
    dock.takeaway._save_labels()
    qtbot.waitUntil(lambda: dock.messages.level() == "error", timeout=5000)
    assert "No space left" in words(dock)
    assert not [sentence for sentence in said if sentence.startswith("Saved")]


def test_painting_goes_on_while_it_is_saved(
    dock: Any, discs: Any, monkeypatch: pytest.MonkeyPatch, qtbot: Any, tmp_path: Any
) -> None:
    import tifffile

    layer = add_discs(dock, discs)
    dock.loop.session.propose(())
    go, save = threading.Event(), TakeAway.save_objects

    def slow(*taken: Any) -> None:
        go.wait(10)
        save(*taken)

    monkeypatch.setattr(TakeAway, "save_objects", slow)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "x"), ""))
    before = dock.loop.session.result()
    dock.takeaway._save_labels()
    assert not dock.takeaway.labels.isEnabled()
    layer.data[...] = 9
    layer.refresh()
    dock.loop.layers.settle()
    go.set()
    qtbot.waitUntil(lambda: words(dock) == f"Saved {tmp_path / 'x.tif'}.", timeout=10_000)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "x.tif"), before)
    qtbot.waitUntil(dock.takeaway.labels.isEnabled, timeout=2000)


def test_saving_without_a_segmentation_is_said(dock: Any, discs: Any, tmp_path: Any) -> None:
    add_discs(dock, discs)
    assert not dock.takeaway.labels.isEnabled()
    with dock.loop.telling("Saving"):
        dock.loop.session.save_labels(tmp_path / "x.tif")
    assert dock.messages.level() == "error"
    assert not list(tmp_path.iterdir())


def test_the_weight_map_is_a_layer_that_follows_the_brush(dock: Any, discs: Any, qtbot: Any) -> None:
    layer = add_discs(dock, discs)
    dock.views.want("Weight map", True)
    qtbot.waitUntil(lambda: "Weight map" in dock.viewer.layers, timeout=60_000)
    shown = dock.viewer.layers["Weight map"]
    before = np.array(shown.data)
    assert before.max() > 0
    layer.brush_size = 8
    layer.paint((60, 64), 1)
    qtbot.waitUntil(lambda: not np.array_equal(shown.data, before), timeout=5000)
    changed = np.argwhere(np.array(shown.data) != before)
    assert np.abs(changed - (60, 64)).max() < 60
    dock.viewer.layers.remove(shown)
    dock.refresh()
    dock.views.refresh()
    assert not dock.views.wants("Weight map"), "a layer that the user removed does not come back"


def test_nothing_speaks_of_what_does_not_exist_yet(dock: Any, discs: Any) -> None:
    from qtpy.QtWidgets import QAbstractButton, QLabel

    add_discs(dock, discs)
    texts = [w.text().lower() for w in [*dock.findChildren(QLabel), *dock.findChildren(QAbstractButton)]]
    for word in ("live", "3d", "inbox"):
        assert not any(word in text.split() for text in texts), word


def test_nothing_is_wider_than_the_dock(dock: Any, discs: Any, qtbot: Any) -> None:
    add_discs(dock, discs)
    dock.refresh()
    for section in dock.sections:
        section.set_open(True)
    dock.train.advanced.set_open(True)
    for fold in dock.findChildren(Fold):
        fold.set_open(True)
    scroll_bar = 14
    for section in dock.sections:
        assert section.minimumSizeHint().width() <= dock._area.minimumWidth() - 12 - scroll_bar, (
            section._title.text()
        )


def test_choosing_the_network_of_the_paper_shows_its_width_and_depth(dock: Any, discs: Any) -> None:
    add_discs(dock, discs)
    dock.train.advanced.set_open(True)
    advanced = dock.train.advanced.body
    assert (advanced.width_box.value(), advanced.depth_box.value()) == (16, 4)
    advanced.network.setValue(advanced.network.value().model_copy(update={"preset": "ronneberger2015"}))
    advanced._choose_network(advanced.network.value())
    settings = advanced.settings()
    assert (settings.preset, settings.width, settings.depth) == ("ronneberger2015", 64, 4)
