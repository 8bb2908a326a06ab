"""Long computations of the loop: a snapshot taken on the caller's thread, run on any other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.coding import LabelsAre
from napari_unet.callbacks import OnProgress, ShouldStop
from napari_unet.session.image import ImageSource, Plane

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
