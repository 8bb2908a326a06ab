"""Benchmarks of the window run from end to end, a little of each: nothing else tells that they lag behind the code."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow

COMMANDS = {
    "soak, loop": ("soak.py", "--only", "loop", "--cycles", "6", "--samples", "2"),
    "soak, dock": ("soak.py", "--only", "dock", "--openings", "6", "--samples", "2"),
    "soak, viewer": ("soak.py", "--only", "viewer", "--openings", "6", "--samples", "2"),
    "opening": ("opening.py", "--repeats", "1"),
    "opening_project": (
        "opening_project.py",
        "--images",
        "3",
        "--side",
        "128",
        "--rounds",
        "1",
        "--repeats",
        "1",
    ),
    "large_painting": ("large_painting.py", "--side", "1024", "--strokes", "2"),
    "window": ("window.py", "--turns", "1", "--seconds", "1"),
    "corrections": ("corrections.py", "--repeats", "1"),
    "workers": ("workers.py", "--side", "500", "--repeats", "1"),
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
@pytest.mark.timeout(900)
def test_it_prints_what_it_measured(command: tuple[str, ...], tmp_path: Path) -> None:
    """Whether its limits hold is not asked: that is for a quiet machine."""
    script, *options = command
    done = subprocess.run(
        [sys.executable, "-W", "ignore", ROOT / "benchmarks" / script, *options],
        env={**os.environ, "OMP_NUM_THREADS": "1", "XDG_DATA_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert re.search(r"\d.*\|$|times as fast", done.stdout, re.MULTILINE), done.stdout + done.stderr
