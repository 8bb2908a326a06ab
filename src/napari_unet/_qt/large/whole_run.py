"""The segmentation of a whole large image, block by block into a folder, and the layer that shows what is done."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import Any

from napari.layers import Image, Labels
from qtpy.QtCore import QObject, Signal

from napari_unet._qt import colours
from napari_unet._qt.job import Job, start_job
from napari_unet._qt.large.view import box_in_view, lazy_of
from napari_unet._qt.layers.sources import OURS, plane_geometry
from napari_unet.project import recovery
from napari_unet.workflow.blocks.grid import Box

WORKING_MEMORY = 1e9
"""Bytes that blocks may take on top of what napari has taken already."""


class WholeRun(QObject):
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

    def __init__(self, loop: Any) -> None:
        super().__init__(loop)
        self._loop = loop
        self.job: Job | None = None
        self.progress = (0.0, "")
        self._view: Box | None = None
        self._image: weakref.ref[Image] | None = None
        self._layer: Labels | None = None
        self._folder = Path()
        loop.ended.connect(self.stop)

    def start(self, layer: Image, address: str) -> None:
        """Segment a large layer with the network in use.

        Parameters
        ----------
        address
            Of a scheduler whose workers compute; empty for this computer.

        Raises
        ------
        UserError
            When the layer has several planes, or there is no network that fits what is annotated.
        """
        session, image = self._loop.session, lazy_of(layer)
        task = None if session.image is None else session.prepare_segmentation()
        project = self._loop.keeping.project
        folder = project.folder if project is not None else recovery.recovery_folder()
        name = "".join(c if c.isalnum() or c in "-_ " else "_" for c in layer.name).strip() or "image"
        output = folder / "large" / f"{name}.zarr"
        self._image, self._layer, self._folder = weakref.ref(layer), None, output
        self._view = box_in_view(self._loop.layers.viewer(), layer)
        device = session.state.device

        def run(on_report: Any, should_stop: Any) -> Any:
            from napari_unet.network.bundled import bundled_for
            from napari_unet.workflow.blocks.segmentation import segment_blocks
            from napari_unet.workflow.cluster import connected
            from napari_unet.workflow.cluster_blocks import BlocksOnCluster

            model = bundled_for(image.shape[0]) if task is None else task.network
            per_image = model.description.magnification == "per image"
            with connected(address or None) as workers:
                return segment_blocks(
                    model,
                    image,
                    output,
                    object_size=None if task is None else task.size.answer(per_image),
                    on_top=WORKING_MEMORY,
                    device=device,
                    place=None if workers is None else BlocksOnCluster(workers),
                    on_progress=lambda fraction, words: on_report("progress", (fraction, words)),
                    should_stop=should_stop,
                    on_block=lambda box: on_report("block", box),
                    looked_at=lambda: self._view,
                    tell=lambda sentence: on_report("said", sentence),
                )

        self.progress = (0.0, "")
        self.job = start_job(
            "segmentation of the whole image",
            run,
            progressed=self._take,
            completed=self._finish,
            stopped=self._tell_stopped,
            failed=self._loop.words.tell_failure,
            finished=self._end,
        )
        self.changed.emit()

    def stop(self) -> None:
        """Ask for the end; blocks that are done are kept."""
        if self.job is not None:
            self.job.quit()

    def _take(self, reports: list[Any]) -> None:
        layer = self._image() if self._image is not None else None
        if layer is not None:
            self._view = box_in_view(self._loop.layers.viewer(), layer)
        for kind, what in reports:
            if kind == "progress":
                self.progress = what
            elif kind == "said":
                self._loop.words.say("info", what)
        if any(kind == "block" for kind, _ in reports):
            self._show_blocks()
        self.changed.emit()

    def _show_blocks(self) -> None:
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
        data = levels if len(levels) > 1 else levels[0]
        if self._layer is not None and self._layer in viewer.layers:
            self._layer.data = data
            return
        active = viewer.layers.selection.active
        self._layer = Labels(
            data,
            multiscale=len(levels) > 1,
            name=f"{image.name} segmented",
            colormap=colours.segmentation_colours(),
            metadata={OURS: "Whole", "path": str(folder)},
            **plane_geometry(image),
        )
        self._layer.editable = False
        images = [k for k, layer in enumerate(viewer.layers) if isinstance(layer, Image)]
        viewer.layers.insert(max(images, default=-1) + 1, self._layer)  # over the part, below what is painted
        if active is not None:
            viewer.layers.selection.active = active

    def _finish(self, done: Any) -> None:
        self._show(done.labels)
        for sentence in done.sentences:
            self._loop.words.warn(sentence)
        self._loop.words.say("info", f"{done.n_objects:,} objects in the whole image, kept in {done.labels}.")

    def _tell_stopped(self) -> None:
        self._loop.words.say(
            "info", "Stopped; what is done is kept, and “Segment the whole image” goes on there."
        )

    def _end(self) -> None:
        self.job = None
        self.changed.emit()


def whole_run_of(loop: Any) -> WholeRun:
    """Return the run of a loop; it stays when its dock is closed."""
    return loop.findChild(WholeRun) or WholeRun(loop)
