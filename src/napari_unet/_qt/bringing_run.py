"""Labels on their way into the segmentation: made ready in a thread, then shown a few planes at a time."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet._qt.job import Job, start_job
from napari_unet._qt.layers.binding import Binding
from napari_unet._qt.words import Words
from napari_unet.session import Session
from napari_unet.session.bringing_in import BringingIn, Brought

_PIXELS_AT_ONCE = 2_000_000
_BETWEEN_MS = 5
_STILL_DRAGGING_MS = 100


class BringingRun(QObject):
    """One label image at a time.

    Signals
    -------
    shown(int)
        All of it is shown; so many objects or classes it holds.
    ended()
        It is shown, or could not be.
    """

    shown = Signal(int)
    ended = Signal()

    def __init__(self, session: Session, layers: Binding, words: Words, parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._layers, self._words = session, layers, words
        self._job: Job | None = None
        self._task: BringingIn | None = None
        self._brought: Brought | None = None
        self._left: list[Any] = []
        self._n = 0
        self._next = QTimer(self)
        self._next.setSingleShot(True)
        self._next.timeout.connect(self._show_some)

    @property
    def is_running(self) -> bool:
        """Whether labels are on their way."""
        return self._task is not None

    def start(self, task: BringingIn) -> None:
        """Begin, where none is on its way."""
        self._n = 0
        self._begin(task)

    def stop(self) -> None:
        """Leave it: the window goes, or another image comes."""
        self._next.stop()
        self._task = self._brought = None
        if self._job is not None:
            self._job.quit()
        else:
            self._end()

    def _begin(self, task: BringingIn) -> None:
        self._task, self._brought = task, None
        self._job = start_job(
            "taking labels",
            lambda _, should_stop: task.run(should_stop),
            completed=self._take,
            failed=self._words.tell_failure,
            finished=self._job_ended,
        )

    def _take(self, brought: Any) -> None:
        if self._task is not None:
            self._brought, self._left = brought, list(brought.changes)
            self._n = self._n or brought.n_values

    def _job_ended(self) -> None:
        self._job = None
        if self._brought is not None:
            self._show_some()
        else:  # it failed, or nobody waits for it any more
            self._end()

    def _show_some(self) -> None:
        if self._layers.dragging():
            self._next.start(_STILL_DRAGGING_MS)
            return
        with self._words.telling("Showing the labels"):
            if self._goes_on():
                return
        self._end()

    def _goes_on(self) -> bool:
        """Show some planes; tell whether there is more to come."""
        task, brought, state = self._task, self._brought, self._session.state
        if task is None or brought is None:
            return False
        self._layers.settle()
        if not task.holds(state):  # a stroke came in between
            self._begin(task.again(state, brought, [tuple(c.offset[:-2]) for c in self._left]))
            return True
        some, n_pixels = [], 0
        while self._left and (not some or n_pixels < _PIXELS_AT_ONCE):
            some.append(self._left.pop(0))
            n_pixels += some[-1].new.size
        task.show(state, some)
        if self._left:
            self._next.start(_BETWEEN_MS)
            return True
        self.shown.emit(self._n)
        return False

    def _end(self) -> None:
        self._task, self._brought, self._left = None, None, []
        self.ended.emit()
