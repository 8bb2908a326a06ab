"""Processes that are killed (SIGKILL) at random moments, and what they said until then.

What a process has said survives it, as the pipe is not its own.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any


def say(**what: object) -> None:
    """In the process: tell the parent what is going to be done, and when."""
    print(json.dumps({"time": time.monotonic(), **what}), flush=True)


def run_and_kill(
    script: Path, *arguments: object, seed: int, seconds: tuple[float, float] = (0.05, 2.5)
) -> tuple[list[dict[str, Any]], float]:
    """Run a script of tests and kill it, so many seconds after it said something for the first time.

    Returns
    -------
    said : list of dict
        Whole lines only.
    killed : float
        When that was, on the clock of `say`.
    """
    command = [sys.executable, str(script), *map(str, arguments)]
    paths = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    said: list[dict[str, Any]] = []
    ready = threading.Event()

    def listen() -> None:
        for line in process.stdout or ():
            if line.endswith("\n"):
                said.append(json.loads(line))
                ready.set()

    listener = threading.Thread(target=listen)
    listener.start()
    try:
        assert ready.wait(120), "the process did not begin"
        time.sleep(random.Random(seed).uniform(*seconds))
        killed = time.monotonic()
    finally:
        process.kill()
        process.wait()
        listener.join()
    return said, killed
