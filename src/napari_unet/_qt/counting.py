"""How many objects the plane that is shown has; after large changes it is counted in a thread."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_unet._qt.job import Job, start_job
from napari_unet._qt.layers.binding import Binding
from napari_unet._qt.words import Words
from napari_unet.session import Session
from napari_unet.session.counting import CountTask, ObjectCount


class Counting(QObject):
    """Counts the objects that are shown.

    Signals
    -------
    counted()
        The number is known now.
    """

    counted = Signal()

    def __init__(self, session: Session, layers: Binding, words: Words) -> None:
        super().__init__()
        self._layers, self._words = layers, words
        self._count = ObjectCount(session.canvas)
        self._job: Job | None = None
        self._task: CountTask | None = None

    def words(self) -> str:
        """Say how many there are; begins to count where that takes a while."""
        plane = self._layers.current_plane()
        n = 0 if plane is None else self._count.count(plane)
        if n is None and plane is not None and self._job is None:
            self._start(self._count.prepare(plane))
        return "counting …" if n is None else "1 object" if n == 1 else f"{n:,} objects"

    def _start(self, task: CountTask | None) -> None:
        if task is not None:
            self._task = task
            self._job = start_job(
                "counting objects",
                lambda _, should_stop: task.run(should_stop),
                completed=self._take,
                failed=self._words.tell_failure,
                finished=self._ended,
                asks=False,
            )

    def _take(self, found: Any) -> None:
        assert self._task is not None
        self._count.finish(self._task, found)

    def _ended(self) -> None:
        self._job, self._task = None, None
        self.counted.emit()
