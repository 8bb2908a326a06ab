"""A stack whose labels memory does not hold: segmented into a folder, and the layer that fills meanwhile."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari.layers import Image, Labels
from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet._qt import colours
from napari_unet._qt.job import Job, start_job
from napari_unet._qt.layers.sources import OURS, geometry_of_axes
from napari_unet.project import recovery
from napari_unet.session.stack_on_disk import StackOnDisk

_BETWEEN_LOOKS_MS = 300
"""The layer reads what it shows again at most so often, where a plane was done."""


class StackToDisk(QObject):
    """One stack at a time; what is done stays on disk, and the next start goes on there.

    Attributes
    ----------
    progress
        Fraction and words of the last report.

    Signals
    -------
    changed()
        It began, went on or ended.
    """

    changed = Signal()

    def __init__(self, loop: Any) -> None:
        super().__init__(loop)
        self._loop = loop
        self.job: Job | None = None
        self.progress = (0.0, "")
        self._task: StackOnDisk | None = None
        self._image: weakref.ref[Image] | None = None
        self._layer: Labels | None = None
        self._seen = ""
        self._look = QTimer(self)
        self._look.setInterval(_BETWEEN_LOOKS_MS)
        self._look.timeout.connect(self._look_at_it)
        loop.ended.connect(self.stop)

    def start(self, planes: Sequence[tuple[int, ...]], averaging: str) -> None:
        """Segment these planes of the image, the first one first.

        Raises
        ------
        UserError
            When there is no network that fits the image and what is annotated.
        """
        project = self._loop.keeping.project
        folder = project.folder if project is not None else recovery.recovery_folder()
        task = self._task = StackOnDisk.of(self._loop.session, planes, folder / "large", averaging)
        self._image, self._layer = weakref.ref(self._loop.layers.images[0]), None
        self._seen, self.progress = "", (0.0, "")
        self.job = start_job(
            "segmentation of the stack",
            lambda on_report, should_stop: task.run(self._note_progress, should_stop, on_report),
            progressed=self._say,
            completed=self._finish,
            stopped=self._tell_stopped,
            failed=self._loop.words.tell_failure,
            finished=self._end,
        )
        self._look.start()
        self._loop.words.say(
            "info",
            "Memory would not hold all labels of these planes: they are written to the disk, and shown as they come.",
        )
        self.changed.emit()

    def stop(self) -> None:
        """Ask for the end; planes that are done are kept."""
        if self.job is not None:
            self.job.quit()

    def _note_progress(self, fraction: float, words: str) -> None:
        self.progress = fraction, words  # in the thread; the window looks at it now and then

    def _say(self, sentences: list[str]) -> None:
        for sentence in sentences:
            self._loop.words.say("info", sentence)

    def _look_at_it(self) -> None:
        words = self.progress[1]
        if words != self._seen:
            self._seen = words
            self._show_what_is_done()
        self.changed.emit()

    def _show_what_is_done(self) -> None:
        from napari_unet.workflow.blocks.segmentation import unfinished_of

        if self._task is None:
            return
        if self._layer is None:
            self._show(unfinished_of(self._task.folder))
        elif self._layer in self._loop.layers.viewer().layers:
            self._layer.refresh(extent=False, thumbnail=False)

    def _show(self, folder: Path) -> None:
        from napari_unet.formats.ome_pyramid import Pyramid

        image = self._image() if self._image is not None else None
        viewer, task = self._loop.layers.viewer(), self._task
        if image is None or viewer is None or task is None or not (folder / ".zattrs").is_file():
            return
        data = Pyramid(folder).levels[0]
        if self._layer is not None and self._layer in viewer.layers:
            self._layer.data = data
            return
        active = viewer.layers.selection.active
        self._layer = Labels(
            data,
            name=f"{task.folder.stem} segmented",
            colormap=colours.segmentation_colours(),
            metadata={OURS: "Stack", "path": str(folder)},
            **geometry_of_axes(image, list(task.axes)),
        )
        self._layer.contour = 2
        self._layer.editable = False
        viewer.layers.insert(viewer.layers.index(image) + 1, self._layer)
        if active is not None:
            viewer.layers.selection.active = active

    def _finish(self, done: Any) -> None:
        self._show(done.target)
        for sentence in done.sentences:
            self._loop.words.warn(sentence)
        self._loop.words.say("info", f"{done.found} in these planes, kept in {done.target}.")

    def _tell_stopped(self) -> None:
        self._show_what_is_done()
        self._loop.words.say("info", "Stopped; planes that are done are kept. The same button goes on there.")

    def _end(self) -> None:
        self.job = None
        self._look.stop()
        self.changed.emit()


def stack_run_of(loop: Any) -> StackToDisk:
    """Return the run of a loop; it stays when its dock is closed."""
    return loop.findChild(StackToDisk) or StackToDisk(loop)
