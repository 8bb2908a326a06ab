"""A stack in the window: axes, planes that come one by one, linking."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from driving import stroke, words
from napari.layers import Layer
from scipy import ndimage

from napari_unet._qt.correction.tools import DELETE
from napari_unet._qt.large.stack_run import stack_run_of
from napari_unet.objects.linking import LinkSettings
from napari_unet.samples import as_layers, nuclei_stack
from napari_unet.session import Session, Which, stack_on_disk
from napari_unet.session.image import ImageSource
from napari_unet.session.scope import Scope, planes_of
from napari_unet.session.through import Through
from napari_unet.session.whole_objects import WholeObjects
from napari_unet.workflow import Segmented


@pytest.fixture
def by_threshold(monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """Segment by a threshold, one plane per release of the semaphore."""
    turns = threading.Semaphore(0)

    def fake(model: Any, image: np.ndarray, *, should_stop: Any, **how: Any) -> Segmented:
        from napari_unet.errors import Stopped

        while not turns.acquire(timeout=0.05):
            if should_stop():
                raise Stopped
        bright = ndimage.gaussian_filter(image[0].astype(float), 1) > 55
        labels = ndimage.label(bright)[0].astype(np.int32)
        share = np.stack([~bright, bright]).astype(np.float32)
        return Segmented(labels, share, None, 1.0)

    monkeypatch.setattr("napari_unet.workflow.segment_image", fake)
    return turns


def open_sample(open_dock: Any) -> tuple[Any, Any]:
    viewer, dock = open_dock()
    viewer.add_layer(Layer.create(*as_layers(nuclei_stack())[0]))
    dock.reset_choices()
    return viewer, dock


def planes_shown(dock: Any) -> list[int]:
    found = dock.loop.session.segmentation
    return [] if found is None else [z for z in range(len(found)) if found[z].any()]


def test_planes_come_from_the_one_that_is_seen_and_are_linked_when_all_are_there(
    open_dock: Any, qtbot: Any, by_threshold: threading.Semaphore
) -> None:
    viewer, dock = open_sample(open_dock)
    loop, step = dock.loop, dock.segment
    viewer.dims.set_current_step(0, 5)
    buttons = step.scopes.buttons
    dock.refresh()
    assert [(scope, made.text()) for scope, made in buttons.items() if not made.isHidden()] == [
        (Scope.PLANE, "This plane"),
        (Scope.ALL, "Whole stack"),
    ]
    assert not step.linking.isHidden()
    step.linking.through.setCurrentIndex(step.linking.through.findData(Through.DEPTH))
    buttons[Scope.ALL].click()
    for n, expected in ((1, [5]), (2, [4, 5, 6]), (13, list(range(16)))):
        by_threshold.release(n)
        qtbot.waitUntil(lambda expected=expected: planes_shown(dock) == expected, timeout=20_000)
    qtbot.waitUntil(lambda: loop.segmentation is None, timeout=20_000)
    qtbot.waitUntil(lambda: loop.segmentation_run.linking.job is None, timeout=20_000)
    linking, found = loop.session.segmenting.linking, loop.session.segmentation
    assert linking.n_objects == np.unique(found[found > 0]).size, words(dock)
    numbers = [set(np.unique(plane[plane > 0])) for plane in found]
    assert all(a & b for a, b in itertools.pairwise(numbers[2:11]))
    np.testing.assert_array_equal(loop.layers.layer(Which.SEGMENTATION).data, found)
    dock.refresh()
    assert step.linking.found.text() == f"{linking.n_objects} objects in 3D"
    assert loop.session.undo() == "Link planes"
    assert loop.session.undo() == "Segment"
    assert planes_shown(dock) == []
    assert not loop.layers.layer(Which.SEGMENTATION).data.any()


def test_stop_keeps_the_planes_that_came(
    open_dock: Any, qtbot: Any, by_threshold: threading.Semaphore
) -> None:
    viewer, dock = open_sample(open_dock)
    viewer.dims.set_current_step(0, 8)
    dock.segment.scopes.buttons[Scope.ALL].click()
    by_threshold.release(2)
    qtbot.waitUntil(lambda: len(planes_shown(dock)) == 2, timeout=20_000)
    dock.segment.stop.click()
    qtbot.waitUntil(lambda: dock.loop.segmentation is None, timeout=20_000)
    assert planes_shown(dock) == [7, 8]


def test_axes_are_read_from_the_file_and_channels_become_layers(
    open_dock: Any, qtbot: Any, tmp_path: Path
) -> None:
    path = tmp_path / "cells.ome.tif"
    data = np.random.default_rng(0).integers(0, 255, (12, 2, 32, 40), dtype=np.uint16)
    tifffile.imwrite(path, data, metadata={"axes": "TCYX"})
    viewer, dock = open_dock()
    viewer.open(str(path), plugin="napari")
    dock.reset_choices()
    row = dock.image.axes
    qtbot.waitUntil(lambda: dock.loop.session.image.axes == "TCYX", timeout=20_000)
    dock.refresh()
    assert row.axes.text() == "TCYX"
    assert row.arrange.text() == "Split C into 2 channels"
    row.arrange.click()
    dock.refresh()
    image = dock.loop.session.image
    assert (image.axes, image.n_channels, image.spatial_shape) == ("TYX", 2, (12, 32, 40))
    np.testing.assert_array_equal(image.plane((3,)), data[3])
    assert row.arrange.isHidden()


def test_a_user_names_the_axes_in_any_order(open_dock: Any) -> None:
    viewer, dock = open_dock()
    data = np.random.default_rng(0).integers(0, 255, (32, 40, 12), dtype=np.uint8)
    layer = viewer.add_image(data, name="cells")
    dock.reset_choices()
    dock.refresh()
    row = dock.image.axes
    assert row.axes.text() == "ZYX"
    row.axes.setText("YXT")
    row.axes.editingFinished.emit()
    dock.refresh()
    assert row.arrange.text() == "Arrange as planes"
    row.arrange.click()
    dock.refresh()
    image = dock.loop.session.image
    assert (image.axes, image.spatial_shape) == ("TYX", (12, 32, 40))
    np.testing.assert_array_equal(image.plane((4,))[0], data[..., 4])
    assert np.shares_memory(dock.loop.layers.images[0].data, layer.data)
    row.axes.setText("TTX")
    row.axes.editingFinished.emit()
    assert "each axis once" in words(dock)
    assert dock.loop.session.image.axes == "TYX"


def test_tools_act_on_the_plane_or_on_the_object_through_the_stack_as_one_chooses(
    open_dock: Any, qtbot: Any
) -> None:
    viewer, dock = open_dock(show=True)
    labels = np.zeros((5, 60, 80), np.int32)
    labels[1:4, 10:30, 10:30], labels[:, 35:55, 45:70] = 1, 2
    viewer.add_image((100 * (labels > 0)).astype(np.uint8), name="cells")
    viewer.dims.set_current_step(0, 2)
    dock.reset_choices()
    dock.annotate.new.start.click()
    loop, session, buttons = dock.loop, dock.loop.session, dock.correct.tools
    session.canvas.add(Which.SEGMENTATION, labels.copy())
    qtbot.waitUntil(lambda: loop.layers.layer(Which.SEGMENTATION) is not None, timeout=10_000)
    dock.sections[4].set_open(True)
    dock.refresh()
    assert not buttons.scope.isVisibleTo(dock.correct), "numbers of other planes mean nothing yet"
    session.segmenting.linking.choose(Through.DEPTH, LinkSettings())
    dock.refresh()
    assert buttons.scope.isVisibleTo(dock.correct)
    layer = loop.layers.layer(Which.SEGMENTATION)
    viewer.reset_view()
    loop.tools.take(DELETE)
    stroke(viewer, layer, (20, 20))
    assert [bool((plane == 1).any()) for plane in session.segmentation] == [False, True, False, True, False]
    loop.undo()
    buttons.scope.setCurrentIndex(1)
    buttons.scope.activated.emit(1)
    stroke(viewer, layer, (20, 20))
    qtbot.waitUntil(lambda: "Deleted on 3 planes" in words(dock), timeout=20_000)
    assert not (session.segmentation == 1).any()
    np.testing.assert_array_equal(layer.data, session.segmentation)
    loop.undo()
    np.testing.assert_array_equal(session.segmentation, labels)
    loop.accepting.accept_object(2)
    qtbot.waitUntil(lambda: "px are annotated now" in words(dock), timeout=20_000)
    assert (session.annotation[labels == 2] >= 2).all()
    assert session.undo() == "Accept"
    assert not session.annotation.any()


def test_what_a_tool_found_in_one_image_is_not_done_in_the_next(
    begin: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer, loop = begin()
    session, labels = loop.session, np.zeros((5, 60, 80), np.int32)
    labels[1:4, 10:30, 10:30] = 1
    go_on, delete = threading.Event(), WholeObjects.delete

    def delete_late(*how: Any) -> Any:
        assert go_on.wait(30)
        return delete(*how)

    monkeypatch.setattr(WholeObjects, "delete", delete_late)
    for name in ("first", "second"):
        layer = viewer.add_image((100 * (labels > 0)).astype(np.uint8), name=name)
        loop.layers.choose_images([layer], anew=True)
        session.canvas.add(Which.SEGMENTATION, labels.copy())
        session.segmenting.linking.choose(Through.DEPTH, LinkSettings())
        loop.tools.gestures.whole = True
        if name == "first":
            viewer.dims.set_current_step(0, 2)
            loop.tools.gestures.click(DELETE, (2,), np.array([20.0, 20.0]))
    said: list[str] = []
    loop.said.connect(lambda level, sentence: said.append(sentence))
    go_on.set()
    qtbot.waitUntil(lambda: any("Another image is open" in sentence for sentence in said), timeout=30_000)
    np.testing.assert_array_equal(session.segmentation, labels)
    assert session.annotation is None, "nothing was begun here"
    loop.tools.gestures.click(DELETE, (2,), np.array([20.0, 20.0]))  # it is free again
    qtbot.waitUntil(lambda: not session.segmentation.any(), timeout=30_000)


def test_a_stack_whose_labels_memory_does_not_hold_goes_to_the_disk_plane_by_plane(
    open_dock: Any, qtbot: Any, by_threshold: threading.Semaphore, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer, dock = open_sample(open_dock)
    session = dock.loop.session
    session.set_object_size(20.0)
    viewer.dims.set_current_step(0, 5)
    n_planes = session.image.spatial_shape[0]
    monkeypatch.setattr(stack_on_disk, "free_memory", lambda: 8 * session.image.data.size)
    button = dock.segment.scopes.buttons[Scope.ALL]
    step, run = dock.segment, stack_run_of(dock.loop)

    def shown() -> list[int]:
        layer = run._layer
        return [] if layer is None else [z for z in range(n_planes) if np.asarray(layer.data[z]).any()]

    button.click()
    assert session.segmentation is None
    assert "Memory would not hold all labels" in words(dock)
    by_threshold.release(3)
    qtbot.waitUntil(lambda: sorted(shown()) == [4, 5, 6], timeout=60_000)
    assert not step.stop.isHidden()
    step.stop.click()
    qtbot.waitUntil(lambda: run.job is None, timeout=60_000)
    assert "The same button goes on there" in words(dock)
    assert sorted(shown()) == [4, 5, 6]

    said: list[str] = []
    dock.loop.said.connect(lambda level, sentence: said.append(sentence))
    by_threshold.release(n_planes - 3)  # no plane is segmented twice
    button.click()
    qtbot.waitUntil(lambda: run.job is None, timeout=60_000)
    assert any(f"3 of {n_planes} planes were done before" in sentence for sentence in said)
    assert any("kept in" in sentence for sentence in said)
    assert shown() == list(range(n_planes))
    layer = run._layer
    np.testing.assert_allclose(layer.scale, dock.loop.layers.images[0].scale)
    assert session.segmentation is None
    assert not by_threshold.acquire(blocking=False)


def test_a_stack_of_a_series_is_segmented_alone_on_the_disk(tmp_path: Path) -> None:
    session = Session()
    pixels = np.random.default_rng(0).integers(0, 99, (3, 4, 40, 50)).astype(np.uint8)
    session.set_image(ImageSource("cells", pixels, axis_labels=("T", "Z", "Y", "X")))
    planes = planes_of(session.image, Scope.STACK, (2, 1))
    task = stack_on_disk.StackOnDisk.of(session, planes, tmp_path)
    assert (task.stack.axes, task.stack.plane_shape, task.first) == ("ZYX", (4,), (1,))
    assert task.axes == (1, 2, 3)
    assert task.folder == tmp_path / "cells T2.zarr"
    np.testing.assert_array_equal(task.stack.plane((3,)).read(0, 40, 0, 50, 1)[0], pixels[2, 3])
