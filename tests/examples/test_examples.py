"""Every example runs as it stands, in a process of its own, and leaves what it promises."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"

RUNS = {
    "train_and_segment.py": (("--steps", "1"), {"cells.safetensors", "cells.tif"}, "F1 ="),
    "weight_map.py": (
        (),
        {f"weights_{p}.{s}" for p in ("ronneberger2015", "falk2019") for s in ("tif", "png")},
        "in gaps",
    ),
    "evaluate.py": (None, set(), "clumsy"),
    "custom_loop.py": (("--steps", "1"), {"loop.tif", "loop.csv", "loop.safetensors"}, "Round 2"),
}


SLOW = ["custom_loop.py"]
"""It takes the same steps as *train_and_segment.py*, and some more: twenty seconds, most of them loading."""


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n in SLOW else ()) for n in sorted(RUNS)]
)
def test_example(name: str, tmp_path: Path) -> None:
    options, files, said = RUNS[name]
    arguments = [] if options is None else [*options, "--output", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-W", "error:::__main__", EXAMPLES / name, *arguments],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == files


def test_every_example_is_run() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == RUNS.keys()
