"""The segmentation that runs, from its start to the layer that shows its planes as they come."""

from __future__ import annotations

from collections.abc import Sequence
from queue import SimpleQueue
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet._qt.job import Job, start_job
from napari_unet._qt.layers.binding import Binding
from napari_unet._qt.linking_run import LinkingRun
from napari_unet._qt.words import Words
from napari_unet.session import Session
from napari_unet.session.plane_words import PlaneWords

_STILL_DRAGGING_MS = 100
_BETWEEN_LOOKS_MS = 100

_PIXELS_AT_ONCE = 2_000_000
"""Planes that are shown together hold no more pixels than this, so that the window stays quick; a plane is one."""


class SegmentationRun(QObject):
    """One segmentation at a time.

    Attributes
    ----------
    linking
        What links planes after each segmentation, where that is chosen.
    job
        The network at work, or the last planes on their way into the window.
    n_done
        How often something was shown so far.
    found
        What the network found on the planes that were shown last, without the annotation on top.
    empty_sentence
        Why the last one found nothing, or what else one should know of it.

    Signals
    -------
    progressed(float, str)
        Done so far, 0–1, and what is being done.
    done()
        Planes are shown that were not before.
    changed()
        It began or ended, or the linking did.
    """

    progressed = Signal(float, str)
    done = Signal()
    changed = Signal()

    def __init__(self, session: Session, layers: Binding, words: Words) -> None:
        super().__init__()
        self._session, self._layers, self._words = session, layers, words
        self.linking = LinkingRun(session, layers, words)
        self.linking.changed.connect(self.changed)
        self.job: Job | None = None
        self.n_done = 0
        self.empty_sentence: str | None = None
        self.found: dict[tuple[int, ...], Any] = {}
        self._task: Any = None
        self._running = False
        self._came: SimpleQueue[tuple[tuple[int, ...], Any]] = SimpleQueue()
        self._waiting: dict[tuple[int, ...], Any] = {}
        self._showing: Job | None = None
        self._settled: Any = None
        self._said = PlaneWords()
        self._n_shown = 0
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_STILL_DRAGGING_MS)
        self._later.timeout.connect(lambda: self._finish(self._settled))
        self._look = QTimer(self)
        self._look.setInterval(_BETWEEN_LOOKS_MS)
        self._look.timeout.connect(self._show_next)

    def start(self, planes: Sequence[tuple[int, ...]] | None, averaging: str) -> None:
        """Segment these planes in this order, all where None.

        Raises
        ------
        UserError
            When there is no image, no network yet, or they do not fit.
        """
        task = self._task = self._session.prepare_segmentation(planes, averaging)
        came = self._came = SimpleQueue()
        self._waiting, self._said, self._n_shown = {}, PlaneWords(), 0
        self._running = True
        self._look.start()
        self.job = start_job(
            "segmentation",
            lambda on_report, should_stop: task.run(on_report, should_stop, lambda *done: came.put(done)),
            progressed=self._take_progress,
            completed=self._note_completed,
            stopped=self._tell_stopped,
            failed=self._words.tell_failure,
            finished=self._end,
        )

    def stop(self) -> None:
        """Ask for the end; planes that are done are shown."""
        if self.job is not None:
            self.job.quit()

    def leave_image(self) -> None:
        """Ask for the end, and forget what was found: another image comes."""
        self.stop()
        self._waiting.clear()
        self.empty_sentence = None

    def abandon(self) -> None:
        """Ask for the end and forget it: the window goes."""
        self.stop()
        self.linking.abandon()
        self._look.stop()
        self._waiting.clear()
        self.job = self._showing = None

    def _take_progress(self, reports: list[Any]) -> None:
        fraction, message = reports[-1]
        self.progressed.emit(float(fraction), str(message))

    def _show_next(self) -> None:
        """Prepare what is shown in a thread too: large planes take tenths of a second."""
        if self._showing is not None or self._settled is not None:
            return
        while not self._came.empty():
            plane, segmented = self._came.get()
            self._waiting[plane] = segmented
        if self._task.generation != self._session.state.generation:  # another image is open by now
            self._waiting.clear()
        batch, n_pixels = {}, 0
        while self._waiting and (not batch or n_pixels < _PIXELS_AT_ONCE):
            plane = next(iter(self._waiting))
            batch[plane] = self._waiting.pop(plane)
            n_pixels += batch[plane].labels.size
        if not batch:
            self._close_if_all_is_shown()
            return
        showing = self._session.segmenting.prepare_showing(self._task, batch)
        self._showing = start_job(
            "showing the segmentation",
            lambda on_report, should_stop: (showing, showing.run()),
            completed=self._finish,
            failed=self._words.tell_failure,
            finished=self._end_showing,
            asks=False,
        )

    def _finish(self, settled: Any) -> None:
        if self._layers.dragging():  # never replace a layer under the brush
            self._settled = settled
            self._later.start()
            return
        waited, self._settled = self._settled is not None, None
        with self._words.telling("Showing the segmentation"):
            showing, _ = settled
            self._session.segmenting.finish_showing(*settled)
            self._said.take(showing.result)
            self._n_shown += len(showing.result)
            self.n_done += 1
            self.found = {plane: segmented.labels for plane, segmented in showing.result.items()}
            self.done.emit()
        if waited:
            self._show_next()

    def _tell_stopped(self) -> None:
        self._words.say("info", "Segmentation stopped; nothing was changed.")

    def _note_completed(self, left: Any) -> None:
        """All planes came one by one: nothing is left."""

    def _end(self) -> None:
        self._running = False
        self._show_next()

    def _end_showing(self) -> None:
        self._showing = None
        self._show_next()

    def _close_if_all_is_shown(self) -> None:
        if self._running or self.job is None:
            return
        self._look.stop()
        self.job = None
        if self._n_shown:
            last = self._session.segmenting.last_words(self._task, self._said.found_any)
            sentences = [*last, *self._said.all()]
            self.empty_sentence = " ".join(sentences) or None
            for sentence in sentences:
                self._words.warn(sentence)
            self.linking.start()
        self.changed.emit()
