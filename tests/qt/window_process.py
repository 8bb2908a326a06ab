"""A real window in which one paints with the mouse while it trains and segments, to be killed at a random moment.

``work`` is called by a `killing.Nursery`. It says on standard output what it is going to do and when.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from napari._app_model import get_app_model
from napari._qt import qt_main_window  # noqa: F401
from napari.layers import Image
from qtpy.QtWidgets import QApplication

from killing import say
from napari_unet import workflow  # noqa: F401 (loaded here, so that forked processes need not)
from napari_unet._qt import dock, train  # noqa: F401
from napari_unet.network.training_settings import TrainingSettings
from napari_unet.session import SCRATCH, Which

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
from real_window import RealWindow

# Once, in the nursery: an image's units are read, napari's commands are registered. No Labels: drawing them begins
# threads, which no fork survives.
_ = Image(np.zeros((8, 8), np.uint8)), get_app_model()

SHAPE = (200, 260)
SIDE = 20
"""Every stroke is in a square of its own."""
N_STROKES = (SHAPE[0] // SIDE) * (SHAPE[1] // SIDE)
SETTINGS = TrainingSettings(
    minutes=None, steps=3, width=4, depth=2, patch_size=32, batch_size=2, threads=1, device="cpu"
)


def middle(number: int) -> tuple[int, int]:
    """Return where a stroke is, beginning with 0."""
    columns = SHAPE[1] // SIDE
    return number // columns * SIDE + SIDE // 2, number % columns * SIDE + SIDE // 2


def value_of(number: int) -> int:
    """Return what a stroke paints: background or an object."""
    return 1 if number % 2 else number + 2


def image() -> np.ndarray[Any, Any]:
    """Return discs on squares of which every second one has one."""
    yy, xx = np.mgrid[: SHAPE[0], : SHAPE[1]]
    pixels = np.random.default_rng(0).integers(0, 30, SHAPE).astype(np.uint8)
    for number in range(0, N_STROKES, 2):
        y, x = middle(number)
        pixels[np.hypot(yy - y, xx - x) < SIDE / 2 - 2] += 150
    return pixels


def opened(folder: Path) -> RealWindow:
    """Open the project; the first time begin it with a stroke and give it its name."""
    if (folder / "project.json").exists():
        window = RealWindow((), (1100, 800))
        window.loop.moves.open_project(folder)
        window.wait(lambda: window.loop.session.annotation is not None, 120, "opening the project")
        return window
    file = folder.with_suffix(".tif")
    tifffile.imwrite(file, image())
    window = RealWindow((), (1100, 800))
    window.viewer.open(str(file), plugin="napari")
    window.settle(0.3)
    window.click(window.dock.annotate.new.start)
    draw(window, 0)
    keeping = window.loop.keeping
    window.wait(lambda: keeping.project is not None and not keeping.project.saved.pending, 120, "keeping")
    window.loop.moves.name_project(folder)
    window.wait(lambda: keeping.is_named and not keeping.project.saved.pending, 120, "naming")
    return window


def draw(window: RealWindow, number: int) -> None:
    """Draw a short stroke with the mouse."""
    layer = window.loop.layers.layer(Which.ANNOTATION)
    window.viewer.layers.selection.active = layer
    layer.mode, layer.brush_size, layer.selected_label = "paint", 8, value_of(number)
    y, x = middle(number)
    window.stroke([(y, x - 2), (y, x + 2)])


def work(folder: str, seed: str) -> None:
    """Go on until killed."""
    warnings.simplefilter("ignore")
    random = np.random.default_rng(int(seed))
    window = opened(Path(folder))
    loop, session = window.loop, window.loop.session
    painted = sum(bool(session.annotation[middle(number)]) for number in range(N_STROKES))
    say(what="ready", painted=painted, rounds=len(session.rounds.all))
    n_rounds, doing = len(session.rounds.all), ""
    while True:
        if painted < N_STROKES:
            say(what="paint", number=painted)
            draw(window, painted)
            say(what="painted", number=painted)
            painted += 1
        if len(session.rounds.all) > n_rounds:
            n_rounds = len(session.rounds.all)
            say(what="trained", number=n_rounds)
        now = "train" if loop.training is not None else "segment" if loop.segmentation is not None else ""
        if now != doing:
            doing = now
            say(what=now or "nothing")
        if not now and painted > 4:
            if random.random() < 0.15:
                say(what="copy")
                loop.moves.snapshot()
            loop.train(SCRATCH, SETTINGS)  # and it segments when it is done
        end = time.monotonic() + float(random.exponential(0.1))
        while time.monotonic() < end:
            QApplication.processEvents()
            time.sleep(0.005)


if __name__ == "__main__":  # to look at what it does
    work(sys.argv[1], os.environ.get("SEED", "0"))
