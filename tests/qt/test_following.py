"""What follows the brush in threads: measured sizes and the weight map."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_unet._qt.live_weights import LiveWeights
from napari_unet._qt.measuring import Measuring
from napari_unet.annotation.coding import Coding, LabelsAre
from napari_unet.annotation.terms import WeightMapSettings
from napari_unet.session import ImageSource, Which


@pytest.fixture
def loop(begin: Any, discs: Any) -> Any:
    """Return a loop on four annotated discs."""
    _, loop = begin()
    image, labels = discs
    loop.session.set_image(ImageSource("discs", image))
    loop.session.adopt_annotation(labels, Coding.PROJECT, LabelsAre.OBJECTS)
    loop.warming.done = True
    return loop


def paint(loop: Any, box: tuple[slice, slice], value: int) -> None:
    shape = tuple(s.stop - s.start for s in box)
    loop.session.record_stroke(Which.ANNOTATION, [s.start for s in box], np.full(shape, value, np.int32))
    loop.edited.emit()


def test_sizes_are_measured_in_a_thread_and_again_after_a_stroke(loop: Any, qtbot: Any) -> None:
    session, measuring = loop.session, Measuring(loop)
    assert not session.sizes.known
    measuring.measure()
    qtbot.waitUntil(lambda: session.sizes.known, timeout=60_000)
    size, origin = session.object_size(anew=False)
    assert origin == "measured"
    assert abs(size - 23.5) < 1
    for x in (24, 64, 104):  # three of the four become squares of half the size
        paint(loop, (slice(8, 41), slice(x - 16, x + 17)), 1)
        paint(loop, (slice(20, 30), slice(x - 5, x + 5)), 10 + x)
    assert session.object_size(anew=False)[0] == size  # not on the window's thread
    qtbot.waitUntil(lambda: session.object_size(anew=False)[0] < 15, timeout=60_000)


def test_a_measurement_of_another_annotation_is_not_taken(loop: Any) -> None:
    task = loop.session.sizes.prepare()
    measured = task.run()
    loop.session.annotating.start(LabelsAre.OBJECTS)
    loop.session.finish_measuring(task, measured)
    assert not loop.session.sizes.known


def test_a_stroke_while_measuring_makes_the_result_out_of_date(loop: Any) -> None:
    session = loop.session
    task = session.sizes.prepare()
    paint(loop, (slice(0, 4), slice(0, 4)), 1)
    session.finish_measuring(task, task.run())
    again = session.sizes.prepare()
    assert again is not None
    session.finish_measuring(again, again.run())
    assert session.sizes.prepare() is None


def test_the_weight_map_comes_from_a_thread_and_follows_every_stroke(loop: Any, qtbot: Any) -> None:
    live, maps = LiveWeights(loop), []
    live.made.connect(maps.append)
    loop.session.set_object_size(28)
    with qtbot.waitSignal(live.made, timeout=60_000):
        live.show((), WeightMapSettings())
        assert live.is_making()
        paint(loop, (slice(0, 4), slice(0, 4)), 1)  # while it is made: follows at once
    assert not live.is_making()
    with qtbot.waitSignal(live.followed, timeout=60_000):
        paint(loop, (slice(40, 60), slice(56, 60)), 1)
    qtbot.waitUntil(lambda: live._job is None and not live._waiting, timeout=60_000)
    anew = loop.session.prepare_weight_map((), WeightMapSettings()).run().weights
    known = loop.session.annotation > 0
    assert (maps[-1][known] > 0).all()
    assert (maps[-1][~known] == 0).all()
    background = loop.session.annotation == 1
    assert np.ptp(maps[-1][background] - anew[background]) < 1e-3


def test_a_stroke_over_most_of_the_plane_makes_a_new_map(loop: Any, qtbot: Any) -> None:
    live, maps = LiveWeights(loop), []
    live.made.connect(maps.append)
    with qtbot.waitSignal(live.made, timeout=60_000):
        live.show((), WeightMapSettings())
    with qtbot.waitSignal(live.made, timeout=60_000):
        paint(loop, (slice(0, 96), slice(0, 100)), 1)
    assert maps[0] is not maps[1]
    assert (maps[1][:, :100] > 0).all()


def test_after_hiding_nothing_follows(loop: Any, qtbot: Any) -> None:
    live = LiveWeights(loop)
    with qtbot.waitSignal(live.made, timeout=60_000):
        live.show((), WeightMapSettings())
    live.hide()
    with qtbot.assertNotEmitted(live.followed, wait=300):
        paint(loop, (slice(40, 60), slice(56, 60)), 1)


def test_the_progress_bar_of_an_endless_training_does_not_move_by_itself(loop: Any, qtbot: Any) -> None:
    from napari_unet._qt.train import TrainStep
    from napari_unet._qt.views import Views
    from napari_unet.network.training import TrainingReport

    step = TrainStep(loop, Views(loop))
    qtbot.addWidget(step)
    loop.reported.emit([TrainingReport(3, 0.0, 0.5, None, 2.0, None, "")])
    assert step.progress.maximum() > step.progress.minimum()  # equal ones make it a busy bar
    assert "until you stop it" in step.time_left.text()
