"""Stacks of which memory does not hold all labels: segmented plane by plane into OME-Zarr labels beside the project."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_unet.callbacks import OnProgress, ShouldStop
from napari_unet.formats.lazy_stacks import Index, LazyStack
from napari_unet.formats.room import free_memory
from napari_unet.session.batching import WORKING_MEMORY
from napari_unet.session.image import MICROMETRES, ImageSource, Plane
from napari_unet.session.session import Session
from napari_unet.session.tasks import SegmentationTask
from napari_unet.session.through import axes_of

if TYPE_CHECKING:
    from napari_unet.network.model_file import Model
    from napari_unet.workflow.batch_record import Done

BYTES_PER_PIXEL = 8
"""What a label takes in the window, in the session and in the layer."""


def is_for_disk(image: ImageSource, planes: Sequence[Plane]) -> bool:
    """Tell whether the labels of these planes would take more than half of the memory that is free."""
    height, width = image.plane_shape
    return len(planes) > 1 and BYTES_PER_PIXEL * len(planes) * height * width > free_memory() / 2


def stack_of(image: ImageSource) -> LazyStack:
    """Return the image as a stack that is read plane by plane."""
    letters = list(image.axes)
    if image.channel_axis is not None:
        letters.insert(image.channel_axis % image.data.ndim, "S" if image.rgb else "C")
    distance = None
    if "Z" in image.axes and image.scale and image.units:
        depth = image.axes.index("Z")
        factor = MICROMETRES.get(str(image.units[depth]))
        distance = None if factor is None else float(image.scale[depth]) * factor
    return LazyStack(image.name, image.data, "".join(letters), image.pixel_size_um, distance)


@dataclass(frozen=True, eq=False)
class StackOnDisk:
    """A stack that is ready to be segmented into a folder.

    Attributes
    ----------
    like
        How the session segments.
    stack
        The planes that are meant, and no others.
    axes
        Numbers of the image's axes that the labels have.
    first
        The plane of `stack` that is looked at.
    link
        Along which of its axes planes are linked.
    """

    like: SegmentationTask
    stack: LazyStack
    axes: tuple[int, ...]
    first: Index
    link: str
    link_settings: Any
    folder: Path

    @classmethod
    def of(
        cls, session: Session, planes: Sequence[Plane], folder: Path, averaging: str = "none"
    ) -> StackOnDisk:
        """Get ready; costs nothing.

        Parameters
        ----------
        planes
            As `planes_of` gives them: the one that is looked at first.
        folder
            In which a folder for these labels is made.

        Raises
        ------
        UserError
            When there is no network that fits the image and what is annotated.
        """
        like = session.prepare_segmentation(planes, averaging)
        image, seen = like.image, planes[0]
        fixed = [k for k in range(len(seen)) if all(plane[k] == seen[k] for plane in planes)]
        moving = [k for k in range(len(seen)) if k not in fixed]
        letters, whole = image.axes, stack_of(image)
        linking = session.segmenting.linking
        linked = [axis for axis in axes_of(linking.through, image) if axis in moving]
        where = {letters[k]: seen[k] for k in fixed}
        name = " ".join([image.name, *(f"{axis}{at}" for axis, at in where.items())])
        return cls(
            like,
            whole.at(where),
            (*moving, len(letters) - 2, len(letters) - 1),
            tuple(seen[k] for k in moving),
            "".join(letters[axis] for axis in linked if axis is not None),
            linking.settings,
            folder / f"{_file_name(name)}.zarr",
        )

    def run(self, on_progress: OnProgress, should_stop: ShouldStop, tell: Callable[[str], None]) -> Done:
        """Segment what is not done yet; safe in any thread.

        Raises
        ------
        UserError
            When the image can't be read, or the folder can't be written.
        Stopped
            When asked to stop; planes that are done are kept, and gone on with by the next run.
        """
        on_progress(0.0, "Loading the network …")
        from napari_unet.workflow import segment_image, segment_volume
        from napari_unet.workflow.batch import word_for
        from napari_unet.workflow.large_files import SegmenterOfAnySize
        from napari_unet.workflow.stack_files import StackSettings

        like = self.like
        model = like.network
        size = self._object_size(model, segment_image, should_stop)
        settings: dict[str, Any] = {"object_size": size, "averaging": like.averaging}
        segmenter = SegmenterOfAnySize(
            lambda plane: model,
            partial(segment_image, device=like.device, **settings),
            word_for(model, {**settings, "channels": like.channels}),
            channels=like.channels if "C" in self.stack.axes else None,
            stack=StackSettings(link=self.link, settings=self.link_settings),
            run_volume=partial(segment_volume, device=like.device, **settings),
            settings={"device": like.device, **settings},
            on_top=WORKING_MEMORY,
            tell=tell,
        )
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        return segmenter.segment_stack(self.stack, self.folder, on_progress, should_stop, self.first)

    def _object_size(
        self, model: Model, segment: Callable[..., Any], should_stop: ShouldStop
    ) -> float | None:
        """Return one size for all planes: where the network has to find it, that of the plane in the middle."""
        per_image = model.description.magnification == "per image"
        size = self.like.size.answer(per_image)
        if size is not None or not per_image or model.description.network.dimensions == 3:
            return size
        middle = tuple(n // 2 for n in self.stack.plane_shape)
        plane = self.stack.plane(middle)
        n_channels, height, width = plane.shape
        pixels = plane.read(0, height, 0, width, n_channels)[: model.description.network.in_channels]
        found = segment(
            model,
            pixels,
            pixel_size_um=self.stack.pixel_size_um,
            device=self.like.device,
            should_stop=should_stop,
        )
        return None if found.object_size is None else float(found.object_size)


def _file_name(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_ " else "_" for c in name).strip() or "stack"
