"""A stack whose labels memory does not hold: segmented into a folder, and the layer that fills meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from napari.layers import Image
from qtpy.QtCore import QTimer

from napari_unet._qt.large.disk_run import DiskRun
from napari_unet._qt.layers.sources import geometry_of_axes
from napari_unet.session.stack_on_disk import StackOnDisk

_BETWEEN_LOOKS_MS = 300
"""The layer reads what it shows again at most so often, where a plane was done."""


class StackToDisk(DiskRun):
    """Planes of a stack, the one that is looked at first."""

    STOPPED = "Stopped; planes that are done are kept. The same button goes on there."
    CONTOUR = 2

    def __init__(self, loop: Any) -> None:
        super().__init__(loop)
        self._task: StackOnDisk | None = None
        self._seen = ""
        self._look = QTimer(self)
        self._look.setInterval(_BETWEEN_LOOKS_MS)
        self._look.timeout.connect(self._look_at_it)

    def start(self, planes: Sequence[tuple[int, ...]], averaging: str) -> None:
        """Segment these planes of the image, the first one first.

        Raises
        ------
        UserError
            When there is no network that fits the image and what is annotated.
        """
        task = self._task = StackOnDisk.of(self._loop.session, planes, self._results(), averaging)
        self._seen = ""
        self._begin(
            "segmentation of the stack",
            self._loop.layers.images[0],
            task.folder,
            lambda on_report, should_stop: task.run(self._note_progress, should_stop, on_report),
        )
        self._look.start()
        self._loop.words.say(
            "info",
            "Memory would not hold all labels of these planes: they are written to the disk, and shown as they come.",
        )

    def _note_progress(self, fraction: float, words: str) -> None:
        self.progress = fraction, words  # in the thread; the window looks at it now and then

    def _take(self, reports: list[str]) -> None:
        for sentence in reports:
            self._loop.words.say("info", sentence)

    def _look_at_it(self) -> None:
        words = self.progress[1]
        if words != self._seen:
            self._seen = words
            self._show_what_is_done()
        self.changed.emit()

    def _looks(self, image: Image) -> dict[str, Any]:
        assert self._task is not None
        return {
            "name": f"{self._task.folder.stem} segmented",
            **geometry_of_axes(image, list(self._task.axes)),
        }

    def _finish(self, done: Any) -> None:
        self._show(done.target)
        for sentence in done.sentences:
            self._loop.words.warn(sentence)
        self._loop.words.say("info", f"{done.found} in these planes, kept in {done.target}.")

    def _end(self) -> None:
        self._look.stop()
        super()._end()


def stack_run_of(loop: Any) -> StackToDisk:
    """Return the run of a loop; it stays when its dock is closed."""
    return loop.findChild(StackToDisk) or StackToDisk(loop)
