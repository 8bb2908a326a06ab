"""A large image in the window: a part of it is worked on, all of it is segmented, here, and shown as it comes."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from driving import words

from napari_unet._qt.large import view, whole_run
from napari_unet._qt.layers import sources
from napari_unet.synthetic.cells import touching_cells

SIDE = 1100


@pytest.fixture
def large(open_dock_in_shared_window: Any, qtbot: Any, monkeypatch: Any) -> tuple[Any, Any, Any]:
    """A window with an image that counts as large, zoomed to a part of it."""
    monkeypatch.setattr(sources, "LARGEST_PLANE", 1000**2)
    monkeypatch.setattr(view, "PART", 256)
    monkeypatch.setattr(view, "LEAST_PART", 128)
    monkeypatch.setattr(whole_run, "WORKING_MEMORY", 0.26e9)
    viewer, dock = open_dock_in_shared_window()
    image, _ = touching_cells((SIDE, SIDE), diameter=22)
    levels = [image, image[::2, ::2], image[::4, ::4]]
    layer = viewer.add_image(
        levels, multiscale=True, name="slide", scale=(0.5, 0.5), translate=(10, 20), units="um"
    )
    viewer.scene.camera.center = (0, 10 + 800 * 0.5, 20 + 300 * 0.5)
    viewer.scene.camera.zoom = 8
    qtbot.wait(300)  # the canvas is drawn there
    return viewer, dock, layer


def test_a_part_is_worked_on_and_the_whole_is_segmented(large, qtbot, tmp_path):
    viewer, dock, layer = large
    loop = dock.loop
    assert loop.session.image is None
    assert dock.image.part.isVisible()
    assert "1,100 × 1,100 px" in dock.image.part.words.text()
    assert dock.image._missing.isHidden()

    dock.image.part.take.click()
    qtbot.waitUntil(lambda: loop.session.image is not None, timeout=60_000)
    part = loop.layers.images[0]
    assert max(part.data.shape) <= 256
    top, left = (round(k) for k in layer.world_to_data(part.data_to_world((0, 0))))
    np.testing.assert_array_equal(
        part.data, layer.data[0][top : top + part.data.shape[0], left : left + part.data.shape[1]]
    )
    assert abs(top + part.data.shape[0] / 2 - 800) < 150
    assert abs(left + part.data.shape[1] / 2 - 300) < 150
    assert loop.session.image.pixel_size_um == 0.5

    row = dock.segment.whole_image
    loop.session.set_object_size(22)
    row.segment.click()
    assert row._run.job is not None, words(dock)
    shown = lambda: [made for made in viewer.layers if made.name == "slide segmented"]  # noqa: E731
    qtbot.waitUntil(lambda: bool(shown()), timeout=200_000)
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        dock.sections[0].set_open(False)
        dock.sections[1].set_open(False)
        qtbot.wait(300)
        viewer.screenshot(f"{folder}/large-running.png", canvas_only=False, flash=False)
    qtbot.waitUntil(lambda: row._run.job is None, timeout=200_000)
    assert "objects in the whole image" in words(dock)
    found = shown()[0]
    assert found.multiscale
    assert viewer.layers.index(found) > viewer.layers.index(part)
    assert found.data[0].shape == (SIDE, SIDE)
    np.testing.assert_allclose(found.scale, layer.scale)
    np.testing.assert_allclose(found.translate, layer.translate)
    assert len(np.unique(np.asarray(found.data[0]))) > 500
    if folder:
        viewer.reset_view()
        qtbot.wait(500)
        viewer.screenshot(f"{folder}/large-done.png", canvas_only=False, flash=False)


def test_stop_keeps_what_is_done_and_a_wrong_address_is_one_sentence(large, qtbot):
    _, dock, _ = large
    row = dock.segment.whole_image
    row.segment.click()
    row.stop.click()
    qtbot.waitUntil(lambda: row._run.job is None, timeout=200_000)
    assert "what is done is kept" in words(dock)
    row.place.setEditText("nowhere")
    row.segment.click()
    qtbot.waitUntil(lambda: row._run.job is None, timeout=200_000)
    assert "No scheduler answers at nowhere" in words(dock)
