"""Work on the disk that may take a while, one after the other, in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from qtpy.QtCore import QObject, Qt, Signal

from napari_unet.errors import UserError

_log = logging.getLogger("napari_unet")

_Errand = tuple[Callable[[], Any], Callable[[Any], None], Callable[[Exception], None]]


class Errands(QObject):
    """Functions that are run one after the other; their results come back on the window's thread.

    Not in Qt's pool: there, saving would wait while a training and a segmentation run.
    """

    _ended = Signal(object, object)

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
        self, work: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[Exception], None]
    ) -> None:
        """Run a function that touches no layer and no widget; tell what it returned, or why it failed."""
        self._waiting.append((work, done, failed))
        self._start_next()

    def end(self, timeout: float) -> None:
        """Forget what waits, and wait for what runs; nobody is told of it any more."""
        self._waiting.clear()
        self._current = None
        if self._thread is not None:
            self._thread.join(timeout)

    def _start_next(self) -> None:
        if self._current is None and self._waiting:
            self._current = self._waiting.popleft()
            self._thread = threading.Thread(
                target=self._work, args=(self._current[0],), name="project errand", daemon=True
            )
            self._thread.start()

    def _work(self, work: Callable[[], Any]) -> None:
        result, failure = None, None
        try:
            result = work()
        except Exception as error:  # the thread's boundary: whatever went wrong is told, never swallowed
            if not isinstance(error, UserError):
                _log.exception("an errand of the project failed")
            failure = error
        with suppress(RuntimeError):  # the window went meanwhile
            self._ended.emit(result, failure)

    def _take(self, result: Any, failure: Exception | None) -> None:
        if self._current is None:
            return
        _, done, failed = self._current
        self._current = None
        try:
            if failure is None:
                done(result)
            else:
                failed(failure)
        finally:
            self._start_next()
