"""Rounds come back: curves at once, weights when they are asked for."""

import math
from functools import partial

import pytest
import torch

from napari_unet.errors import UserError
from napari_unet.network.training_outcome import TrainingOutcome
from napari_unet.project import OutcomeDocument, Project
from tiny_models import a_model, a_round


def _itself(model):
    return model


def hangs(*_):
    raise AssertionError("the drive is gone: who looks at it waits")


def test_rounds_come_back(tmp_path, monkeypatch):
    models = [a_model(), a_model()]
    with Project.create(tmp_path / "project") as project:
        for number, model in enumerate(models, 1):
            assert project.rounds.next_number == number
            kept = project.add_round(partial(_itself, model), a_round(number))
            assert kept.document.number == number
        assert [r.document.number for r in project.rounds.all()[0]] == [1, 2], "also before they are written"
        with pytest.raises(UserError, match="There is a round 2"):
            project.add_round(partial(_itself, models[0]), a_round(2))
        monkeypatch.setattr(project._disk, "names", hangs)
        assert project.rounds.next_number == 3, "known without a look at a drive that may have gone"
    with Project.open(tmp_path / "project") as project:
        (first, second), sentences = project.rounds.all()
        assert sentences == []
        assert first.document.outcome.loss[0] == 1.0
        assert math.isnan(first.document.outcome.loss[1])
        model = second.load()
        assert second.describe() == model.description
        outcome = second.document.outcome.restored()
    assert isinstance(outcome, TrainingOutcome)
    assert outcome.curves.held_out == [(2, {"f1": 0.5})]
    for name, tensor in models[1].network.state_dict().items():
        torch.testing.assert_close(model.network.state_dict()[name], tensor)
    again = OutcomeDocument.of(outcome)
    assert again.model_dump_json() == a_round(2).outcome.model_dump_json()


def test_a_round_that_is_damaged_leaves_the_others(tmp_path):
    with Project.create(tmp_path / "project") as project:
        for number in (1, 2):
            project.add_round(a_model, a_round(number))
    folder = tmp_path / "project" / "rounds"
    (folder / "0001.json").write_text("nonsense")
    (folder / "0002.safetensors").write_bytes(b"nonsense")
    (folder / "0003.safetensors").write_bytes(b"of a crash before the document")
    with Project.open(tmp_path / "project") as project:
        (second,), sentences = project.rounds.all()
        assert "0001.json" in sentences[0]
        for read in (second.load, second.describe):
            with pytest.raises(UserError, match="damaged"):
                read()
        assert project.rounds.next_number == 3
