"""Labels of other programs in the dock: from a layer or a file, as annotation or as segmentation."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from driving import add_discs, words
from qtpy.QtWidgets import QFileDialog

from napari_unet._qt import adopting, bringing_run
from napari_unet.annotation.coding import Coding
from napari_unet.session import Which


def body_of(dock: Any) -> Any:
    dock.annotate.new.import_labels.set_open(True)
    return dock.annotate.new.import_labels.body


def say(body: Any, coding: Coding, qtbot: Any) -> None:
    body.coding.setCurrentIndex(body.coding.findData(coding))
    qtbot.waitUntil(body.use.isEnabled, timeout=60_000)


def choose(dock: Any, path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: Any) -> Any:
    """Choose a file; return the body when it is a layer."""
    body = body_of(dock)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    body.file.click()
    qtbot.waitUntil(body.file.isEnabled, timeout=60_000)
    return body


def test_a_foreign_layer_is_used_only_after_its_coding_was_said_and_shown(
    dock: Any, discs: Any, qtbot: Any
) -> None:
    add_discs(dock, discs, annotated=False)
    foreign = dock.viewer.add_labels(np.where(discs[1] > 1, discs[1] - 1, 0), name="made elsewhere")
    body = body_of(dock)
    assert dock.loop.session.annotation is None
    assert body.layer.currentData() == foreign
    assert not body.use.isEnabled()
    say(body, Coding.MASKS, qtbot)
    assert "4 objects" in body.sentence.text()
    body.use.click()
    np.testing.assert_array_equal(np.unique(dock.loop.session.annotation), [1, 2, 3, 4, 5])


def test_ilastiks_labels_are_used_when_their_background_is_named(
    dock: Any, discs: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    add_discs(dock, discs, annotated=False)
    painted = np.select([discs[1] > 1, discs[1] == 1], [1, 2]).astype(np.uint8)
    tifffile.imwrite(tmp_path / "discs_Simple Segmentation.tif", painted)
    body = choose(dock, tmp_path / "discs_Simple Segmentation.tif", monkeypatch, qtbot)
    assert body.layer.currentText() == "discs_Simple Segmentation.tif"
    assert body.background_row.isHidden()
    say(body, Coding.ILASTIK, qtbot)
    assert not body.background_row.isHidden()
    body.background.setValue(2)
    qtbot.waitUntil(body.use.isEnabled, timeout=60_000)
    assert body.sentence.text().startswith("4 objects")
    body.use.click()
    annotation = dock.loop.session.annotation
    assert np.array_equal(annotation == 1, discs[1] == 1)
    assert np.array_equal(annotation == 0, discs[1] == 0)
    assert np.unique(annotation).tolist() == [0, 1, 2, 3, 4, 5]


def test_masks_of_a_file_are_shown_as_if_they_had_been_found(
    dock: Any, discs: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    add_discs(dock, discs, annotated=False)
    masks = np.where(discs[1] > 1, discs[1] + 5, 0).astype(np.uint16)
    tifffile.imwrite(tmp_path / "discs_cp_masks.tif", masks)
    body = choose(dock, tmp_path / "discs_cp_masks.tif", monkeypatch, qtbot)
    layer = body.layer.currentData()
    say(body, Coding.MASKS, qtbot)
    body.show_as_found.click()
    qtbot.waitUntil(lambda: "are the segmentation now" in words(dock), timeout=60_000)
    assert words(dock).startswith("4 objects of “discs_cp_masks.tif”")
    assert np.array_equal(dock.loop.session.segmentation, masks)
    assert dock.loop.session.annotation is None
    assert not layer.visible
    qtbot.waitUntil(dock.takeaway.labels.isEnabled, timeout=60_000)
    assert dock.loop.session.undo() is not None
    assert not dock.loop.session.segmentation.any()


def test_a_stack_comes_plane_by_plane_as_one_step_of_undo(
    dock: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bringing_run, "_PIXELS_AT_ONCE", 1)
    labels = np.zeros((4, 30, 40), np.int32)
    labels[:, 5:15, 5:15] = 6
    dock.viewer.add_image(np.zeros(labels.shape, np.uint8), name="stack")
    dock.viewer.add_labels(labels, name="made elsewhere")
    session, body = dock.loop.session, body_of(dock)
    portions: list[int] = []

    def note(action: Any, how: str) -> None:
        portions.append(len(action.changes))

    session.canvas.applied.connect(note)
    say(body, Coding.MASKS, qtbot)
    body.show_as_found.click()
    assert not body.use.isEnabled()
    qtbot.waitUntil(lambda: "are the segmentation now" in words(dock), timeout=60_000)
    assert portions == [1, 1, 1, 1]
    assert np.array_equal(session.segmentation, labels)
    assert np.array_equal(dock.loop.layers.layer(Which.SEGMENTATION).data, labels)
    qtbot.waitUntil(body.file.isEnabled, timeout=60_000)
    dock.loop.undo()
    assert not session.segmentation.any()


@pytest.mark.parametrize(("name", "said"), [("a.tif", "40 × 30 px"), ("a_seg.npy", "_cp_masks")])
def test_a_file_that_does_not_fit_is_refused_in_one_sentence(
    dock: Any, discs: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, said: str
) -> None:
    add_discs(dock, discs, annotated=False)
    tifffile.imwrite(tmp_path / "a.tif", np.ones((30, 40), np.uint8))
    (tmp_path / "a_seg.npy").write_bytes(b"x")
    n = len(dock.viewer.layers)
    choose(dock, tmp_path / name, monkeypatch, qtbot)
    assert dock.messages.level() == "error"
    assert said in words(dock)
    assert len(dock.viewer.layers) == n


@pytest.mark.parametrize("lazy", [False, True])
def test_large_labels_and_those_of_files_become_the_annotation_in_a_thread(
    dock: Any, discs: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch, lazy: bool
) -> None:
    da = pytest.importorskip("dask.array")
    add_discs(dock, discs, annotated=False)
    read_in: list[str] = []

    def read(block: np.ndarray) -> np.ndarray:
        read_in.append(threading.current_thread().name)
        return block

    masks = np.where(discs[1] > 1, discs[1] + 5, 0).astype(np.uint16)
    made = da.from_array(masks, chunks=48).map_blocks(read, dtype=np.uint16) if lazy else masks
    foreign = dock.viewer.add_labels(made, name="made elsewhere")
    body = body_of(dock)
    say(body, Coding.MASKS, qtbot)
    if not lazy:
        monkeypatch.setattr(adopting, "_AT_ONCE", 10)
    read_in.clear()
    body.use.click()
    assert dock.loop.session.annotation is None
    assert not body.use.isEnabled()
    qtbot.waitUntil(lambda: dock.loop.session.annotation is not None, timeout=60_000)
    assert threading.main_thread().name not in read_in
    np.testing.assert_array_equal(dock.loop.session.annotation, np.where(masks, masks + 1, 1))
    shown = dock.loop.layers.layer(Which.ANNOTATION)
    np.testing.assert_array_equal(shown.data, dock.loop.session.annotation)
    assert not np.shares_memory(shown.data, dock.loop.session.annotation)
    assert not foreign.visible
    assert "is the annotation now" in words(dock)
    keeping = dock.loop.keeping  # and it is kept, as if it had been painted
    qtbot.waitUntil(lambda: keeping.project is not None and not keeping.project.saved.pending, timeout=60_000)
    assert "annotation" in keeping.keeper.entry.arrays


def test_labels_of_an_image_that_was_replaced_meanwhile_are_not_taken(
    dock: Any, discs: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adopting, "_AT_ONCE", 10)
    add_discs(dock, discs, annotated=False)
    dock.viewer.add_labels(np.where(discs[1] > 1, discs[1] + 5, 0), name="made elsewhere")
    body = body_of(dock)
    say(body, Coding.MASKS, qtbot)
    body.use.click()
    dock.loop.layers.choose_images([dock.viewer.add_image(np.zeros((50, 60)), name="another")])
    qtbot.waitUntil(lambda: not dock.loop.adopting.is_running, timeout=60_000)
    assert dock.loop.session.annotation is None
    assert "take them again" in words(dock)


def test_the_annotation_of_before_stays_in_the_layer_list_when_one_starts_over(
    dock: Any, discs: Any, qtbot: Any
) -> None:
    layer = add_discs(dock, discs)
    painted = layer.data.copy()
    dock.annotate.again.set_open(True)
    again = dock.annotate.again.body
    again.start.click()
    assert not dock.loop.session.annotation.any()
    assert layer in dock.viewer.layers
    np.testing.assert_array_equal(layer.data, painted)
    now = dock.loop.layers.layer(Which.ANNOTATION)
    assert now != layer
    layer.data_setitem((np.array([5]), np.array([5])), 9)
    dock.loop.layers.settle()
    assert not dock.loop.session.annotation.any()
