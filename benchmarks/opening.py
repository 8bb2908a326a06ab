"""Time from starting Python to an open dock, against bare napari; needs a display or Xvfb.

Run ``tools/screen python benchmarks/opening.py``. Each opening is a process of its own; the two kinds take turns, so
that both meet the same machine. It prints a Markdown table and fails when a requirement is missed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

import numpy as np

MOST_SECONDS_MORE = 1.5

_OPEN = """
import json, sys, time
start, start_cpu = time.perf_counter(), time.process_time()
import napari, numpy
from qtpy.QtWidgets import QApplication
viewer = napari.Viewer(show=True)
viewer.add_image(numpy.zeros((512, 512), numpy.uint8), name="image")
if sys.argv[1] == "dock":
    _, dock = viewer.window.add_plugin_dock_widget("napari-unet", "U-Net")
    assert dock.loop.session.image is not None
QApplication.processEvents()
print("\\n" + json.dumps({
    "seconds": time.perf_counter() - start,
    "cpu": time.process_time() - start_cpu,
    "torch": "torch" in sys.modules,
}))
viewer.close()
"""


def open_once(kind: str) -> dict[str, float]:
    """Open a window in a fresh process; return seconds, seconds of processor and whether torch was imported."""
    done = subprocess.run([sys.executable, "-c", _OPEN, kind], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def main() -> None:
    """Print the table, and exit with 1 when a requirement is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="openings of each kind")
    repeats = parser.parse_args().repeats
    open_once("bare"), open_once("dock")  # compiles modules and fills the disk's cache
    found: dict[str, list[dict[str, float]]] = {"bare": [], "dock": []}
    for _ in range(repeats):
        for kind, openings in found.items():
            openings.append(open_once(kind))
    print("| opening | median | fastest | slowest | processor time (median) | torch imported |")
    print("|---|---|---|---|---|---|")
    for kind, name in (("bare", "napari with an image"), ("dock", "the same with the dock open")):
        seconds = [opening["seconds"] for opening in found[kind]]
        cpu = np.median([opening["cpu"] for opening in found[kind]])
        torch = "yes" if any(opening["torch"] for opening in found[kind]) else "no"
        print(
            f"| {name} | {np.median(seconds):.2f} s | {min(seconds):.2f} s | {max(seconds):.2f} s | "
            f"{cpu:.2f} s | {torch} |"
        )
    pairs = zip(found["dock"], found["bare"], strict=True)
    more = float(np.median([dock["seconds"] - bare["seconds"] for dock, bare in pairs]))
    print(
        f"\nThe dock takes {more:.2f} s more (median of {repeats} pairs); required: < {MOST_SECONDS_MORE} s."
    )
    sys.exit(0 if more < MOST_SECONDS_MORE and not any(o["torch"] for o in found["dock"]) else 1)


if __name__ == "__main__":
    main()
