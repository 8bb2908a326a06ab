"""The overlay follows strokes: from the first ones on, without training, without Qt."""

from __future__ import annotations

import queue
import threading
import time

import numpy as np
import pytest
import torch

from napari_unet.annotation.coding import Coding, LabelsAre
from napari_unet.session import ImageSource, Session, Which
from napari_unet.session.bringing_in import BringingIn
from napari_unet.session.live.desk import Kind
from napari_unet.session.live.live import Live
from napari_unet.session.live.meanwhile import Effort
from napari_unet.session.live.view import View
from napari_unet.session.live.words import BUNDLED, CORRECTED, NOTHING_PAINTED, ONE_CLASS

torch.set_num_threads(1)
CENTRES = [(24, 24), (24, 64), (24, 104), (72, 24), (72, 64), (72, 104)]


@pytest.fixture
def discs():
    yy, xx = np.mgrid[:96, :128]
    image = np.full((96, 128), 30.0)
    for y, x in CENTRES:
        image[(yy - y) ** 2 + (xx - x) ** 2 < 12**2] = 190
    return (image + np.random.default_rng(0).normal(0, 8, image.shape)).astype(np.float32)


class Window:
    """Stands in for the window: a thread that calls what was posted when it comes to it."""

    def __init__(self, image, **options):
        self.session = Session()
        self.session.set_image(ImageSource("discs", image))
        self.session.set_object_size(24.0)
        self.session.annotating.start(LabelsAre.OBJECTS)
        self.posted = queue.Queue()
        self.errors = []
        self.may_show = True
        self.live = Live(self.session, self.posted.put, self.errors.append, lambda: self.may_show)
        self.live.set_effort(Effort.PREVIEW)
        self.shown = []
        self.live.shown.connect(lambda overlay: self.shown.append(overlay))

    def begin(self):
        height, width = self.session.image.plane_shape
        plane = (0,) * (len(self.session.image.spatial_shape) - 2)
        self.live.look(View(plane, (0, height, 0, width), 1.0))
        self.live.switch_on()

    def paint(self, value, y, x, size=6, plane=()):
        values = np.full((1,) * len(plane) + (size, size), value, np.int32)
        self.session.record_stroke(Which.ANNOTATION, (*plane, y - size // 2, x - size // 2), values)

    def rest(self, seconds=60.0):
        """Call what is posted until nothing is left to do."""
        end = time.monotonic() + seconds
        while self.live.scheduler.is_busy() or not self.posted.empty():
            assert time.monotonic() < end, "it never rests"
            try:
                self.posted.get(timeout=0.01)()
            except queue.Empty:
                continue
        assert not self.errors

    @property
    def objects(self):
        return self.session.segmentation


@pytest.fixture
def window(discs):
    made = Window(discs)
    yield made
    assert made.live.switch_off(30)
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name in ("napari-unet-quick", "napari-unet-long")]


def at(labels, i):
    return int(labels[CENTRES[i]])


def test_two_strokes_show_all_objects_and_undo_knows_only_the_strokes(window):
    window.begin()
    assert window.live.status == NOTHING_PAINTED
    window.paint(2, *CENTRES[0])
    window.rest()
    assert window.live.status == ONE_CLASS
    assert window.objects is None
    window.paint(1, 48, 44)
    window.rest()
    found = window.objects
    assert all(at(found, i) for i in range(6))
    assert found[48, 84] == 0
    assert window.session.separating.settings.threshold == 0.8  # as the bundled network's objects are made
    assert window.session.canvas.history.undo_name == "Paint"
    assert window.live.status == f"{CORRECTED.format(name=BUNDLED)}."
    assert 0 <= window.live.entropy.min() <= window.live.entropy.max() <= 1


def test_numbers_stay_from_one_overlay_to_the_next(window):
    window.begin()
    window.paint(2, *CENTRES[0])
    window.paint(1, 48, 44)
    window.rest()
    before = [at(window.objects, i) for i in range(6)]
    assert len(set(before)) == 6
    n = window.live.n_shown
    window.paint(1, 48, 84)
    window.rest()
    assert window.live.n_shown > n
    assert [at(window.objects, i) for i in range(6)] == before


def test_a_stroke_taken_back_is_forgotten(window):
    window.begin()
    window.paint(2, *CENTRES[0])
    window.paint(1, 48, 44)
    window.rest()
    window.paint(1, *CENTRES[4], size=10)  # this disc is background, says the stroke
    window.rest()
    assert at(window.objects, 4) == 0
    window.session.undo()
    window.rest()
    assert at(window.objects, 4)


def test_nothing_is_shown_under_a_brush_that_is_down_and_an_older_overlay_never(window):
    window.begin()
    window.paint(2, *CENTRES[0])
    window.may_show = False
    window.paint(1, 48, 44)
    window.rest()
    assert window.objects is None
    window.live.show_held()
    assert window.objects is None
    window.paint(1, 48, 84)  # the end of the drag: what was held is older than this
    window.may_show = True
    window.live.show_held()
    assert window.shown == []
    window.rest()
    assert window.shown
    assert all(overlay.backdrop.painting.version for overlay in window.shown)
    assert window.objects.any()


def test_what_is_corrected_stays_corrected(window):
    window.begin()
    window.paint(2, *CENTRES[0])
    window.paint(1, 48, 44)
    window.rest()
    erased = np.zeros((30, 30), np.int32)
    window.session.record_stroke(Which.SEGMENTATION, (57, 49), erased, "Correct")  # the disc in the middle
    window.rest()
    assert at(window.objects, 4) == 0
    assert window.session.annotation[CENTRES[4]] == 1
    n = window.session.accept((), [at(window.objects, 1)])
    assert n > 200
    window.rest()
    assert at(window.objects, 1)


def test_labels_that_are_brought_in_stay_until_the_next_stroke(window):
    window.begin()
    window.paint(2, *CENTRES[0])
    window.paint(1, 48, 44)
    labels = np.zeros((96, 128), np.int32)
    labels[60:90, 90:120] = 7
    task = BringingIn.of(window.session.state, labels, Coding.MASKS, LabelsAre.OBJECTS)
    task.show(window.session.state, task.run().changes)
    shown = window.objects.copy()
    window.rest()
    np.testing.assert_array_equal(window.objects, shown)
    assert "came of “Bring in”" in window.live.status
    window.paint(1, 48, 84)
    window.rest()
    assert all(at(window.objects, i) for i in range(6))


def test_what_was_seen_is_kept_until_something_else_sees(window):
    window.begin()
    window.paint(2, *CENTRES[0])
    window.paint(1, 48, 44)
    window.rest()
    (seen,) = window.live.fields.all()
    window.paint(1, 48, 84)
    window.rest()
    assert window.live.fields.all() == [seen]
    window.session.set_object_size(48.0)
    window.rest()
    (again,) = window.live.fields.all()
    assert again is not seen


def test_at_rest_the_project_is_told_of_the_overlay_once(window):
    told = []
    window.session.canvas.applied.connect(lambda action, how: told.append(action))
    window.begin()
    window.paint(2, *CENTRES[0])
    window.paint(1, 48, 44)
    window.rest()
    assert [action.name for action in told] == ["Paint", "Paint"]
    window.live.keep()
    window.live.keep()
    ((which, change),) = told[2].changes
    assert (len(told), which) == (3, Which.SEGMENTATION)
    np.testing.assert_array_equal(change.new, window.objects)


def test_an_error_is_told_and_the_next_stroke_goes_on(window, monkeypatch):
    from napari_unet.session.live import tasks

    window.begin()
    window.paint(2, *CENTRES[0])
    window.rest()

    def fails(self):
        raise RuntimeError("broken")

    with monkeypatch.context() as broken:
        broken.setattr(tasks.FitTask, "run", fails)
        window.paint(1, 48, 44)
        while not window.errors:
            window.posted.get(timeout=10)()
    assert str(window.errors.pop()) == "broken"
    window.paint(1, 48, 84)
    window.rest()
    assert window.objects.any()


def test_off_leaves_what_is_shown(window):
    window.begin()
    window.paint(2, *CENTRES[0])
    window.paint(1, 48, 44)
    window.rest()
    before = window.objects.copy()
    assert window.live.switch_off(30)
    window.paint(1, *CENTRES[4])
    assert not window.live.scheduler.is_asked(Kind.FIT)
    np.testing.assert_array_equal(window.objects[:40], before[:40])
    assert window.live.is_preview
    window.session.segmenting.show((), before, "Segment")
    assert not window.live.is_preview


def test_large_planes_are_shown_reduced_first_then_sharp_then_around(discs, monkeypatch):
    from napari_unet.session.live import view

    monkeypatch.setattr(view, "LEAST", 64)
    monkeypatch.setattr(view, "QUICK", 5_000)
    monkeypatch.setattr(view, "SHARP", 20_000)
    window = Window(np.tile(discs, (1, 2)))
    window.live.look(View((), (0, 96, 0, 128), 1.0))
    window.live.switch_on()
    window.paint(2, *CENTRES[0])
    window.paint(1, 48, 44)
    window.rest()
    assert window.shown[-3].place.reduction < 0.7
    assert window.shown[-2].place.reduction == 1
    assert window.objects[24, 128 + 104] > 0  # beyond what is looked at
    assert window.live.switch_off(30)


def test_classes_need_two_of_them_and_show_both(discs):
    window = Window(discs)
    window.session.annotating.start(LabelsAre.CLASSES, ("disc",))
    window.begin()
    window.paint(2, *CENTRES[0])
    window.rest()
    assert window.live.status == ONE_CLASS
    window.paint(1, 48, 44)
    window.rest()
    assert [at(window.objects, i) for i in range(6)] == [1] * 6
    assert window.objects[48, 84] == 0
    assert window.live.switch_off(30)


def test_the_size_that_the_network_finds_is_taken(discs):
    window = Window(discs)
    window.session.set_object_size(None)
    window.begin()
    window.paint(2, *CENTRES[0])
    window.paint(1, 48, 44)
    window.rest(120)
    size, origin = window.session.object_size()
    assert origin == "found in the image"
    assert 12 < size < 48
    assert window.objects.any()
    assert window.live.switch_off(30)
