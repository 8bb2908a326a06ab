"""Many files from the dock: what fails is told, Stop keeps what is done, and the next run goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from driving import add_discs, words

from napari_unet.formats.images import read_labels
from napari_unet.workflow.segmentation import Segmented


@pytest.fixture
def folder(tmp_path: Path, discs: Any) -> Path:
    """A folder of three images and one that is none."""
    made = tmp_path / "plate"
    made.mkdir()
    for k in range(3):
        tifffile.imwrite(made / f"well{k}.tif", np.roll(discs[0], 5 * k, axis=1))
    (made / "well1b.tif").write_text("no image")
    (made / "notes.txt").write_text("no image either")
    return made


@pytest.fixture
def panel(dock: Any, discs: Any, folder: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The panel with the folder chosen; a threshold stands in for the network."""

    def by_threshold(model: Any, image: Any, *, should_stop: Any, **_: Any) -> Segmented:
        labels = (image[0] > 120).astype(np.int32)
        return Segmented(labels, np.stack([1 - labels, labels]).astype(np.float32), None, 1.0)

    monkeypatch.setattr("napari_unet.workflow.segment_image", by_threshold)
    add_discs(dock, discs, annotated=False)
    dock.segment.batch.set_open(True)
    made = dock.segment.batch.body
    assert not made.run.isEnabled()
    made.set_source(folder)
    qtbot.waitUntil(lambda: bool(made.matching.text()), timeout=10_000)
    return made


def run(panel: Any, qtbot: Any) -> list[list[str]]:
    with qtbot.waitSignal(panel.ended, timeout=60_000):
        panel.run.click()
    table = panel.results
    return [[table.item(i, k).text() for k in range(4)] for i in range(table.rowCount())]


def test_a_folder_is_segmented_and_what_fails_is_told(
    panel: Any, dock: Any, folder: Path, qtbot: Any
) -> None:
    assert panel.matching.text() == "4 image files."
    panel.rois.setChecked(True)
    rows = run(panel, qtbot)
    assert [row[:2] for row in rows] == [
        ["well0.tif", "segmented"], ["well1.tif", "segmented"], ["well1b.tif", "failed"], ["well2.tif", "segmented"],
    ]  # fmt: skip
    assert "damaged" in rows[2][3]
    assert words(dock).startswith("3 of 4 files are segmented, 1 failed.")
    out = folder.with_name("plate segmented")
    assert {path.name for path in out.glob("*.zip")} == {"well0.zip", "well1.zip", "well2.zip"}
    assert read_labels(out / "well0.tif").array.any()
    assert [row[1] for row in run(panel, qtbot)] == ["was there", "was there", "failed", "was there"]


def test_a_pattern_chooses_among_the_files(panel: Any, qtbot: Any) -> None:
    panel.pattern.setText("*[02].tif")
    panel.pattern.editingFinished.emit()
    qtbot.waitUntil(lambda: panel.matching.text() == "2 image files.", timeout=10_000)
    assert [row[0] for row in run(panel, qtbot)] == ["well0.tif", "well2.tif"]
    panel.pattern.setText("*.lif")
    panel.pattern.editingFinished.emit()
    qtbot.waitUntil(lambda: "no file" in panel.matching.text(), timeout=10_000)


def test_stop_keeps_what_is_done(
    panel: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    from napari_unet.errors import Stopped

    def until_stopped(model: Any, image: Any, *, should_stop: Any, **_: Any) -> Segmented:
        qtbot_stop.append(1)
        while len(qtbot_stop) > 1:
            if should_stop():
                raise Stopped
        labels = (image[0] > 120).astype(np.int32)
        return Segmented(labels, np.stack([1 - labels, labels]).astype(np.float32), None, 1.0)

    qtbot_stop: list[int] = []
    monkeypatch.setattr("napari_unet.workflow.segment_image", until_stopped)
    with qtbot.waitSignal(panel.ended, timeout=60_000):
        panel.run.click()
        qtbot.waitUntil(lambda: len(qtbot_stop) == 2, timeout=30_000)
        assert panel.stop.isVisibleTo(panel)
        panel.stop.click()
    assert "3 are left for the next time" in panel.summary.text()
    assert [path.name for path in folder.with_name("plate segmented").glob("*.tif")] == ["well0.tif"]
