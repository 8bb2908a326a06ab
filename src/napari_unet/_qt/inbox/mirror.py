"""Looks at the mirror image of the plane that is shown, in a thread, when nothing else runs."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet._qt.job import Job, start_job
from napari_unet._qt.loop import Loop

_QUIET_MS = 500


class Mirror(QObject):
    """Begins when a plane was looked through; gives way to trainings and segmentations.

    Signals
    -------
    seen()
        The inbox knows of the mirror image now.
    """

    seen = Signal()

    def __init__(self, loop: Loop, parent: QObject) -> None:
        super().__init__(parent)
        self._loop = loop
        self._job: Job | None = None
        self._task: Any = None
        self._failing: Any = None  # what would fail again, and again
        self._over = False
        self._quiet = QTimer(self)
        self._quiet.setSingleShot(True)
        self._quiet.setInterval(_QUIET_MS)
        self._quiet.timeout.connect(self._look)
        loop.training_run.changed.connect(self.see_to_it)
        loop.segmentation_run.changed.connect(self.see_to_it)
        loop.album.leaving.connect(self._stop)
        loop.ended.connect(self._end)

    def see_to_it(self) -> None:
        """Look soon, where nothing else runs; stop where something began."""
        if self._over or self._is_busy():
            self._stop()
        else:
            self._quiet.start()

    def _is_busy(self) -> bool:
        loop = self._loop
        return loop.training is not None or loop.segmentation is not None or loop.live_run.is_on

    def _look(self) -> None:
        plane = self._loop.layers.current_plane()
        if plane is None or self._is_busy() or self._loop.session.image is None:
            return
        if self._job is not None:
            if self._task.plane != plane:
                self._job.quit()  # looked away
            return
        task = self._loop.session.inbox.prepare_mirror(plane)
        if task is not None and task.stored is not self._failing:
            self._task = task
            self._job = start_job(
                "looking at the mirror image",
                lambda _, should_stop: task.run(should_stop),
                completed=self._take,
                failed=self._failed,
                finished=self._ended,
                asks=False,
            )

    def _take(self, seen: Any) -> None:
        self._loop.session.inbox.finish_mirror(self._task, seen)
        if self._task.plane == self._loop.layers.current_plane():
            self.seen.emit()

    def _failed(self, error: Exception) -> None:
        self._failing = self._task.stored  # the log has the reason: the inbox is as good as it was

    def _ended(self) -> None:
        self._job = None
        self.see_to_it()  # another plane may be shown by now

    def _stop(self) -> None:
        self._quiet.stop()
        if self._job is not None:
            self._job.quit()

    def _end(self) -> None:
        self._over = True
        self._stop()
