"""One napari window that replays strokes: with the plugin and its training, or bare beside the same training.

Started by ``window.py``, which sends one command per line (JSON) and gets one line back.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

SIDE = 2048
N_OBJECTS = 2000
ANNOTATED = (slice(0, 1024), slice(0, 800))
"""Inside, all is annotated: a few hundred complete objects."""
CENTRE = (512.0, 800.0)
"""What the canvas shows, one pixel of it per pixel of the image: the border of the annotated part."""
WINDOW = (1500, 950)
DOCK_WIDTH = 400
BRUSH = 12
MOUSE_MS, PAUSE_MS, HEARTBEAT_MS = 16, 250, 10
MOVES = 14
WARM_STEPS = 8


def make_scene() -> tuple[NDArray[Any], NDArray[np.int32], NDArray[np.int32]]:
    """Return an image, its objects, and an annotation of a part of them."""
    from napari_unet.synthetic.cells import touching_cells

    image, truth = touching_cells((SIDE, SIDE), N_OBJECTS, seed=0)
    annotation = np.zeros_like(truth)
    annotation[ANNOTATED] = truth[ANNOTATED] + 1
    return image, truth, annotation


def make_settings() -> Any:
    """Return the settings of a training that goes on until it is stopped."""
    from napari_unet.network.training_settings import TrainingSettings

    return TrainingSettings(minutes=None, steps=None, early_stop=False)


def draw_strokes(seed: int) -> Iterator[list[tuple[float, float]]]:
    """Yield strokes around the annotated part's border, rows and columns in px of the image."""
    rng = np.random.default_rng(seed)
    while True:
        start = np.array(CENTRE) + rng.uniform((-250, -300), (250, 300))
        angle = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.25, MOVES))
        steps = 5.0 * np.stack([np.sin(angle), np.cos(angle)], axis=1)
        yield [tuple(point) for point in start + np.cumsum(steps, axis=0)]


class Replay:
    """Sends mouse events from a timer of Qt's own loop, as a mouse does, while another timer beats."""

    def __init__(self, window: Any, seed: int, before_stroke: Any) -> None:
        from qtpy.QtCore import QEventLoop, Qt, QTimer

        self.window, self.before_stroke = window, before_stroke
        self.strokes, self.events = draw_strokes(seed), iter(())
        self.intervals: list[float] = []
        self.n_strokes, self.last_beat = 0, time.perf_counter()
        self.loop, self.mouse, self.heart = QEventLoop(), QTimer(), QTimer()
        for timer in (self.mouse, self.heart):
            timer.setTimerType(Qt.TimerType.PreciseTimer)
        self.mouse.setSingleShot(True)
        self.mouse.timeout.connect(self._move)
        self.heart.timeout.connect(self._beat)

    def run(self, seconds: float) -> dict[str, Any]:
        """Replay for a while; return the heartbeat's intervals in seconds."""
        from qtpy.QtCore import QTimer

        self.last_beat = time.perf_counter()
        self.heart.start(HEARTBEAT_MS)
        self.mouse.start(PAUSE_MS)
        QTimer.singleShot(round(1000 * seconds), self.loop.quit)
        self.loop.exec()
        self.heart.stop()
        self.mouse.stop()
        for _ in self.events:  # the stroke that was under way ends, or the next turn would begin inside it
            pass
        return {"strokes": self.n_strokes, "intervals": self.intervals[1:]}

    def _beat(self) -> None:
        now = time.perf_counter()
        self.intervals.append(now - self.last_beat)
        self.last_beat = now

    def _move(self) -> None:
        try:
            next(self.events)
        except StopIteration:
            self.events = self._stroke()
            self.mouse.start(PAUSE_MS)
            return
        self.mouse.start(MOUSE_MS)

    def _stroke(self) -> Iterator[None]:
        self.before_stroke(self.n_strokes)
        yield
        yield from self.window.stroke_events(next(self.strokes))
        self.n_strokes += 1


def make_window_class() -> Any:
    """Return `RealWindow` with strokes that a timer paces; importing it needs Qt."""
    from qtpy.QtCore import QPointF, Qt
    from qtpy.QtGui import QMouseEvent
    from qtpy.QtWidgets import QApplication
    from real_window import RealWindow

    class Window(RealWindow):
        def look(self) -> None:
            camera = self.viewer.scene.camera if hasattr(self.viewer, "scene") else self.viewer.camera
            camera.center, camera.zoom = (0.0, *CENTRE), 1.0
            self.settle(0.3)

        def stroke_events(self, points: list[tuple[float, float]]) -> Iterator[None]:
            kinds = QMouseEvent.Type
            places = [self.place(point) for point in points]
            events = [(kinds.MouseMove, places[0], False), (kinds.MouseButtonPress, places[0], True)]
            events += [(kinds.MouseMove, place, True) for place in places[1:]]
            events += [(kinds.MouseButtonRelease, places[-1], False)]
            for kind, place, held in events:
                left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
                there, on_screen = QPointF(place), QPointF(self.canvas.mapToGlobal(place))
                event = QMouseEvent(
                    kind,
                    there,
                    on_screen,
                    none if kind == kinds.MouseMove else left,
                    left if held else none,
                    Qt.KeyboardModifier.NoModifier,
                )
                QApplication.sendEvent(self.canvas, event)
                yield

    return Window


class Plugin:
    """The window with the dock, the annotation adopted, a segmentation shown."""

    def __init__(self) -> None:
        from window_handlers import Handlers

        self.handlers = Handlers()
        self.handlers.wrap_everything()
        image, _, annotation = make_scene()
        said = {"coding": "project", "labels_are": "objects"}
        layers = [
            (image, {"name": "cells"}, "image"),
            (annotation, {"name": "Annotation", "metadata": {"napari_unet": said}}, "labels"),
        ]
        self.window = make_window_class()(layers, WINDOW)
        self.loop = self.window.loop
        assert self.loop.session.annotation is not None
        self.loop.session.propose(())
        self.window.look()

    def train(self) -> None:
        """Start a training and wait until it is well under way."""
        self.loop.segment_after_training = False
        self.loop.train("scratch", make_settings())
        self.window.wait(lambda: self._steps() >= WARM_STEPS, 400, "the beginning of the training")

    def _steps(self) -> int:
        return self.loop.reports[-1].step if self.loop.reports else 0

    def show_weights(self) -> None:
        """Show the weight map."""
        self.handlers.recording = True
        views = self.window.dock.views
        views.want("Weight map", True)
        self.window.wait(lambda: "Weight map" in self.loop.layers.results.shown(), 60, "the weight map")
        self.window.settle(1.0)
        self.handlers.recording = False

    def strokes(self, seed: int, seconds: float, on: str = "annotation") -> dict[str, Any]:
        """Replay strokes on the annotation, or corrections of the segmentation."""
        from napari_unet.session import Which

        layers = self.loop.layers
        which = Which(on)
        steps_before = self._steps()

        def before_stroke(i: int) -> None:
            if which is Which.ANNOTATION:
                value = self.loop.session.next_object_value() if i % 2 else 1
                layers.paint_with(value, new_object=bool(i % 2))
            else:
                layers.edit_segmentation("paint")
                layer = layers.layer(which)
                layer.selected_label = int(layer.data.max()) + 1 if i % 2 else 0
            layers.layer(which).brush_size = BRUSH

        self.window.settle(0.5)
        self.handlers.recording = True
        replay = Replay(self.window, seed, before_stroke)
        found = replay.run(seconds)
        self.window.settle(1.5)  # what was put off belongs to the strokes
        self.handlers.recording = False
        found["steps"] = self._steps() - steps_before
        return found

    def accept(self) -> dict[str, Any]:
        """Accept the plane and take it back; return seconds of both."""
        from qtpy.QtWidgets import QApplication

        self.window.settle(0.5)
        found = {}
        for name, run in (("accept", self.loop.accepting.accept), ("undo", self.loop.undo)):
            start, start_cpu = time.perf_counter(), time.thread_time()
            run()
            found[name] = [time.perf_counter() - start, time.thread_time() - start_cpu]
            start = time.perf_counter()
            QApplication.processEvents()
            found[name].append(time.perf_counter() - start)
            self.window.settle(0.5)
        return found

    def calls(self) -> dict[str, list[list[float]]]:
        """Return what the handlers took since the last time."""
        found = {
            name: [[call.wall, call.cpu, call.napari_wall, call.napari_cpu] for call in calls]
            for name, calls in self.handlers.calls.items()
        }
        self.handlers.calls.clear()
        return found


class Bare:
    """napari with the same layers and a dock of the same width, without the plugin.

    The training runs in a process of its own, in the same session: Linux shares the processors out by sessions.
    """

    def __init__(self) -> None:
        import napari
        from qtpy.QtWidgets import QWidget

        image, truth, annotation = make_scene()
        window = make_window_class()
        self.window = window.__new__(window)
        self.window.viewer = viewer = napari.Viewer(title="bare", show=True)
        viewer.add_image(image, name="cells")
        viewer.add_labels(truth, name="Segmentation", opacity=0.8).contour = 2
        self.layer = viewer.add_labels(annotation, name="Annotation", opacity=0.6)
        beside = QWidget()
        beside.setMinimumWidth(DOCK_WIDTH)
        viewer.window.add_dock_widget(beside, name="beside", area="right")
        viewer.window.resize(*WINDOW)
        self.window.settle(0.5)
        self.window.look()

    def train(self) -> None:
        """Start the training and wait until it is well under way."""
        self.trainer = subprocess.Popen(
            [sys.executable, __file__, "trainer"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        json.loads(self.trainer.stdout.readline())
        self._ask_trainer("train")

    def _ask_trainer(self, command: str) -> Any:
        print(json.dumps([command, {}]), file=self.trainer.stdin, flush=True)
        return json.loads(self.trainer.stdout.readline())

    def strokes(self, seed: int, seconds: float) -> dict[str, Any]:
        """Replay strokes on the Labels layer."""

        def before_stroke(i: int) -> None:
            self.window.viewer.layers.selection.active = self.layer
            self.layer.mode = "paint"
            self.layer.selected_label = 3000 + i if i % 2 else 1
            self.layer.brush_size = BRUSH

        steps_before = self._ask_trainer("steps")
        self.window.settle(0.5)
        found = Replay(self.window, seed, before_stroke).run(seconds)
        self.window.settle(1.5)
        found["steps"] = self._ask_trainer("steps") - steps_before
        return found


class Trainer:
    """The training alone, in a thread of a process without a window."""

    def __init__(self) -> None:
        image, _, annotation = make_scene()
        self.reports: list[Any] = []
        self.task = (image, annotation)

    def train(self) -> None:
        """Start it, with as many threads as beside a window, and wait until it is well under way."""
        import torch

        from napari_unet.workflow import AnnotatedImage, train_model

        image, annotation = self.task
        images = [AnnotatedImage("cells", image[np.newaxis], annotation)]
        settings = make_settings().model_copy(update={"threads": max(torch.get_num_threads() - 1, 1)})
        threading.Thread(
            target=lambda: train_model(images, settings, on_report=self.reports.append), daemon=True
        ).start()
        while not self.reports or self.steps() < WARM_STEPS:
            time.sleep(0.1)

    def steps(self) -> int:
        """Return how many steps it did so far."""
        return int(self.reports[-1].step)


def main() -> None:
    """Obey until the input ends."""
    answers = sys.stdout
    sys.stdout = sys.stderr
    played = {"plugin": Plugin, "bare": Bare, "trainer": Trainer}[sys.argv[1]]()
    print(json.dumps("ready"), file=answers, flush=True)
    for line in sys.stdin:
        command, arguments = json.loads(line)
        answer = getattr(played, command)(**arguments)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
