"""A process that trains and segments while one paints is killed at random moments: strokes and rounds are there."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from training_process import N_STROKES, SHAPE, SIDE, square, value_of

from killing import Nursery
from napari_unet.project import Project
from napari_unet.project.disk import UNFINISHED, Disk
from napari_unet.project.revisions import read_labels, read_revision

PROCESS = Path(__file__).with_name("training_process.py")
ROUNDS = 5.0
"""Seconds after which a round must be there: its weights wait in a line behind strokes."""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither fork nor SIGKILL")


def check(folder: Path, said: list[dict], killed: float, within: float | None) -> None:
    """Check what must be there: all from before, and what was done longer ago than `within` seconds, if that counts."""
    begun = said[0]
    strokes = {line["number"]: line["time"] for line in said if line["what"] == "paint"}
    rounds = {line["number"]: line["time"] for line in said if line["what"] == "trained"}
    with Project.open(folder) as project:
        entry = project.image(project.images[0].id)
        state = entry.open()
        assert state.sentences == ()
        annotation = state.arrays["annotation"]
        n_painted = int(np.count_nonzero(annotation[::SIDE, ::SIDE]))
        for number in range(n_painted):
            y, x = square(number)
            assert (annotation[y : y + SIDE, x : x + SIDE] == value_of(number)).all(), f"stroke {number}"
        assert np.count_nonzero(annotation) == n_painted * SIDE**2, "nothing that nobody painted"
        old = [number for number, at in strokes.items() if within is not None and at < killed - within]
        assert n_painted > max([begun["painted"] - 1, *old]), "strokes are lost"
        assert n_painted <= begun["painted"] + len(strokes)
        kept, sentences = project.rounds.all()
        assert sentences == []
        assert [one.document.number for one in kept] == list(range(1, len(kept) + 1))
        old = [number for number, at in rounds.items() if within is not None and at < killed - ROUNDS]
        assert len(kept) >= max([begun["rounds"], *old]), "rounds are lost"
        for one in kept[-3:]:
            weights = one.load().network.state_dict().values()
            assert all(bool(torch.isfinite(tensor).all()) for tensor in weights)
            of = read_revision(Disk(), folder, one.document.trained_on).images[0]
            labels = read_labels(Disk(), folder, of.planes[0])
            assert labels.shape == SHAPE
            assert set(np.unique(labels)) <= {0, *map(value_of, range(N_STROKES))}
        current = project.notes.get("current_round")
        assert current is None or 1 <= current <= len(kept)
        if "segmentation" in state.arrays:
            assert state.arrays["segmentation"].min() >= 0
    for path in folder.rglob("*.json"):
        json.loads(path.read_bytes())
    assert not [path for path in folder.rglob("*") if path.name.endswith(UNFINISHED)]


def kill(folder: Path, kills: int, within: float | None, per_project: int = 8) -> dict[str, int]:
    """Kill a process so many times; return how many kills fell into what."""
    fell: dict[str, int] = {}
    with Nursery(PROCESS) as nursery:
        for seed in range(kills):
            place = folder / f"project {seed // per_project}"
            said, killed = nursery.run_and_kill(place, seed, seed=seed, seconds=(0.1, 8.0))
            doing = [line["what"] for line in said if line["what"] != "paint"][-1]
            doing = {"train": "training", "segment": "segmenting"}.get(doing, "painting or saving")
            fell[doing] = fell.get(doing, 0) + 1
            check(place, said, killed, within)
            print(f"killed {seed + 1} times, {fell}", flush=True)
    return fell


def test_a_process_is_killed_while_it_trains(tmp_path):
    """Only what was there before must be there: how fast a disk is, is not for a fast test to say."""
    assert sum(kill(tmp_path, 1, None).values()) == 1


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_a_process_is_killed_while_it_trains_and_segments_200_times(tmp_path):
    fell = kill(tmp_path, 200, 1.0)
    assert fell["training"] > 40
    assert fell["segmenting"] > 10
