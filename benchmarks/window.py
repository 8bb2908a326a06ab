"""Painting while a training runs: the plugin's handlers, Accept, and a heartbeat beside that of bare napari.

Run ``tools/screen python benchmarks/window.py``. It opens two windows of 2048² with 2,000 objects: one with the plugin
and its training in a thread, one of bare napari while a process of its own does the same training. Strokes of the mouse
are replayed in both, in turns of a few seconds; whoever has no turn is stopped. It prints Markdown tables and fails
when a requirement is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

MOST_HANDLER_MS, MOST_ACCEPT_S = 50.0, 1.0
MOST_RATIO, SLACK_MS = 1.25, 10.0
"""The heartbeat counts as regular as the other one's within this factor, and a tick of its timer."""


class Player:
    """One process that obeys commands, stopped between them."""

    def __init__(self, kind: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("window_child.py")), kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self._answer()
        self.rest()

    def ask(self, command: str, **arguments: Any) -> Any:
        """Let it do something; it goes on running afterwards."""
        self.go()
        assert self.process.stdin is not None
        print(json.dumps([command, arguments]), file=self.process.stdin, flush=True)
        return self._answer()

    def go(self) -> None:
        """Let it run."""
        os.killpg(self.process.pid, signal.SIGCONT)

    def rest(self) -> None:
        """Stop it where it is, its training too."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    def end(self) -> None:
        """End it."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("a window ended before it answered; run window_child.py by hand to see why")
        return json.loads(line)


def take_turns(plugin: Player, bare: Player, turns: int, seconds: float) -> list[dict[str, Any]]:
    """Replay the same strokes in both windows, one after the other, each beside its training."""
    found: list[dict[str, Any]] = [{"intervals": [], "strokes": 0, "steps": 0} for _ in range(2)]
    for turn in range(turns):
        ours = plugin.ask("strokes", seed=turn, seconds=seconds)
        plugin.rest()
        theirs = bare.ask("strokes", seed=turn, seconds=seconds)
        bare.rest()
        for total, part in zip(found, (ours, theirs), strict=True):
            for key in total:
                total[key] += part[key]
    return found


def print_heartbeats(rows: dict[str, dict[str, Any]]) -> None:
    """Print how regular the window's own timer of 10 ms came."""
    print(
        "| heartbeat (10 ms) while strokes are drawn | median | 95 % | 99 % | longest | strokes | training steps |"
    )
    print("|---|---|---|---|---|---|---|")
    for name, found in rows.items():
        cells = " | ".join(f"{ms:.0f} ms" for ms in percentiles(found["intervals"], (50, 95, 99, 100)))
        print(f"| {name} | {cells} | {found['strokes']} | {found['steps']} |")


def print_handlers(calls: dict[str, list[list[float]]]) -> float:
    """Print the slowest handlers; return the longest own processor time of all, in ms."""
    columns = ["own: median", "95 %", "longest", "in napari: longest", "by the clock: median", "longest"]
    print("\nOwn: processor time without what napari took inside to change or redraw a layer.\n")
    print(f"| handler on the window's thread | calls | {' | '.join(columns)} |")
    print("|---|---|---|---|---|---|---|---|")
    tables = {name: np.array(recorded) for name, recorded in calls.items()}
    slowest = sorted(tables.items(), key=lambda item: -(item[1][:, 1] - item[1][:, 3]).max())
    for name, table in slowest[:12]:
        wall, cpu, _, in_napari = table.T
        own = percentiles(cpu - in_napari, (50, 95, 100))
        cells = [*own, 1e3 * in_napari.max(), *percentiles(wall, (50, 100))]
        print(f"| {name} | {len(table)} | " + " | ".join(f"{ms:.1f} ms" for ms in cells) + " |")
    return max(float(1e3 * (table[:, 1] - table[:, 3]).max()) for table in tables.values())


def percentiles(seconds: Sequence[float] | np.ndarray, which: tuple[int, ...]) -> list[float]:
    """Return percentiles in ms."""
    return [float(ms) for ms in 1e3 * np.percentile(seconds, which)]


def measure(turns: int, seconds: float) -> bool:
    """Open the windows, print the tables, and say whether all that is required holds."""
    players = []
    try:
        for kind in ("plugin", "bare"):
            players.append(Player(kind))
            players[-1].ask("train")
            players[-1].rest()
        plugin, bare = players
        ours, theirs = take_turns(plugin, bare, turns, seconds)
        bare.end()
        plugin.ask("show_weights")
        with_weights = plugin.ask("strokes", seed=turns, seconds=seconds)
        corrected = plugin.ask("strokes", seed=turns + 1, seconds=seconds, on="segmentation")
        calls = plugin.ask("calls")
        accepted = [plugin.ask("accept") for _ in range(3)]
    finally:
        for player in players:
            if player.process.poll() is None:
                player.end()
    print_heartbeats(
        {
            "plugin, its training in a thread": ours,
            "bare napari, the same training in a process": theirs,
            "plugin, weight map shown": with_weights,
            "plugin, correcting the segmentation": corrected,
        }
    )
    longest = print_handlers(calls)
    accept = float(np.median([wall for wall, _, _ in (found["accept"] for found in accepted)]))
    accept_cpu = float(np.median([cpu for _, cpu, _ in (found["accept"] for found in accepted)]))
    print(f"\nAccept of the whole plane, median of 3: {accept:.2f} s, {accept_cpu:.2f} s of processor time.")
    print(f"Load of the machine meanwhile: {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores.")
    pairs = zip(
        percentiles(ours["intervals"], (50, 95, 99)),
        percentiles(theirs["intervals"], (50, 95, 99)),
        strict=True,
    )
    checks = {
        f"handlers ≤ {MOST_HANDLER_MS:.0f} ms each": longest <= MOST_HANDLER_MS,
        f"Accept ≤ {MOST_ACCEPT_S:.0f} s": accept <= MOST_ACCEPT_S,
        "heartbeat as regular as in bare napari": all(a <= MOST_RATIO * b + SLACK_MS for a, b in pairs),
    }
    for name, met in checks.items():
        print(f"- {name}: {'met' if met else 'missed'}")
    return all(checks.values())


def main() -> None:
    """Print the tables, and exit with 1 when a requirement is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=6, help="turns of each window")
    parser.add_argument("--seconds", type=float, default=8.0, help="length of a turn")
    arguments = parser.parse_args()
    sys.exit(0 if measure(arguments.turns, arguments.seconds) else 1)


if __name__ == "__main__":
    main()
