"""Planes that are linked: in a thread, then shown a few at a time."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet._qt.job import Job, start_job
from napari_unet._qt.layers.binding import Binding
from napari_unet._qt.words import Words
from napari_unet.session import Session

_PIXELS_AT_ONCE = 2_000_000
_BETWEEN_MS = 5
_STILL_DRAGGING_MS = 100


class LinkingRun(QObject):
    """One linking at a time; what is asked for meanwhile comes afterwards.

    Signals
    -------
    progressed(float)
        Done so far, 0–1.
    changed()
        It began or ended.
    """

    progressed = Signal(float)
    changed = Signal()

    def __init__(self, session: Session, layers: Binding, words: Words) -> None:
        super().__init__()
        self._session, self._layers, self._words = session, layers, words
        self.job: Job | None = None
        self._task: Any = None
        self._result: Any = None
        self._left: list[Any] = []
        self._again = False
        self._next = QTimer(self)
        self._next.setSingleShot(True)
        self._next.timeout.connect(self._show_some)

    def start(self) -> None:
        """Link what is segmented as it was chosen; do nothing where nothing is to be linked."""
        if self.job is not None:
            self._again = True
            self.job.quit()
            return
        self._task, self._result = self._session.segmenting.linking.prepare(), None
        if self._task is None:
            return
        self.job = start_job(
            "linking planes",
            self._task.run,
            progressed=self._take_progress,
            completed=self._take_result,
            failed=self._words.tell_failure,
            finished=self._begin_to_show,
        )
        self.changed.emit()

    def stop(self) -> None:
        """Ask for the end; nothing is changed, or what is shown already stays."""
        self._again = False
        if self.job is not None:
            self.job.quit()

    def abandon(self) -> None:
        """Forget it: the window goes."""
        self.stop()
        self._next.stop()
        self.job, self._left = None, []

    def _take_progress(self, reports: list[Any]) -> None:
        self.progressed.emit(float(reports[-1][0]))

    def _take_result(self, result: Any) -> None:
        self._result = result
        self._left = list(result.changes)

    def _begin_to_show(self) -> None:
        if self._result is None:  # stopped, or failed
            self._end()
        else:
            self._again = self._again or not self._result.complete
            self._show_some()

    def _show_some(self) -> None:
        if self._layers.dragging():
            self._next.start(_STILL_DRAGGING_MS)
            return
        some, n_pixels = [], 0
        while self._left and (not some or n_pixels < _PIXELS_AT_ONCE):
            some.append(self._left.pop(0))
            n_pixels += some[-1].new.size
        with self._words.telling("Linking planes"):
            fits = self._session.segmenting.linking.show(self._task, some)
            self._again = self._again or not fits
        if self._left:
            self._next.start(_BETWEEN_MS)
            return
        self._session.segmenting.linking.finish(self._task, self._result)
        self._end()

    def _end(self) -> None:
        self.job, self._left = None, []
        if self._again:
            self._again = False
            self.start()
        self.changed.emit()
