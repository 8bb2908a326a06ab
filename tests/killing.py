"""Processes that are killed (SIGKILL) at random moments, and what they said until then.

What a process has said survives it, as the pipe is not its own.
"""

from __future__ import annotations

import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self


def say(**what: object) -> None:
    """In the process: tell the parent what is going to be done, and when."""
    _say({"time": time.monotonic(), **what})


def _say(what: dict[str, object]) -> None:
    os.write(1, f"{json.dumps(what)}\n".encode())  # one write, so that no kill can come within a line


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
    process = _start(script, *arguments)
    said: list[dict[str, Any]] = []
    ready = threading.Event()

    def listen() -> None:
        for line in _lines(process):
            said.append(line)
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


class Nursery:
    """A process that has loaded all that a script needs, and forks ones that are killed: loading takes seconds.

    Parameters
    ----------
    script : Path
        Of tests, with a function ``work(*arguments)``; what it imports is loaded once.
    """

    def __init__(self, script: Path) -> None:
        self._process = _start(Path(__file__), script)
        self._said = _lines(self._process)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def run_and_kill(
        self, *arguments: object, seed: int, seconds: tuple[float, float]
    ) -> tuple[list[dict[str, Any]], float]:
        """Fork a process and kill it so many seconds after it said that it is ready; as the function of that name."""
        assert self._process.stdin is not None
        print(json.dumps([str(argument) for argument in arguments]), file=self._process.stdin, flush=True)
        pid, said = next(self._said)["forked"], []
        for line in self._said:  # until it is ready, and, as it is dead soon, all the rest
            said.append(line)
            if line.get("what") == "ready":
                time.sleep(random.Random(seed).uniform(*seconds))
                killed = time.monotonic()
                os.kill(pid, signal.SIGKILL)
            if "gone" in line:
                break
        ended = said.pop()["gone"]
        assert ended == -signal.SIGKILL, f"it ended by itself: {ended}"
        return said, killed


def _start(script: Path, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, str(script), *map(str, arguments)]
    paths = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )


def _lines(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    for line in process.stdout or ():
        if line.endswith("\n"):
            yield json.loads(line)


def _nurse(script: Path) -> None:
    sys.path.insert(0, str(script.parent))
    spec = importlib.util.spec_from_file_location(script.stem, script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _say({"forked": os.getpid()})
            module.work(*json.loads(line))
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        _say({"gone": os.waitstatus_to_exitcode(status)})


if __name__ == "__main__":
    _nurse(Path(sys.argv[1]))
