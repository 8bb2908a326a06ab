"""Copies, snapshots, and projects that have no name yet."""

import numpy as np
import pytest
from painted import Box, a_project, an_image, paint, painted

from napari_unet.errors import UserError
from napari_unet.project import Project, ProjectLocked, refer_to
from napari_unet.project.recovery import (
    delete_recovery,
    leave_recovery,
    new_recovery,
    recoveries,
    recoveries_of,
    recovery_folder,
)

STROKES = [Box((0, 1, 1), (1, 9, 9), 3), Box((1, 2, 2), (1, 50, 60), 4)]


def annotation(folder):
    with Project.open(folder) as project:
        return project.image(project.images[0].id).open().arrays["annotation"]


@pytest.fixture
def project(tmp_path):
    project, entry = a_project(tmp_path / "project")
    paint(entry, STROKES[0])
    yield project
    project.close()


def paint_more(project):
    paint(project.image(project.images[0].id), STROKES[1])


def test_an_exported_copy_is_the_project_as_it_was(project, tmp_path):
    project.export_copy(tmp_path / "copy")
    paint_more(project)
    assert project.flush()
    np.testing.assert_array_equal(annotation(tmp_path / "copy"), painted(STROKES[:1]))
    assert 500 < project.size() < 100_000
    assert [line["name"] for line in project.history() if line["what"] == "Copy"] == ["copy"]


def test_a_snapshot_stays_as_it_is_though_it_shares_files(project):
    kept = project.snapshot("before: trying/../things")
    assert kept.parent == project.folder / "snapshots"
    assert project.flush()
    assert [line["name"] for line in project.history() if line["what"] == "Snapshot"] == [kept.name]
    paint_more(project)
    project.note("shown", 1)
    project.close()
    np.testing.assert_array_equal(annotation(kept), painted(STROKES[:1]))
    np.testing.assert_array_equal(annotation(project.folder), painted(STROKES))
    chunk = next(kept.glob("images/*/labels.zarr/annotation/0/zarr.json"))
    assert chunk.stat().st_nlink == 2, "what did not change is there once"


def test_save_as_goes_on_there(project, tmp_path):
    moved = project.save_as(tmp_path / "other", "My cells")
    assert moved.name == "My cells"
    assert moved.flush()
    assert moved.history()[-1]["what"] == "Name"
    entry = moved.image(moved.images[0].id)
    entry.open()
    paint(entry, STROKES[1])
    moved.close()
    np.testing.assert_array_equal(annotation(tmp_path / "other"), painted(STROKES))
    np.testing.assert_array_equal(annotation(project.folder), painted(STROKES[:1]))


def test_copies_do_not_overwrite_or_nest(project, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").touch()
    with pytest.raises(UserError, match="not empty"):
        project.export_copy(tmp_path / "full")
    with pytest.raises(UserError, match="inside the project"):
        project.export_copy(project.folder / "images" / "copy")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is not saved"):
        project.export_copy(tmp_path / "file" / "copy")


def test_recovery_projects_are_found_by_their_image(tmp_path):
    where = tmp_path / "recovery"
    image = tmp_path / "cells.tif"
    image.write_bytes(b"pixels")
    assert recoveries(where) == []
    with new_recovery("cells", where) as project:
        described = an_image().model_copy(update={"file": refer_to(image, project.folder)})
        entry = project.add_image(described)
    with new_recovery("drawn", where) as other:
        other.add_image(an_image(name="drawn"), np.zeros((2, 60, 70), np.uint8))
    assert {r.name for r in recoveries(where)} == {"cells", "drawn"}
    assert all(r.n_bytes > 100 and r.changed > 0 for r in recoveries(where))

    image.rename(tmp_path / "moved.tif")
    moved = an_image(name="moved").model_copy(update={"file": refer_to(tmp_path / "moved.tif", tmp_path)})
    assert [(r.folder, i) for r, i in recoveries_of(moved, where)] == [(project.folder, entry.id)]
    assert [r.name for r, _ in recoveries_of(an_image(name="drawn"), where)] == ["drawn"]
    assert recoveries_of(an_image(name="other"), where) == []

    (where / "broken").mkdir()
    (where / "broken" / "project.json").write_text("nonsense")
    assert len(recoveries(where)) == 2


def test_a_recovery_project_gets_a_name_or_goes(tmp_path):
    where = tmp_path / "recovery"
    project = new_recovery("cells", where)
    paint(_begun(project), STROKES[0])
    old = project.folder
    with project.save_as(tmp_path / "Documents" / "cells") as named:
        assert named.folder == tmp_path / "Documents" / "cells"
    delete_recovery(old, where)
    assert not old.exists()
    np.testing.assert_array_equal(annotation(named.folder), painted(STROKES[:1]))

    with pytest.raises(UserError, match="no recovery project"):
        delete_recovery(named.folder, where)
    with new_recovery("other", where) as other, pytest.raises(ProjectLocked):
        delete_recovery(other.folder, where)
    delete_recovery(other.folder, where)
    assert list(where.iterdir()) == []


def test_snapshots_of_a_recovery_project_go_along_when_it_gets_a_name(tmp_path):
    where, image = tmp_path / "recovery", tmp_path / "cells.tif"
    image.write_bytes(bytes(range(100)))
    project = new_recovery("cells", where)
    file = refer_to(image, project.folder)
    entry = project.add_image(an_image().model_copy(update={"file": file}))
    entry.replace_array("annotation")
    paint(entry, STROKES[0])
    kept = project.snapshot("before")
    paint(entry, STROKES[1])
    old = project.folder
    with project.save_as(tmp_path / "deep" / "down" / "named") as named:
        leave_recovery(old, named.folder, where)
        assert list(where.iterdir()) == []
        snapshot = named.folder / "snapshots" / kept.name
        np.testing.assert_array_equal(annotation(snapshot), painted(STROKES[:1]))
        with Project.open(snapshot) as again:
            relative = again.image(entry.id).description.file.relative
        assert (snapshot / relative).resolve() == image


def test_recovery_projects_live_with_the_users_data():
    assert recovery_folder().parts[-2:] == ("napari-unet", "recovery")


def _begun(project):
    entry = project.add_image(an_image())
    entry.replace_array("annotation")
    return entry


@pytest.mark.parametrize("how", ["named", "copied", "named twice", "snapshot"])
def test_a_copy_that_is_moved_with_its_images_finds_them(tmp_path, how):
    """As on a laptop whose data goes to another drive: the recovery folder is not where the images are."""
    image = tmp_path / "data" / "images" / "cells.tif"
    image.parent.mkdir(parents=True)
    image.write_bytes(b"pixels of cells")
    project = new_recovery("cells", tmp_path / "recovery")
    described = an_image((20, 30)).model_copy(update={"file": refer_to(image, project.folder)})
    entry = project.add_image(described)
    before = (entry.folder / "image.json").read_bytes()
    named = tmp_path / "data" / "projects" / "mine"
    if how == "copied":
        project.export_copy(named)
        project.close()
    elif how == "snapshot":
        with project.save_as(named) as kept:
            kept.snapshot("first")
        named /= "snapshots"
    else:
        project.save_as(named).close()
    assert (entry.folder / "image.json").read_bytes() == before, "the original stays as it was"
    if how == "named twice":  # and moved in between
        (tmp_path / "data").rename(tmp_path / "elsewhere")
        with Project.open(tmp_path / "elsewhere" / "projects" / "mine") as moved:
            moved.export_copy(tmp_path / "elsewhere" / "projects" / "again" / "mine")
        (tmp_path / "elsewhere").rename(tmp_path / "data")
        named = named.parent / "again" / "mine"
    (tmp_path / "data").rename(tmp_path / "other drive")
    folder = tmp_path / "other drive" / named.relative_to(tmp_path / "data")
    with Project.open(next(folder.iterdir()) if how == "snapshot" else folder) as moved:
        found = moved.image(entry.id).find_file()
    assert found == tmp_path / "other drive" / "images" / "cells.tif"
