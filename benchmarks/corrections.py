"""How long the tools of the Correct step hold the window: 2048², ten objects at once, by mouse in the real window.

    tools/screen python benchmarks/corrections.py [--repeats 10]

Measured is the plugin's own code on the window's thread: the longest visit of each gesture, less what napari takes to
redraw its layers, which stands beside it.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from rows import processor_name
from window_handlers import Handlers

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

SIDE, HIGH, WIDE, RADIUS = 2048, 26, 22, 10
"""Of the image, of the grid that the objects lie on, and of the objects, in px."""
N_OBJECTS = 10
ROWS = 4
"""Rows of objects that one repeat uses up; in the last of them the network missed some."""
FIRST_ROW, FIRST_COLUMN = 4, 20
WINDOW = (1500, 950)

Gesture = tuple[str, list[NDArray[np.float64]]]
"""Name of the tool, and the strokes to make with it; a stroke of one point is a click."""


def draw_scene() -> tuple[NDArray[Any], NDArray[np.int32], NDArray[np.float16]]:
    """Return an image of discs in a grid, what was found of them, and the probability of background."""
    y, x = np.mgrid[:SIDE, :SIDE]
    row, column = y // HIGH, x // WIDE
    inside = np.hypot(y - row * HIGH - HIGH // 2, x - column * WIDE - WIDE // 2) <= RADIUS
    missed = (row % ROWS == ROWS - 1) & (column % 4 < 2)
    found = np.where(inside & ~missed, row * (SIDE // WIDE + 1) + column + 1, 0).astype(np.int32)
    image = ndi.gaussian_filter(inside.astype(np.float32), 1.5)
    return image, found, (1 - 0.9 * image).astype(np.float16)


def gestures(repeat: int) -> dict[str, Gesture]:
    """Return what is measured, on objects that no other repeat touches."""
    first = FIRST_ROW + ROWS * repeat

    def centre(row: int, column: float) -> NDArray[np.float64]:
        y, x = (first + row) * HIGH + HIGH // 2, (FIRST_COLUMN + column) * WIDE + WIDE // 2
        return np.array([[y, x]], float)

    def along(row: int) -> NDArray[np.float64]:
        return np.linspace(centre(row, -0.4)[0], centre(row, N_OBJECTS - 0.6)[0], 25)

    def around(row: int, column: float, height: float, width: float) -> NDArray[np.float64]:
        turn = np.linspace(0, 6, 25)[:, np.newaxis]
        reach = np.array([height * HIGH, width * WIDE])
        return centre(row, column) + reach * np.clip(1.5 * np.hstack([np.sin(turn), np.cos(turn)]), -1, 1)

    return {
        "split ten by a line": ("Split", [along(0)]),
        "smooth ten": ("Smooth", [along(1)]),
        "merge ten": ("Merge", [along(1)]),
        "merge two by clicks": ("Merge", [centre(2, 0), centre(2, 1)]),
        "split by two clicks": ("Split", [centre(2, 0), centre(2, 1)]),
        "delete by a click": ("Delete", [centre(2, 2)]),
        "new at a point": ("New", [centre(3, 0)]),
        "new in a circle": ("New", [around(3, 1, 0.6, 0.6)]),
        "delete ten in a loop": ("Delete", [around(0, N_OBJECTS / 2 - 0.5, 0.5, N_OBJECTS / 2)]),
        "class of one": ("Class", [centre(2, 5)]),
    }


class Visit(NamedTuple):
    """Milliseconds: of the plugin by the clock and of processor time, and of napari in between by the clock."""

    ours: float
    cpu: float
    napari: float


class Measured:
    """The window, and the visits of the plugin's code to it."""

    def __init__(self) -> None:
        self.handlers = Handlers()
        self.handlers.wrap_everything()
        from real_window import RealWindow

        from napari_unet.session.stored import Stored

        image, found, background = draw_scene()
        self.window = RealWindow([(image, {"name": "cells"}, "image")], WINDOW)
        self.loop = self.window.loop
        self.window.dock.annotate.new.start.click()
        session = self.loop.session
        session.annotating.set_class_names(["alive", "dead"])
        session.segmenting.show((), found, "Segment")
        stored = Stored(np.stack([background, 1 - background]), None, 1.0, 2.0 * RADIUS)
        session.separating.stored.put_back((), stored)
        self.loop.tools.gestures.class_number = 2
        self.window.settle(2)

    def measure(self, gesture: Gesture) -> Visit:
        """Return the longest visit of the plugin's code while a gesture is made."""
        name, strokes = gesture
        tools = self.loop.tools
        if tools.tool is None or tools.tool.name != name:
            (button,) = (b for tool, b in self.window.dock.correct.tools.buttons.items() if tool.name == name)
            button.click()
        y, x = strokes[0].mean(axis=0)
        self.window.viewer.scene.camera.center = (0.0, y, x)
        self.window.viewer.scene.camera.zoom = 2.0
        self.window.settle(0.3)
        before = self.loop.session.canvas.n_edits
        longest = self.visit(lambda: [self.window.stroke([tuple(p) for p in points]) for points in strokes])
        said = self.window.dock.messages.text()
        if name != "Class" and self.loop.session.canvas.n_edits == before:
            raise SystemExit(f"{name} did nothing: {said}")
        return longest

    def visit(self, act: Any) -> Visit:
        """Return the longest visit of the plugin's code while something is done."""
        self.handlers.calls.clear()
        self.handlers.recording = True
        act()
        self.window.settle(0.3)
        self.handlers.recording = False
        calls = [call for visits in self.handlers.calls.values() for call in visits]
        longest = max(calls, key=lambda call: call.wall - call.napari_wall)
        return Visit(
            1000 * (longest.wall - longest.napari_wall),
            1000 * (longest.cpu - longest.napari_cpu),
            1000 * longest.napari_wall,
        )


def main() -> None:
    """Measure every tool and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=10)
    options = parser.parse_args()
    if not 1 <= options.repeats <= (SIDE // HIGH - FIRST_ROW) // ROWS:
        raise SystemExit("There are not as many fresh objects.")
    os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp()  # what the window keeps is not the user's
    window = Measured()
    times: dict[str, list[Visit]] = {}
    for repeat in range(options.repeats):
        for name, gesture in gestures(repeat).items():
            times.setdefault(name, []).append(window.measure(gesture))
        for name, act in (("undo", window.loop.undo), ("redo", window.loop.redo)):
            times.setdefault(f"{name} of the last", []).append(window.visit(act))
    print(f"{SIDE}², {processor_name()}; ms, {options.repeats} repeats\n")
    print(
        "| | median | longest | processor time, longest | napari beside it, median |\n|---|---|---|---|---|"
    )
    for name, visits in times.items():
        ours, cpu, napari = zip(*visits, strict=True)
        print(f"| {name} | {median(ours):.0f} | {max(ours):.0f} | {max(cpu):.0f} | {median(napari):.0f} |")
    window.window.close()


if __name__ == "__main__":
    main()
