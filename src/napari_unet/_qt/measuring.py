"""Object size and scale, measured in a thread after the last stroke."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject, QTimer

from napari_unet._qt.job import Job, start_job
from napari_unet._qt.loop import Loop

_QUIET_MS = 300


class Measuring(QObject):
    """Keeps the session's measurement up to date; the newest annotation wins."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self._job: Job | None = None
        self._task: Any = None
        self._failed = False
        self._quiet = QTimer(self)
        self._quiet.setSingleShot(True)
        self._quiet.setInterval(_QUIET_MS)
        self._quiet.timeout.connect(self.measure)
        loop.edited.connect(self._try_again)
        loop.refreshed.connect(self._see_to_it)

    def measure(self) -> None:
        """Start to measure, unless nothing changed."""
        # Measuring would wait for what is being loaded; the loop refreshes when that is done.
        if self._job is not None or not self._loop.warming.done:
            return
        task = self._task = self._loop.session.sizes.prepare()
        if task is not None:
            self._job = start_job(
                "measuring objects",
                lambda on_report, should_stop: task.run(),
                completed=self._take,
                failed=self._fail,
                finished=self._ended,
                asks=False,
            )

    def _take(self, measured: Any) -> None:
        self._loop.session.finish_measuring(self._task, measured)

    def _fail(self, error: Exception) -> None:
        self._failed = True
        self._loop.tell_failure(error)

    def _ended(self) -> None:
        self._job = None
        if not self._failed:  # else it would fail again, and again; the next stroke is the next try
            self._see_to_it()

    def _try_again(self) -> None:
        self._failed = False
        self._quiet.start()

    def _see_to_it(self) -> None:
        if not (
            self._failed or self._quiet.isActive()
        ):  # many refreshes in a row must not put it off for ever
            self._quiet.start()
