"""The segmentation of a whole large image, block by block into a folder, and the layer that shows what is done."""

from __future__ import annotations

from typing import Any

from napari.layers import Image

from napari_unet._qt.large.disk_run import DiskRun
from napari_unet._qt.large.view import box_in_view, lazy_of
from napari_unet._qt.layers.sources import plane_geometry
from napari_unet.workflow.blocks.grid import Box

WORKING_MEMORY = 1e9
"""Bytes that blocks may take on top of what napari has taken already."""


class WholeRun(DiskRun):
    """A large image in blocks, those one looks at first."""

    STOPPED = "Stopped; what is done is kept, and “Segment the whole image” goes on there."

    def __init__(self, loop: Any) -> None:
        super().__init__(loop)
        self._view: Box | None = None

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
        name = "".join(c if c.isalnum() or c in "-_ " else "_" for c in layer.name).strip() or "image"
        output = self._results() / f"{name}.zarr"
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

        self._begin("segmentation of the whole image", layer, output, run)

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
            self._show_what_is_done()
        self.changed.emit()

    def _looks(self, image: Image) -> dict[str, Any]:
        return {"name": f"{image.name} segmented", **plane_geometry(image)}

    def _finish(self, done: Any) -> None:
        self._show(done.labels)
        for sentence in done.sentences:
            self._loop.words.warn(sentence)
        self._loop.words.say("info", f"{done.n_objects:,} objects in the whole image, kept in {done.labels}.")


def whole_run_of(loop: Any) -> WholeRun:
    """Return the run of a loop; it stays when its dock is closed."""
    return loop.findChild(WholeRun) or WholeRun(loop)
