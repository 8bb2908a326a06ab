"""Segmenting with the bundled network: the first thing a user does may be to correct instead of to paint."""

from __future__ import annotations

from typing import Any

import numpy as np
from driving import add_discs, words
from qtpy.QtWidgets import QApplication

from napari_unet._qt.segment import ONLY_OBJECTS, WITHOUT_TRAINING
from napari_unet.session import BUNDLED, SCRATCH, Which


def segment(dock: Any, qtbot: Any) -> None:
    dock.segment.this_plane.click()
    assert dock.loop.segmentation is not None, words(dock)
    qtbot.waitUntil(lambda: dock.loop.segmentation is None, timeout=60_000)
    QApplication.processEvents()


def test_segment_works_before_anything_was_painted(dock: Any, discs: Any, qtbot: Any) -> None:
    add_discs(dock, discs, annotated=False)
    assert dock.sections[3].is_open()
    assert dock.sections[3].state() == "without training"
    assert dock.segment.empty.text() == WITHOUT_TRAINING
    assert dock.image.size_origin.text() == "assumed"
    segment(dock, qtbot)
    assert 4 <= int(dock.loop.counting.words().split()[0]) <= 8, words(dock)
    assert dock.sections[3].state().endswith("objects")
    assert dock.image.size_origin.text() == "found in the image"
    assert 17 < dock.image.size.value() < 33
    assert dock.segment.empty.text() == WITHOUT_TRAINING
    assert dock.sections[4].is_open()
    assert not dock.sections[2].is_open()
    assert not dock.takeaway.model.isEnabled()


def test_a_correction_makes_the_annotation_layer_and_stays_on_the_segmentation(
    dock: Any, discs: Any, qtbot: Any
) -> None:
    add_discs(dock, discs, annotated=False)
    segment(dock, qtbot)
    dock.correct.edit.click()
    layer = dock.loop.layers.layer(Which.SEGMENTATION)
    layer.brush_size = 4
    layer.paint((24, 24), 0)
    QApplication.processEvents()
    annotation = dock.loop.layers.layer(Which.ANNOTATION)
    assert annotation in dock.viewer.layers
    assert annotation.data[24, 24] == 1
    assert annotation.data[24, 18] >= 2
    assert dock.viewer.layers.selection.active == layer
    assert "layer was made" in words(dock)
    assert dock.train.train.isEnabled()
    dock.loop.undo()
    assert not annotation.data.any()
    assert layer.data[24, 24] > 0


def test_accept_needs_no_annotation_layer(dock: Any, discs: Any, qtbot: Any) -> None:
    add_discs(dock, discs, annotated=False)
    segment(dock, qtbot)
    dock.correct.accept_plane.click()
    QApplication.processEvents()
    assert np.unique(dock.loop.layers.layer(Which.ANNOTATION).data).size >= 5


def test_nothing_found_is_explained_where_one_looks(dock: Any, qtbot: Any) -> None:
    dock.viewer.add_image(np.zeros((64, 64), np.uint8))
    segment(dock, qtbot)
    assert "bundled network found nothing" in dock.segment.empty.text()
    assert "highest probability" in dock.segment.empty.text()


def test_the_bundle_is_offered_first_until_another_preset_is_chosen(
    dock: Any, discs: Any, qtbot: Any
) -> None:
    add_discs(dock, discs)
    train = dock.train
    assert train.start.currentData() == BUNDLED
    train.advanced.set_open(True)
    network = train.advanced.body.network
    assert not train.advanced.body.width_box.isEnabled()
    network.setValue(network.value().model_copy(update={"preset": "ronneberger2015"}))
    network.valueChanged.emit(network.value())
    assert train.start.currentData() == SCRATCH
    assert train.start.findData(BUNDLED) == -1
    assert train.advanced.body.width_box.isEnabled()
    network.setValue(network.value().model_copy(update={"preset": "laptop"}))
    network.valueChanged.emit(network.value())
    assert train.start.currentData() == BUNDLED


def test_classes_have_to_be_trained_first(dock: Any, discs: Any) -> None:
    add_discs(dock, discs, annotated=False)
    dock.annotate.new.classes.setChecked(True)
    dock.annotate.new.start.click()
    QApplication.processEvents()
    assert not dock.segment.this_plane.isEnabled()
    assert dock.segment.empty.text() == ONLY_OBJECTS
    assert dock.train.start.currentData() == BUNDLED
