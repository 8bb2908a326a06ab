"""An earlier annotation comes back whole, in one step; what was there until then comes back with Undo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from painted_rounds import a_round
from test_keeping import come_back, end, keep, on_image, paint

from napari_unet.annotation.coding import LabelsAre
from napari_unet.annotation.regions import Region
from napari_unet.errors import UserError
from napari_unet.network.training_settings import TrainingSettings
from napari_unet.session import Round, Session, Which
from napari_unet.session.going_back import GoingBackTask
from napari_unet.session.keeping import Keeper

SHAPE = (3, 700, 600)
SQUARE = Region("rectangle", np.array([[10.0, 10.0], [90.0, 90.0]]), (0,))


def train(session: Session, keeper: Keeper | None) -> Round:
    """Keep what goes into a training, and add a round as if it had been trained."""
    task = session.prepare_training("scratch", TrainingSettings(minutes=None, steps=1))
    if keeper is not None:
        keeper.note_training(task, "scratch").on_images(task.images)
    done = a_round(task.number)
    session.rounds.add(done)
    session.use_round(done)
    return done


def state_of(session: Session) -> tuple[Any, ...]:
    painting = session.painting
    assert painting is not None
    regions = [(r.kind, r.plane, np.asarray(r.vertices).tolist()) for r in painting.regions]
    return painting.labels.copy(), painting.notes, regions


def assert_same(a: tuple[Any, ...], b: tuple[Any, ...]) -> None:
    np.testing.assert_array_equal(a[0], b[0])
    assert a[1:] == b[1:]


@pytest.fixture
def went_on(tmp_path: Path) -> tuple[Session, Keeper, Round, tuple[Any, ...], tuple[Any, ...]]:
    """A round, and much that was done after it: (session, keeper, the round, annotation then, annotation now)."""
    session = on_image(SHAPE)
    session.annotating.start(LabelsAre.OBJECTS, ("alive", "dead"))
    keeper = keep(session, tmp_path / "project")
    paint(session, Which.ANNOTATION, (0, 300, 500), 1, size=80)
    paint(session, Which.ANNOTATION, (0, 330, 530), 2, size=20)
    paint(session, Which.ANNOTATION, (1, 600, 20), 3, size=20)
    session.annotating.set_regions([SQUARE])
    session.annotating.set_object_class(2, 2)
    session.annotating.mark_complete([3])
    then = state_of(session)
    done = train(session, keeper)
    paint(session, Which.ANNOTATION, (0, 330, 530), 7, size=30)
    paint(session, Which.ANNOTATION, (1, 600, 20), 0, size=30)
    paint(session, Which.ANNOTATION, (2, 5, 5), 9, size=30)
    session.annotating.set_regions([])
    session.annotating.set_object_class(2, 1)
    session.annotating.set_object_class(9, 2)
    session.annotating.mark_complete([3], False)
    return session, keeper, done, then, state_of(session)


def go_back(session: Session, keeper: Keeper, done: Round) -> None:
    task = GoingBackTask.prepare(session, keeper, done)
    action = task.run()
    assert action is not None
    assert task.holds(session)
    session.canvas.do(action)


def test_all_of_it_comes_back_in_one_step_and_undo_brings_back_the_newer_one(
    went_on: Any, tmp_path: Path
) -> None:
    session, keeper, done, then, now = went_on
    go_back(session, keeper, done)
    assert_same(state_of(session), then)
    assert session.undo() == "Go back to Round 1"
    assert_same(state_of(session), now)
    assert session.redo() == "Go back to Round 1"
    assert_same(state_of(session), then)
    end(keeper)
    other, keeper = come_back(tmp_path / "project", SHAPE)
    assert_same(state_of(other), then)
    names = [line["what"] for line in keeper.project.history()]
    assert names.count("Go back to Round 1") == 3, names
    end(keeper)


def test_only_tiles_that_differ_are_kept_for_undo(went_on: Any) -> None:
    session, keeper, done, _, _ = went_on
    action = GoingBackTask.prepare(session, keeper, done).run()
    assert action is not None
    assert sorted(change.offset for _, change in action.changes) == [(0, 0, 512), (1, 512, 0), (2, 0, 0)]
    end(keeper)


def test_what_is_the_same_is_no_step(went_on: Any) -> None:
    session, keeper, done, _, _ = went_on
    go_back(session, keeper, done)
    assert GoingBackTask.prepare(session, keeper, done).run() is None
    end(keeper)


def test_a_stroke_that_came_in_between_is_noticed(went_on: Any) -> None:
    session, keeper, done, _, _ = went_on
    task = GoingBackTask.prepare(session, keeper, done)
    task.run()
    paint(session, Which.ANNOTATION, (2, 100, 100), 11)
    assert not task.holds(session)
    end(keeper)


def test_what_cannot_come_back_is_one_sentence_and_changes_nothing(went_on: Any) -> None:
    session, keeper, done, _, now = went_on
    unkept = train(session, None)
    with pytest.raises(UserError, match="was not kept: there was no project yet"):
        GoingBackTask.prepare(session, keeper, unkept).run()
    keeper.project.flush(60)
    tile = next((keeper.project.folder / "revisions" / "tiles").iterdir())
    tile.write_bytes(b"something else")
    with pytest.raises(UserError, match="is missing or was changed"):
        GoingBackTask.prepare(session, keeper, done).run()
    assert_same(state_of(session), now)
    end(keeper)


def test_another_kind_of_annotation_is_not_mixed_with_this_one(went_on: Any) -> None:
    session, keeper, done, _, _ = went_on
    session.annotating.start(LabelsAre.CLASSES, ("a", "b"))
    with pytest.raises(UserError, match="was trained on objects, and classes are annotated now"):
        GoingBackTask.prepare(session, keeper, done).run()
    end(keeper)
