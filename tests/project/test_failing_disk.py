"""Copies on a disk that fails at every step, drives that go away, files that others hold, memory that is short."""

import errno
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from painted import FOLDER, Box, a_project, paint, painted
from unreliable_disk import UnreliableDisk

from napari_unet.errors import UserError
from napari_unet.project import Project, image_entry, writer
from napari_unet.project import project as project_module
from napari_unet.project.chunks import ChunkedArray
from napari_unet.project.disk import UNFINISHED

BOXES = [Box((0, 10, 10), (1, 5, 5), 5), Box((0, 30, 30), (2, 6, 6), 6)]
TARGET = Path("/elsewhere/copy")


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(writer, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(writer, "LONGEST_PAUSE", 0.001)
    monkeypatch.setattr(image_entry, "CHECKPOINT_AFTER", 0.0)
    monkeypatch.setattr(project_module, "CLOSING", 0.5)


def begun() -> tuple[UnreliableDisk, Project]:
    disk = UnreliableDisk()
    project, entry = a_project(FOLDER, disk)
    for box in BOXES:
        paint(entry, box)
    assert project.flush()
    disk.steps = 0
    return disk, project


def is_whole(disk: UnreliableDisk, folder: Path) -> bool:
    """Check what can be opened at a place; return whether anything can."""
    if not disk.exists(folder / "project.json"):
        return False
    with Project.open(folder, disk=disk) as project:
        state = project.image(project.images[0].id).open()
    assert state.sentences == ()
    np.testing.assert_array_equal(state.arrays["annotation"], painted(BOXES))
    return True


def snapshot(project: Project) -> None:
    project.snapshot("before")


def export(project: Project) -> None:
    project.export_copy(TARGET)


def save_as(project: Project) -> None:
    project.save_as(TARGET).close(timeout=0.0, discard=True)


WAYS = [snapshot, export, save_as]
EVERY = pytest.param(1, marks=pytest.mark.slow, id="every")
"""The fast suite takes some of the steps, the slow one all."""


def copies(disk: UnreliableDisk, way) -> list[Path]:
    """Return where a copy is to be found under its name."""
    if way is not snapshot:
        return [TARGET]
    place = FOLDER / "snapshots"
    return [place / name for name in disk.names(place) if not name.endswith(UNFINISHED)]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("names_synced", [False, True])
@pytest.mark.parametrize("stride", [4, EVERY])
def test_a_power_cut_at_every_step_of_a_copy(way, names_synced, stride):
    disk, project = begun()
    way(project)
    project.close(discard=True)
    last = disk.steps
    assert last > 10
    made = 0
    for cut in range(1, last + 1, stride):
        disk, project = begun()
        disk.cut_at = cut
        with suppress(UserError, OSError):
            way(project)
        project.close(timeout=0.0, discard=True)
        left = disk.after_power_cut(names_synced)
        assert is_whole(left, FOLDER), "the project itself"
        made += sum(is_whole(left, copy) for copy in copies(left, way))
    assert 0 <= made < last, "a copy is there only at the end"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("stride", [4, EVERY])
def test_a_full_disk_at_every_step_of_a_copy(way, stride):
    disk, project = begun()
    way(project)
    project.close(discard=True)
    refused = 0
    for step in range(1, disk.steps + 1, stride):
        disk, project = begun()
        disk.full_from, disk.full_to = step, step + 1
        try:
            way(project)
        except UserError as error:
            refused += 1
            sentence = str(error)
        else:
            sentence = "the disk is full"
        assert "the disk is full" in sentence
        project.close(discard=True)
        disk.full_to = 0
        assert not [path for path in disk.folders if path.name.endswith(UNFINISHED)], "nothing half stays"
        assert is_whole(disk, FOLDER)
        for copy in copies(disk, way):
            is_whole(disk, copy)
    assert refused * stride > 5


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE, errno.ENOTCONN])
def test_a_network_drive_that_went_away(code):
    disk, project = begun()
    entry = project.image(project.images[0].id)
    disk.gone, disk.full_from, disk.full_to, disk.code = True, 0, 10**9, code
    more = Box((1, 1, 1), (1, 9, 9), 7)
    paint(entry, more)
    until = time.monotonic() + 20
    while not project.saved.error and time.monotonic() < until:
        assert not project.flush(0.05)
    assert "reconnect the drive" in project.saved.error
    with pytest.raises(UserError, match=r"could not be read: .*check that the drive is there"):
        entry.open()
    with pytest.raises(UserError, match="reconnect the drive"):
        project.export_copy(TARGET)
    with pytest.raises(UserError, match=r"could not be (read|opened)"):
        Project.open(FOLDER, disk=disk)
    disk.gone, disk.full_to = False, 0  # it is back
    assert project.flush()
    project.close()
    with Project.open(FOLDER, disk=disk) as again:
        state = again.image(entry.id).open()
    np.testing.assert_array_equal(state.arrays["annotation"], painted([*BOXES, more]))


class Held(PermissionError):
    """What Windows says of a file that another program has open."""

    winerror = 32


def test_a_file_that_another_program_holds_is_waited_for(monkeypatch):
    disk, project = begun()
    entry = project.image(project.images[0].id)
    held = [True]
    rename = disk.rename

    def refuse(source: Path, target: Path) -> None:
        if held[0]:
            raise Held(errno.EACCES, "The process cannot access the file")
        rename(source, target)

    monkeypatch.setattr(disk, "rename", refuse)
    entry.replace_array("annotation", painted(BOXES[:1]))
    assert not project.flush(0.05)
    assert "another program holds one of its files; close it" in project.saved.error
    held[0] = False
    check_is_written_now(disk, project, entry.id)


def check_is_written_now(disk, project, image_id):
    """The first box is on the disk as soon as nothing is in the way."""
    assert project.flush()
    project.close()
    with Project.open(FOLDER, disk=disk) as again:
        state = again.image(image_id).open()
    np.testing.assert_array_equal(state.arrays["annotation"], painted(BOXES[:1]))


def test_an_array_that_memory_did_not_suffice_for_is_written_later(monkeypatch):
    """It was dropped, and counted as saved."""
    disk, project = begun()
    entry = project.image(project.images[0].id)
    write, short = ChunkedArray.write, [True]

    def hungry(self, *what):
        if short[0]:
            raise MemoryError
        write(self, *what)

    monkeypatch.setattr(ChunkedArray, "write", hungry)
    entry.replace_array("annotation", painted(BOXES[:1]))
    assert not project.flush(0.05)
    assert project.saved.pending == 1
    assert "there is not enough memory; close other programs" in project.saved.error
    short[0] = False
    check_is_written_now(disk, project, entry.id)


def test_a_folder_that_was_moved_away_is_not_made_anew(tmp_path):
    boxes = [Box((0, 1, 1), (1, 5, 5), 4), Box((1, 20, 20), (1, 9, 9), 5)]
    project, entry = a_project(tmp_path / "project")
    paint(entry, boxes[0])
    project.flush()
    project._writer.flush(10.0, settle=True)  # the next stroke begins a journal
    (tmp_path / "project").rename(tmp_path / "moved")
    paint(entry, boxes[1])
    project.note("open_image", entry.id)
    assert not project.flush(0.3)
    assert "the folder is gone; bring it back" in project.saved.error
    assert [path.name for path in tmp_path.iterdir()] == ["moved"]
    (tmp_path / "moved").rename(tmp_path / "project")
    assert project.flush()
    project.close()
    with Project.open(tmp_path / "project") as again:
        state = again.image(entry.id).open()
    np.testing.assert_array_equal(state.arrays["annotation"], painted(boxes))
