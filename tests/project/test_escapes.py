"""A project that somebody sends may hold links, pipes and numbers; nothing outside of its folder is touched."""

import os
from pathlib import Path

import numpy as np
import pytest
from painted import Box, a_project, paint
from safetensors.numpy import save

from napari_unet.errors import UserError
from napari_unet.formats import room
from napari_unet.project import Project
from napari_unet.project.chunks import ChunkedArray
from napari_unet.project.disk import Disk
from napari_unet.project.image_file import is_same, refer_to
from napari_unet.project.probabilities import Probabilities

needs_links = pytest.mark.skipif(os.name != "posix", reason="ordinary users of Windows make no links")


@pytest.fixture
def project(tmp_path):
    """Return the folder of a project, and of one file of the user's beside it."""
    project, entry = a_project(tmp_path / "project")
    paint(entry, Box((0, 1, 1), (1, 5, 5), 4))
    project.log("Paint")
    project.close()
    (tmp_path / "mine" / "7").mkdir(parents=True)
    (tmp_path / "mine" / "thesis.txt").write_text("ten years of work")
    (tmp_path / "mine" / "7" / "figure.txt").write_text("one of them")
    yield tmp_path / "project"
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "ten years of work"
    assert (tmp_path / "mine" / "7" / "figure.txt").read_text() == "one of them"
    assert len(list((tmp_path / "mine").rglob("*"))) == 3


def replace_by_link(path: Path, target: Path) -> None:
    if path.exists():
        path.rename(path.with_name(f"{path.name}-away"))
    path.symlink_to(target)


@needs_links
@pytest.mark.parametrize("name", ["lock", "history.jsonl", "project.json", "rounds", "snapshots", "images"])
def test_links_in_a_project_are_refused(project, name):
    """The lock is emptied when the project is closed, the history written to, unfinished things are removed."""
    mine = project.parent / "mine"
    replace_by_link(project / name, mine if "." not in name and name != "lock" else mine / "thesis.txt")
    with pytest.raises(UserError, match="is a link to another place"):
        Project.open(project)


@needs_links
@pytest.mark.parametrize(
    "name", ["journal", "labels.zarr/annotation", "labels.zarr/annotation/0/c", "state.json"]
)
def test_links_in_an_image_are_refused(project, name):
    """Of what takes the place of an annotation, folders whose names are numbers would be removed."""
    image = next((project / "images").iterdir())
    mine = project.parent / "mine"
    replace_by_link(image / name, mine if name != "state.json" else mine / "thesis.txt")
    with Project.open(project) as opened, pytest.raises(UserError, match="is a link to another place"):
        opened.image(image.name).open()


@needs_links
def test_an_image_that_is_a_link_is_refused(project):
    image = next((project / "images").iterdir())
    replace_by_link(image, project.parent / "mine")
    with pytest.raises(UserError, match="is a link to another place"):
        Project.open(project)


@needs_links
@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", ["project.json", "history.jsonl"])
def test_pipes_are_not_waited_for(project, name):
    (project / name).unlink()
    os.mkfifo(project / name)
    if name == "project.json":
        with pytest.raises(UserError, match="it is no file"):
            Project.open(project)
        return
    opened = Project.open(project)
    with pytest.raises(UserError, match="it is no file"):
        opened.history()
    opened.log("Paint")
    assert not opened.flush(0.1)
    assert "is not saved" in opened.saved.error
    opened.close(timeout=0.0, discard=True)


@needs_links
@pytest.mark.timeout(20)
def test_an_image_that_is_a_pipe_is_not_waited_for(tmp_path):
    (tmp_path / "a.tif").touch()
    reference = refer_to(tmp_path / "a.tif", tmp_path)
    assert is_same(tmp_path / "a.tif", reference)
    (tmp_path / "a.tif").unlink()
    os.mkfifo(tmp_path / "a.tif")
    assert not is_same(tmp_path / "a.tif", reference)


def test_an_array_is_not_made_where_memory_is_short(tmp_path, monkeypatch):
    array = ChunkedArray(Disk(), tmp_path, (50, 50))
    array.read()
    monkeypatch.setattr(room, "free_memory", lambda: 9_999)
    with pytest.raises(UserError, match=r"needs 0\.0 GB of memory, more than there is"):
        array.read()


def test_no_more_is_read_of_a_file_than_it_may_hold(tmp_path):
    with open(tmp_path / "sparse", "wb") as file:
        file.truncate(2**40)
    with pytest.raises(UserError, match="larger than such a file ever is"):
        Disk().read(tmp_path / "sparse", 2**20)
    (tmp_path / "small").write_bytes(b"abc")
    assert Disk().read(tmp_path / "small", 2**50) == b"abc"


HALF = np.full((2, 5, 6), 0.5, np.float16)


@pytest.mark.parametrize(
    "arrays",
    [
        {"probabilities": HALF.astype(np.float32)},
        {"probabilities": HALF[0]},
        {"probabilities": HALF[:1]},
        {"probabilities": np.full_like(HALF, np.nan)},
        {"probabilities": HALF * 1000},
        {"probabilities": HALF[:, :0]},
        {"probabilities": HALF, "distance": HALF},
        {"probabilities": HALF, "distance": HALF[0, :3]},
        {"probabilities": HALF, "distance": np.full_like(HALF[0], -np.inf)},
    ],
)
def test_probabilities_that_are_none_are_made_anew(tmp_path, arrays):
    kept = Probabilities(Disk(), None, tmp_path)
    about = {"napari_unet": '{"scale": 1.0}'}
    (tmp_path / "plane.safetensors").write_bytes(save({"probabilities": HALF, "distance": HALF[0]}, about))
    assert kept.read(()) is not None
    (tmp_path / "plane.safetensors").write_bytes(save(arrays, about))
    assert kept.read(()) is None
