"""One window per project."""

import json
import subprocess
import sys

import pytest

from napari_unet.project import Project, ProjectLocked, lock

HOLD = """
import sys, time
from pathlib import Path
from napari_unet.project import Project
project = Project.open(Path(sys.argv[1]))
print("open", flush=True)
time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path):
    Project.create(tmp_path / "project").close()
    return tmp_path / "project"


def test_two_windows_of_one_process(folder):
    with Project.open(folder):
        with pytest.raises(ProjectLocked, match="close it there first") as refused:
            Project.open(folder)
        assert not refused.value.may_take_over
        with pytest.raises(ProjectLocked):
            Project.open(folder, take_over=True)
    Project.open(folder).close()


def test_two_processes_and_one_that_dies(folder):
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "open\n"
        with pytest.raises(ProjectLocked, match=f"process {other.pid} on") as refused:
            Project.open(folder)
        assert refused.value.holder.pid == other.pid
    finally:
        other.kill()
        other.wait()
    Project.open(folder).close()  # the system forgot the lock with its process


def test_a_holder_on_another_machine_is_asked_about(folder):
    holder = {"pid": 7, "host": "elsewhere", "since": 1.0}
    (folder / "lock").write_text(json.dumps(holder))
    with pytest.raises(ProjectLocked, match="process 7 on elsewhere") as refused:
        Project.open(folder)
    assert refused.value.may_take_over
    Project.open(folder, take_over=True).close()
    assert (folder / "lock").read_bytes() == b"", "closed is closed"
    Project.open(folder).close()


def test_a_drive_without_locks(folder, monkeypatch):
    monkeypatch.setattr(lock, "_lock", lambda handle: None)
    with Project.open(folder):
        with pytest.raises(ProjectLocked, match="was not closed there") as refused:
            Project.open(folder)
        assert refused.value.may_take_over
    Project.open(folder).close()


@pytest.mark.parametrize("content", [b"", b"nonsense", b'{"pid": 1}', b"[" * 5000])
def test_a_lock_file_with_nonsense_is_nobody(folder, content):
    (folder / "lock").write_bytes(content)
    Project.open(folder).close()
