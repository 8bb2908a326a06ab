"""Live in a real window: strokes on a real image, how soon the overlay follows, how good it is, what it costs.

    tools/screen python benchmarks/live.py --set dsb2018-colour   # times, and quality after 5, 15, 60 s and 3 min
    tools/screen python benchmarks/live.py --soak 60              # an hour of scripted use: memory, threads, news

Strokes are simulated (`strokes.py`) on the middle of a test image and drawn with the mouse, with pauses. It prints
Markdown. A soak fails when a stroke gets no overlay, a thread is left, or, over half an hour or more, memory grows.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

from few_crops_data import DATA_SETS
from rows import ROOT

WINDOW = (1500, 950)
BEAT_MS = 10
LOOKS = (5.0, 15.0, 60.0, 180.0)
PAUSE = 1.5
"""Seconds from stroke to stroke, as a person who looks at what happened."""
MOST_MB_AN_HOUR = 60.0


class Scripted:
    """The window with one image, its truth, and strokes to come."""

    def __init__(self, name: str, data: Path, effort: str, seed: int) -> None:
        from real_window import RealWindow

        from few_crops_data import as_objects
        from napari_unet.annotation.coding import LabelsAre
        from napari_unet.session import Which
        from napari_unet.session.live.meanwhile import Effort
        from preview import read_images
        from window_handlers import Handlers

        self.handlers = Handlers()
        self.handlers.wrap_everything()
        data_set = DATA_SETS[name]
        (sample,) = read_images(data_set, data, 1, tune=False)
        self.labels_are = LabelsAre(data_set.labels_are)
        objects = self.labels_are is LabelsAre.OBJECTS
        self.truth = as_objects(sample.labels, data_set.coding) if objects else sample.labels.astype(np.int32)
        self.window = RealWindow([(sample.image, {"name": name}, "image")], WINDOW)
        self.loop, self.live = self.window.loop, self.window.loop.live_run.live
        session = self.loop.session
        session.annotating.start(self.labels_are, () if objects else ("one", "two"))
        self.window.settle(0.5)
        self.window.wait(lambda: self.loop.warming.done, 300, "loading")
        self.layer = self.loop.layers.layer(Which.ANNOTATION)
        self.live.set_effort(Effort(effort))
        self.seed, self.n_strokes = seed, 0
        self.delays: list[float] = []
        self.beats: list[float] = []
        self._last_beat = 0.0

    def beat(self) -> Any:
        """Start the heartbeat."""
        from qtpy.QtCore import Qt, QTimer

        timer = QTimer()
        timer.setTimerType(Qt.TimerType.PreciseTimer)
        timer.timeout.connect(self._note_beat)
        self._last_beat = time.perf_counter()
        timer.start(BEAT_MS)
        return timer

    def _note_beat(self) -> None:
        now = time.perf_counter()
        self.beats.append(now - self._last_beat)
        self._last_beat = now

    def stroke(self) -> None:
        """Draw the next stroke with the mouse."""
        from strokes import draw_strokes

        i, self.n_strokes = self.n_strokes % 20, self.n_strokes + 1
        if i == 0:
            self.strokes = draw_strokes(self.truth, self.labels_are, 20, self.seed + self.n_strokes)
        found = self.strokes[i]
        points = np.argwhere(found.mask)
        order = points[np.argsort(points @ np.array([0.7, 0.71]))][:: max(len(points) // 8, 1)]
        self.loop.layers.paint_with(int(found.value))
        self.layer.brush_size = 3
        self.window.stroke([(float(y), float(x)) for y, x in order])

    def stroke_and_wait(self, most: float = 60.0) -> None:
        """Draw a stroke, and note how long after its end the overlay was there."""
        before = self.live.n_shown
        self.stroke()
        end = time.perf_counter()
        while self.live.n_shown == before and time.perf_counter() - end < most:
            self.window.settle(0.01)
        if self.live.n_shown > before:
            self.delays.append(time.perf_counter() - end)

    def score(self) -> float:
        """Foreground IoU (objects) or mean IoU (classes) where nothing was painted."""
        from napari_unet.objects.measures import foreground_iou, mean_iou

        session = self.loop.session
        if session.segmentation is None:
            return 0.0
        free = session.annotation == 0
        if self.labels_are.value == "objects":
            return float(foreground_iou(session.segmentation > 0, self.truth > 0, valid=free))
        return float(np.nan_to_num(mean_iou(session.segmentation, self.truth, valid=free)))


def measure(options: argparse.Namespace) -> None:
    """Print how soon, how good and how costly."""
    scripted = Scripted(options.set, options.data, options.effort, options.seed)
    timer = scripted.beat()
    scripted.handlers.recording = True
    scripted.loop.live_run.switch(True)
    scripted.window.settle(3.0)  # it looks at the field while one takes the brush
    begin, looks, rows = time.perf_counter(), list(LOOKS), []
    while looks and looks[0] <= options.seconds:
        scripted.stroke_and_wait() if scripted.n_strokes < options.strokes else scripted.window.settle(PAUSE)
        if scripted.n_strokes < options.strokes:
            scripted.window.settle(PAUSE)
        if time.perf_counter() - begin >= looks[0]:
            rows.append((looks.pop(0), scripted.n_strokes, scripted.score(), scripted.live.status))
    scripted.handlers.recording = False
    live_beats, scripted.beats = scripted.beats, []
    print("| seconds | strokes | IoU where nothing is painted | what is shown |\n|---|---|---|---|")
    for seconds, strokes, score, status in rows:
        print(f"| {seconds:.0f} | {strokes} | {score:.3f} | {status} |")
    median, late = (np.percentile(scripted.delays, q) for q in (50, 95))
    print(
        f"\nEnd of a stroke to its overlay, {len(scripted.delays)} strokes: median {median:.2f} s, 95 % {late:.2f} s."
    )
    own = [call.cpu - call.napari_cpu for calls in scripted.handlers.calls.values() for call in calls]
    slowest = max(
        scripted.handlers.calls.items(), key=lambda item: max(c.cpu - c.napari_cpu for c in item[1])
    )
    print(f"Handlers on the window's thread, processor time: longest {1e3 * max(own):.0f} ms ({slowest[0]}).")
    scripted.loop.live_run.switch(False)
    scripted.window.settle(1.0)
    scripted.beats.clear()
    for _ in range(options.strokes):
        scripted.stroke()
        scripted.window.settle(0.5)
    for name, beats in (("Live on", live_beats), ("Live off, the same window", scripted.beats)):
        cells = ", ".join(f"{q} %: {1e3 * np.percentile(beats, q):.0f} ms" for q in (50, 95, 99))
        print(f"Heartbeat ({BEAT_MS} ms), {name}: {cells}.")
    timer.stop()
    print(f"Load of the machine meanwhile: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.")
    scripted.window.close()


def soak(options: argparse.Namespace) -> None:
    """Use it for minutes; exit with 1 when something grows or stops coming."""
    import psutil

    scripted = Scripted(options.set, options.data, options.effort, options.seed)
    scripted.loop.live_run.switch(True)
    process, samples, missed = psutil.Process(), [], 0
    begin = last = time.monotonic()
    while time.monotonic() - begin < 60 * options.soak:
        before = len(scripted.delays)
        scripted.stroke_and_wait()
        missed += len(scripted.delays) == before
        if scripted.n_strokes % 5 == 4:
            scripted.loop.undo()
        if scripted.n_strokes % 40 == 39:  # off and on again, and another effort of the user's
            scripted.loop.live_run.switch(False)
            scripted.window.settle(0.5)
            scripted.loop.live_run.switch(True)
        scripted.window.settle(PAUSE / 2)
        if time.monotonic() - last > 20:
            last = time.monotonic()
            mb = process.memory_info().rss / 2**20
            samples.append({"minutes": (last - begin) / 60, "mb": mb, "threads": threading.active_count()})
            print(json.dumps(samples[-1]), file=sys.stderr, flush=True)
    scripted.loop.live_run.switch(False)
    scripted.window.settle(3.0)
    left = [
        t.name for t in threading.enumerate() if t.name.startswith("napari-unet-") and "log" not in t.name
    ]
    half = samples[len(samples) // 2 :]
    slopes = [
        60 * (b["mb"] - a["mb"]) / (b["minutes"] - a["minutes"])
        for i, a in enumerate(half)
        for b in half[i + 1 :]
    ]
    growth = float(np.median(slopes)) if slopes else 0.0
    print(
        f"{scripted.n_strokes} strokes in {options.soak:g} minutes; {missed} without an overlay; memory "
        f"{samples[0]['mb']:.0f} → {samples[-1]['mb']:.0f} MB, {growth:.1f} MB an hour over the second half; "
        f"threads left: {left or 'none'}."
    )
    scripted.window.close()
    grows = options.soak >= 30 and growth > MOST_MB_AN_HOUR
    sys.exit(1 if missed or grows or [name for name in left if "quick" in name or "long" in name] else 0)


def main() -> None:
    """Read the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", choices=DATA_SETS, default="dsb2018-colour")
    parser.add_argument("--effort", choices=("train", "quiet", "preview"), default="train")
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--strokes", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--soak", type=float, default=0.0, help="minutes of scripted use")
    parser.add_argument("--data", type=Path, default=ROOT / "../shared/data", help="default: ../shared/data")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_DATA_HOME"] = folder
        (soak if options.soak else measure)(options)


if __name__ == "__main__":
    main()
