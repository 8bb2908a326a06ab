"""What was said to be saved is there after the power failed, at whatever step, and after the disk was full."""

import errno
import time
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from painted import FOLDER, SHAPE, Box, a_project, an_image, boxes, paint, painted
from unreliable_disk import UnreliableDisk

from napari_unet.errors import UserError
from napari_unet.project import NotSaved, Project, chunks, image_entry, writer
from napari_unet.project.disk import UNFINISHED


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    """Failures are tried again at once, and checkpoints made at once."""
    monkeypatch.setattr(writer, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(writer, "LONGEST_PAUSE", 0.001)
    monkeypatch.setattr(image_entry, "CHECKPOINT_AFTER", 0.0)
    monkeypatch.setattr(chunks, "SIDE", 32)  # several chunks a plane, and little to compute


@dataclass(frozen=True)
class Replace:
    """Another array: one box, nothing else."""

    box: Box


@dataclass(frozen=True)
class Note:
    value: int


SCRIPT = [
    Box((0, 10, 10), (1, 5, 5), 5),
    Note(1),
    Box((0, 30, 30), (2, 6, 6), 6),
    Replace(Box((1, 30, 30), (1, 25, 25), 9)),
    Box((1, 31, 31), (1, 3, 3), 2),
    Note(2),
    Box((0, 0, 0), (1, 60, 70), 3),
]
Step = Box | Note | Replace
steps = st.lists(boxes() | st.builds(Replace, boxes()) | st.builds(Note, st.integers(0, 9)), max_size=8)


def do(entry, step: Step) -> None:
    if isinstance(step, Box):
        paint(entry, step)
    elif isinstance(step, Replace):
        entry.replace_array("annotation", painted([step.box]), {"replaced": step.box.value})
    else:
        entry.note("value", step.value)


def after(script: list[Step]) -> tuple[np.ndarray, dict]:
    """What is there when all these were done."""
    array, notes = np.zeros(SHAPE, np.int32), {}
    for step in script:
        if isinstance(step, Box):
            step.paint(array)
        elif isinstance(step, Replace):
            array, notes = painted([step.box]), {**notes, "replaced": step.box.value}
        else:
            notes = {**notes, "value": step.value}
    return array, notes


def run(disk: UnreliableDisk, script: list[Step]) -> int:
    """Do things one after the other; return how many were said to be saved when the power failed."""
    saved, project = -1, None
    try:
        project = Project.create(FOLDER, disk=disk)
        entry = project.add_image(an_image())
        entry.replace_array("annotation")
        for number, step in enumerate([None, *script]):
            if step is not None:
                do(entry, step)
            if not wait(project, disk):
                break
            saved = number
    except (UserError, OSError):
        pass
    if project is not None:
        project.close(timeout=10.0 if disk.cut_at is None else 0.0, discard=True)
    return saved


def wait(project: Project, disk: UnreliableDisk) -> bool:
    end = time.monotonic() + 10
    while project.saved.pending and time.monotonic() < end:
        if disk.cut_at is not None and disk.steps > disk.cut_at:
            return False
        time.sleep(0.001)
    return project.saved.pending == 0


def check(left: UnreliableDisk, script: list[Step], saved: int) -> None:
    if saved < 0:
        return
    with Project.open(FOLDER, disk=left) as project:
        state = project.image(project.images[0].id).open()
        assert state.sentences == ()
        for n in range(saved, len(script) + 1):
            array, notes = after(script[:n])
            if state.notes == notes and np.array_equal(state.arrays["annotation"], array):
                return
        pytest.fail(
            f"what was done until {saved} of {len(script)} is not there, or mixed with something else"
        )


def n_steps(script: list[Step]) -> int:
    disk = UnreliableDisk()
    assert run(disk, script) == len(script)
    return disk.steps


def first_step() -> int:
    """Return the first step after a project was made and an image added: until then failures are refusals."""
    disk = UnreliableDisk()
    project = Project.create(FOLDER, disk=disk)
    project.add_image(an_image())
    steps = disk.steps
    project.close()
    return steps + 1


EVERY = pytest.param(1, marks=pytest.mark.slow, id="every")
"""The fast suite takes some of the steps, others for each case; the slow one all."""


@pytest.mark.parametrize("stride", [5, EVERY])
@pytest.mark.parametrize("names_synced", [False, True])
def test_a_power_cut_at_every_step(names_synced, stride):
    last = n_steps(SCRIPT)
    assert last > 60
    lost = 0
    for cut in range(1 + 2 * names_synced, last + 10, stride):
        disk = UnreliableDisk()
        disk.cut_at = cut
        saved = run(disk, SCRIPT)
        lost += saved < len(SCRIPT)
        check(disk.after_power_cut(names_synced), SCRIPT, saved)
    assert lost * stride > 60, "most cuts must fall into the work"


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=steps, cut=st.floats(0, 1), names_synced=st.booleans())
def test_a_power_cut_during_anything(script, cut, names_synced):
    disk = UnreliableDisk()
    disk.cut_at = 8 + int(cut * (20 + 15 * len(script)))
    saved = run(disk, script)
    check(disk.after_power_cut(names_synced), script, saved)


@pytest.mark.parametrize("stride", [4, EVERY])
def test_a_write_fails_at_every_step(stride):
    """One that fails once is made good without anybody noticing; half of what it wrote is on the disk."""
    for step in range(first_step(), n_steps(SCRIPT) + 1, stride):
        disk = UnreliableDisk()
        disk.full_from, disk.full_to = step, step + 1
        disk.code = [errno.ENOSPC, errno.ENOSPC, errno.EIO][step % 3]
        assert run(disk, SCRIPT) == len(SCRIPT), f"step {step}"
        check(disk.after_power_cut(), SCRIPT, len(SCRIPT))
        assert not [path for path in disk.seen if path.suffix == ".journal"], "nothing is kept twice"


@pytest.mark.parametrize("length", [2, 7, 40])
def test_a_full_disk_is_said_and_nothing_is_lost_once_there_is_room(length):
    for step in range(first_step(), n_steps(SCRIPT), 20):
        disk = UnreliableDisk()
        disk.full_from, disk.full_to = step, step + length
        run(disk, SCRIPT)
        check(disk.after_power_cut(), SCRIPT, len(SCRIPT))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "the disk is full; make room"),
        (errno.EROFS, "may not be written to"),
        (errno.EACCES, "may not be written to"),
        (errno.ENOENT, "the folder is gone"),
        (errno.EDQUOT, "the disk is full; make room"),
        (errno.EIO, "reconnect the drive"),
        (errno.ESTALE, "reconnect the drive"),
        (errno.ENOTCONN, "reconnect the drive"),
        (errno.EHOSTDOWN, "reconnect the drive"),
        (errno.ETIMEDOUT, "reconnect the drive"),
    ],
)
def test_what_is_wrong_is_one_sentence(code, words):
    disk = UnreliableDisk()
    project, entry = a_project(FOLDER, disk)
    assert project.flush()
    heard = []
    project.on_saved.append(heard.append)
    disk.full_from, disk.full_to, disk.code = 0, 10**9, code
    paint(entry, SCRIPT[0])
    assert not project.flush(0.1)
    saved = project.saved
    assert words in saved.error
    assert saved.error.endswith("saved as soon as that is possible.")
    assert saved.pending == 1
    with pytest.raises(NotSaved, match=words) as refused:
        project.close(timeout=0.1)
    assert refused.value.pending == 1
    with pytest.raises(UserError, match=words):
        project.add_image(an_image())
    disk.full_to = 0  # there is room again
    assert project.flush()
    assert project.saved.error == ""
    until = time.monotonic() + 5  # the thread tells of it right after it is so
    while heard[-1].error and time.monotonic() < until:
        time.sleep(0.001)
    assert {h.error for h in heard} == {saved.error, ""}
    project.close()
    check(disk.after_power_cut(), SCRIPT[:1], 1)


def test_a_folder_that_cannot_be_written_to_is_refused_in_one_sentence():
    disk = UnreliableDisk()
    disk.full_from, disk.full_to, disk.code = 0, 10**9, errno.EACCES
    with pytest.raises(UserError, match="may not be written to") as refused:
        Project.create(FOLDER, disk=disk)
    assert "memory" not in str(refused.value), "nothing was painted yet"
    disk.full_to = 0
    Project.create(FOLDER, disk=disk).close()
    disk.full_to = 10**9
    with pytest.raises(UserError, match="may not be written to"):
        Project.open(FOLDER, disk=disk)


def test_journals_that_were_not_removed_change_nothing():
    """The power may fail between the checkpoint and the removal of what it made superfluous."""
    disk = UnreliableDisk()
    project, entry = a_project(FOLDER, disk)
    project.flush(settle := 5.0)
    for step in SCRIPT:
        do(entry, step)
    assert project.flush(settle)
    disk.remove = lambda path: None  # type: ignore[method-assign]
    project.close()
    left = disk.after_power_cut()
    assert [path for path in left.seen if path.suffix == ".journal"]
    check(left, SCRIPT, len(SCRIPT))


def test_no_unfinished_file_stays_after_a_failed_write():
    disk = UnreliableDisk()
    disk.full_from = first_step() + 4
    disk.full_to = disk.full_from + 1
    run(disk, SCRIPT)
    assert not [path for path in disk.seen if path.name.endswith(UNFINISHED)]
