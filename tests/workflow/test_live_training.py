"""The training that goes on while one paints: strokes in, better weights out, rest when nothing is left to learn."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from painted_discs import draw_discs

from napari_unet.annotation.coding import LabelsAre
from napari_unet.workflow import AnnotatedImage, live_training
from napari_unet.workflow.live_exchange import Annotation, Inbox
from napari_unet.workflow.live_training import LiveTraining
from quick import QUICK


class Course:
    """A live training in a thread."""

    def __init__(self, start, **options):
        self.better, self.states, self.errors = [], [], []
        self.inbox = Inbox()
        settings = QUICK.model_copy(update={"steps": None, "learning_rate": 0.01})
        self.task = LiveTraining(
            self.inbox, lambda: start, settings, LabelsAre.OBJECTS, False, ("grey",), "live", **options
        )
        self.stopped = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            self.task.run(self.better.append, self.states.append, lambda: self.stopped, lambda: None)
        except Exception as error:
            self.errors.append(error)

    def paint(self, image, labels, **said):
        annotated = AnnotatedImage("discs", image, labels)
        self.inbox.put(Annotation(lambda: [annotated], **said))

    def wait(self, condition, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            assert not self.errors, self.errors
            assert time.monotonic() < end, "it never came"
            time.sleep(0.01)

    def stop(self):
        self.stopped = True
        self.thread.join(30)
        assert not self.thread.is_alive()
        assert not self.errors, self.errors
        assert not [t for t in threading.enumerate() if t.name == "napari-unet-patches"]


@pytest.fixture
def quickly(monkeypatch):
    monkeypatch.setattr(live_training, "SECONDS_BETWEEN", 0.2)
    monkeypatch.setattr(live_training, "SHARE", 0.5)


@pytest.fixture
def inverted():
    """Dark discs on bright ground: the opposite of what the start has learned."""
    image, labels = draw_discs(seed=1)
    return (1000 - image.astype(int)).clip(0).astype(np.uint16), labels


def test_weights_get_better_than_the_start_and_are_a_model_with_its_story(learned, inverted, quickly):
    image, labels = inverted
    course = Course(learned.model)
    annotation = np.where(labels <= 8, labels + 1, 0).astype(np.int32)
    course.paint(image, annotation)
    course.wait(lambda: len(course.better) >= 2)
    course.stop()
    first, second = course.better[:2]
    assert second.agreement > first.agreement
    model = second.trained.model
    assert model.description.scale == learned.model.description.scale
    assert model.description.training.started_from == "learned"
    assert model.description.training.steps == second.trained.outcome.steps > 0
    assert model.network is not learned.model.network


def test_a_preview_that_is_better_stays(learned, inverted, quickly):
    image, labels = inverted
    course = Course(learned.model)
    course.paint(image, (labels + 1).astype(np.int32), shown_agreement=0.9999)
    course.wait(lambda: len(course.states) >= 3)
    course.stop()
    assert not course.better


def test_more_strokes_and_another_class_come_in_while_it_runs(learned, inverted, quickly):
    image, labels = inverted
    course = Course(learned.model)
    some = np.where(labels <= 4, labels + 1, 0).astype(np.int32)
    some[labels == 0] = 1
    course.paint(image, some)
    course.wait(lambda: course.states)
    course.paint(image, (labels + 1).astype(np.int32))
    n = len(course.states)
    course.wait(lambda: len(course.states) > n)
    course.paint(image, (labels + 1).astype(np.int32), class_names=("a", "b"))
    course.wait(lambda: course.better and course.better[-1].trained.model.description.network.classes == 3)
    course.stop()


def test_it_waits_until_there_is_something_to_learn_and_when_nothing_is_left(learned, quickly, monkeypatch):
    monkeypatch.setattr(live_training, "PATIENCE", 1)
    monkeypatch.setattr(live_training, "BETTER", 2.0)  # nothing is
    image, labels = draw_discs()
    course = Course(learned.model, quiet=True)
    course.paint(image, np.where(labels == 1, 2, 0).astype(np.int32))  # no background yet
    time.sleep(0.3)
    assert not course.states
    course.paint(image, (labels + 1).astype(np.int32))
    course.wait(lambda: course.states and course.states[-1].rests)
    steps = course.states[-1].steps
    time.sleep(0.3)
    assert course.states[-1].steps == steps
    course.paint(image, (labels + 1).astype(np.int32))
    course.wait(lambda: course.states[-1].steps > steps)
    course.stop()
