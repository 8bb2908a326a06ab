"""A round that goes on is compared with a start from the bundled network; the better one is kept and replayed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_unet.annotation.coding import Coding, LabelsAre, to_annotation
from napari_unet.callbacks import never_stop
from napari_unet.errors import Stopped
from napari_unet.network.model_file import Model, digest_of
from napari_unet.network.training_outcome import TrainingReport
from napari_unet.network.training_settings import TrainingSettings
from napari_unet.project import Project
from napari_unet.session import SCRATCH, ImageSource, Session
from napari_unet.session.anew import SHARE, can_begin_anew, train_and_compare
from napari_unet.session.described import describe_image
from napari_unet.session.keeping import Keeper
from napari_unet.session.replaying import Replay
from napari_unet.synthetic.cells import touching_cells
from napari_unet.workflow import AnnotatedImage, TrainedModel, train_model
from tiny_models import a_model

TINY = TrainingSettings(
    minutes=None, steps=4, width=4, depth=2, patch_size=32, batch_size=2, threads=1, device="cpu",
    precision="float32", learning_rate=1e-6,
)  # fmt: skip


def scripted(scores: list[float | None], asked: list[dict[str, Any]], stopped: bool = False) -> Any:
    """Return a training that was told what comes out of it."""

    def train(**how: Any) -> TrainedModel:
        asked.append(how)
        score = scores[len(asked) - 1]
        how["on_report"](TrainingReport(1, 0.5, 0.3, None, 2.0, 10.0))
        outcome: Any = SimpleNamespace(
            held_out=None if score is None else {"score": score}, stopped=stopped, steps=7
        )
        return TrainedModel(how["start"], outcome, (), [f"trained {len(asked)}"])

    return train


def run(
    scores: list[float | None], settings: TrainingSettings, **how: Any
) -> tuple[Any, list[Any], list[Any], Model]:
    asked: list[dict[str, Any]] = []
    reports: list[TrainingReport] = []
    start, bundled = a_model(), a_model()
    done = train_and_compare(
        scripted(scores, asked, **how), settings, start, bundled, reports.append, never_stop
    )
    return done, asked, reports, bundled


def test_the_better_one_is_kept_and_it_is_said_which() -> None:
    minutes = TrainingSettings(minutes=5.0)
    done, asked, reports, bundled = run([0.6, 0.7], minutes)
    assert done.begun_anew == digest_of(bundled)
    assert "is better (0.70 held out)" in done.sentences[0]
    assert [how["settings"].minutes for how in asked] == [5 * (1 - SHARE), 5 * SHARE]
    assert asked[1]["continues"] is asked[0]["start"]
    fractions = [report.fraction for report in reports]
    assert fractions == sorted(fractions)
    assert any("Comparing" in report.message for report in reports)
    done, _, _, _ = run([0.7, 0.7], minutes)
    assert not done.begun_anew
    assert "going on is kept" in done.sentences[-1]


def test_nothing_is_compared_where_nobody_could_tell_or_nobody_waits() -> None:
    for scores, how in (([None], {}), ([0.5], {"stopped": True})):
        done, asked, _, _ = run(list(scores), TrainingSettings(steps=50, minutes=None), **how)
        assert len(asked) == 1
        assert done.sentences == ["trained 1"]


def test_a_stop_while_beginning_anew_keeps_what_there_is() -> None:
    asked: list[dict[str, Any]] = []
    train = scripted([0.5], asked)

    def stopping(**how: Any) -> TrainedModel:
        if asked:
            raise Stopped
        return train(**how)

    done = train_and_compare(
        stopping,
        TrainingSettings(steps=50, minutes=None),
        a_model(),
        a_model(),
        lambda report: None,
        never_stop,
    )
    assert done.sentences == ["trained 1"]


def test_only_lineages_of_the_bundled_kind_that_have_an_end() -> None:
    model, steps = a_model(), TrainingSettings(steps=5, minutes=None)
    assert can_begin_anew(model, a_model(), steps)
    assert not can_begin_anew(model, a_model(), TrainingSettings(minutes=None))
    wider = model.description.network.model_copy(update={"width": 8})
    other = Model(model.description.model_copy(update={"network": wider}), model.network)
    assert not can_begin_anew(other, model, steps)


@pytest.fixture(scope="module")
def cells() -> tuple[np.ndarray, np.ndarray]:
    return touching_cells((160, 192), diameter=18, seed=1)


@pytest.fixture(scope="module")
def tiny_bundled(cells: Any) -> Model:
    """A network that knows these cells, in the place of the bundled one."""
    image, truth = cells
    annotated = AnnotatedImage("cells", image[np.newaxis], to_annotation(truth, Coding.MASKS))
    settings = TINY.model_copy(update={"steps": 120, "learning_rate": 3e-3, "batch_size": 4})
    model = train_model([annotated], settings).model
    known = model.description.training.model_copy(
        update={"lineage": "bundled", "held_out": (), "trained": ()}
    )
    return Model(model.description.model_copy(update={"training": known}), model.network)


@pytest.mark.slow
def test_what_began_anew_is_replayed_bit_for_bit(
    cells: Any, tiny_bundled: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_unet.network.bundled.bundled_for", lambda n_channels: tiny_bundled)
    image, truth = cells
    tifffile.imwrite(tmp_path / "cells.tif", image)
    session = Session()
    session.set_image(ImageSource("cells", image))
    session.adopt_annotation(truth, Coding.MASKS, LabelsAre.OBJECTS)
    project = Project.create(tmp_path / "project")
    described = describe_image(session.image, (0,), tmp_path / "cells.tif", project.folder)
    keeper = Keeper(session, project, project.add_image(described))

    def train(start: str) -> None:
        task = keeper.note_training(session.prepare_training(start, TINY), start)
        session.finish_training(task, task.run(lambda report: None, never_stop))

    train(SCRATCH)
    assert session.current is not None
    first = session.current
    train(first.key)
    second = session.current
    assert second.begun_anew
    # The places that were held out stay so, although the weights begin anew.
    assert second.description.training.held_out == first.description.training.held_out != ()
    assert second.description.training.lineage == first.description.training.lineage
    assert second.sure_scores["F1"].value > first.sure_scores["F1"].value
    keeper.close()
    project.close()
    replayed = Replay(tmp_path / "project").run(2, lambda report: None, never_stop)
    assert replayed.same, replayed.sentence
    with monkeypatch.context() as other:
        other.setattr("napari_unet.network.bundled.bundled_for", lambda n_channels: first.model)
        replayed = Replay(tmp_path / "project").run(2, lambda report: None, never_stop)
        assert not replayed.same
        assert "began anew" in replayed.sentence
