"""Long computations of the loop: a snapshot taken on the caller's thread, run on any other."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.coding import LabelsAre
from napari_unet.callbacks import OnProgress, ShouldStop
from napari_unet.session.backdrop import Backdrop
from napari_unet.session.image import ImageSource, Plane
from napari_unet.session.measuring import SizeQuestion
from napari_unet.session.volume_run import run_volumes

if TYPE_CHECKING:
    from napari_unet.network.model_file import Model
    from napari_unet.network.record import TrainingRecord
    from napari_unet.network.training import TrainingReport
    from napari_unet.network.training_settings import TrainingSettings
    from napari_unet.objects.separate import SeparationSettings
    from napari_unet.session.companions import Companions
    from napari_unet.workflow import AnnotatedImage, Segmented, TrainedModel


@dataclass(frozen=True, eq=False)
class TrainingTask:
    """A training that is ready to run.

    Attributes
    ----------
    start
        Gives the model to start from, in the training's thread; ``None`` from scratch.
    bundled
        Start from the bundled network instead; it is read when the training runs.
    companions
        The project's other images, read when the training runs, too.
    revisions
        Which state of every image's annotation it has seen; known when it has run.
    on_images
        Called in the training's thread with all that it trains on, before it begins.
    against_anew
        Compare with a short start from the bundled network, see `anew`.
    continues
        Gives the model whose held-out places are kept where the weights begin anew.
    run_on
        Address of a scheduler whose workers train; empty for this computer.
    """

    images: tuple[AnnotatedImage, ...]
    settings: TrainingSettings
    labels_are: LabelsAre
    class_names: tuple[str, ...]
    start: Callable[[], Model] | None
    object_size: float | None
    rgb: bool
    channel_names: tuple[str, ...]
    name: str
    number: int
    started: str
    bundled: bool = False
    companions: Companions | None = None
    revisions: dict[str, int] = field(default_factory=dict)
    on_images: Callable[[Sequence[AnnotatedImage]], None] | None = None
    against_anew: bool = False
    continues: Callable[[], Model] | None = None
    run_on: str = ""

    def run(
        self,
        on_report: Callable[[TrainingReport], None],
        should_stop: ShouldStop,
        record: TrainingRecord | None = None,
    ) -> TrainedModel:
        """Train; safe in any thread. With a record, do what that training did, step by step, on this computer."""
        if self.run_on and record is None:
            from napari_unet.workflow.cluster_training import training_at

            with training_at(self.run_on) as train_there:
                return self._run(train_there, on_report, should_stop, None)
        from napari_unet.workflow import train_model

        return self._run(train_model, on_report, should_stop, record)

    def _run(
        self,
        train_there: Callable[..., TrainedModel],
        on_report: Callable[[TrainingReport], None],
        should_stop: ShouldStop,
        record: TrainingRecord | None,
    ) -> TrainedModel:
        from napari_unet.network.bundled import bundled_for
        from napari_unet.session.anew import can_begin_anew, train_and_compare

        images, about_images = self.read_images(on_report, should_stop)
        if self.on_images is not None:
            self.on_images(images)
        train = partial(
            train_there,
            images,
            labels_are=self.labels_are,
            class_names=self.class_names,
            object_size=self.object_size,
            rgb=self.rgb,
            channel_names=self.channel_names,
            name=self.name,
        )
        start, settings = self._model(), self.settings
        bundled = bundled_for(len(self.channel_names)) if self.against_anew and record is None else None
        if bundled is not None and start is not None and can_begin_anew(start, bundled, settings):
            trained = train_and_compare(train, settings, start, bundled, on_report, should_stop)
        else:
            trained = train(
                settings=settings,
                start=start,
                continues=None if self.continues is None else self.continues(),
                on_report=on_report,
                should_stop=should_stop,
                record=record,
            )
        return replace(trained, sentences=[*trained.sentences, *about_images])

    def read_images(
        self, on_report: Callable[[TrainingReport], None], should_stop: ShouldStop
    ) -> tuple[list[AnnotatedImage], list[str]]:
        """Return the annotated planes of all images, with pixels in memory, and which images are left out."""
        unread, sentences = self._all_images(on_report, should_stop)
        return [replace(image, image=np.asarray(image.image)) for image in unread], sentences

    def _all_images(
        self, on_report: Callable[[TrainingReport], None], should_stop: ShouldStop
    ) -> tuple[Sequence[AnnotatedImage], list[str]]:
        """Return the annotated planes of all images, and which images are left out."""
        if self.companions is None:
            return self.images, []
        from napari_unet.network.training import TrainingReport

        found = self.companions.read(self.labels_are, len(self.channel_names), should_stop)
        self.revisions.update(found.revisions)
        if self.images:
            self.revisions[self.companions.current] = self.companions.sequence
        for sentence in found.sentences:  # at once: somebody may say where a file is, and train again
            on_report(TrainingReport(0, 0.0, math.nan, None, 0.0, None, sentence))
        return self.companions.in_order(self.images, found), found.sentences

    def digest_of_start(self) -> str:
        """Return the SHA-256 of the weights it starts from, empty from scratch; safe in any thread."""
        from napari_unet.network.model_file import digest_of

        model = self._model()
        return "" if model is None else digest_of(model)

    def _model(self) -> Model | None:
        from napari_unet.network.bundled import bundled_for

        if self.bundled:
            return bundled_for(len(self.channel_names))
        return None if self.start is None else self.start()


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
class ShowingTask:
    """Segmented planes that are ready to be given the numbers of before and the annotation on top."""

    task: SegmentationTask
    result: dict[Plane, Segmented]
    backdrops: dict[Plane, Backdrop]

    def run(self) -> dict[Plane, NDArray[np.int32]]:
        """Return how each plane is shown; safe in any thread."""
        return {
            plane: self.backdrops[plane].settle(segmented.labels, anew=segmented.in_space)
            for plane, segmented in self.result.items()
        }


@dataclass(frozen=True, eq=False)
class SegmentationTask:
    """Planes that are ready to be segmented.

    Attributes
    ----------
    model
        Gives the model, when it is first used; ``None`` for the bundled network.
    size
        How large objects are, as far as it was known when the task was prepared.
    separation
        In px² of the network; ``None`` as fitted after the model's training.
    sentences
        What is to be said when it has run.
    """

    image: ImageSource
    channels: tuple[int, ...]
    planes: tuple[Plane, ...]
    model: Callable[[], Model] | None
    size: SizeQuestion
    averaging: str
    separation: SeparationSettings | None
    device: str
    generation: int
    done: dict[Plane, Segmented] = field(default_factory=dict)
    sentences: list[str] = field(default_factory=list)

    @cached_property
    def network(self) -> Model:
        """The model that segments, with the separation in use; the bundled one is read when first asked for."""
        from napari_unet.network.bundled import bundled_for
        from napari_unet.network.model_file import Model

        model = bundled_for(len(self.channels)) if self.model is None else self.model()
        if self.separation is None:
            return model
        chosen = {"separation": self.separation.model_dump(mode="json")}
        return Model(model.description.model_copy(update=chosen), model.network)

    def run(
        self,
        on_progress: OnProgress,
        should_stop: ShouldStop,
        on_plane: Callable[[Plane, Segmented], None] | None = None,
    ) -> dict[Plane, Segmented]:
        """Segment plane by plane; safe in any thread. Planes done before a stop are kept.

        Parameters
        ----------
        on_plane
            Takes each plane as soon as it is done, and nothing is returned at the end: so many planes need no more
            memory than one.

        Raises
        ------
        Stopped
            When asked to stop before the first plane was done.
        """
        on_progress(0.0, "Loading the network …")
        from napari_unet.errors import Stopped, is_out_of_memory
        from napari_unet.workflow import segment_image

        model = self.network
        if model.description.network.dimensions == 3:
            return run_volumes(self, on_progress, should_stop, on_plane)
        size = self.size.answer(model.description.magnification == "per image")
        n = len(self.planes)
        for i, plane in enumerate(self.planes):

            def report(fraction: float, message: str, i: int = i) -> None:
                text = message if n == 1 else f"Plane {i + 1} of {n}"
                on_progress((i + fraction) / n, text)

            try:
                segmented = segment_image(
                    model,
                    self.image.plane(plane, self.channels),
                    object_size=size,
                    pixel_size_um=self.image.pixel_size_um,
                    averaging=self.averaging,
                    device=self.device,
                    on_progress=report,
                    should_stop=should_stop,
                )
            except Stopped:
                if not i:
                    raise
                break
            except (RuntimeError, MemoryError) as error:
                if not i or not is_out_of_memory(error):
                    raise
                self.sentences.append(
                    f"Memory ran out: only {i} of {n} planes are segmented; close other programs, then try again."
                )
                break
            # Planes of one image have one magnification.
            size = size or segmented.object_size
            segmented = replace(segmented, probabilities=segmented.probabilities.astype(np.float16))
            if on_plane is None:
                self.done[plane] = segmented
            else:
                on_plane(plane, segmented)
        return self.done
