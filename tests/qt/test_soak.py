"""A small version of ``benchmarks/soak.py``: nothing grows with cycles, docks and windows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SOAK = Path(__file__).parents[2] / "benchmarks" / "soak.py"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_nothing_grows() -> None:
    command = [sys.executable, str(SOAK), "--cycles", "60", "--openings", "24", "--samples", "12"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
