"""Long computations of the loop: a snapshot taken on the caller's thread, run on any other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.coding import LabelsAre
from napari_unet.callbacks import OnProgress, ShouldStop
from napari_unet.session.backdrop import Backdrop
from napari_unet.session.image import ImageSource, Plane
from napari_unet.session.stored import Stored, as_float32

if TYPE_CHECKING:
    from napari_unet.network.model_file import Model
    from napari_unet.network.training import TrainingReport
    from napari_unet.network.training_settings import TrainingSettings
    from napari_unet.objects.separate import SeparationSettings
    from napari_unet.workflow import AnnotatedImage, Segmented, TrainedModel


@dataclass(frozen=True, eq=False)
class TrainingTask:
    """A training that is ready to run."""

    images: tuple[AnnotatedImage, ...]
    settings: TrainingSettings
    labels_are: LabelsAre
    class_names: tuple[str, ...]
    start: Model | None
    object_size: float | None
    rgb: bool
    channel_names: tuple[str, ...]
    name: str
    number: int
    started: str

    def run(self, on_report: Callable[[TrainingReport], None], should_stop: ShouldStop) -> TrainedModel:
        """Train; safe in any thread."""
        from napari_unet.workflow import train_model

        return train_model(
            self.images,
            self.settings,
            labels_are=self.labels_are,
            class_names=self.class_names,
            start=self.start,
            object_size=self.object_size,
            rgb=self.rgb,
            channel_names=self.channel_names,
            name=self.name,
            on_report=on_report,
            should_stop=should_stop,
        )


@dataclass(frozen=True, eq=False)
class ProposalTask:
    """A plane that is ready to be proposed by a classical method."""

    image: ImageSource
    channels: tuple[int, ...]
    plane: Plane
    threshold_shift: float
    splitting: float
    local: bool
    generation: int

    def run(self) -> NDArray[np.int32]:
        """Return proposed objects ``(Y, X)``; safe in any thread."""
        from napari_unet.objects.propose import propose

        pixels = self.image.plane(self.plane, self.channels).mean(axis=0, dtype=np.float64)
        return propose(pixels, self.threshold_shift, self.splitting, self.local)


@dataclass(frozen=True, eq=False)
class SeparationTask:
    """Objects that are ready to be made anew from a plane's stored probabilities.

    Attributes
    ----------
    stored
        Probabilities ``(K, Y, X)``, distance, and network px per image px.
    typical_size
        Diameter of a typical object in px of the image.
    """

    backdrop: Backdrop
    stored: Stored
    settings: SeparationSettings
    labels_are: LabelsAre
    typical_size: float | None

    def run(self) -> Separated:
        """Make them; safe in any thread. 2048² takes one to three seconds."""
        from napari_unet.objects.separate import why_empty
        from napari_unet.workflow.segmentation import foreground, separate_probabilities

        probabilities, distance, scale = as_float32(self.stored)
        labels = separate_probabilities(
            probabilities, distance, self.settings, self.labels_are, scale, self.typical_size
        )
        sentence = None if labels.any() else why_empty(foreground(probabilities), self.settings)
        return Separated(labels, self.backdrop.settle(labels), sentence)


@dataclass(frozen=True, eq=False)
class Separated:
    """Objects, how they are shown, and why there are none."""

    labels: NDArray[np.int32]
    settled: NDArray[np.int32]
    why_empty: str | None


@dataclass(frozen=True, eq=False)
class ShowingTask:
    """Segmented planes that are ready to be given the numbers of before and the annotation on top."""

    task: SegmentationTask
    result: dict[Plane, Segmented]
    backdrops: dict[Plane, Backdrop]

    def run(self) -> dict[Plane, NDArray[np.int32]]:
        """Return how each plane is shown; safe in any thread."""
        return {
            plane: self.backdrops[plane].settle(segmented.labels) for plane, segmented in self.result.items()
        }


@dataclass(frozen=True, eq=False)
class SegmentationTask:
    """Planes that are ready to be segmented."""

    image: ImageSource
    channels: tuple[int, ...]
    planes: tuple[Plane, ...]
    model: Model
    object_size: float | None
    averaging: str
    separation: SeparationSettings
    device: str
    generation: int
    done: dict[Plane, Segmented] = field(default_factory=dict)

    def run(self, on_progress: OnProgress, should_stop: ShouldStop) -> dict[Plane, Segmented]:
        """Segment plane by plane; safe in any thread. Planes done before a stop are kept.

        Raises
        ------
        Stopped
            When asked to stop before the first plane was done.
        """
        from napari_unet.errors import Stopped
        from napari_unet.workflow import segment_image

        n = len(self.planes)
        for i, plane in enumerate(self.planes):

            def report(fraction: float, message: str, i: int = i) -> None:
                text = message if n == 1 else f"Plane {i + 1} of {n}"
                on_progress((i + fraction) / n, text)

            try:
                self.done[plane] = segment_image(
                    self.model,
                    self.image.plane(plane, self.channels),
                    object_size=self.object_size,
                    pixel_size_um=self.image.pixel_size_um,
                    averaging=self.averaging,
                    separation=self.separation,
                    device=self.device,
                    on_progress=report,
                    should_stop=should_stop,
                )
            except Stopped:
                if not self.done:
                    raise
                break
        return self.done
