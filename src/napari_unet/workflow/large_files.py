"""Files of any size: those that memory holds in one piece, the others block by block, here or on other computers."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.callbacks import OnProgress, ShouldStop
from napari_unet.errors import UserError
from napari_unet.formats.lazy import LazyImage
from napari_unet.formats.lazy_stacks import Index, LazyStack, open_stack
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
from napari_unet.workflow.blocks.segmentation import SegmentedBlocks, segment_blocks
from napari_unet.workflow.cluster import Cluster
from napari_unet.workflow.cluster_blocks import BlocksOnCluster
from napari_unet.workflow.large_stacks import Kept, SegmentedPlane, StackRun, labels_of_planes
from napari_unet.workflow.large_volumes import BYTES_PER_VOXEL, VolumeRun, boxes_for, grey_range_of
from napari_unet.workflow.scale import scale_of
from napari_unet.workflow.segmentation import Segmented
from napari_unet.workflow.volume_segmentation import stretch_of

WHOLE_BYTES = 160
"""Memory that an image segmented in one piece takes per pixel, measured at 2048²."""
LABEL_BYTES = 12
"""Memory that a pixel of a stack's labels takes when they are put together, linked and written."""
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
    on_top
        Bytes that blocks may take where `memory` is not given, on top of what the program has taken already.
    cluster
        Who computes, ``None`` for this computer.
    tell
        Takes sentences for the user while it runs.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    memory: float | None = None
    on_top: float | None = None
    cluster: Cluster | None = None
    tell: Tell = lambda sentence: None

    def in_parts(self, path: Path, target: Path) -> LazyStack | None:
        """Return a file that is not to be read whole, ``None`` where it is, and segmented here."""
        if self.cluster is not None or target.suffix.lower() == ZARR:
            return self._open(path)
        try:
            stack = self._open(path)
        except UserError:  # reading it whole says why, or can do it
            return None
        return None if self._fits(stack) else stack

    def target_of(self, path: Path, target: Path) -> Path:
        """Return where a file's labels are written in a folder: ``.zarr`` where a TIFF would not be opened whole."""
        try:
            stack = self._open(path)
        except UserError:
            return target
        return target if self._fits(stack) else target.with_name(f"{name_of(target)}{ZARR}")

    def segment_file(
        self, path: Path, target: Path, on_progress: OnProgress, should_stop: ShouldStop
    ) -> Done:
        """Segment a file, as `Segmenter.segment_file`; a ``.tif`` that is wanted is written in tiles at the end."""
        stack = self.in_parts(path, target)
        if stack is None:
            return super().segment_file(path, target, on_progress, should_stop)
        model = self._model_for(stack)
        check_wanted(self.wanted, stack, model)
        folder = target.with_name(f"{name_of(target)}{ZARR}")
        if folder.resolve() == path.resolve():
            raise UserError(f"{folder} would overwrite an image that is read; give another place with -o.")
        job = _PartJob(self, path, target, folder, model, on_progress, should_stop)
        if stack.n_planes == 1 and model.description.network.dimensions == 2:
            return job.of_image(self._plane(stack, next(stack.indices())))
        return job.of_stack(stack)

    def segment_stack(
        self,
        stack: LazyStack,
        folder: Path,
        on_progress: OnProgress,
        should_stop: ShouldStop,
        first: Index | None = None,
    ) -> Done:
        """Segment a stack that is open already into a folder of OME-Zarr labels, from the plane `first` outwards."""
        model, path = self._model_for(stack), Path(stack.name)
        return _PartJob(self, path, folder, folder, model, on_progress, should_stop, first).of_stack(stack)

    def _open(self, path: Path) -> LazyStack:
        return open_stack(path).named(self.stack.axes)

    def _plane(self, stack: LazyStack, index: Index) -> LazyImage:
        plane = stack.plane(index)
        return plane if self.channels is None else replace(plane, channels=self.channels)

    def _fits(self, stack: LazyStack) -> bool:
        """Tell whether a file can be read and segmented whole: all of it, its labels, and what is at work."""
        channels, height, width = stack.plane(next(stack.indices())).shape
        itemsize = stack.array.dtype.itemsize
        held = stack.n_planes * (channels * itemsize + LABEL_BYTES) if stack.n_planes > 1 else 0
        at_work = WHOLE_BYTES + channels * (8 + itemsize)
        if "Z" in stack.letters and self._model_for(stack).description.network.dimensions == 3:
            at_work = BYTES_PER_VOXEL * stack.plane_shape[stack.letters.index("Z")]
        return bool((held + at_work) * height * width <= (self.memory or free_memory() / 2))

    def _model_for(self, stack: LazyStack) -> Model:
        first = self._plane(stack, next(stack.indices()))
        return self.network_for(first.read(0, 1, 0, 1, first.shape[0]))


@dataclass(frozen=True, eq=False)
class _PartJob:
    """One file that is segmented in parts."""

    how: SegmenterOfAnySize
    path: Path
    target: Path
    folder: Path
    model: Model
    on_progress: OnProgress
    should_stop: ShouldStop
    first: Index | None = None

    def of_image(self, image: LazyImage) -> Done:
        """Segment a file of one plane, block by block."""
        begun, wanted, sentences = time.monotonic(), self.how.wanted, list[str]()

        def write_more(labels: LazyImage) -> None:
            labels_of_plane = LazyStack(labels.name, labels.array, "YX", labels.pixel_size_um)
            sentences.extend(self._write_beside(_stack_of(image), labels_of_plane))

        done = self._blocks(
            image,
            self.folder,
            self.on_progress,
            probabilities=probabilities_path(self.folder) if wanted.probabilities else None,
            then=write_more if wanted.rois or wanted.table else None,
        )
        self._write_tiff(Pyramid(self.folder), "YX", image.pixel_size_um)
        return self._done(done.n_objects, (*done.sentences, *sentences), begun)

    def of_stack(self, stack: LazyStack) -> Done:
        """Segment a file of many planes, plane by plane; planes that memory does not hold block by block."""
        begun = time.monotonic()
        in_space = self.model.description.network.dimensions == 3
        link = self._link(stack)  # before any work
        made_with = {"with": self.how.made_with, "image": [stack.name, stack.axes, list(stack.array.shape)]}
        kept = Kept.open(stack, self.folder, {**made_with, "memory": self.how.memory if in_space else None})
        if kept.journal.done:
            n_done = (
                f"{len(kept.journal.done)} parts"
                if in_space
                else f"{len(kept.journal.done)} of {stack.n_planes} planes"
            )
            self._tell(f"{n_done} were done before; going on from there.")
        run = (
            self._volumes(kept)
            if in_space
            else StackRun(
                kept,
                self._segment_plane,
                link,
                self.how.stack.settings,
                self.on_progress,
                self.should_stop,
                self.first,
            )
        )
        labels, n, sentences = run.run()
        sentences += tuple(self._write_beside(stack, labels_of_planes(labels, stack)))
        kept.finish(labels)
        self._write_tiff(Pyramid(self.folder), f"{stack.letters}YX", stack.pixel_size_um)
        return self._done(n, sentences, begun)

    def _link(self, stack: LazyStack) -> str:
        """Return the axes to link along, all of which there are."""
        link = self.how.stack.link
        for axis in link:
            if axis not in stack.letters:
                raise UserError(
                    f"{stack.name} has the axes {stack.axes}: there is no {axis} to link through; see --axes."
                )
        return link

    def _segment_plane(self, plane: LazyImage, on_progress: OnProgress) -> SegmentedPlane:
        if self.how.channels is not None:
            plane = replace(plane, channels=self.how.channels)
        channels, height, width = plane.shape
        at_work = (WHOLE_BYTES + channels * (8 + plane.dtype.itemsize)) * height * width
        if self.how.cluster is not None or at_work > (self.how.memory or free_memory() / 2):
            folder = self.folder.with_name(f"{self.folder.stem}.plane.zarr")
            done = self._blocks(plane, folder, on_progress)
            return SegmentedPlane(Pyramid(folder).levels[0], done.n_objects, done.sentences)
        pixels = plane.read(0, height, 0, width, self.model.description.network.in_channels)
        found = self.how.run(
            self.model,
            pixels,
            pixel_size_um=plane.pixel_size_um,
            on_progress=on_progress,
            should_stop=self.should_stop,
        )
        return SegmentedPlane(found.labels, np.unique(found.labels[found.labels > 0]).size, found.sentences)

    def _volumes(self, kept: Kept) -> VolumeRun:
        """Return what segments stacks box by box."""
        stack, description, settings = kept.stack, self.model.description, self.how.settings
        if "Z" not in stack.letters or self.how.run_volume is None:
            raise UserError(
                f"{self.path.name} has no axis Z, and this network sees volumes: choose a stack, or a network of "
                "planes."
            )
        if self.how.cluster is not None:
            raise UserError(
                f"{self.path.name}: networks of volumes compute on this computer; leave --cluster out."
            )
        distance = (
            stack.plane_distance_um and stack.pixel_size_um and stack.plane_distance_um / stack.pixel_size_um
        )
        scale = scale_of(description, settings.get("object_size"), stack.pixel_size_um)
        boxes = boxes_for(
            description,
            stack,
            scale,
            stretch_of(description, scale, distance),
            distance or (description.plane_step or 1.0) / scale,
            self.how.memory or self.how.on_top or DEFAULT_MEMORY,
        )
        n_channels = description.network.in_channels
        normalisation = description.normalisation.in_mode(settings.get("grey_range"))
        normalisation, said = grey_range_of(stack, normalisation, n_channels, self.should_stop)
        for sentence in said:
            self._tell(sentence)
        model = Model(description.model_copy(update={"normalisation": normalisation}), self.model.network)
        run = self.how.run_volume

        def segment(volume: NDArray[Any], on_progress: OnProgress) -> Segmented:
            return run(
                model,
                volume,
                plane_step=distance,
                pixel_size_um=stack.pixel_size_um,
                grey_range=None,
                on_progress=on_progress,
                should_stop=self.should_stop,
            )

        are_objects = description.labels_are == "objects"
        return VolumeRun(kept, segment, boxes, n_channels, are_objects, self.on_progress, self.should_stop)

    def _blocks(
        self, image: LazyImage, folder: Path, on_progress: OnProgress, **more: Any
    ) -> SegmentedBlocks:
        cluster = self.how.cluster
        return segment_blocks(
            self.model,
            image,
            folder,
            memory=self.how.memory or DEFAULT_MEMORY,
            on_top=None if self.how.memory else self.how.on_top,
            place=None if cluster is None else BlocksOnCluster(cluster),
            on_progress=on_progress,
            should_stop=self.should_stop,
            tell=self._tell,
            **self.how.settings,
            **more,
        )

    def _write_beside(self, stack: LazyStack, labels: LazyStack) -> list[str]:
        wanted = self.how.wanted
        if not (wanted.rois or wanted.table):
            return []
        return write_beside(
            wanted,
            self.target,
            stack,
            labels,
            self.on_progress,
            self.should_stop,
            "Z" if self.model.description.network.dimensions == 3 else self.how.stack.link,
        )

    def _write_tiff(self, labels: Pyramid, axes: str, pixel_size_um: float | None) -> None:
        if self.target.suffix.lower() != ZARR:
            write_labels_in_parts(self.target, labels.levels[0], pixel_size_um, axes)
            shutil.rmtree(self.folder)

    def _tell(self, sentence: str) -> None:
        self.how.tell(f"{self.path.name}: {sentence}")

    def _done(self, n: int, sentences: tuple[str, ...], begun: float) -> Done:
        found, description = f"{n} objects", self.model.description
        if description.labels_are == "classes":
            n_classes = len(description.class_names) or description.network.classes - 1
            found, n = f"{n_classes} class(es)", 0
        return Done(self.path, self.target, "done", found, n, time.monotonic() - begun, sentences)


def _stack_of(image: LazyImage) -> LazyStack:
    """Return an image of one plane as a stack without axes of planes."""
    return LazyStack(image.name, image.array, image.axes, image.pixel_size_um)
