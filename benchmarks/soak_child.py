"""One process of ``soak.py``: does one thing again and again and counts what there is, one line of JSON each time."""

from __future__ import annotations

import ctypes
import gc
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray
from qtpy.QtCore import QCoreApplication, QEvent
from qtpy.QtWidgets import QApplication, QWidget

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

WARM = 5
"""Cycles before the first count: modules are loaded, pools begun, fonts drawn."""


def discs() -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return a small image of six discs, and an annotation of four of them."""
    yy, xx = np.mgrid[:96, :128]
    image, labels = np.full((96, 128), 30, np.uint8), np.zeros((96, 128), np.int32)
    for i, (y, x) in enumerate([(24, 24), (24, 64), (24, 104), (72, 24), (72, 64), (72, 104)]):
        distance = np.hypot(yy - y, xx - x)
        image[distance < 12] = 190
        if i < 4:
            labels[distance < 17] = 1
            labels[distance < 12] = i + 2
    return image + np.random.default_rng(0).integers(0, 20, image.shape).astype(np.uint8), labels


def settle() -> None:
    """Let the window do what waits, and remove what it no longer needs."""
    for _ in range(3):
        QApplication.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def n_callbacks(viewer: Any) -> int:
    """Count what listens to a viewer and its layers."""
    owners = [viewer, viewer.dims, viewer.layers, viewer.layers.selection, *viewer.layers]
    emitters = [emitter for owner in owners for emitter in getattr(owner.events, "emitters", {}).values()]
    return sum(len(emitter.callbacks) for emitter in emitters)


class _MallInfo(ctypes.Structure):
    _NAMES = (
        "arena",
        "ordblks",
        "smblks",
        "hblks",
        "hblkhd",
        "usmblks",
        "fsmblks",
        "uordblks",
        "fordblks",
        "keepcost",
    )
    _fields_ = tuple((name, ctypes.c_size_t) for name in _NAMES)


def mb_in_use() -> float:
    """Return what was allocated and not freed, as glibc counts it: without what lies free between; else 0."""
    try:
        ask = ctypes.CDLL(None).mallinfo2
    except (OSError, AttributeError):
        return 0.0
    ask.restype = _MallInfo
    found = ask()
    return round((found.uordblks + found.hblkhd) / 1e6, 2)


def measure(cycle: int, since: float, viewer: Any) -> None:
    """Print what there is now."""
    settle()
    gc.collect()
    settle()
    print(
        json.dumps(
            {
                "cycle": cycle,
                "seconds": round(time.monotonic() - since, 1),
                "mb": round(psutil.Process().memory_info().rss / 1e6, 2),
                "in_use": mb_in_use(),
                "threads": threading.active_count(),
                "widgets": len(QApplication.allWidgets()),
                "callbacks": n_callbacks(viewer) if viewer is not None else 0,
                "blocks": sys.getallocatedblocks(),  # gc.get_objects() would break tuples that threads just make
            }
        ),
        flush=True,
    )


# ---- the loop --------------------------------------------------------------------------------------------------------


def loop() -> Iterator[Any]:
    """Train two steps, segment, correct with the mouse, accept, undo; yield the viewer after each cycle."""
    from real_window import RealWindow

    from napari_unet.network import calibration
    from napari_unet.network.training_settings import TrainingSettings
    from napari_unet.session import Which

    image, labels = discs()
    said = {"coding": "project", "labels_are": "objects", "class_names": ()}
    layers = [
        (image, {"name": "discs"}, "image"),
        (labels, {"name": "mine", "metadata": {"napari_unet": said}}, "labels"),
    ]
    calibration.N_PATCHES = 4  # else the statistics of so short a training take longer than all its steps
    window = RealWindow(layers, (800, 560))
    unet, session = window.loop, window.loop.session
    settings = TrainingSettings(
        steps=2, minutes=None, width=4, depth=2, patch_size=32, batch_size=2, threads=1, device="cpu"
    )
    rng = np.random.default_rng(0)

    def wait(condition: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + 900  # the machine may have much else to do
        while not condition():
            QApplication.processEvents()
            time.sleep(0.005)
            if time.monotonic() > end:
                raise TimeoutError(f"{what}: {unet.words.last}")

    while True:
        n_rounds, n_segmented = len(session.rounds.all), unet.n_segmented
        unet.train("scratch", settings)  # and it segments when it is done
        wait(lambda n=n_rounds: len(session.rounds.all) > n, "training")
        wait(lambda n=n_segmented: unet.n_segmented > n and unet.segmentation is None, "segmenting")
        for which in (Which.ANNOTATION, Which.SEGMENTATION):
            layer = unet.layers.layer(which)
            window.viewer.layers.selection.active = layer
            layer.mode, layer.brush_size = "paint", 5
            y, x = rng.uniform(10, 80), rng.uniform(10, 110)
            stroke(window, [(y + k, x + k) for k in (0, 3, 6)])
        unet.accepting.accept()
        unet.undo()
        settle()
        yield window.viewer


def stroke(window: Any, points: list[tuple[float, float]]) -> None:
    """Draw with the mouse, without waiting."""
    from qtpy.QtGui import QMouseEvent

    kinds = QMouseEvent.Type
    places = [window.place(point) for point in points]
    window._mouse(kinds.MouseMove, places[0], held=False)
    window._mouse(kinds.MouseButtonPress, places[0])
    for place in places[1:]:
        window._mouse(kinds.MouseMove, place)
    window._mouse(kinds.MouseButtonRelease, places[-1], held=False)


# ---- opening and closing ----------------------------------------------------------------------------------------


def dock() -> Iterator[Any]:
    """Open and close our dock in one window."""
    import napari

    viewer = napari.Viewer(show=True)
    viewer.add_image(discs()[0], name="discs")
    while True:
        _, widget = viewer.window.add_plugin_dock_widget("napari-unet", "U-Net")
        settle()
        viewer.window.remove_dock_widget(widget)
        del widget
        settle()
        yield viewer


class Empty(QWidget):
    """A widget that wants to know of layers: napari connects it, and leaves that when the widget is gone."""

    def reset_choices(self, event: object = None) -> None:
        """Do nothing."""


def bare_dock() -> Iterator[Any]:
    """Open and close an empty dock in one window."""
    import napari

    viewer = napari.Viewer(show=True)
    viewer.add_image(discs()[0], name="discs")
    while True:
        widget = Empty()
        viewer.window.add_dock_widget(widget, name="empty")
        settle()
        viewer.window.remove_dock_widget(widget)
        del widget
        settle()
        yield viewer


def viewer() -> Iterator[Any]:
    """Open and close a window with an image and our dock."""
    yield from windows(True)


def bare_viewer() -> Iterator[Any]:
    """Open and close a window with an image."""
    yield from windows(False)


def windows(with_dock: bool) -> Iterator[Any]:
    import napari

    while True:
        opened = napari.Viewer(show=True)
        opened.add_image(discs()[0], name="discs")
        if with_dock:
            opened.window.add_plugin_dock_widget("napari-unet", "U-Net")
        settle()
        opened.close()
        del opened
        settle()
        gc.collect()
        yield None


def main() -> None:
    """Repeat what is asked for."""
    kind, cycles, samples = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    work = {"loop": loop, "dock": dock, "bare dock": bare_dock, "viewer": viewer, "bare viewer": bare_viewer}[
        kind
    ]
    counted = {*np.linspace(min(WARM, cycles), cycles, samples).astype(int).tolist()}
    since = time.monotonic()
    for cycle, shown in enumerate(work(), start=1):
        if cycle in counted:
            measure(cycle, since, shown)
        if cycle >= cycles:
            break
    sys.stdout.flush()
    import os

    os._exit(0)  # what is measured is over; how a window goes has tests of its own


if __name__ == "__main__":
    main()
