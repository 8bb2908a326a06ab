"""Live in the real window: strokes of the mouse, the overlay, the switch."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from driving import stroke

from napari_unet._qt.live import uncertainty
from napari_unet._qt.live.uncertainty import FAINT
from napari_unet.annotation.coding import LabelsAre
from napari_unet.session import Which
from napari_unet.session.live.meanwhile import Effort
from napari_unet.session.live.words import BUNDLED, NOTHING_PAINTED

CENTRES = [(24, 24), (24, 64), (24, 104), (72, 24), (72, 64), (72, 104)]


@pytest.fixture
def painting(open_dock_in_shared_window, discs, qtbot):
    """Return viewer, dock and annotation layer of the discs, with nothing painted and Live on."""
    viewer, dock = open_dock_in_shared_window()
    viewer.add_image(discs[0], name="discs")
    dock.reset_choices()
    session = dock.loop.session
    session.set_object_size(24.0)
    session.annotating.start(LabelsAre.OBJECTS)
    dock.refresh()
    viewer.reset_view()
    dock.annotate.live.effort.setCurrentIndex(dock.annotate.live.effort.findData(Effort.PREVIEW))
    dock.annotate.live.live.click()
    assert dock.loop.live_run.is_on
    return viewer, dock, dock.loop.layers.layer(Which.ANNOTATION)


def paint(dock, viewer, layer, value, *points):
    dock.loop.layers.paint_with(value)
    layer.brush_size = 6
    stroke(viewer, layer, *points)


def wait_for_overlay(dock, qtbot, after):
    live = dock.loop.live_run.live
    qtbot.waitUntil(lambda: live.n_shown > after, timeout=60_000)
    qtbot.waitUntil(lambda: not live.scheduler.is_busy(), timeout=60_000)


def test_two_strokes_of_the_mouse_show_all_discs(painting, qtbot):
    viewer, dock, layer = painting
    live = dock.loop.live_run.live
    assert dock.annotate.live.status.text() == NOTHING_PAINTED
    paint(dock, viewer, layer, 2, (24, 20), (24, 28))
    paint(dock, viewer, layer, 1, (48, 30), (48, 60))
    wait_for_overlay(dock, qtbot, 0)
    shown = dock.loop.layers.layer(Which.SEGMENTATION)
    values = [int(shown.data[centre]) for centre in CENTRES]
    assert len(set(values)) == 6
    assert all(values)
    assert BUNDLED in dock.annotate.live.status.text()  # it finds discs by itself
    assert "preview" in dock.segment.state()
    veil = viewer.layers["Uncertainty"]
    np.testing.assert_array_equal(veil.data, live.entropy)
    assert veil.opacity == FAINT, "nobody asked for it"
    assert viewer.layers.selection.active == layer
    n = live.n_shown
    dock.loop.undo()
    assert int(np.count_nonzero(layer.data == 1)) == 0  # the stroke, not an overlay
    dock.loop.redo()
    wait_for_overlay(dock, qtbot, n)
    assert [int(shown.data[centre]) for centre in CENTRES] == values

    dock.annotate.live.live.click()
    assert not dock.loop.live_run.is_on
    assert "Uncertainty" not in viewer.layers
    names = ("napari-unet-quick", "napari-unet-long")
    qtbot.waitUntil(lambda: not any(t.name in names for t in threading.enumerate()), timeout=10_000)


def test_uncertainty_comes_with_live_work_until_it_is_hidden_and_not_on_large_planes(painting, monkeypatch):
    _, dock, _ = painting
    live = dock.annotate.live.live
    dock.refresh()
    assert dock.segment.uncertainty.isChecked()
    live.click()
    assert not dock.views.wants("Uncertainty")
    monkeypatch.setattr(uncertainty, "MOST_PIXELS", 10)
    live.click()
    assert not dock.views.wants("Uncertainty"), "drawing it would take longer than a stroke may"
    live.click()
    monkeypatch.undo()
    live.click()
    dock.refresh()
    dock.segment.uncertainty.click()
    live.click()
    live.click()
    assert not dock.views.wants("Uncertainty"), "the user hid it"
    dock.refresh()
    dock.segment.uncertainty.click()
    live.click()
    assert dock.views.wants("Uncertainty"), "the user asked for it"


def test_a_setting_acts_on_the_preview_and_segment_replaces_it_until_the_next_stroke(painting, qtbot):
    viewer, dock, layer = painting
    live = dock.loop.live_run.live
    paint(dock, viewer, layer, 2, (24, 20), (24, 28))
    paint(dock, viewer, layer, 1, (48, 30), (48, 60))
    wait_for_overlay(dock, qtbot, 0)
    area = int(np.count_nonzero(dock.loop.session.segmentation))
    n = live.n_shown
    dock.segment.further.editors["own_border"].setValue(0.95)
    wait_for_overlay(dock, qtbot, n)
    assert int(np.count_nonzero(dock.loop.session.segmentation)) < area
    n, done = live.n_shown, dock.loop.n_segmented
    dock.segment.this_plane.click()
    qtbot.waitUntil(lambda: dock.loop.n_segmented > done, timeout=60_000)
    assert "“Segment”" in live.status
    qtbot.wait(300)
    assert live.n_shown == n
    paint(dock, viewer, layer, 1, (48, 80), (48, 100))
    wait_for_overlay(dock, qtbot, n)
    assert BUNDLED in live.status
