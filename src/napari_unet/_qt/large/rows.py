"""What the dock shows while a large image is open: work on a part of it, and segment all of it."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QProgressBar, QVBoxLayout, QWidget

from napari_unet._qt.job import Job, start_job
from napari_unet._qt.large.view import chosen_large, lazy_of, part_in_view, part_layer, read_part
from napari_unet._qt.large.whole_run import whole_run_of
from napari_unet._qt.layers.sources import spatial_shape
from napari_unet._qt.loop import Loop
from napari_unet._qt.rows import button, hint, row
from napari_unet._qt.run_on import RunOn


class PartRow(QWidget):
    """Under Image: take the part that one looks at as the image to paint on and to train from."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self._job: Job | None = None
        self.words = hint()
        self.take = button(
            "Work on the part in view",
            "Copy what is in view, at most 2048 × 2048 px at full resolution, to a layer of its own on top: paint "
            "there, train, look at the result. The whole image is segmented under Segment.",
            self._take,
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.words)
        layout.addWidget(row(self.take))

    def refresh(self) -> None:
        """Show which image is meant; hide where none is large."""
        layer = chosen_large(self._loop.layers.viewer())
        self.setVisible(layer is not None)
        if layer is None:
            return
        height, width = spatial_shape(layer)[-2:]
        self.words.setText(
            f"“{layer.name}” has {width:,} × {height:,} px: zoom to some of its cells, and work on that part."
        )
        self.take.setEnabled(self._job is None)

    def _take(self) -> None:
        layer = chosen_large(self._loop.layers.viewer())
        if layer is None:
            return
        with self._loop.telling("Taking the part"):
            image = lazy_of(layer)
            box = part_in_view(self._loop.layers.viewer(), layer, (image.shape[1], image.shape[2]))
            self._job = start_job(
                "reading a part",
                lambda on_report, should_stop: (layer, read_part(image, box), box),
                completed=self._show,
                failed=self._loop.words.tell_failure,
                finished=self._end,
                asks=False,
            )
            self.take.setEnabled(False)

    def _show(self, read: tuple[Any, Any, Any]) -> None:
        with self._loop.telling("Taking the part"):
            made = part_layer(*read)
            self._loop.layers.viewer().add_layer(made)
            if self._loop.layers.images != [made]:  # as the only image it is chosen by itself
                self._loop.layers.choose_images([made])
            self._loop.say("info", f"“{made.name}” is the image now: paint and train on it.")
        self._loop.refresh_soon()

    def _end(self) -> None:
        self._job = None
        self._loop.refresh_soon()


class WholeRow(QWidget):
    """Under Segment: all of a large image, here or on other computers."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self._run = whole_run_of(loop)
        self.segment = button(
            "Segment the whole image",
            "Block by block, what is in view first; the result is kept in the project's folder as OME-Zarr, and shown "
            "as it comes. What is done stays: pressed again after a stop or a crash, it goes on.",
            self._start,
        )
        self.place = RunOn("Where the blocks are computed:")
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.stop = button("Stop", "Blocks that are done are kept.", self._run.stop)
        self._idle = row(self.segment)
        self._where = row("Run on", self.place, stretch=1)
        self._running = row(self.progress, self.stop, stretch=0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (self._idle, self._where, self._running):
            layout.addWidget(part)
        self._run.changed.connect(self.refresh)

    def refresh(self) -> None:
        """Show what can be done, or how far it is."""
        running = self._run.job is not None
        self.setVisible(running or chosen_large(self._loop.layers.viewer()) is not None)
        self._idle.setVisible(not running)
        self._where.setVisible(not running)
        self._running.setVisible(running)
        fraction, words = self._run.progress
        self.progress.setValue(round(1000 * fraction))
        self.progress.setFormat(words or "%p %")

    def _start(self) -> None:
        layer = chosen_large(self._loop.layers.viewer())
        if layer is None:
            return
        with self._loop.telling("Segmenting the whole image"):
            self._run.start(layer, self.place.address())
            self.place.set_address(self.place.address())
