"""Projects in the window: kept as one paints, offered again, named, opened, refused."""

from __future__ import annotations

import errno
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from driving import add_discs, words
from qtpy.QtWidgets import QApplication

from napari_unet._qt.dock import Dock
from napari_unet._qt.loops import loop_of
from napari_unet._qt.project import closing, work
from napari_unet._qt.project.sight import FILE
from napari_unet.project import Project, recovery
from napari_unet.project.disk import Disk
from napari_unet.project.pixels import Pixels
from napari_unet.project.rounds import read_rounds
from napari_unet.session import Round, Which
from napari_unet.session.round_network import RoundNetwork
from tiny_models import a_model, a_round

_PATIENCE = 60_000


def wait(qtbot: Any, until: Any) -> None:
    qtbot.waitUntil(until, timeout=_PATIENCE)


def keeping(dock: Any) -> Any:
    return dock.loop.keeping


def is_kept(dock: Any) -> bool:
    project = keeping(dock).project
    return project is not None and project.saved.pending == 0


def paint(layer: Any, value: int, at: tuple[int, int] = (30, 30)) -> None:
    layer.selected_label = value
    layer.paint(at, value)


def begun(dock: Any, qtbot: Any, discs: Any, file: Path | None = None) -> Any:
    """Open the discs, paint on them, and wait until that is kept; return the annotation layer."""
    layer = add_discs(dock, discs)
    if file is not None:
        dock.viewer.layers["discs"].metadata[FILE] = str(file)
    qtbot.wait(50)
    paint(layer, 7)
    wait(qtbot, lambda: is_kept(dock))
    return layer


def noted(dock: Any, name: str) -> Any:
    return keeping(dock).keeper._noted.get(name)


def _no_room(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def kept_annotation(folder: Path) -> np.ndarray:
    with Project.open(folder) as project:
        return project.image(project.images[0].id).open().arrays["annotation"]


@pytest.fixture
def file(tmp_path: Path, discs: Any) -> Path:
    tifffile.imwrite(tmp_path / "discs.tif", discs[0])
    return tmp_path / "discs.tif"


def test_nothing_is_kept_before_something_is_painted(dock: Any, qtbot: Any, discs: Any) -> None:
    add_discs(dock, discs)
    qtbot.wait(200)
    assert keeping(dock).project is None
    assert recovery.recoveries() == []
    assert dock.image.project.name.text() == "What you paint will be kept."


def test_a_stroke_is_kept_and_said_to_be_saved(dock: Any, qtbot: Any, discs: Any) -> None:
    layer = begun(dock, qtbot, discs)
    wait(qtbot, lambda: "saved" in dock.image.project.saved.text())
    row, title = dock.image.project.saved, dock.sections[0]
    for opened in (
        False,
        True,
    ):  # it stands in one place: beside the project, or in the title of the folded step
        title.set_open(opened)
        assert ("saved" in title.state()) is not opened
        assert row.isVisibleTo(dock) is opened
    assert "recovery folder" in dock.image.project.name.text()
    wait(qtbot, lambda: "MB" in dock.image.project.name.text())
    paint(layer, 9, (50, 50))
    dock.loop.undo()
    paint(layer, 11, (70, 90))
    QApplication.processEvents()
    folder = keeping(dock).project.folder
    dock.loop.end()
    np.testing.assert_array_equal(kept_annotation(folder), layer.data)


def test_a_window_that_closes_at_once_keeps_the_first_stroke(dock: Any, qtbot: Any, discs: Any) -> None:
    layer = add_discs(dock, discs)
    paint(layer, 7)
    dock.loop.end()
    assert [kept_annotation(r.folder)[30, 30] for r in recovery.recoveries()] == [7]


def test_a_dock_that_is_opened_again_finds_the_project(dock: Any, qtbot: Any, discs: Any) -> None:
    begun(dock, qtbot, discs)
    again = Dock(dock.viewer)
    qtbot.addWidget(again)
    assert "recovery folder" in again.image.project.name.text()
    assert again.loop.keeping.project is keeping(dock).project


def test_opening_the_image_again_offers_to_continue(
    dock: Any, another_dock: Any, qtbot: Any, discs: Any, file: Path
) -> None:
    layer = begun(dock, qtbot, discs, file)
    dock.loop.session.set_object_size(31)
    dock.loop.layers.add_regions()
    dock.loop.layers.regions.layer.add(
        np.array([[60.0, 60], [60, 80], [80, 80], [80, 60]]), shape_type="polygon"
    )
    dock.viewer.scene.camera.zoom = 3.5
    image = dock.viewer.layers["discs"]
    image.contrast_limits, image.colormap, image.gamma, image.opacity = (20, 90), "magma", 0.7, 0.9
    layer.opacity, layer.brush_size = 0.4, 17
    dock.loop.layers.looks.filled[Which.SEGMENTATION] = True
    wait(
        qtbot, lambda: is_kept(dock) and (noted(dock, "looks") or {}).get("annotation", {}).get("brush") == 17
    )
    wait(qtbot, lambda: (noted(dock, "place") or {}).get("zoom") == 3.5)
    wait(qtbot, lambda: is_kept(dock) and "objects" in keeping(dock).project.notes)
    painted = np.array(layer.data)
    dock.loop.end()

    other = another_dock()
    other.viewer.add_image(discs[0], name="discs", metadata={FILE: str(file)})
    wait(qtbot, lambda: bool(other.loop.moves.offers))
    assert not other.offer.isHidden()
    assert other.offer.text.text().startswith("Continue where you left off")
    assert "5 objects." in other.offer.text.text()
    other.offer.go_on.click()
    wait(qtbot, lambda: other.loop.session.annotation is not None)
    np.testing.assert_array_equal(other.loop.layers.layer(Which.ANNOTATION).data, painted)
    assert other.loop.session.object_size() == (31, "set by you")
    assert len(other.loop.session.regions) == len(other.loop.layers.regions.layer.data) == 1
    assert other.viewer.scene.camera.zoom == 3.5
    image, labels = other.viewer.layers["discs"], other.loop.layers.layer(Which.ANNOTATION)
    assert (*image.contrast_limits, image.colormap.name) == (20, 90, "magma")
    assert (image.gamma, image.opacity, labels.opacity, labels.brush_size) == (0.7, 0.9, 0.4, 17)
    assert other.offer.isHidden()
    assert "Continues where you left off" in words(other)
    paint(other.loop.layers.layer(Which.ANNOTATION), 20, (80, 20))
    wait(qtbot, lambda: is_kept(other))
    folder = keeping(other).project.folder
    other.loop.end()
    assert (kept_annotation(folder) == 20).any()


def test_nothing_is_offered_over_a_project_that_was_opened(
    dock: Any, another_dock: Any, qtbot: Any, discs: Any, file: Path, tmp_path: Path
) -> None:
    begun(dock, qtbot, discs, file)
    dock.loop.moves.save_copy(tmp_path / "copy")  # what is in the recovery folder shows the same image
    wait(qtbot, lambda: "A copy is in" in words(dock))
    dock.loop.end()
    other = another_dock()
    moves = other.loop.moves
    moves.open_project(tmp_path / "copy")
    wait(qtbot, lambda: keeping(other).project is not None)
    moves.find_offers()
    wait(qtbot, lambda: not keeping(other).errands.busy)
    assert moves.offers == []
    assert not other.offer.isVisibleTo(other)


def test_start_anew_keeps_the_old_one_and_delete_removes_it(
    dock: Any, another_dock: Any, qtbot: Any, discs: Any
) -> None:
    begun(dock, qtbot, discs)
    dock.loop.end()
    assert len(recovery.recoveries()) == 1
    other = another_dock()
    add_discs(other, discs)
    wait(qtbot, lambda: bool(other.loop.moves.offers))
    other.offer.anew.click()
    assert other.offer.isHidden()
    assert len(recovery.recoveries()) == 1
    other.loop.moves._declined.clear()
    other.loop.moves.find_offers()
    wait(qtbot, lambda: bool(other.loop.moves.offers))
    other.offer.delete.click()
    assert other.offer.delete.text() == "Delete it for good?"
    assert len(recovery.recoveries()) == 1
    other.offer.delete.click()
    wait(qtbot, lambda: recovery.recoveries() == [] and not other.loop.moves.offers)


def test_a_full_disk_is_one_sentence_and_the_window_waits(
    dock: Any, qtbot: Any, discs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = begun(dock, qtbot, discs)
    monkeypatch.setattr(closing, "WAITING", 0.2)
    whole = Disk.append
    monkeypatch.setattr(Disk, "append", _no_room)
    paint(layer, 12, (60, 60))
    wait(qtbot, lambda: "the disk is full; make room" in dock.image.project.saved.text())
    wait(qtbot, lambda: "the disk is full" in words(dock))
    assert not dock.loop.closing.may_close()
    assert "close the window again" in words(dock)
    assert dock.loop.closing.may_close()
    monkeypatch.setattr(Disk, "append", whole)
    wait(qtbot, lambda: dock.image.project.saved.text().startswith("saved"))
    folder = keeping(dock).project.folder
    dock.loop.end()
    assert (kept_annotation(folder) == 12).any()


def test_a_project_gets_a_name_and_is_opened_again(
    dock: Any, another_dock: Any, qtbot: Any, discs: Any, file: Path, tmp_path: Path
) -> None:
    layer = begun(dock, qtbot, discs, file)
    named = tmp_path / "my cells"
    dock.loop.moves.name_project(named)
    paint(layer, 13, (60, 60))  # while it moves
    wait(qtbot, lambda: keeping(dock).is_named)
    wait(qtbot, lambda: recovery.recoveries() == [])
    assert "“my cells”" in dock.image.project.name.text()
    paint(layer, 14, (80, 80))
    dock.loop.moves.save_copy(tmp_path / "copy")
    dock.loop.moves.snapshot()
    wait(qtbot, lambda: "snapshot" in words(dock))
    painted = np.array(layer.data)

    other = another_dock()
    other.loop.moves.open_project(named)
    wait(qtbot, lambda: not other.offer.isHidden())
    assert "open in another window" in other.offer.text.text()
    assert other.offer.anyway.isHidden()
    other.offer.copy.click()
    wait(qtbot, lambda: other.loop.session.annotation is not None)
    np.testing.assert_array_equal(other.loop.session.annotation, painted)
    dock.loop.end()
    other.loop.end()
    np.testing.assert_array_equal(kept_annotation(named), painted)
    np.testing.assert_array_equal(kept_annotation(tmp_path / "copy"), painted)


def test_a_project_on_a_drive_that_is_gone_is_saved_in_another_place(
    dock: Any, qtbot: Any, discs: Any, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = begun(dock, qtbot, discs, file)
    old, session = keeping(dock).project, dock.loop.session
    for number in (1, 2, 3, 4):
        model = a_model()
        network = RoundNetwork(model.description, model)
        session.rounds.add(Round(number, f"Round {number}", network, a_round(1).outcome.restored(), "now"))
        session.use_round(session.rounds.current)
        wait(qtbot, lambda: old.saved.pending == 0)
    assert [done.network.is_in_memory for done in session.rounds.all] == [False, False, True, True]
    (old.folder / "rounds" / "0001.safetensors").unlink()

    def gone(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")

    for what in ("append", "write", "put", "put_with", "copy"):
        monkeypatch.setattr(old._disk, what, gone)
    for module in ("napari_unet.project.project", "napari_unet._qt.project.leaving"):
        monkeypatch.setattr(f"{module}.CLOSING", 0.2)  # else each try waits seconds for the drive
    paint(layer, 13, (60, 60))
    wait(qtbot, lambda: bool(old.saved.error))
    assert "name the project in another place" in old.saved.error
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    dock.loop.moves.name_project(tmp_path / "full")
    wait(qtbot, lambda: "is not empty" in words(dock))
    assert keeping(dock).project is old
    dock.loop.moves.name_project(tmp_path / "rescued")
    wait(qtbot, lambda: keeping(dock).project is not old)
    paint(layer, 14, (80, 80))
    wait(qtbot, lambda: keeping(dock).project.saved.pending == 0)
    assert "goes on there" in words(dock)
    painted = np.array(layer.data)
    dock.loop.end()
    np.testing.assert_array_equal(kept_annotation(tmp_path / "rescued"), painted)
    assert f"the network(s) of “Round 1” are in {old.folder} still" in words(dock)
    assert [kept.document.number for kept in read_rounds(Disk(), tmp_path / "rescued" / "rounds")[0]] == [
        2,
        3,
        4,
    ]


def test_a_project_opens_with_its_image_wherever_that_is(
    dock: Any, another_dock: Any, qtbot: Any, discs: Any, file: Path, tmp_path: Path
) -> None:
    layer = begun(dock, qtbot, discs, file)
    folder, painted = keeping(dock).project.folder, np.array(layer.data)
    dock.loop.end()
    (tmp_path / "away").mkdir()
    moved = file.rename(tmp_path / "away" / "other name.tif")
    other = another_dock()
    other.loop.moves.open_project(folder)
    wait(qtbot, lambda: not other.offer.isHidden())
    assert "say where it is" in other.offer.text.text()
    other.loop.moves.image_is_at(moved)
    wait(qtbot, lambda: other.loop.session.annotation is not None)
    np.testing.assert_array_equal(other.loop.session.annotation, painted)
    np.testing.assert_array_equal(other.viewer.layers[0].data, discs[0])


@pytest.mark.parametrize("removed", [False, True])
def test_a_projects_picture_is_shown_while_the_rest_is_read(
    dock: Any,
    another_dock: Any,
    qtbot: Any,
    discs: Any,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    removed: bool,
) -> None:
    begun(dock, qtbot, discs, file)
    folder = keeping(dock).project.folder
    dock.loop.end()
    go_on, read_kept = threading.Event(), work.read_kept

    def slowly(*what: Any) -> Any:
        assert go_on.wait(60)
        return read_kept(*what)

    monkeypatch.setattr(work, "read_kept", slowly)
    other = another_dock()
    other.loop.moves.open_project(folder)
    wait(qtbot, lambda: len(other.viewer.layers) == 1)
    np.testing.assert_array_equal(other.viewer.layers[0].data, discs[0])
    if removed:
        other.viewer.layers.clear()
    go_on.set()
    wait(qtbot, lambda: other.loop.session.annotation is not None)
    assert [type(layer).__name__ for layer in other.viewer.layers] == ["Image", "Labels"]
    assert other.loop.layers.images == [other.viewer.layers[0]]


def test_an_image_without_a_file_comes_back_from_the_project(
    dock: Any, another_dock: Any, qtbot: Any, discs: Any
) -> None:
    begun(dock, qtbot, discs)
    folder = keeping(dock).project.folder
    dock.loop.end()
    other = another_dock()
    other.loop.moves.open_project(folder)
    wait(qtbot, lambda: other.loop.session.annotation is not None)
    np.testing.assert_array_equal(other.viewer.layers[0].data, discs[0])


def test_large_pixels_without_a_file_are_left_out_until_asked_for(
    dock: Any, qtbot: Any, discs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_unet.project.images.LARGE_IMAGE", 100)
    begun(dock, qtbot, discs)
    assert "its pixels are not" in words(dock)
    assert not dock.image.project.copy_pixels.isHidden()
    entry = keeping(dock).keeper.entry
    assert not entry.description.copied
    dock.image.project.copy_pixels.click()
    wait(qtbot, lambda: is_kept(dock))
    np.testing.assert_array_equal(entry.pixels(), discs[0])
    assert dock.image.project.copy_pixels.isHidden()


def test_what_is_painted_does_not_wait_for_the_pixels_of_an_image_without_a_file(
    dock: Any, qtbot: Any, discs: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = Pixels.write

    def write(pixels: Pixels, *what: Any) -> None:
        """Copy the project as it is on disk when the first pixel is written."""
        shutil.copytree(pixels._folder.parents[2], tmp_path / "killed")
        whole(pixels, *what)

    monkeypatch.setattr(Pixels, "write", write)
    layer = begun(dock, qtbot, discs)
    np.testing.assert_array_equal(kept_annotation(tmp_path / "killed"), layer.data)
    np.testing.assert_array_equal(keeping(dock).keeper.entry.pixels(), discs[0])


def test_another_image_begins_another_project(dock: Any, qtbot: Any, discs: Any) -> None:
    begun(dock, qtbot, discs)
    first = keeping(dock).project.folder
    dock.viewer.add_image(np.zeros((50, 60), np.uint8), name="small")
    dock.image.layer.setCurrentIndex(1)
    wait(qtbot, lambda: keeping(dock).project is None)
    dock.annotate.new.start.click()
    paint(dock.loop.layers.layer(Which.ANNOTATION), 3, (20, 20))
    wait(qtbot, lambda: is_kept(dock))
    assert keeping(dock).project.folder != first
    wait(qtbot, lambda: not keeping(dock).errands.busy)
    assert (kept_annotation(first) == 7).any()


def test_in_a_real_window_work_survives_its_end(
    open_dock: Any, qtbot: Any, discs: Any, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer, dock = open_dock(show=True)
    dock.viewer = viewer
    layer = begun(dock, qtbot, discs, file)
    painted, folder = np.array(layer.data), keeping(dock).project.folder
    assert dock.loop.closing.may_close()
    assert loop_of(viewer) is dock.loop
    monkeypatch.setattr(closing, "WAITING", 0.1)
    with monkeypatch.context() as broken:
        broken.setattr(Disk, "append", _no_room)
        paint(layer, 8, (70, 70))
        assert not dock.window().close(), "the window waits, and says why"
        assert "would be lost" in words(dock)
    painted = np.array(layer.data)
    dock.loop.end()
    np.testing.assert_array_equal(kept_annotation(folder), painted)
