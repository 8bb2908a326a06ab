"""Objects made anew from stored probabilities while a slider moves."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet._qt.job import Job, start_job
from napari_unet._qt.loop import Loop
from napari_unet.objects.separate import SeparationSettings

_QUIET_MS = 80


class SeparationRun(QObject):
    """Makes objects in a thread; while some are made, only the newest wish waits.

    Signals
    -------
    shown()
        Objects of the newest settings are shown.
    """

    shown = Signal()

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self._job: Job | None = None
        self._task: Any = None
        self.wanted: SeparationSettings | None = None
        self._quiet = QTimer(self)
        self._quiet.setSingleShot(True)
        self._quiet.setInterval(_QUIET_MS)
        self._quiet.timeout.connect(self._start)

    def want(self, settings: SeparationSettings) -> None:
        """Make objects with these settings as soon as no newer ones come."""
        self.wanted = settings
        self._quiet.start()

    def _start(self) -> None:
        if self.wanted is None or self._job is not None:
            return
        if self._loop.layers.dragging():  # nothing changes under the brush
            self._quiet.start()
            return
        settings, self.wanted = self.wanted, None
        if self._loop.live_run.is_on:  # the overlay that is shown is not made of what is stored
            self._loop.session.separating.settings = settings
            self._loop.live_run.live.refresh()
            self._loop.refresh_soon()
            return
        with self._loop.telling("Making objects"):
            self._loop.layers.settle()
            task = self._loop.session.segmenting.prepare_separation(settings, self._loop.plane())
            if task is not None:
                self._task = task
                self._job = start_job(
                    "making objects",
                    lambda on_report, should_stop: task.run(),
                    completed=self._show,
                    failed=self._loop.tell_failure,
                    finished=self._end,
                    asks=False,
                )
        self._loop.refresh_soon()

    def _show(self, made: Any) -> None:
        if self.wanted is not None:  # a newer one follows
            return
        if self._loop.layers.dragging():
            self.want(self._task.settings)
            return
        with self._loop.telling("Making objects"):
            why_empty = self._loop.session.segmenting.finish_separation(self._task, made)
            self._loop.segmentation_run.empty_sentence = why_empty
            self.shown.emit()
        self._loop.refresh_soon()

    def _end(self) -> None:
        self._job = None
        self._start()
