"""The segmentation that runs, from its start to the layer that shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet._qt.job import Job, start_job
from napari_unet._qt.layers.binding import Binding
from napari_unet._qt.words import Words
from napari_unet.session import Session

_STILL_DRAGGING_MS = 100


class SegmentationRun(QObject):
    """One segmentation at a time.

    Attributes
    ----------
    n_done
        How many were shown so far.
    empty_sentence
        Why the last one found nothing, or what else one should know of it.

    Signals
    -------
    progressed(float, str)
        Done so far, 0–1, and what is being done.
    done()
        A segmentation is shown.
    changed()
        It began or ended.
    """

    progressed = Signal(float, str)
    done = Signal()
    changed = Signal()

    def __init__(self, session: Session, layers: Binding, words: Words) -> None:
        super().__init__()
        self._session, self._layers, self._words = session, layers, words
        self.job: Job | None = None
        self.n_done = 0
        self.empty_sentence: str | None = None
        self._task: Any = None
        self._showing: Job | None = None
        self._settled: Any = None
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_STILL_DRAGGING_MS)
        self._later.timeout.connect(lambda: self._finish(self._settled))

    def start(self, planes: Sequence[tuple[int, ...]] | None, averaging: str) -> None:
        """Segment these planes, all where None.

        Raises
        ------
        UserError
            When there is no image, no network yet, or they do not fit.
        """
        self._task = self._session.prepare_segmentation(planes, averaging)
        self.job = start_job(
            "segmentation",
            self._task.run,
            progressed=self._take_progress,
            completed=self._settle,
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
        self.empty_sentence = None

    def abandon(self) -> None:
        """Ask for the end and forget it: the window goes."""
        self.stop()
        self.job = self._showing = None

    def _take_progress(self, reports: list[Any]) -> None:
        fraction, message = reports[-1]
        self.progressed.emit(float(fraction), str(message))

    def _settle(self, result: Any) -> None:
        """Prepare what is shown in a thread too: large planes take tenths of a second."""
        if self._task.generation != self._session.state.generation:  # another image is open by now
            return
        showing = self._session.segmenting.prepare_showing(self._task, result)
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
        with self._words.telling("Showing the segmentation"):
            sentences = self._session.segmenting.finish_showing(*settled)
            self.n_done += 1
            self.empty_sentence = " ".join(sentences) or None
            for sentence in sentences:
                self._words.warn(sentence)
            self.done.emit()

    def _tell_stopped(self) -> None:
        self._words.say("info", "Segmentation stopped; nothing was changed.")

    def _end(self) -> None:
        self.job = self._showing
        self.changed.emit()

    def _end_showing(self) -> None:
        self.job = self._showing = None
        self.changed.emit()
