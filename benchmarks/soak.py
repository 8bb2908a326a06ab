"""Does anything grow? Short rounds of train, segment and correct in one window; docks and windows opened and closed.

Run ``tools/screen python benchmarks/soak.py`` (1,000 cycles, 200 openings of each kind), or a part of it:
``--cycles 100 --openings 20 --only loop``. Every kind runs in a process of its own; openings have bare napari beside
them (a third as often), as napari itself keeps things. It writes every sample to ``benchmarks/out/soak.csv`` as it
comes, prints a Markdown table, and fails when threads, widgets or callbacks grow, or memory by more than is allowed.
``--minutes 30`` ends every kind after that time, and so does Ctrl-C: the table then says how many cycles there were.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

CHILD = Path(__file__).with_name("soak_child.py")
OUT = Path(__file__).with_name("out")
KINDS = {
    "loop": "train, segment, correct",
    "dock": "dock opened and closed",
    "bare dock": "an empty dock of napari opened and closed",
    "viewer": "window with the dock opened and closed",
    "bare viewer": "window of napari opened and closed",
}
COUNTS = ("threads", "widgets", "callbacks")
COLUMNS = ("kind", "cycle", "seconds", "mb", "in_use", *COUNTS, "blocks")
MOST_MB_A_CYCLE = 0.1
"""What a cycle may add to the process's memory: a round stays, with curves and texts; its weights do not."""
BEYOND_BARE = 1.25
"""How much more than bare napari's an opening may add."""


Samples = list[dict[str, float]]


def run(
    kind: str, cycles: int, samples: int, minutes: float, keep: Callable[[dict[str, float]], None]
) -> Samples:
    """Run one kind in a process; return its samples, the first of which comes after a few cycles."""
    with tempfile.TemporaryDirectory() as data:  # projects are kept there
        environment = {**os.environ, "XDG_DATA_HOME": data, "NAPARI_CONFIG": f"{data}/napari.yaml"}
        command = [sys.executable, "-W", "ignore", str(CHILD), kind, str(cycles), str(samples)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert child.stdout is not None
        found: Samples = []
        over = threading.Timer(60 * minutes, child.kill)
        over.daemon = True
        over.start()
        try:
            for line in child.stdout:
                if line.startswith("{"):
                    found.append(json.loads(line))
                    keep(found[-1])
                    print(f"{kind}: {line.strip()}", file=sys.stderr, flush=True)
            stopped = not over.is_alive()
        except KeyboardInterrupt:
            child.kill()
            stopped = True
        over.cancel()
        if child.wait() and not (stopped and found):
            raise SystemExit(f"{kind} ended with {child.returncode}")
    return found


def slope(samples: Samples, what: str) -> float:
    """Return how much something grew per cycle over the second half of the samples, when all is loaded.

    The median of the slopes between all pairs (Theil and Sen), which a single jump does not move.
    """
    half = samples[len(samples) // 2 :]
    pairs = [
        (b[what] - a[what]) / (b["cycle"] - a["cycle"]) for i, a in enumerate(half) for b in half[i + 1 :]
    ]
    return float(np.median(pairs)) if pairs else 0.0


def judge(kind: str, found: dict[str, Samples]) -> list[str]:
    """Return what grows and should not."""
    bare = found.get(f"bare {kind}")
    sentences = []
    for what in COUNTS:
        allowed = max(slope(bare, what), 0.0) if bare else 0.0
        if slope(found[kind], what) > allowed + 0.01:
            sentences.append(f"{kind}: {what} grow by {slope(found[kind], what):.2f} a cycle")
    allowed = BEYOND_BARE * slope(bare, "mb") + MOST_MB_A_CYCLE if bare else MOST_MB_A_CYCLE
    if slope(found[kind], "mb") > allowed:
        sentences.append(f"{kind}: memory grows by {slope(found[kind], 'mb'):.3f} MB a cycle")
    return sentences


def main() -> None:
    """Print the table, and exit with 1 when something grows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=1000, help="of train, segment, correct")
    parser.add_argument("--openings", type=int, default=200, help="of each kind")
    parser.add_argument("--samples", type=int, default=100, help="how often things are counted")
    parser.add_argument("--minutes", type=float, default=24 * 60, help="for each kind, at most")
    parser.add_argument("--only", choices=KINDS, nargs="*", default=list(KINDS))
    asked = parser.parse_args()
    OUT.mkdir(exist_ok=True)
    found = {}
    with open(OUT / "soak.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for kind in asked.only:

            def keep(sample: dict[str, float], kind: str = kind) -> None:
                writer.writerow({"kind": kind, **sample})
                file.flush()

            bare = kind.startswith("bare")
            cycles = asked.cycles if kind == "loop" else asked.openings // 3 if bare else asked.openings
            found[kind] = run(kind, cycles, asked.samples, asked.minutes, keep)
    print(
        "| | cycles | memory at first | at the end | growth a cycle | of it in use | threads | widgets | callbacks | "
        "seconds |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for kind, samples in found.items():
        first, last = samples[0], samples[-1]
        counts = " | ".join(f"{first[what]:.0f} → {last[what]:.0f}" for what in COUNTS)
        print(
            f"| {KINDS[kind]} | {last['cycle']:,.0f} | {first['mb']:.0f} MB | {last['mb']:.0f} MB | "
            f"{slope(samples, 'mb'):.3f} MB | {slope(samples, 'in_use'):.3f} MB | {counts} | {last['seconds']:.0f} |"
        )
    sentences = [sentence for kind in found if not kind.startswith("bare") for sentence in judge(kind, found)]
    print("\n" + ("\n".join(sentences) or "Nothing grows."))
    sys.exit(1 if sentences else 0)


if __name__ == "__main__":
    main()
