"""How long the tools of the Correct step hold the window: 2048², ten objects each, in the real window.

    tools/screen python benchmarks/corrections.py [--repeats 20] [--side 2048]

Measured are the plugin's own handlers (`window_handlers.py`), from the mouse button's release to the end, with what
napari takes to redraw beside it; and what the same correction takes in the session alone.
"""

import argparse
import time
from collections.abc import Callable
from statistics import median
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy import ndimage as ndi
from window_handlers import Handlers

SPACING, RADIUS = 26, 11
N_OBJECTS = 10


def draw_scene(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Discs in pairs that nearly touch, as labels, and the probability of background beside them."""
    labels = np.zeros((side, side), np.int32)
    y, x = np.ogrid[-RADIUS : RADIUS + 1, -RADIUS : RADIUS + 1]
    disc = y**2 + x**2 <= RADIUS**2
    n = 0
    for row in range(SPACING, side - SPACING, SPACING):
        for column in range(SPACING, side - SPACING, SPACING - 3):
            n += 1
            part = labels[row - RADIUS : row + RADIUS + 1, column - RADIUS : column + RADIUS + 1]
            part[disc & (part == 0)] = n
    background = 1 - 0.9 * ndi.gaussian_filter((labels > 0).astype(np.float32), 1.5)
    return labels, background.astype(np.float16)


def uses(step: int) -> dict[str, tuple[str, np.ndarray, bool]]:
    """For each use its tool, where the mouse goes, and how it is called; `step` moves on to fresh objects."""
    row = SPACING * (2 + 3 * step)
    along = np.linspace([row, SPACING], [row, SPACING + (N_OBJECTS - 1) * (SPACING - 3)], 40)
    return {
        "merge ten": ("MERGE", along),
        "merge two by clicks": ("MERGE", along[[0, 4]]),
    }


def time_tool(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - start)
