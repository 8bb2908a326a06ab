"""What the training that goes on while one paints is given, and what becomes of its weights."""

from __future__ import annotations

import pytest
import torch
from test_live_session import CENTRES, Window, discs  # noqa: F401

from napari_unet.network.training_outcome import Curves, TrainingOutcome
from napari_unet.session import ImageSource
from napari_unet.session.live.desk import Kind
from napari_unet.session.live.meanwhile import Effort
from napari_unet.workflow import TrainedModel, live_training
from napari_unet.workflow.live_exchange import Better, State
from tiny_models import a_model

torch.set_num_threads(1)


@pytest.fixture
def trained():
    """Stand in for the training: every annotation that it is given makes weights that are better."""
    runs = []

    def run(self, on_better, on_state, should_stop, let_pass):
        seen = []
        runs.append((self, seen))
        while not should_stop():
            let_pass()
            annotation = self.inbox.take(0.02)
            if annotation is not None:
                seen.append((annotation, annotation.read()))
                model = a_model()
                outcome = TrainingOutcome(
                    model.network.state_dict(), Curves(), 7, 7, 3.0, None, False, "Learned.", 32, 2, 1, "cpu"
                )
                on_better(Better(TrainedModel(model, outcome, (), ["Learned."]), 0.9, 3.0))
                on_state(State(9, 4.0, rests=True))

    return runs, run


@pytest.fixture
def window(discs, trained, monkeypatch):  # noqa: F811
    monkeypatch.setattr(live_training.LiveTraining, "run", trained[1])
    made = Window(discs)
    made.live.set_effort(Effort.TRAIN)
    yield made
    assert made.live.switch_off(30)


def paint_two(window):
    window.begin()
    window.paint(2, *CENTRES[0])
    window.paint(1, 48, 44)


def until(window, condition):
    while not condition():
        window.posted.get(timeout=30)()
    window.rest()


def test_better_weights_are_shown_and_stay_as_a_round(window, trained):
    runs, _ = trained
    paint_two(window)
    until(window, lambda: window.live.meanwhile.best is not None)
    until(window, lambda: "rests" in window.live.status)
    assert window.live.status.startswith("Network that learned from your strokes")
    weights = window.live.meanwhile.weights
    assert weights is not None
    ((_, seen),) = runs
    n = len(seen)
    window.paint(1, 48, 84)
    until(window, lambda: len(seen) > n)
    assert len(runs) == 1  # the same training goes on with what is new
    _, (image,) = seen[-1]
    assert image.labels[48, 84] == 1
    assert 0 < seen[0][0].shown_agreement <= 1
    assert window.session.current is None
    assert window.live.switch_off(30)
    (done,) = window.session.rounds.all
    assert window.session.current is done
    assert (done.name, done.sentences, done.outcome.steps) == ("Round 1", ("Learned.",), 7)


def test_another_training_has_the_processor_and_live_goes_on_from_its_round(window, trained):
    runs, _ = trained
    paint_two(window)
    until(window, lambda: window.live.meanwhile.best is not None)
    window.live.hold_training(True)
    window.rest()
    assert len(window.session.rounds.all) == 1  # nothing is lost
    assert not window.live.scheduler.is_asked(Kind.TRAIN)
    window.paint(1, 48, 84)
    window.rest()
    assert len(runs) == 1
    window.live.hold_training(False)
    until(window, lambda: len(runs) == 2)
    assert runs[1][0].start is not None
    assert runs[1][0].start().description.name == "Round 1"


def test_a_preview_alone_trains_nothing_and_quiet_is_told(window, trained):
    runs, _ = trained
    window.live.set_effort(Effort.PREVIEW)
    paint_two(window)
    window.rest()
    assert not runs
    window.live.set_effort(Effort.QUIET)
    until(window, lambda: runs)
    assert runs[0][0].quiet
    assert runs[0][0].settings.threads == 1


def test_another_image_begins_anew_from_what_was_learned(window, discs):  # noqa: F811
    paint_two(window)
    until(window, lambda: window.live.meanwhile.best is not None)
    window.session.begin_image(ImageSource("others", discs[:, ::-1].copy()))
    assert window.session.current is not None
    assert window.live.meanwhile.best is None
    assert not window.live.scheduler.is_asked(Kind.TRAIN)
