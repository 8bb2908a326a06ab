"""A real window is killed at random moments while one paints and it trains, segments and saves; nothing is lost."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from window_process import N_STROKES, SIDE, middle, value_of

from killing import Nursery
from napari_unet.project import Project
from napari_unet.project.disk import UNFINISHED

PROCESS = Path(__file__).with_name("window_process.py")
ROUNDS = 5.0
"""Seconds after which a round must be there: its weights wait in a line behind strokes."""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither fork nor SIGKILL")


def check(folder: Path, said: list[dict[str, Any]], killed: float, within: float | None) -> None:
    """Check what must be there: all from before, and what was done longer ago than `within` seconds, if that counts."""
    begun = said[0]
    strokes = {line["number"]: line["time"] for line in said if line["what"] == "paint"}
    ended = {line["number"]: line["time"] for line in said if line["what"] == "painted"}
    rounds = {line["number"]: line["time"] for line in said if line["what"] == "trained"}
    with Project.open(folder, take_over=True) as project:
        entry = project.image(project.images[0].id)
        state = entry.open()
        assert state.sentences == ()
        annotation = state.arrays["annotation"]
        found = [int(annotation[middle(number)]) for number in range(N_STROKES)]
        n_painted = int(np.count_nonzero(found))
        assert found == [value_of(n) for n in range(n_painted)] + [0] * (N_STROKES - n_painted)
        for number in range(N_STROKES):
            y, x = middle(number)
            box = annotation[y - SIDE // 2 : y + SIDE // 2, x - SIDE // 2 : x + SIDE // 2]
            assert set(np.unique(box)) <= {0, found[number]}, "nothing that nobody painted"
        old = [number for number, at in ended.items() if within is not None and at < killed - within]
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
    for path in folder.rglob("*.json"):
        json.loads(path.read_bytes())
    assert not [path for path in folder.rglob("*") if path.name.endswith(UNFINISHED)]


def kill(folder: Path, kills: int, within: float | None, per_project: int = 8) -> dict[str, int]:
    """Kill a window so many times; return how many kills fell into what."""
    fell: dict[str, int] = {}
    with Nursery(PROCESS) as nursery:
        for seed in range(kills):
            place = folder / f"project {seed // per_project}"
            said, killed = nursery.run_and_kill(place, seed, seed=seed, seconds=(0.1, 20.0))
            doing = [line["what"] for line in said if line["what"] not in ("paint", "painted", "trained")][-1]
            fell[doing] = fell.get(doing, 0) + 1
            check(place, said, killed, within)
            print(f"killed {seed + 1} times, {fell}", flush=True)
    return fell


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_window_is_killed_a_few_times(tmp_path: Path) -> None:
    """Only what was there before must be there: how fast a disk is, is not for a fast test to say."""
    assert sum(kill(tmp_path, 3, None).values()) == 3


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_a_window_is_killed_200_times(tmp_path: Path) -> None:
    fell = kill(tmp_path, 200, 1.0)
    assert fell["train"] + fell["segment"] > 20
