"""Two rounds compared on the plane that is shown, and the alarm when something that was right is right no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_unet._qt.job import Job, start_job
from napari_unet._qt.layers.marks import hide_marks, show_marks
from napari_unet.annotation.coding import LabelsAre
from napari_unet.objects.comparison import DIFFERENCE_COLOURS, Comparison, Difference
from napari_unet.session import Which
from napari_unet.session.comparing import BUNDLED_NAME, Truth, annotation_of, prepare_comparison

if TYPE_CHECKING:
    from napari_unet._qt.loop import Loop

LAYER = "Differences"
MOST_PLANES = 16
"""Planes of which it is remembered what was found: the last ones, as each takes memory."""
_WORDS = {Difference.FIXED: "fixed", Difference.BROKEN: "broken", Difference.CHANGED: "changed"}


class Comparing(QObject):
    """Compares in a thread; one comparison at a time, the newest wins.

    Signals
    -------
    found()
        `comparison` is another one.
    changed()
        A comparison began or ended.
    """

    found = Signal()
    changed = Signal()

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self.job: Job | None = None
        self.comparison: Comparison | None = None
        self.sentence = ""
        self._names = ("", "")
        self._is_alarm = False
        self._seen: dict[tuple[int, ...], tuple[str, Any]] = {}  # plane → name of the round, what it found
        self._last: Any = None
        self._watching: Job | None = None
        loop.segmentation_run.done.connect(self._watch)
        loop.album.leaving.connect(self.forget)
        loop.session.canvas.applied.connect(self._note_undo)

    def forget(self) -> None:
        """Forget what was compared: another image comes."""
        self.comparison, self.sentence, self._is_alarm = None, "", False
        self._seen.clear()
        hide_marks(self._loop.layers.viewer(), LAYER)
        self.found.emit()

    def compare(self, first: Any, second: Any) -> None:
        """Compare two rounds, the earlier one first, on the plane that is shown."""
        with self._loop.telling("Comparing"):
            session, plane = self._loop.session, self._loop.plane()
            self._loop.layers.settle()
            task = prepare_comparison(session.state, session.sizes.ask(), plane, (first, second))
            if self.job is not None:
                self.job.quit()
            self._names = (first.name, second.name)
            self.job = start_job(
                "comparing two rounds",
                task.run,
                completed=self._take,
                failed=self._loop.tell_failure,
                finished=self._ended,
                asks=False,
            )
            self.changed.emit()

    def show(self, comparison: Comparison) -> None:
        """Draw the differences over the image."""
        colours = {int(kind): colour for kind, colour in DIFFERENCE_COLOURS.items()}
        layers = self._loop.layers
        if layers.images:
            show_marks(layers.viewer(), LAYER, comparison.picture, colours, layers.images[0])

    def _take(self, comparison: Comparison) -> None:
        counts = [f"{comparison.count(kind)} {word}" for kind, word in _WORDS.items()]
        self.sentence = f"From “{self._names[0]}” to “{self._names[1]}”: {', '.join(counts)}."
        self.comparison, self._is_alarm = comparison, False
        self.show(comparison)
        self.found.emit()

    def _ended(self) -> None:
        self.job = None
        self.changed.emit()

    def _note_undo(self, action: Any, how: str) -> None:
        """Warn no more of objects that an undone segmentation broke."""
        if (
            how == "undo"
            and self._is_alarm
            and any(which is Which.SEGMENTATION for which, _ in action.changes)
        ):
            self.forget()

    # ---- the alarm -----------------------------------------------------------------------------------------

    def _watch(self) -> None:
        """See whether an annotated object that the round before got right is wrong now."""
        session, run = self._loop.session, self._loop.segmentation_run
        if session.labels_are is LabelsAre.CLASSES:
            return
        name = BUNDLED_NAME if session.current is None else session.current.name
        for plane, labels in run.found.items():
            before = self._seen.get(plane)
            self._seen.pop(plane, None)
            self._seen[plane] = (name, labels)
            if len(self._seen) > MOST_PLANES:
                self._seen.pop(next(iter(self._seen)))
            if before is None or before[0] == name or self._watching is not None:
                continue
            if before[1].shape != labels.shape:
                continue
            painted, marked = annotation_of(session.state, plane)
            earlier, self._last = before[1], (before[0], name)

            def run_in_thread(
                on_report: object,
                should_stop: object,
                labels: Any = labels,
                earlier: Any = earlier,
                painted: Any = painted,
                marked: Any = marked,
            ) -> Comparison:
                from napari_unet.objects.comparison import compare

                truth = Truth.of(painted, marked)
                return compare(earlier, labels, truth.objects, np.asarray(truth.known))

            self._watching = start_job(
                "looking for what broke",
                run_in_thread,
                completed=self._warn,
                failed=self._loop.tell_failure,
                finished=self._watched,
                asks=False,
            )

    def _warn(self, comparison: Comparison) -> None:
        n = comparison.count(Difference.BROKEN)
        if not n:
            return
        before, now = self._last
        objects = "An object" if n == 1 else f"{n} objects"
        was, is_, you = ("was", "is", "it") if n == 1 else ("were", "are", "them")
        self.sentence = (
            f"{objects} that you annotated or accepted {was} right in “{before}” and {is_} not in “{now}”. Your "
            f"annotation of {you} stays what is shown; go there, or use “{before}” again."
        )
        self.comparison, self._is_alarm = comparison, True
        self._loop.words.warn(self.sentence)
        self.show(comparison)
        self.found.emit()

    def _watched(self) -> None:
        self._watching = None
