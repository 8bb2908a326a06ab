"""A segmentation into a folder while the window is used, and the layer that shows what is done."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import Any

from napari.layers import Image, Labels
from qtpy.QtCore import QObject, Signal

from napari_unet._qt import colours
from napari_unet._qt.job import Job, start_job
from napari_unet._qt.layers.sources import OURS
from napari_unet.project import recovery


class DiskRun(QObject):
    """One image at a time; what is done stays on disk, and the next start goes on there.

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
    STOPPED = ""
    """What is said after Stop."""
    CONTOUR = 0
    """Width (px) of the outlines that the layer shows; 0 shows areas."""

    def __init__(self, loop: Any) -> None:
        super().__init__(loop)
        self._loop = loop
        self.job: Job | None = None
        self.progress = (0.0, "")
        self._image: weakref.ref[Image] | None = None
        self._layer: Labels | None = None
        self._folder = Path()
        loop.ended.connect(self.stop)

    def stop(self) -> None:
        """Ask for the end; what is done is kept."""
        if self.job is not None:
            self.job.quit()

    # ---- for those that run --------------------------------------------------------------------------------

    def _results(self) -> Path:
        """Return the folder of large results: in the project, or where one would be begun."""
        project = self._loop.keeping.project
        return (project.folder if project is not None else recovery.recovery_folder()) / "large"

    def _begin(self, what: str, image: Image, folder: Path, run: Any) -> None:
        """Run it in a thread, with its results in this folder."""
        self._image, self._layer, self._folder = weakref.ref(image), None, folder
        self.progress = (0.0, "")
        self.job = start_job(
            what,
            run,
            progressed=self._take,
            completed=self._finish,
            stopped=self._tell_stopped,
            failed=self._loop.words.tell_failure,
            finished=self._end,
        )
        self.changed.emit()

    def _take(self, reports: list[Any]) -> None:
        """Take what was reported since the last time; on the window's thread."""
        raise NotImplementedError

    def _finish(self, done: Any) -> None:
        """Show what came out, and say so."""
        raise NotImplementedError

    def _looks(self, image: Image) -> dict[str, Any]:
        """Return name and place of the layer, as napari takes them."""
        raise NotImplementedError

    def _tell_stopped(self) -> None:
        self._show_what_is_done()
        self._loop.words.say("info", self.STOPPED)

    def _end(self) -> None:
        self.job = None
        self.changed.emit()

    def _show_what_is_done(self) -> None:
        from napari_unet.workflow.blocks.segmentation import unfinished_of

        if self._layer is None:
            self._show(unfinished_of(self._folder))
        elif self._layer in self._loop.layers.viewer().layers:
            self._layer.refresh(extent=False, thumbnail=False)

    def _show(self, folder: Path) -> None:
        from napari_unet.formats.ome_pyramid import Pyramid

        image = self._image() if self._image is not None else None
        viewer = self._loop.layers.viewer()
        if image is None or viewer is None or not (folder / ".zattrs").is_file():
            return
        levels = Pyramid(folder).levels
        data = levels if len(levels) > 1 and levels[0].ndim == 2 else levels[0]
        if self._layer is not None and self._layer in viewer.layers:
            self._layer.data = data
            return
        active = viewer.layers.selection.active
        self._layer = Labels(
            data,
            multiscale=isinstance(data, list),
            colormap=colours.segmentation_colours(),
            metadata={OURS: "Whole", "path": str(folder)},
            **self._looks(image),
        )
        self._layer.contour = self.CONTOUR
        self._layer.editable = False
        images = [k for k, layer in enumerate(viewer.layers) if isinstance(layer, Image)]
        viewer.layers.insert(
            max(images, default=-1) + 1, self._layer
        )  # over the images, below what is painted
        if active is not None:
            viewer.layers.selection.active = active
