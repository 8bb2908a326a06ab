"""Memory runs out at one step of the loop after the other: one sentence, nothing lost, and the next try works."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from driving import add_discs, words
from qtpy.QtWidgets import QFileDialog

from napari_unet.annotation.terms import WeightMapSettings
from napari_unet.network.training_settings import TrainingSettings
from napari_unet.project import Project
from napari_unet.session import Which
from napari_unet.session.adding import add_files

ERRORS = [MemoryError("Unable to allocate 8.00 GiB"), torch.OutOfMemoryError("CUDA out of memory")]
SETTINGS = TrainingSettings(steps=2, minutes=None, width=2, depth=1, patch_size=32, batch_size=1, threads=1)


def train(dock: Any, qtbot: Any) -> None:
    dock.loop.train("scratch", SETTINGS)
    wait_for_jobs(dock, qtbot)


def segment(dock: Any, qtbot: Any) -> None:
    dock.loop.segment([()])
    wait_for_jobs(dock, qtbot)


def wait_for_jobs(dock: Any, qtbot: Any) -> None:
    loop = dock.loop
    qtbot.waitUntil(lambda: loop.training is None and loop.segmentation is None, timeout=60_000)


def propose(dock: Any, qtbot: Any) -> None:
    dock.annotate.propose.set_open(True)
    widget = dock.annotate.propose.body
    widget.propose()
    qtbot.waitUntil(lambda: widget._job is None, timeout=20_000)


def show_weights(dock: Any, qtbot: Any) -> None:
    weights = dock.views._live
    weights.show((), WeightMapSettings())
    qtbot.waitUntil(lambda: weights._job is None, timeout=20_000)


@pytest.fixture
def begun(dock: Any, discs: Any, qtbot: Any) -> Any:
    """A dock with a trained network and its segmentation."""
    add_discs(dock, discs)
    dock.loop.segment_after_training = False
    train(dock, qtbot)
    segment(dock, qtbot)
    assert dock.loop.session.segmentation is not None, words(dock)
    return dock


def fails_once(monkeypatch: pytest.MonkeyPatch, where: str, error: Exception) -> list[int]:
    """Let a function fail the first time that it is called."""
    module, _, name = where.rpartition(".")
    import importlib

    try:
        owner: Any = importlib.import_module(module)
    except ModuleNotFoundError:  # a class
        package, _, cls = module.rpartition(".")
        owner = getattr(importlib.import_module(package), cls)
    function, calls = getattr(owner, name), [0]

    def hungry(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        if calls[0] == 1:
            raise error
        return function(*args, **kwargs)

    monkeypatch.setattr(owner, name, hungry)
    return calls


STEPS: list[tuple[str, Callable[[Any, Any], None]]] = [
    ("napari_unet.workflow.preparation.resample_image", train),
    ("napari_unet.network.training.Training.__init__", train),
    ("napari_unet.session.session.Session.finish_training", train),
    ("napari_unet.workflow.segmentation.normalise", segment),
    ("napari_unet.workflow.segmentation.separate_probabilities", segment),
    ("napari_unet.session.tasks.ShowingTask.run", segment),
    ("napari_unet.session.segmenting.Segmenting.finish_showing", segment),
    ("napari_unet.objects.propose.propose", propose),
    ("napari_unet.session.weights.PlaneWeights.__init__", show_weights),
]


@pytest.mark.parametrize(
    ("where", "do", "error"),
    [
        pytest.param(*step, ERRORS[i % 2], id=step[0].rpartition("napari_unet.")[2])
        for i, step in enumerate(STEPS)
    ],
)
def test_it_is_said_and_the_next_try_works(
    begun: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch, where: str, do: Any, error: Exception
) -> None:
    dock, session = begun, begun.loop.session
    before = session.annotation.copy(), len(session.rounds.all), dock.loop.n_segmented
    calls = fails_once(monkeypatch, where, error)
    do(dock, qtbot)
    assert calls[0] >= 1, "it was not reached"
    assert "there is not enough memory. What you painted is kept; close other programs" in words(dock)
    assert words(dock).count(". ") == 1, "no more than that is said"
    np.testing.assert_array_equal(session.annotation, before[0])
    assert (len(session.rounds.all), dock.loop.n_segmented) == before[1:]
    do(dock, qtbot)
    assert (len(session.rounds.all), dock.loop.n_segmented) > before[1:] or do in (propose, show_weights)
    assert calls[0] >= 2, "it was not tried again"
    dock.loop.undo()


@pytest.mark.parametrize("error", ERRORS, ids=["processor", "card"])
def test_prediction_goes_on_with_smaller_tiles(
    begun: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    n = begun.loop.n_segmented
    calls = fails_once(monkeypatch, "napari_unet.network.prediction._predict_tile", error)
    segment(begun, qtbot)
    assert calls[0] > 1
    assert begun.loop.n_segmented == n + 1
    assert "memory" not in words(begun)


@pytest.mark.parametrize("what", ["_save_labels", "_save_table", "_save_model"])
def test_saving_leaves_no_half_file(
    begun: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, what: str
) -> None:
    begun.loop.session.segmenting.show((), (begun.loop.session.annotation > 1).astype(np.int32), "Segment")
    path = tmp_path / "out" / "a.safetensors"
    path.parent.mkdir()
    ending = {"_save_labels": ".tif", "_save_table": ".csv", "_save_model": ".safetensors"}[what]
    path = path.with_suffix(ending)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    where = {
        "_save_labels": "napari_unet.session.takeaway.TakeAway.result",
        "_save_table": "napari_unet.objects.tables.measure_objects",
        "_save_model": "napari_unet.network.model_file.save",
    }[what]
    fails_once(monkeypatch, where, MemoryError())
    step = begun.takeaway
    getattr(step, what)()
    qtbot.waitUntil(lambda: step._job is None, timeout=20_000)
    assert "there is not enough memory" in words(begun)
    assert list(path.parent.iterdir()) == []
    getattr(step, what)()
    qtbot.waitUntil(lambda: step._job is None, timeout=20_000)
    assert words(begun).startswith("Saved")
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", ERRORS, ids=["processor", "card"])
@pytest.mark.parametrize(
    "where",
    ["work.read_picture", "work.read_kept", "keeping.restore", "moves.show_picture", "keeping.show_kept"],
)
def test_opening_a_project_is_said_and_the_next_try_works(
    dock: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, where: str, error: Exception
) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((64, 64), np.uint8))
    with Project.create(tmp_path / "project") as project:
        add_files(project, [tmp_path / "a.tif"], lambda n: None, lambda: False)
        entry = project.image(project.images[0].id)
        entry.open()
        entry.replace_array("annotation", np.full((64, 64), 3, np.int32), owned=True)
        entry.note("labels_are", "objects")
    calls = fails_once(monkeypatch, f"napari_unet._qt.project.{where}", error)
    session, moves = dock.loop.session, dock.loop.moves
    moves.open_project(tmp_path / "project")
    qtbot.waitUntil(lambda: calls[0] == 1 and "not enough memory" in words(dock), timeout=20_000)
    if where != "keeping.show_kept":  # else all is there but how it looked
        qtbot.waitUntil(lambda: not dock.loop.keeping.errands.busy, timeout=20_000)
        moves.open_project(tmp_path / "project")
    qtbot.waitUntil(lambda: session.annotation is not None, timeout=20_000)
    assert dock.loop.keeping.project is not None
    assert (session.annotation == 3).all()


def test_measuring_that_fails_does_not_fail_for_ever(
    begun: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was tried again at once, every third of a second, with a sentence each time."""
    from napari_unet.session.measuring import MeasuringTask

    tries = []

    def hungry(task: Any) -> Any:
        tries.append(task)
        raise MemoryError

    monkeypatch.setattr(MeasuringTask, "run", hungry)
    begun.loop.session.record_stroke(Which.ANNOTATION, (0, 0), np.full((3, 3), 9, np.int32))
    begun.loop.edited.emit()
    qtbot.waitUntil(lambda: bool(tries), timeout=5000)
    qtbot.wait(1500)
    assert len(tries) == 1
    begun.loop.session.record_stroke(Which.ANNOTATION, (4, 4), np.full((3, 3), 9, np.int32))
    begun.loop.edited.emit()
    qtbot.waitUntil(lambda: len(tries) == 2, timeout=5000)
