"""A tool at work on all planes of an object: found out in a thread, done between two strokes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet._qt.job import Job, start_job
from napari_unet._qt.layers.binding import Binding
from napari_unet._qt.words import Words
from napari_unet.errors import UserError
from napari_unet.session import Session
from napari_unet.session.whole_objects import Whole, WholeTask

_STILL_DRAGGING_MS = 100


class WholeRun(QObject):
    """One at a time.

    Signals
    -------
    done()
        Something was corrected.
    """

    done = Signal()

    def __init__(self, session: Session, layers: Binding, words: Words) -> None:
        super().__init__()
        self._session, self._layers, self._words = session, layers, words
        self._job: Job | None = None
        self._task: WholeTask | None = None
        self._says: Callable[[int], str] = str
        self._found: Any = None
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_STILL_DRAGGING_MS)
        self._later.timeout.connect(lambda: self._take(self._found))

    def start(self, find: Callable[[], Whole], says: Callable[[int], str]) -> str:
        """Begin; return what is to be said meanwhile.

        Parameters
        ----------
        find
            Called in a thread; again if something was edited meanwhile.
        says
            What was done, by the number that came out.

        Raises
        ------
        UserError
            If another tool is at work still.
        """
        if self._task is not None:
            raise UserError("The last tool is still at work on other planes; try again in a moment.")
        self._says = says
        self._begin(find)
        return "At work on all planes of the object …"

    def _begin(self, find: Callable[[], Whole]) -> None:
        self._task = None  # also where it can't begin
        task = self._task = self._session.correcting.whole.prepare(find)
        self._job = start_job(
            "correcting all planes",
            lambda _, should_stop: task.find(),
            completed=self._take,
            failed=self._fail,
            finished=self._ended,
            asks=False,
        )

    def _take(self, found: Any) -> None:
        task, whole = self._task, self._session.correcting.whole
        assert task is not None
        if self._layers.dragging():  # never under the brush
            self._found = found
            self._later.start()
            return
        self._found = None
        if self._is_of_another_image(task):
            return
        self._layers.settle()
        with self._words.telling("Correcting"):
            if not whole.holds(task):  # a stroke, or an overlay, came in between
                self._begin(task.find)
                return
            self._task = None
            whole.do(found)
            self._words.say("info", self._says(found.n))
            self.done.emit()

    def _fail(self, error: Exception) -> None:
        task = self._task
        assert task is not None
        if self._is_of_another_image(task):
            return
        with self._words.telling("Correcting"):
            if not self._session.correcting.whole.holds(task):
                self._begin(task.find)  # it may have seen half of a change
                return
        self._task = None
        if isinstance(error, UserError):
            self._words.warn(str(error))
        else:
            self._words.tell_failure(error)

    def _is_of_another_image(self, task: WholeTask) -> bool:
        """Whether the image is another one by now: what was found is forgotten then."""
        if self._session.correcting.whole.is_of_this_image(task):
            return False
        self._task = None
        self._words.warn("Another image is open by now: nothing was corrected.")
        return True

    def _ended(self) -> None:
        self._job = None
