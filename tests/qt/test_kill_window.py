"""A real window is killed at random moments while one paints and it trains, segments and saves; nothing is lost."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from window_process import N_STROKES, SIDE, middle, value_of

from kept import ROUNDS, check_files, check_rounds, check_strokes, times
from killing import Nursery
from napari_unet.project import Project

KILLS, PARTS = 200, 4
PROCESS = Path(__file__).with_name("window_process.py")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither fork nor SIGKILL")


def check(folder: Path, said: list[dict[str, Any]], killed: float, within: float | None) -> None:
    """Check what must be there: all from before, and what was done longer ago than `within` seconds, if that counts."""
    kept_for = np.inf if within is None else within
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
        check_strokes(n_painted, said, times(said, "painted"), killed - kept_for)
        check_rounds(project, said, killed - max(kept_for, ROUNDS))
    check_files(folder)


def kill(folder: Path, seeds: range, within: float | None, per_project: int = 8) -> dict[str, int]:
    """Kill a window once per seed; return how many kills fell into what."""
    fell: dict[str, int] = {}
    with Nursery(PROCESS) as nursery:
        for seed in seeds:
            place = folder / f"project {seed // per_project}"
            said, killed = nursery.run_and_kill(place, seed, seed=seed, seconds=(0.1, 12.0))
            doing = [line["what"] for line in said if line["what"] not in ("paint", "painted", "trained")][-1]
            fell[doing] = fell.get(doing, 0) + 1
            check(place, said, killed, within)
            print(f"killed {sum(fell.values())} times, {fell}", flush=True)
    return fell


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_window_is_killed_a_few_times(tmp_path: Path) -> None:
    """Only what was there before must be there: how fast a disk is, is not for a fast test to say."""
    assert sum(kill(tmp_path, range(3), None).values()) == 3


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("part", range(PARTS))
def test_a_window_is_killed_200_times(tmp_path: Path, part: int) -> None:
    """In parts that may run beside one another: opening windows takes most of the time."""
    share = KILLS // PARTS
    fell = kill(tmp_path, range(part * share, (part + 1) * share), 1.0)
    assert fell["train"] + fell["segment"] > share / 10
