"""Files of any size: those that memory holds in one piece, the others block by block, here or on other computers."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_unet.callbacks import OnProgress, ShouldStop
from napari_unet.errors import UserError
from napari_unet.formats.lazy import LazyImage, open_lazily
from napari_unet.formats.ome_pyramid import Pyramid
from napari_unet.formats.paths import name_of, probabilities_path
from napari_unet.formats.room import free_memory
from napari_unet.formats.writing import write_labels_in_parts
from napari_unet.network.model_file import Model
from napari_unet.workflow.batch import Segmenter
from napari_unet.workflow.batch_record import Done
from napari_unet.workflow.blocks.beside import check_wanted, write_beside
from napari_unet.workflow.blocks.plan import DEFAULT_MEMORY
from napari_unet.workflow.blocks.run import Tell
from napari_unet.workflow.blocks.segmentation import segment_blocks
from napari_unet.workflow.cluster import BlocksOnCluster, Cluster

WHOLE_BYTES = 160
"""Memory that an image segmented in one piece takes per pixel, measured at 2048²."""
ZARR = ".zarr"


@dataclass(frozen=True, eq=False)
class SegmenterOfAnySize(Segmenter):
    """Segments what memory does not hold block by block.

    Attributes
    ----------
    settings
        Those of `segment_image` and `segment_blocks` alike.
    memory
        Bytes that one image may take; by default half of what is free for an image in one piece, and
        `DEFAULT_MEMORY` block by block.
    cluster
        Who computes, ``None`` for this computer.
    tell
        Takes sentences for the user while it runs.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    memory: float | None = None
    cluster: Cluster | None = None
    tell: Tell = lambda sentence: None

    def large(self, path: Path, target: Path) -> LazyImage | None:
        """Return an image that is to be segmented block by block, ``None`` where it is segmented whole, and here."""
        if self.cluster is not None or target.suffix.lower() == ZARR:
            return open_lazily(path)
        try:
            image = open_lazily(path)
        except UserError:  # reading it whole says why, or can do it
            return None
        return None if self._fits(image) else image

    def target_of(self, path: Path, target: Path) -> Path:
        """Return where a file's labels are written in a folder: ``.zarr`` where a TIFF would not be opened whole."""
        try:
            image = open_lazily(path)
        except UserError:
            return target
        return target if self._fits(image) else target.with_name(f"{name_of(target)}{ZARR}")

    def segment_file(
        self, path: Path, target: Path, on_progress: OnProgress, should_stop: ShouldStop
    ) -> Done:
        """Segment a file, as `Segmenter.segment_file`; a ``.tif`` that is wanted is written in tiles at the end."""
        image = self.large(path, target)
        if image is None:
            return super().segment_file(path, target, on_progress, should_stop)
        begun = time.monotonic()
        model = self.network_for(image.read(0, 1, 0, 1, image.shape[0]))
        check_wanted(self.wanted, image, model)
        folder = target.with_name(f"{name_of(target)}{ZARR}")
        if folder.resolve() == path.resolve():
            raise UserError(f"{folder} would overwrite an image that is read; give another place with -o.")
        sentences: list[str] = []

        def write_more(labels: LazyImage) -> None:
            sentences.extend(write_beside(self.wanted, target, image, labels, on_progress, should_stop))

        done = segment_blocks(
            model,
            image,
            folder,
            memory=self.memory or DEFAULT_MEMORY,
            probabilities=probabilities_path(folder) if self.wanted.probabilities else None,
            place=self._place(model),
            on_progress=on_progress,
            should_stop=should_stop,
            tell=lambda sentence: self.tell(f"{path.name}: {sentence}"),
            then=write_more if self.wanted.rois or self.wanted.table else None,
            **self.settings,
        )
        if target.suffix.lower() != ZARR:
            write_labels_in_parts(target, Pyramid(folder).levels[0], image.pixel_size_um)
            shutil.rmtree(folder)
        found, n = f"{done.n_objects} objects", done.n_objects
        if model.description.labels_are == "classes":
            n_classes = len(model.description.class_names) or model.description.network.classes - 1
            found, n = f"{n_classes} class(es)", 0
        return Done(path, target, "done", found, n, time.monotonic() - begun, (*done.sentences, *sentences))

    def _fits(self, image: LazyImage) -> bool:
        channels, height, width = image.shape
        n_bytes = (WHOLE_BYTES + channels * (8 + image.dtype.itemsize)) * height * width
        return n_bytes <= (self.memory or free_memory() / 2)

    def _place(self, model: Model) -> BlocksOnCluster | None:
        if self.cluster is None:
            return None
        return BlocksOnCluster(self.cluster, model, self.settings.get("device", "auto"))
