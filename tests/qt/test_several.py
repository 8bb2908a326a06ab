"""Several images in one window: added, opened one after the other, trained together, opened again."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from driving import train_a_little, words
from qtpy.QtWidgets import QApplication

from napari_unet._qt.project import work
from napari_unet.annotation.coding import LabelsAre
from napari_unet.project import Project, recovery
from napari_unet.session import Which

_PATIENCE = 60_000


def wait(qtbot: Any, until: Any) -> None:
    qtbot.waitUntil(until, timeout=_PATIENCE)


@pytest.fixture
def files(tmp_path: Path, discs: Any) -> dict[str, Path]:
    """Return three small images: a and b of one shape, c of another."""
    made = {}
    for name, picture in (("a", discs[0]), ("b", discs[0][::-1]), ("c", discs[0][:60, :70])):
        made[name] = tmp_path / "images" / f"{name}.tif"
        made[name].parent.mkdir(exist_ok=True)
        tifffile.imwrite(made[name], np.ascontiguousarray(picture))
    return made


def album(dock: Any) -> Any:
    return dock.loop.album


def is_saved(dock: Any) -> bool:
    project = dock.loop.keeping.project
    return project is not None and project.saved.pending == 0


def open_files(dock: Any, qtbot: Any, *files: Path) -> None:
    album(dock).add(files)
    wait(qtbot, lambda: len(album(dock).images) == len(files) and not album(dock).busy)


def go_next(dock: Any, qtbot: Any, name: str) -> None:
    dock.image.album.next.click()
    wait(qtbot, lambda: dock.loop.session.image.name == name and not album(dock).busy)


def annotate(dock: Any, first: int, at: tuple[tuple[int, int], ...] = ((24, 24), (24, 64))) -> Any:
    """Paint two discs and the background around them with the layer's brush; return the layer."""
    layer = dock.loop.layers.layer(Which.ANNOTATION)
    for value, size in ((1, 40), (None, 20)):
        layer.brush_size = size
        for k, place in enumerate(at):
            layer.selected_label = value or first + k
            layer.paint(place, layer.selected_label)
            QApplication.processEvents()
    return layer


def names(viewer: Any) -> list[str]:
    return [layer.name for layer in viewer.layers]


def rows_of(dock: Any) -> list[tuple[str, str]]:
    return [(item.text(0), item.text(1)) for item in dock.image.album._items()]


def test_images_begin_a_project_where_nothing_is_open(
    dock: Any, qtbot: Any, files: Any, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.tif"
    broken.write_bytes(b"II*\0")
    assert dock.image.album.list.isHidden()
    album(dock).add([*files.values(), broken])
    wait(qtbot, lambda: len(album(dock).images) == 3 and not album(dock).busy)
    assert "broken.tif could not be read" in words(dock)
    assert dock.loop.session.image.name == "a"
    assert rows_of(dock) == [("a", "new"), ("b", "new"), ("c", "new")]
    assert not dock.image.album.list.isHidden()
    assert dock.loop.session.annotation is None, "objects or classes: that is asked"
    assert "0 of 3 done" in dock.image.state()


def test_files_of_which_none_is_an_image_leave_nothing_behind(dock: Any, qtbot: Any, tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("x")
    album(dock).add([tmp_path / "x.txt"])
    wait(qtbot, lambda: "can't be read" in words(dock))
    assert recovery.recoveries() == []
    assert dock.loop.keeping.project is None


def test_two_images_are_painted_trained_and_opened_again_in_a_real_window(
    open_dock: Any, another_dock: Any, qtbot: Any, files: Any
) -> None:
    viewer, dock = open_dock(show=True)
    dock.viewer = viewer
    viewer.open(str(files["a"]))
    dock.annotate.new.start.click()
    first = np.array(annotate(dock, 2).data)
    wait(qtbot, lambda: is_saved(dock))
    assert dock.image.album.list.isHidden(), "one image needs no list"
    album(dock).add([files["b"]])
    wait(qtbot, lambda: len(album(dock).images) == 2 and not album(dock).busy)
    assert rows_of(dock) == [("a", "in work"), ("b", "new")]

    dock.loop.layers.layer(Which.ANNOTATION).paint((80, 100), 1)  # the last stroke before it goes
    first[...] = dock.loop.layers.layer(Which.ANNOTATION).data
    go_next(dock, qtbot, "b")
    assert names(viewer) == ["b", "Annotation"]
    layer = dock.loop.layers.layer(Which.ANNOTATION)
    assert not layer.data.any()
    assert viewer.layers.selection.active == layer
    second = np.array(annotate(dock, 2, ((72, 24), (72, 64), (24, 104))).data)
    assert dock.sections[0].is_open()
    dock.train.then.setChecked(False)
    train_a_little(dock, 2)
    wait(qtbot, lambda: dock.loop.training is None)
    assert dock.loop.session.current is not None, words(dock)
    assert dock.loop.session.current.model.description.training.images == ("a", "b")

    go_next(dock, qtbot, "a")
    np.testing.assert_array_equal(dock.loop.layers.layer(Which.ANNOTATION).data, first)
    np.testing.assert_array_equal(dock.loop.session.annotation, first)
    assert dock.loop.session.current.name == "Round 1"
    dock.loop.undo()
    np.testing.assert_array_equal(dock.loop.session.annotation, first)
    dock.image.album.done.click()
    assert rows_of(dock)[0] == ("a", "done ✓")
    go_next(dock, qtbot, "b")
    dock.image.album.done.click()
    dock.image.album.next.click()
    assert words(dock) == "All other images are done."
    folder = dock.loop.keeping.project.folder
    dock.loop.end()

    other = another_dock()
    other.loop.moves.open_project(folder)
    wait(qtbot, lambda: other.loop.session.annotation is not None)
    assert other.loop.session.image.name == "b", "the one that was open"
    np.testing.assert_array_equal(other.loop.session.annotation, second)
    assert other.train.budget.currentData() == "steps"
    assert other.train.steps.value() == 2
    assert not other.loop.segment_after_training
    assert other.train.start.currentText() == "Round 1"
    assert other.train.settings().width == 4
    other.train.advanced.set_open(True)
    assert (other.train.advanced.body.width_box.value(), other.train.advanced.body.depth_box.value()) == (
        4,
        2,
    )
    other.image.album._open(other.image.album._items()[0])
    wait(qtbot, lambda: other.loop.session.image.name == "a")
    np.testing.assert_array_equal(other.loop.session.annotation, first)
    assert other.loop.session.current.name == "Round 1"
    assert other.train.curves.n_points()[0] > 0
    assert not other.train.curves.isHidden()


def test_a_training_goes_on_while_images_change_and_its_round_is_kept(
    dock: Any, qtbot: Any, files: Any
) -> None:
    open_files(dock, qtbot, *files.values())
    dock.annotate.new.start.click()
    annotate(dock, 2)
    dock.train.then.setChecked(False)
    train_a_little(dock, 2)
    go_next(dock, qtbot, "b")
    go_next(dock, qtbot, "c")
    wait(qtbot, lambda: dock.loop.training is None)
    wait(qtbot, lambda: is_saved(dock))
    project = dock.loop.keeping.project
    first = next(image.id for image in project.images if image.name == "a")
    (kept,), _ = project.rounds.all()
    assert list(kept.document.revisions) == [first]
    assert dock.loop.session.image.name == "c"
    assert dock.loop.session.labels_are is LabelsAre.OBJECTS
    assert dock.loop.session.annotation.shape == (60, 70)


def test_painting_while_the_next_image_is_read_stays_with_the_image_that_is_shown(
    dock: Any, qtbot: Any, files: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_files(dock, qtbot, *files.values())
    dock.annotate.new.start.click()
    layer = annotate(dock, 2)
    read = work.read_other

    def slowly(*what: Any) -> Any:
        time.sleep(0.5)
        return read(*what)

    monkeypatch.setattr(work, "read_other", slowly)
    begun = time.perf_counter()
    dock.image.album.next.click()
    assert time.perf_counter() - begun < 0.4, "the window does not wait for the disk"
    assert album(dock).busy
    layer.paint((80, 100), 9)
    dock.loop.layers.mirrors[Which.ANNOTATION].dragging = True  # the mouse is still down when it was read
    qtbot.wait(800)
    assert dock.loop.session.image.name == "a"
    layer.paint((50, 100), 10)
    painted = np.array(layer.data)
    dock.loop.layers.mirrors[Which.ANNOTATION].dragging = False
    wait(qtbot, lambda: dock.loop.session.image.name == "b")
    assert not dock.loop.session.annotation.any()
    folder = dock.loop.keeping.project.folder
    dock.loop.end()
    with Project.open(folder) as project:
        kept = project.image(project.images[0].id).open().arrays["annotation"]
    np.testing.assert_array_equal(kept, painted)


def test_a_missing_image_is_asked_for_and_the_present_one_stays(
    dock: Any, qtbot: Any, files: Any, tmp_path: Path
) -> None:
    open_files(dock, qtbot, *files.values())
    dock.annotate.new.start.click()
    annotate(dock, 2)
    (tmp_path / "away").mkdir()
    moved = files["b"].rename(tmp_path / "away" / "b2.tif")
    files["c"].rename(tmp_path / "away" / "c.tif")
    dock.image.album.next.click()
    wait(qtbot, lambda: not dock.offer.isHidden())
    assert "“b” is not at" in dock.offer.text.text()
    assert dock.loop.session.image.name == "a"
    assert dock.loop.session.annotation.any()
    dock.loop.moves.image_is_at(moved)
    wait(qtbot, lambda: dock.loop.session.image.name == "b")
    assert dock.offer.isHidden()
    go_next(dock, qtbot, "c")  # beside it


def test_a_project_whose_last_image_is_gone_opens_with_another(
    dock: Any, another_dock: Any, qtbot: Any, files: Any
) -> None:
    open_files(dock, qtbot, *files.values())
    go_next(dock, qtbot, "b")
    folder = dock.loop.keeping.project.folder
    dock.loop.end()
    files["b"].unlink()
    other = another_dock()
    other.loop.moves.open_project(folder)
    wait(qtbot, lambda: other.loop.session.image is not None)
    assert other.loop.session.image.name == "c"
    wait(qtbot, lambda: "“b” is not at" in other.messages.toolTip() + words(other))


def test_pixels_that_are_nowhere_else_are_not_left(
    dock: Any, qtbot: Any, discs: Any, files: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_unet.project.images.LARGE_IMAGE", 100)
    dock.viewer.add_image(discs[0], name="in memory")
    album(dock).add([files["c"]])
    wait(qtbot, lambda: len(album(dock).images) == 2 and not album(dock).busy)
    dock.image.album.next.click()
    assert "nowhere but in this window" in words(dock)
    dock.image.project.copy_pixels.click()
    go_next(dock, qtbot, "c")
    go_next(dock, qtbot, "in memory")
    np.testing.assert_array_equal(dock.viewer.layers[0].data, discs[0])


def test_choosing_the_layer_of_another_image_opens_that_image(dock: Any, qtbot: Any, files: Any) -> None:
    open_files(dock, qtbot, *files.values())
    dock.annotate.new.start.click()
    painted = np.array(annotate(dock, 2).data)
    dock.viewer.add_image(
        tifffile.imread(files["b"]), name="by hand", metadata={"napari_unet_file": str(files["b"])}
    )
    dock.image.layer.setCurrentIndex(dock.image.layer.findText("by hand"))
    wait(qtbot, lambda: dock.loop.session.image.name == "b")
    assert not dock.loop.session.annotation.any()
    go_next(dock, qtbot, "c")
    go_next(dock, qtbot, "a")
    np.testing.assert_array_equal(dock.loop.session.annotation, painted)


def test_an_image_of_another_size_is_not_opened_and_nothing_is_lost(
    dock: Any, qtbot: Any, files: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_files(dock, qtbot, *files.values())
    dock.annotate.new.start.click()
    painted = np.array(annotate(dock, 2).data)
    read = work.read_other

    def read_another(project: Any, image_id: str, image_at: Any) -> Any:
        """Read the third image for the second, as a plugin of napari might."""
        found = read(project, image_id, image_at)
        return replace(found, picture=read(project, project.images[2].id, None).picture)

    monkeypatch.setattr(work, "read_other", read_another)
    dock.image.album.next.click()
    wait(qtbot, lambda: "60 × 70 px now and was 96 × 128 px" in words(dock))
    assert dock.loop.session.image.name == "a"
    assert names(dock.viewer) == ["a", "Annotation"]
    dock.loop.layers.layer(Which.ANNOTATION).paint((80, 100), 9)
    QApplication.processEvents()
    assert (dock.loop.session.annotation != painted).any()
    wait(qtbot, lambda: is_saved(dock))


def test_a_window_that_closes_while_images_are_added_closes_the_project(
    dock: Any, qtbot: Any, files: Any
) -> None:
    album(dock).add(list(files.values()))
    dock.loop.end()
    for found in recovery.recoveries():
        Project.open(found.folder).close()


def test_images_are_added_to_a_project_that_is_just_being_begun(
    dock: Any, qtbot: Any, discs: Any, files: Any
) -> None:
    dock.viewer.add_image(discs[0], name="in memory")
    dock.annotate.new.start.click()
    annotate(dock, 2)
    dock.loop.refreshed.emit()
    assert dock.loop.keeping.project is None
    album(dock).add([files["b"]])
    wait(qtbot, lambda: [row[0] for row in rows_of(dock)] == ["in memory", "b"])


def test_a_project_is_named_while_the_next_image_is_opened(
    dock: Any, qtbot: Any, files: Any, tmp_path: Path
) -> None:
    open_files(dock, qtbot, *files.values())
    dock.annotate.new.start.click()
    painted = np.array(annotate(dock, 2).data)
    dock.image.album.next.click()
    dock.loop.moves.name_project(tmp_path / "named")
    wait(qtbot, lambda: dock.loop.keeping.is_named)
    assert dock.loop.session.image.name == "b"
    go_next(dock, qtbot, "c")
    go_next(dock, qtbot, "a")
    np.testing.assert_array_equal(dock.loop.session.annotation, painted)
    assert dock.loop.keeping.project.folder == tmp_path / "named"


def test_what_is_shown_of_one_image_is_shown_of_the_next(dock: Any, qtbot: Any, files: Any) -> None:
    open_files(dock, qtbot, *files.values())
    dock.annotate.new.start.click()
    annotate(dock, 2)
    views, results = dock.views, dock.loop.layers.results
    views.want("Weight map", True)
    wait(qtbot, lambda: "Weight map" in results.shown())
    session = dock.loop.session
    session.segmenting.show((), np.eye(96, 128, dtype=np.int32) * 3, "Segment")
    found = dock.loop.counting.words()
    assert found != "0 objects"
    for name, shape in (("b", (96, 128)), ("c", (60, 70))):
        go_next(dock, qtbot, name)
        wait(qtbot, lambda: "Weight map" in results.shown())
        assert dock.viewer.layers["Weight map"].data.shape == shape
        assert views.wants("Weight map")
        assert dock.loop.counting.words() == "0 objects"
        annotate(dock, 2)
    go_next(dock, qtbot, "a")
    assert dock.loop.counting.words() == found
    assert sorted(names(dock.viewer))[:2] == ["Annotation", "Segmentation"]


@pytest.mark.slow
def test_200_images_open_at_once_and_the_list_stays_quick(
    another_dock: Any, qtbot: Any, tmp_path: Path
) -> None:
    from napari_unet.session.adding import add_files

    paths = [tmp_path / f"image {k:03}.tif" for k in range(200)]
    for k, path in enumerate(paths):
        tifffile.imwrite(path, np.full((64, 64), k, np.uint8))
    with Project.create(tmp_path / "project") as project:
        add_files(project, paths, lambda n: None, lambda: False)
        project.note("open_image", project.images[150].id)
    dock = another_dock()
    begun = time.perf_counter()
    dock.loop.moves.open_project(tmp_path / "project")
    wait(qtbot, lambda: dock.loop.session.image is not None)
    QApplication.processEvents()
    opened = time.perf_counter() - begun
    assert dock.loop.session.image.name == "image 150"
    begun = time.perf_counter()
    album(dock).set_progress(album(dock).current, "done")
    marked = time.perf_counter() - begun
    begun = time.perf_counter()
    for _ in range(100):
        dock.image.album.refresh()
    refreshed = (time.perf_counter() - begun) / 100
    begun = time.perf_counter()
    go_next(dock, qtbot, "image 151")
    switched = time.perf_counter() - begun
    print(
        f"\n200 images: first picture after {opened:.2f} s, next one after {switched:.2f} s, "
        f"a mark {1e3 * marked:.1f} ms, a refresh {1e3 * refreshed:.2f} ms"
    )
    assert opened < 3
    assert marked < 0.2
    assert refreshed < 0.005
