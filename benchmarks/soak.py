"""Does anything grow? Short rounds of train, segment and correct in one window; docks and windows opened and closed.

Run ``tools/screen python benchmarks/soak.py`` (1,000 cycles, 200 openings of each kind), or a part of it:
``--cycles 100 --openings 20 --only loop``. Every kind runs in a process of its own; openings have bare napari beside
them, as napari itself keeps things. It prints a Markdown table, writes every sample to ``benchmarks/out/soak.csv``, and
fails when threads, widgets or callbacks grow, or memory does by more than is allowed.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
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
MOST_MB_A_CYCLE = 0.1
"""What a cycle may add to the process's memory: a round stays, with its weights (of 0.03 MB here), curves and texts."""
BEYOND_BARE = 1.25
"""How much more than bare napari's an opening may add."""


def run(kind: str, cycles: int, samples: int) -> list[dict[str, float]]:
    """Run one kind in a process; return its samples, the first of which comes after a few cycles."""
    with tempfile.TemporaryDirectory() as data:  # projects are kept there
        environment = {**os.environ, "XDG_DATA_HOME": data, "NAPARI_CONFIG": f"{data}/napari.yaml"}
        command = [sys.executable, "-W", "ignore", str(CHILD), kind, str(cycles), str(samples)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert child.stdout is not None
        found = []
        for line in child.stdout:
            if line.startswith("{"):
                found.append(json.loads(line))
                print(f"{kind}: {line.strip()}", file=sys.stderr, flush=True)
        if child.wait():
            raise SystemExit(f"{kind} ended with {child.returncode}")
    return found


def slope(samples: list[dict[str, float]], what: str) -> float:
    """Return how much something grew per cycle over the second half of the samples, when all is loaded.

    The median of the slopes between all pairs (Theil and Sen), which a single jump does not move.
    """
    half = samples[len(samples) // 2 :]
    pairs = [
        (b[what] - a[what]) / (b["cycle"] - a["cycle"]) for i, a in enumerate(half) for b in half[i + 1 :]
    ]
    return float(np.median(pairs)) if pairs else 0.0


def judge(kind: str, found: dict[str, list[dict[str, float]]]) -> list[str]:
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
    parser.add_argument("--samples", type=int, default=20, help="how often things are counted")
    parser.add_argument("--only", choices=KINDS, nargs="*", default=list(KINDS))
    asked = parser.parse_args()
    found = {
        kind: run(kind, asked.cycles if kind == "loop" else asked.openings, asked.samples)
        for kind in asked.only
    }
    OUT.mkdir(exist_ok=True)
    with open(OUT / "soak.csv", "w", newline="") as file:
        rows = [{"kind": kind, **sample} for kind, samples in found.items() for sample in samples]
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    print(
        "| | cycles | memory at first | at the end | growth a cycle | threads | widgets | callbacks | seconds |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for kind, samples in found.items():
        first, last = samples[0], samples[-1]
        counts = " | ".join(f"{first[what]:.0f} → {last[what]:.0f}" for what in COUNTS)
        print(
            f"| {KINDS[kind]} | {last['cycle']:,.0f} | {first['mb']:.0f} MB | {last['mb']:.0f} MB | "
            f"{slope(samples, 'mb'):.3f} MB | {counts} | {last['seconds']:.0f} |"
        )
    sentences = [sentence for kind in found if not kind.startswith("bare") for sentence in judge(kind, found)]
    print("\n" + ("\n".join(sentences) or "Nothing grows."))
    sys.exit(1 if sentences else 0)


if __name__ == "__main__":
    main()
