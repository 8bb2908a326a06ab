"""A process that trains and segments while one paints is killed at random moments: strokes and rounds are there."""

import sys
from pathlib import Path

import numpy as np
import pytest
from training_process import N_STROKES, SHAPE, SIDE, square, value_of

from kept import ROUNDS, check_files, check_rounds, check_strokes, times
from killing import Nursery
from napari_unet.project import Project
from napari_unet.project.disk import Disk
from napari_unet.project.revisions import read_labels, read_revision

PROCESS = Path(__file__).with_name("training_process.py")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither fork nor SIGKILL")


def check(folder: Path, said: list[dict], killed: float, within: float | None) -> None:
    """Check what must be there: all from before, and what was done longer ago than `within` seconds, if that counts."""
    kept_for = np.inf if within is None else within
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
        check_strokes(n_painted, said, times(said, "paint"), killed - kept_for)
        kept = check_rounds(project, said, killed - max(kept_for, ROUNDS))
        for one in kept[-3:]:
            of = read_revision(Disk(), folder, one.document.trained_on).images[0]
            labels = read_labels(Disk(), folder, of.planes[0])
            assert labels.shape == SHAPE
            assert set(np.unique(labels)) <= {0, *map(value_of, range(N_STROKES))}
        current = project.notes.get("current_round")
        assert current is None or 1 <= current <= len(kept)
        if "segmentation" in state.arrays:
            assert state.arrays["segmentation"].min() >= 0
    check_files(folder)


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


@pytest.mark.slow
def test_a_process_is_killed_while_it_trains(tmp_path):
    """Only what was there before must be there: how fast a disk is, is not for a fast test to say."""
    assert sum(kill(tmp_path, 1, None).values()) == 1


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_a_process_is_killed_while_it_trains_and_segments_200_times(tmp_path):
    fell = kill(tmp_path, 200, 1.0)
    assert fell["training"] > 40
    assert fell["segmenting"] > 10
