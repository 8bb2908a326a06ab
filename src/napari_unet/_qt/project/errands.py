"""Work on the disk that may take a while, one after the other, in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QObject, Qt, Signal

from napari_unet.errors import UserError

_log = logging.getLogger("napari_unet")

PATIENCE = 3.0
"""Seconds that the end of the window waits for what may be left half done."""


@dataclass(eq=False)
class _Errand:
    work: Callable[[], Any]
    done: Callable[[Any], None]
    failed: Callable[[Exception], None]
    at_end: Callable[[Any], None] | None
    result: Any = None
    failure: Exception | None = None

    def run(self) -> None:
        try:
            self.result = self.work()
        except Exception as error:  # the thread's boundary: whatever went wrong is told, never swallowed
            if not isinstance(error, UserError):
                _log.exception("an errand of the project failed")
            self.failure = error


class Errands(QObject):
    """Functions that are run one after the other; their results come back on the window's thread.

    Not in Qt's pool: there, saving would wait while a training and a segmentation run.
    """

    _ended = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._waiting: deque[_Errand] = deque()
        self._current: _Errand | None = None
        self._thread: threading.Thread | None = None
        self._ended.connect(self._take, Qt.ConnectionType.QueuedConnection)

    @property
    def busy(self) -> bool:
        """Whether something runs or waits."""
        return self._current is not None or bool(self._waiting)

    def run(
        self,
        work: Callable[[], Any],
        done: Callable[[Any], None],
        failed: Callable[[Exception], None],
        at_end: Callable[[Any], None] | None = None,
    ) -> None:
        """Run a function that touches no layer and no widget.

        Parameters
        ----------
        done, failed
            Told what it returned, or why it failed.
        at_end
            What to do with the result, instead, when the window goes meanwhile; without it the function is not begun
            any more then.
        """
        self._waiting.append(_Errand(work, done, failed, at_end))
        self._start_next()

    def end(self) -> None:
        """Bring to an end what must not be left half done; wait for it."""
        errand, self._current = self._current, None
        if errand is not None and self._thread is not None:
            self._thread.join(None if errand.at_end is not None else PATIENCE)
            _end(errand)
        while self._waiting:
            errand = self._waiting.popleft()
            if errand.at_end is not None:
                errand.run()
                _end(errand)

    def _start_next(self) -> None:
        if self._current is None and self._waiting:
            self._current = self._waiting.popleft()
            self._thread = threading.Thread(
                target=self._work, args=(self._current,), name="project errand", daemon=True
            )
            self._thread.start()

    def _work(self, errand: _Errand) -> None:
        errand.run()
        with suppress(RuntimeError):  # the window went meanwhile
            self._ended.emit()

    def _take(self) -> None:
        errand, self._current = self._current, None
        if errand is None:
            return
        try:
            if errand.failure is None:
                errand.done(errand.result)
            else:
                errand.failed(errand.failure)
        finally:
            self._start_next()


def _end(errand: _Errand) -> None:
    if errand.failure is None and errand.at_end is not None:
        errand.at_end(errand.result)
