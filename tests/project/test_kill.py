"""A process that paints is killed at random moments; what it had saved is there afterwards."""

import json
from pathlib import Path

import numpy as np
import pytest
import zarr
from kill_harness import SHAPE

from killing import run_and_kill
from napari_unet.project import Project
from napari_unet.project.disk import UNFINISHED, Disk
from napari_unet.project.revisions import read_labels, read_revision

WHOLE_ARRAYS = 30.0
"""Seconds after which also a whole array must be there: those and snapshots wait in a line for the disk."""

HARNESS = Path(__file__).with_name("kill_harness.py")


def after(steps: list[dict], array: np.ndarray) -> np.ndarray:
    array = array.copy()
    for step in steps:
        if step["what"] == "replace":
            array[:] = 0
        place = zip(step["offset"], step["shape"], strict=True)
        array[tuple(slice(o, o + n) for o, n in place)] = step["number"]
    return array


def n_certain(steps: list[dict], must: int, replaced: int) -> int:
    """Return how many steps must be there: strokes up to step `must`, but whole arrays only up to step `replaced`.

    Strokes on an array that did not come in time are lost with it: what is there is the old array, whole.
    """
    certain = [step["number"] <= (must if step["what"] == "stroke" else replaced) for step in steps]
    return certain.index(False) if False in certain else len(steps)


def check(
    folder: Path, before: dict[str, np.ndarray], said: list[dict], must: int, replaced: int
) -> dict[str, np.ndarray]:
    """Check that everything up to step `must` is there, and return the arrays."""
    with Project.open(folder) as project:
        entry = project.image(project.images[0].id)
        state = entry.open()
        assert state.sentences == ()
        for which, array in state.arrays.items():
            steps = [s for s in said if s["what"] in ("stroke", "replace") and s["which"] == which]
            least = n_certain(steps, must, replaced)
            possible = [after(steps[:n], before[which]) for n in range(len(steps) + 1)]
            equal = [n for n, p in enumerate(possible) if np.array_equal(array, p)]
            assert equal, f"{which} is a mixture"
            assert equal[-1] >= least, f"{which} is as after {equal[-1]} of {len(steps)} steps, not {least}"
        noted = [s["number"] for s in said if s["what"] == "note" and s["number"] <= must]
        assert not noted or state.notes["number"] >= noted[-1]
        logged = [s["number"] for s in said if s["what"] == "log" and s["number"] <= must]
        assert {*logged} <= {line["number"] for line in project.history() if "number" in line} or not logged
        kept, sentences = project.rounds.all()
        assert sentences == []
        assert [r.document.number for r in kept] == list(range(1, len(kept) + 1))
        if kept:
            kept[-1].load()
        for path in (folder / "revisions").glob("*.json"):
            (of,) = read_revision(Disk(), folder, path.stem).images
            labels = read_labels(Disk(), folder, of.planes[0])
            assert labels.all()
            assert np.ptp(labels) == 0
        arrays = {which: array.copy() for which, array in state.arrays.items()}
    for path in folder.rglob("*.json"):
        json.loads(path.read_bytes())
    assert not [path for path in folder.rglob("*") if path.name.endswith(UNFINISHED)]
    for which, array in arrays.items():
        label = zarr.open_group(entry.folder / "labels.zarr" / which, mode="r")
        path = label.attrs["ome"]["multiscales"][0]["datasets"][0]["path"]
        np.testing.assert_array_equal(label[path][...], array)
    return arrays


def last_saved(said: list[dict]) -> int:
    return max((s["number"] for s in said if s["what"] == "is saved"), default=0)


def run(folder: Path, kills: int, rounds: bool, within: float | None) -> int:
    arrays = {which: np.zeros(SHAPE, np.int32) for which in ("annotation", "segmentation")}
    done = 0
    for seed in range(kills):
        said, killed = run_and_kill(HARNESS, folder, seed, *["rounds"] * rounds, seed=seed)
        steps = [s for s in said if "number" in s]
        old = [s["number"] for s in steps if within is not None and s["time"] < killed - within]
        very_old = [s["number"] for s in steps if within is not None and s["time"] < killed - WHOLE_ARRAYS]
        saved = last_saved(said)
        arrays = check(folder, arrays, said, max([saved, *old]), max([saved, *very_old]))
        done += len(steps)
        print(f"{folder.name}: killed {seed + 1} times, after {done} steps", flush=True)
    return done


def test_a_process_is_killed_a_few_times(tmp_path):
    """Only what it knew to be saved must be there: how fast a disk is, is not for a fast test to say."""
    assert run(tmp_path / "project", 3, False, None) > 10


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_a_process_is_killed_200_times(tmp_path):
    """All that is older than a second is there, and all rounds load."""
    for start in range(10):  # a project does not grow for ever, nor do its snapshots
        assert run(tmp_path / f"project {start}", 20, True, 1.0) > 100
