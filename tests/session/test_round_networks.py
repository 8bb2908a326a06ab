"""Networks of past rounds take no memory once a project holds them, and are read back when they are asked for."""

import gc
import shutil
import weakref

import pytest
import torch
from painted_rounds import a_round
from test_keeping import come_back, end, keep, on_image, paint

from napari_unet.annotation.coding import LabelsAre
from napari_unet.errors import UserError
from napari_unet.network.training_settings import TrainingSettings
from napari_unet.project import rounds
from napari_unet.session import Which

N = 6


def begun():
    session = on_image()
    session.annotating.start(LabelsAre.OBJECTS)
    return session


def train(session, number):
    """Add a round as a training does; return its weights, copied."""
    done = a_round(number)
    session.rounds.add(done)
    session.use_round(done)
    return {name: tensor.clone() for name, tensor in done.model.network.state_dict().items()}


def is_same(model, weights):
    return all(torch.equal(tensor, weights[name]) for name, tensor in model.network.state_dict().items())


def in_memory(session):
    return [done.number for done in session.rounds.all if done.network.is_in_memory]


@pytest.fixture
def kept(tmp_path):
    """A session with rounds, its keeper, and the weights of every round."""
    session = begun()
    keeper = keep(session, tmp_path / "project")
    weights = []
    for number in range(1, N + 1):
        weights.append(train(session, number))
        assert keeper.project.flush(60)
    return session, keeper, weights


def test_only_networks_in_use_are_in_memory_and_the_others_come_back(kept):
    session, keeper, weights = kept
    assert in_memory(session) == [N - 1, N]
    session.use_round(session.rounds.all[0])  # rolled back
    assert is_same(session.current.model, weights[0])
    session.use_round(session.current)
    assert in_memory(session) == [1, N - 1, N]
    weights.append(train(session, N + 1))
    assert in_memory(session) == [N, N + 1]
    gone = weakref.ref(session.rounds.all[1].model)
    keeper.project.flush(60)
    weights.append(train(session, N + 2))
    gc.collect()
    assert gone() is None, "nothing else holds it"
    for done, was in zip(session.rounds.all, weights, strict=True):
        assert is_same(done.model, was)
    end(keeper)


def test_a_past_round_is_a_start_for_training(kept):
    session, keeper, weights = kept
    paint(session, Which.ANNOTATION, (5, 5), 2, size=20)
    paint(session, Which.ANNOTATION, (60, 60), 1, size=40)
    task = session.prepare_training("round 2", TrainingSettings(minutes=None, steps=1))
    assert not session.rounds.all[1].network.is_in_memory, "it is read in the training's thread"
    assert is_same(task.start(), weights[1])
    end(keeper)


def test_without_a_project_every_network_stays(tmp_path):
    session = begun()
    weights = [train(session, number) for number in range(1, N + 1)]
    assert in_memory(session) == list(range(1, N + 1))
    keeper = keep(session, tmp_path / "project")
    end(keeper)
    weights.append(train(session, N + 1))
    other, keeper = come_back(tmp_path / "project")
    assert all(is_same(a.model, b) for a, b in zip(other.rounds.all, weights[:N], strict=True))
    end(keeper)


def test_reopening_reads_what_is_used_soon(kept):
    session, keeper, weights = kept
    session.use_round(session.rounds.all[2])
    end(keeper)
    other, keeper = come_back(keeper.project.folder)
    assert in_memory(other) == [3, N - 1, N]
    assert [done.description.name for done in other.rounds.all] == ["tiny"] * N
    assert all(is_same(a.model, b) for a, b in zip(other.rounds.all, weights, strict=True))
    end(keeper)


def test_networks_follow_the_project_to_another_folder(kept, tmp_path, monkeypatch):
    session, keeper, weights = kept
    old = keeper.project
    since = keeper.entry.sequence
    project = old.save_as(tmp_path / "named")
    entry = project.image(keeper.entry.id)
    entry.open()
    there = project.rounds.all()[0]
    monkeypatch.setattr(rounds, "read_document", None)  # on the session's thread none is read
    keeper.move(project, entry, since, there)
    monkeypatch.undo()
    shutil.rmtree(old.folder)  # as the recovery folder goes
    assert all(is_same(a.model, b) for a, b in zip(session.rounds.all, weights, strict=True))
    end(keeper)


def test_all_networks_go_into_another_project(kept, tmp_path):
    session, keeper, weights = kept
    end(keeper)
    second = keep(session, tmp_path / "second")
    end(second)
    shutil.rmtree(keeper.project.folder)
    other, second = come_back(tmp_path / "second")
    assert all(is_same(a.model, b) for a, b in zip(other.rounds.all, weights, strict=True))
    assert all(is_same(a.model, b) for a, b in zip(session.rounds.all, weights, strict=True))
    end(second)


def test_a_network_that_is_gone_is_one_sentence_and_the_rest_goes_on(kept):
    session, keeper, weights = kept
    (keeper.project.folder / "rounds" / "0002.safetensors").unlink()
    with pytest.raises(UserError, match=r"0002\.safetensors could not be read"):
        session.rounds.start("round 2")()
    weights.append(train(session, N + 1))
    end(keeper)
    other, keeper = come_back(keeper.project.folder)
    assert [done.number for done in other.rounds.all] == [1, *range(3, N + 2)], "and its sentence is said"
    assert is_same(other.current.model, weights[-1])
    end(keeper)


def test_a_network_that_is_not_on_disk_yet_stays(tmp_path):
    session = begun()
    keeper = keep(session, tmp_path / "project")
    in_the_way = tmp_path / "project" / "rounds"
    in_the_way.write_text("no folder")
    for number in range(1, N + 1):
        train(session, number)
    assert in_memory(session) == list(range(1, N + 1))
    in_the_way.unlink()
    assert keeper.project.flush(60)
    train(session, N + 1)
    assert in_memory(session) == [N, N + 1]
    end(keeper)
