"""The disk is full at every write in turn, of all that a project keeps: it is tried again, and nothing is lost."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from kill_harness import a_revision

from napari_unet.objects.changes import Change
from napari_unet.project import ImageDescription, Project, writer
from napari_unet.project.disk import UNFINISHED, Disk
from napari_unet.project.revisions import read_revision
from tiny_models import a_model, a_round

SHAPE = (40, 50)
PIXELS = np.arange(40 * 50, dtype=np.uint16).reshape(SHAPE)
EVERY = pytest.param(1, marks=pytest.mark.slow, id="every")
"""The fast suite takes some of the writes, the slow one all."""


class FullDisk(Disk):
    """A real disk on which there is no room in some of the steps that change something; half is written then."""

    def __init__(self) -> None:
        self.steps, self.full = 0, range(0)
        self.refused: set[str] = set()

    def _step(self, path: Path) -> bool:
        self.steps += 1
        if self.steps in self.full:
            self.refused.add(path.relative_to(path.parents[-2]).suffix)
        return self.steps in self.full

    def _refuse(self, path: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    def write(self, path: Path, content: bytes) -> None:
        if self._step(path):
            path.write_bytes(content[: len(content) // 2])
            self._refuse(path)
        super().write(path, content)

    def append(self, path: Path, content: bytes) -> None:
        if self._step(path):
            with open(path, "ab") as file:
                file.write(content[: len(content) // 2])
            self._refuse(path)
        super().append(path, content)

    def put_with(self, path, write, settle=True):
        def write_half(unfinished: Path) -> None:
            if self._step(path):
                unfinished.write_bytes(b"half")
                self._refuse(unfinished)
            write(unfinished)

        super().put_with(path, write_half, settle)

    def make_folder(self, folder: Path) -> None:
        if not folder.is_dir() and self._step(folder):
            self._refuse(folder)
        super().make_folder(folder)

    def rename(self, source: Path, target: Path) -> None:
        if self._step(target):
            self._refuse(target)
        super().rename(source, target)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(writer, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(writer, "LONGEST_PAUSE", 0.001)


def stroke(value: int) -> Change:
    return Change((value, value), np.zeros((3, 4), np.int32), np.full((3, 4), value, np.int32))


def keep_everything(folder: Path, full: range = range(0)) -> FullDisk:
    """Make a project, then keep one of everything while the disk is full in these steps; return the disk."""
    disk = FullDisk()
    project = Project.create(folder, disk=disk)
    described = ImageDescription(name="cells", axes="YX", shape=SHAPE, dtype="uint16")
    entry = project.add_image(described, PIXELS)
    assert project.flush(20)
    disk.steps, disk.full = 0, full
    labels = np.zeros(SHAPE, np.int32)
    labels[20:30, 20:30] = 9
    entry.replace_array("annotation", labels)
    project.look_for_work(entry.id, labels)
    entry.record([("annotation", stroke(2))])
    entry.note("object_size", 12.5)
    entry.replace_array("segmentation")
    entry.record([("segmentation", stroke(3))])
    entry.probabilities.keep((), np.full((2, *SHAPE), 0.5, np.float16), None, 1.0)
    name = project.revisions.keep(a_revision(entry.id), [(labels, PIXELS[np.newaxis])], lambda: "")
    project.add_round(a_model, a_round(1))
    project.rounds.rename(1, "The good one")
    project.note("current_round", 1)
    project.note("revision", name)
    entry.record([("annotation", stroke(5))])
    project.log("Paint", entry.id, sequence=entry.sequence)
    assert project.flush(60), f"full in {full}: {project.saved}"
    assert project.saved.error == ""
    project.close()
    return disk


def check_everything(folder: Path) -> None:
    with Project.open(folder) as project:
        (image,) = project.images
        entry = project.image(image.id)
        state = entry.open()
        assert (image.progress, state.sentences) == ("work", ())
        assert state.notes["object_size"] == 12.5
        annotation, segmentation = np.zeros((2, *SHAPE), np.int32)
        annotation[20:30, 20:30] = 9
        for value in (2, 5):
            annotation[stroke(value).box] = value
        segmentation[stroke(3).box] = 3
        np.testing.assert_array_equal(state.arrays["annotation"], annotation)
        np.testing.assert_array_equal(state.arrays["segmentation"], segmentation)
        np.testing.assert_array_equal(entry.pixels(), PIXELS)
        assert (entry.probabilities.read(()).probabilities == 0.5).all()
        (kept,), sentences = project.rounds.all()
        assert (kept.document.name, sentences) == ("The good one", [])
        kept.load()
        assert project.notes["current_round"] == 1
        assert len(read_revision(Disk(), folder, project.notes["revision"]).images) == 1
        assert [line["what"] for line in project.history()] == ["Paint"]
    assert not [path for path in folder.rglob("*") if path.name.endswith(UNFINISHED)]


@pytest.mark.parametrize("n_steps", [1, 30], ids=["once", "for-a-while"])
@pytest.mark.parametrize("stride", [19, EVERY])
def test_it_is_full_at_every_write_in_turn(tmp_path, stride, n_steps):
    last = keep_everything(tmp_path / "whole").steps
    check_everything(tmp_path / "whole")
    refused: set[str] = set()
    for step in range(1, last + 1, stride):
        disk = keep_everything(tmp_path / str(step), range(step, step + n_steps))
        check_everything(tmp_path / str(step))
        refused |= disk.refused
    print(f"full at {len(range(1, last + 1, stride))} of {last} writes, for {n_steps} each: nothing is lost")
    if stride == 1:
        assert {".json", ".jsonl", ".journal", ".safetensors", ""} <= refused


def test_an_array_that_waits_for_room_does_not_come_back_over_a_later_one(tmp_path, monkeypatch):
    """The first is tried again after the second was written."""
    monkeypatch.setattr(writer, "FIRST_PAUSE", 0.2)
    project = Project.create(tmp_path / "project", disk=(disk := FullDisk()))
    entry = project.add_image(ImageDescription(name="cells", axes="YX", shape=SHAPE, dtype="uint16"))
    assert project.flush(20)
    disk.steps, disk.full = 0, range(1, 2)
    for value in (1, 2):
        entry.replace_array("annotation", np.full(SHAPE, value, np.int32), {f"note_{value}": value})
    entry.record([("annotation", stroke(7))])
    assert project.flush(60)
    assert disk.steps > 1
    project.close()
    with Project.open(tmp_path / "project") as project:
        state = project.image(entry.id).open()
    expected = np.full(SHAPE, 2, np.int32)
    expected[stroke(7).box] = 7
    np.testing.assert_array_equal(state.arrays["annotation"], expected)
    assert state.notes == {"note_1": 1, "note_2": 2}
