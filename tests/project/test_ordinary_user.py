"""Folders that may not be written to; root may write anywhere, so that these tests become somebody else."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from painted import Box, a_project, paint, painted

from napari_unet.errors import UserError
from napari_unet.project import Project, writer
from napari_unet.project import project as project_module

pytestmark = pytest.mark.skipif(os.name != "posix", reason="permissions of files are others on Windows")
NOBODY = 65534


@pytest.fixture
def place() -> Iterator[Path]:
    """Yield a folder of an ordinary user, who we are meanwhile."""
    folder = Path(tempfile.mkdtemp())
    root = os.geteuid() == 0
    if root:
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    yield folder
    if root:
        os.seteuid(0)
    shutil.rmtree(folder)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let nothing in a folder be written to."""
    paths = [folder, *folder.rglob("*")]
    modes = [path.stat().st_mode for path in paths]
    for path, mode in zip(paths, modes, strict=True):
        path.chmod(mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    yield
    for path, mode in zip(paths, modes, strict=True):
        path.chmod(mode)


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_no_project_is_made_where_nothing_may_be_written(place):
    with read_only(place), pytest.raises(UserError, match="may not be written to"):
        Project.create(place / "project")
    assert not list(place.iterdir())


def test_a_read_only_project_is_refused_and_left_as_it_is(place):
    project, entry = a_project(place / "project")
    paint(entry, Box((0, 1, 1), (1, 5, 5), 4))
    project.close()
    before = contents(place)
    with read_only(place), pytest.raises(UserError, match="could not be opened: it may not be written to;"):
        Project.open(place / "project")
    assert contents(place) == before
    Project.open(place / "project").close()


def test_a_folder_that_becomes_read_only_loses_nothing(place, monkeypatch):
    monkeypatch.setattr(writer, "LONGEST_PAUSE", 0.01)
    monkeypatch.setattr(writer, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(project_module, "CLOSING", 0.1)
    boxes = [Box((0, 1, 1), (1, 5, 5), 4), Box((1, 20, 20), (1, 9, 9), 5)]
    project, entry = a_project(place / "project")
    paint(entry, boxes[0])
    assert project.flush()
    with read_only(place / "project"):
        paint(entry, boxes[1])
        entry.replace_array("segmentation", painted(boxes))
        assert not project.flush(0.1)
        assert "may not be written to; allow it, or name the project in another place" in project.saved.error
        with pytest.raises(UserError, match="may not be written to"):
            project.snapshot("before")
    assert project.flush()
    project.close()
    with Project.open(place / "project") as again:
        state = again.image(entry.id).open()
    for which in ("annotation", "segmentation"):
        np.testing.assert_array_equal(state.arrays[which], painted(boxes))
