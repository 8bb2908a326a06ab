"""A round of volumes comes out the same when it is done again: planes, and those above and below them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_volume_rounds import painted

from napari_unet.project import Project
from napari_unet.session.described import describe_image
from napari_unet.session.keeping import Keeper
from napari_unet.session.replaying import Replay, Replayed
from quick import QUICK_VOLUMES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with a round of volumes."""
    session, folder = painted(), tmp_path / "project"
    project = Project.create(folder)
    described = describe_image(session.image, session.state.channels, None, folder)
    keeper = Keeper(session, project, project.add_image(described, session.image.data))
    task = keeper.note_training(session.prepare_training("scratch", QUICK_VOLUMES), "scratch")
    session.finish_training(task, task.run(lambda report: None, lambda: False))
    keeper.close()
    project.close()
    return folder


def replay(folder: Path) -> Replayed:
    return Replay(folder).run(1, lambda report: None, lambda: False)


def test_it_arrives_at_the_same_weights(folder: Path) -> None:
    done = replay(folder)
    assert done.same, done.sentence
    assert "bit for bit" in done.sentence


def test_a_plane_above_that_was_changed_is_noticed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_unet.session import replaying

    original = replaying.stack_again

    def darker(plane, channels_of, chosen):
        return original(plane, {**channels_of, (5,): channels_of[5,] * 0.5}, chosen)

    monkeypatch.setattr(replaying, "stack_again", darker)
    done = replay(folder)
    assert not done.same
    assert "the loss from step 1 on" in done.sentence


def test_what_was_kept_before_stacks_were_is_one_sentence(folder: Path) -> None:
    (path,) = (folder / "revisions").glob("*.json")
    said = json.loads(path.read_text("utf-8"))
    for plane in said["images"][0]["planes"]:
        assert plane.pop("stack")["axis"] == 0
    path.write_text(json.dumps(said), "utf-8")
    done = replay(folder)
    assert not done.same
    assert "was not kept yet" in done.sentence
