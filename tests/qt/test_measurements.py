"""Measurements in the dock: rows lead to objects, objects to rows, and what changed is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from driving import add_discs, stroke, words
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog

from napari_unet.formats.exports import ENDINGS, Format
from napari_unet.session import Which


def measured(dock: Any, discs: Any, qtbot: Any) -> Any:
    """Show all discs as segmentation and measure them; return the panel."""
    add_discs(dock, discs)
    session = dock.loop.session
    session.segmenting.show((), np.maximum(discs[1] - 1, 0), "Segment")
    dock.takeaway.measurements.set_open(True)
    dock.refresh()
    panel = dock.takeaway.measurements.body
    panel.measure.click()
    qtbot.waitUntil(lambda: panel._job is None and panel.model.rowCount() > 0, timeout=20_000)
    return panel


def test_measuring_fills_table_histograms_and_napari_features(dock: Any, discs: Any, qtbot: Any) -> None:
    panel = measured(dock, discs, qtbot)
    layer = dock.loop.layers.layer(Which.SEGMENTATION)
    numbers = sorted(int(n) for n in np.unique(layer.data) if n)
    assert sorted(layer.features["index"]) == numbers
    assert panel.model.rowCount() == len(numbers)
    assert panel.sizes.measure.currentText() == "area"
    assert panel.sizes.heights().sum() == panel.intensities.heights().sum() == len(numbers)
    area = int((layer.data == numbers[0]).sum())
    assert layer.features.set_index("index").loc[numbers[0], "area"] == area
    assert "4 objects" in panel.sentence.text()


def test_a_row_shows_its_object_also_when_sorted(dock: Any, discs: Any, qtbot: Any) -> None:
    panel = measured(dock, discs, qtbot)
    column = list(panel.model.columns).index("centroid-x")
    panel.table.sortByColumn(column, Qt.SortOrder.DescendingOrder)
    panel.table.selectRow(0)
    layer = dock.loop.layers.layer(Which.SEGMENTATION)
    places = np.argwhere(layer.data == layer.selected_label)
    assert places[:, 1].mean() == panel.model.columns["centroid-x"].max()
    camera = np.asarray(dock.viewer.scene.camera.center)[-2:]
    assert np.allclose(camera, places.mean(axis=0), atol=1)
    assert panel.sizes._place.isVisible()


def test_correcting_makes_the_numbers_old_and_says_so(dock: Any, discs: Any, qtbot: Any) -> None:
    panel = measured(dock, discs, qtbot)
    layer = dock.loop.layers.layer(Which.SEGMENTATION)
    layer.data_setitem(np.nonzero(np.pad(np.ones((5, 5)), ((0, 91), (40, 83)))), 99)
    dock.loop.layers.settle()
    qtbot.waitUntil(lambda: "changed since" in panel.sentence.text(), timeout=5000)
    assert len(layer.features) == 0
    panel.measure.click()
    qtbot.waitUntil(lambda: panel._job is None and len(layer.features) == 5, timeout=20_000)
    assert "5 objects" in panel.sentence.text()
    dock.takeaway.whole_only.setChecked(True)
    panel.measure.click()
    qtbot.waitUntil(lambda: panel._job is None and panel.model.rowCount() == 4, timeout=20_000)


def test_nothing_to_measure_is_said(dock: Any, discs: Any, qtbot: Any) -> None:
    add_discs(dock, discs, annotated=False)
    dock.loop.session.segmenting.show((), np.zeros((96, 128), np.int32), "Segment")
    dock.takeaway.measurements.set_open(True)
    dock.refresh()
    panel = dock.takeaway.measurements.body
    panel.measure.click()
    qtbot.waitUntil(lambda: "no object to measure" in words(dock), timeout=20_000)
    assert panel.model.rowCount() == 0


@pytest.mark.parametrize("what", Format)
def test_objects_are_saved_in_the_chosen_format(
    dock: Any, discs: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, what: Format
) -> None:
    add_discs(dock, discs)
    dock.loop.session.propose(())
    dock.refresh()
    offered: list[str] = []

    def answer(parent: Any, title: str, name: str, kinds: str) -> tuple[str, str]:
        offered.append(name)
        return str(tmp_path / "x"), kinds

    monkeypatch.setattr(QFileDialog, "getSaveFileName", answer)
    dock.takeaway.format.setCurrentIndex(dock.takeaway.format.findData(what))
    dock.takeaway.labels.click()
    qtbot.waitUntil(lambda: words(dock).startswith("Saved "), timeout=20_000)
    assert offered == [f"discs_objects{ENDINGS[what]}"]
    assert [path.name for path in tmp_path.iterdir()] == [f"x{ENDINGS[what]}"]


def test_a_click_on_an_object_selects_its_row(open_dock: Any, discs: Any, qtbot: Any) -> None:
    viewer, dock = open_dock(show=True)
    dock.viewer = viewer
    panel = measured(dock, discs, qtbot)
    layer = dock.loop.layers.layer(Which.SEGMENTATION)
    viewer.layers.selection.active = layer
    layer.mode = "pan_zoom"
    viewer.reset_view()
    for place in ((24.0, 64.0), (72.0, 24.0)):
        stroke(viewer, layer, place)
        number = int(layer.data[int(place[0]), int(place[1])])
        qtbot.waitUntil(
            lambda n=number: (
                panel.model.columns["label"][panel.model.entry(panel.table.currentIndex().row())] == n
            ),
            timeout=5000,
        )
