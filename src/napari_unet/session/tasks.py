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
    from napari_unet.network.settings import TrainingSettings
    from napari_unet.network.training import TrainingOutcome, TrainingReport
    from napari_unet.objects.separate import SeparationSettings
    from napari_unet.workflow import AnnotatedImage, Segmented, TrainedModel


@dataclass(frozen=True, eq=False)
class Round:
    """One training and what came of it."""

    number: int
    name: str
    model: Model
    outcome: TrainingOutcome
    started: str
    sentences: tuple[str, ...] = ()

    @property
    def held_out(self) -> dict[str, float]:
        """Scores on the held-out places, empty where nothing could be held out."""
        return dict(self.outcome.held_out or {})


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
    generation: int

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


class StoredProbabilities:
    """Probabilities of the planes segmented last, in half precision, bounded in memory."""

    def __init__(self, most_bytes: int = 1024**3) -> None:
        self.most_bytes = most_bytes
        self._kept: dict[Plane, tuple[NDArray[np.float16], NDArray[np.float16] | None, float]] = {}

    def keep(self, plane: Plane, segmented: Segmented) -> None:
        """Keep what a plane's segmentation was made of; the oldest planes make room."""
        self._kept.pop(plane, None)
        distance = None if segmented.distance is None else segmented.distance.astype(np.float16)
        self._kept[plane] = (segmented.probabilities.astype(np.float16), distance, segmented.scale)
        while len(self._kept) > 1 and self._n_bytes() > self.most_bytes:
            self._kept.pop(next(iter(self._kept)))

    def get(
        self, plane: Plane
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None, float] | None:
        """Return probabilities ``(K, Y, X)``, distance and scale of a plane, ``None`` if not kept."""
        if plane not in self._kept:
            return None
        probabilities, distance, scale = self._kept[plane]
        return (
            probabilities.astype(np.float32),
            None if distance is None else distance.astype(np.float32),
            scale,
        )

    def __contains__(self, plane: Plane) -> bool:
        return plane in self._kept

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()

    def _n_bytes(self) -> int:
        return sum(p.nbytes + (0 if d is None else d.nbytes) for p, d, _ in self._kept.values())
