"""The state of one loop: an image, what was painted on it, the rounds, the segmentation. No Qt, no viewer."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal, SignalInstance

from napari_unet.annotation.coding import FIRST, Coding, LabelsAre
from napari_unet.annotation.problems import Problem
from napari_unet.annotation.regions import Region
from napari_unet.annotation.weight_map import WeightMapSettings
from napari_unet.errors import UserError
from napari_unet.session import label_problems, preparing
from napari_unet.session.annotating import Annotating
from napari_unet.session.canvas import Canvas
from napari_unet.session.correcting import Correcting
from napari_unet.session.history import Action, Which
from napari_unet.session.image import ImageSource, Plane
from napari_unet.session.inbox import Inbox
from napari_unet.session.measuring import Measured, MeasuringTask, Sizes
from napari_unet.session.painting import Painting
from napari_unet.session.round_network import RoundNetwork
from napari_unet.session.rounds import Round, Rounds
from napari_unet.session.segmenting import Segmenting
from napari_unet.session.separating import Separating
from napari_unet.session.state import State
from napari_unet.session.takeaway import TakeAway
from napari_unet.session.tasks import SegmentationTask, TrainingTask
from napari_unet.session.weights import WeightMapTask

if TYPE_CHECKING:
    from napari_unet.network.training_settings import TrainingSettings
    from napari_unet.session.companions import Companions
    from napari_unet.workflow import Segmented, TrainedModel

_log = logging.getLogger("napari_unet")


class Session:
    """One loop on one image.

    Long computations are prepared here, run anywhere (`TrainingTask.run`), and handed back (`finish_training`).
    All methods are called from one thread.

    Attributes
    ----------
    state
        Image, annotation and rounds, as the parts of the session share them.
    sizes
        Object size and scale.
    separating
        How objects are made of probabilities, and the probabilities that are kept.
    annotating
        What the user paints and says.
    segmenting
        What is shown as the network's objects.
    correcting, inbox
        The tools that correct these, and what of these is most worth a look.

    Signals
    -------
    rounds_changed
        A round was added or another one is current.
    said
        ``(level, sentence)`` for the user; level is "info", "warning" or "error".
    """

    rounds_changed = Signal()
    said = Signal(str, str)

    def __init__(self) -> None:
        self.state = State()
        self.sizes = Sizes(self.state)
        self.separating = Separating(self.state)
        self.annotating = Annotating(self.state, self.sizes, self.separating)
        self.annotating.said.connect(self.said.emit)
        self.canvas.size_changed.connect(self.set_object_size)
        self.segmenting = Segmenting(self.state, self.sizes, self.separating)
        linking = self.segmenting.linking
        self.correcting = Correcting(self.state, self.separating, self.annotating, linking, self.sizes)
        self.inbox = Inbox(self.state, self.sizes, self.separating, self.annotating)

    @property
    def state_changed(self) -> SignalInstance:
        """Image, annotation's kind, regions, object size or separation changed."""
        return self.state.changed

    # ---- what there is -------------------------------------------------------------------------------------

    @property
    def canvas(self) -> Canvas:
        """Annotation and segmentation, with the undo over both."""
        return self.state.canvas

    @property
    def image(self) -> ImageSource | None:
        """The image that is worked on."""
        return self.state.image

    @property
    def painting(self) -> Painting | None:
        """The annotation and what was said about it."""
        return self.state.painting

    @property
    def annotation(self) -> NDArray[np.int32] | None:
        """What was painted, in the project's coding; the session's own copy. Change it by `record_stroke`."""
        return self.state.annotation

    @property
    def segmentation(self) -> NDArray[np.int32] | None:
        """What is shown as the network's objects, annotation on top; the session's own copy."""
        return self.state.segmentation

    @property
    def labels_are(self) -> LabelsAre:
        """Whether values ≥ 2 of the annotation are objects or classes."""
        return self.state.labels_are

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes; the first one is that of class 1."""
        return self.painting.class_names if self.painting else ()

    @property
    def regions(self) -> tuple[Region, ...]:
        """Inside these all is annotated."""
        return self.painting.regions if self.painting else ()

    @property
    def rounds(self) -> Rounds:
        """What was trained, and what a training can start from."""
        return self.state.rounds

    @property
    def current(self) -> Round | None:
        """The round whose network segments."""
        return self.rounds.current

    # ---- image and annotation ------------------------------------------------------------------------------

    def set_image(self, source: ImageSource, channels: Sequence[int] | None = None) -> None:
        """Work on another image, or on other channels of the same; another shape starts everything anew."""
        same_shape = self.image is not None and self.image.spatial_shape == source.spatial_shape
        same_pixels = self.image is not None and self.image.data is source.data
        channels = tuple(range(source.n_channels)) if channels is None else tuple(channels)
        if not channels:
            raise UserError("No channel is chosen; tick at least one.")
        if not same_pixels:
            self.state.generation += 1
            self.separating.forget()
        if not same_pixels or channels != self.state.channels:
            self.sizes.take_found(None)
        self.state.image, self.state.channels = source, channels
        if not same_shape:
            self.canvas.clear()
            self.state.painting = None
        if not same_pixels:
            _log.info(
                "Image: %s, %s, %d channel(s).", source.data.shape, source.data.dtype, source.n_channels
            )
        self._follow_scale()
        self.state.changed.emit()

    def begin_image(self, source: ImageSource) -> None:
        """Work on another image from its beginning; rounds and the network in use stay."""
        self.state.image = None  # one of the same shape, too, begins anew
        self.set_image(source)

    def adopt_annotation(
        self, labels: NDArray[Any], coding: Coding, labels_are: LabelsAre, class_names: Sequence[str] = ()
    ) -> None:
        """Take labels that were made elsewhere as the annotation, as `Annotating.adopt`."""
        self.annotating.adopt(labels, coding, labels_are, class_names)

    def next_object_value(self) -> int:
        """Return a value for a new object that the annotation does not use yet."""
        return self.painting.next_value() if self.painting else FIRST

    def problems(self, plane: Plane) -> list[Problem]:
        """Return what hinders a good training on this plane, blocking ones first."""
        return [problem for problem, _ in label_problems.prepare(self.state, self.sizes, plane).run()]

    def record_stroke(
        self, which: Which, offset: Sequence[int], values: NDArray[Any], name: str = "Paint"
    ) -> Action | None:
        """Take what a layer now holds in a box: one undo step; as `Annotating.record_stroke`."""
        return self.annotating.record_stroke(which, offset, values, name)

    def accept(
        self,
        plane: Plane,
        values: Collection[int] | None = None,
        region: Region | NDArray[np.bool_] | None = None,
    ) -> int:
        """Take objects of the segmentation into the annotation; as `Annotating.accept`."""
        return self.annotating.accept(plane, values, region)

    def undo(self) -> str | None:
        """Take the last action back over all arrays that it touched; return its name."""
        return self.canvas.undo()

    def redo(self) -> str | None:
        """Do again what was undone last; return its name."""
        return self.canvas.redo()

    # ---- sizes and weights ----------------------------------------------------------------------------------------

    def object_size(self, anew: bool = True) -> tuple[float, str]:
        """Return the object size in px in use and where it comes from, as `Sizes.object_size`."""
        return self.sizes.object_size(anew)

    def set_object_size(self, size: float | None) -> None:
        """Set the object size in px; ``None`` goes back to measuring it."""
        self.sizes.set(size)
        self._follow_scale()
        self.state.changed.emit()

    def finish_measuring(self, task: MeasuringTask, measured: Measured) -> None:
        """Take what a task of `Sizes.prepare` measured, unless another annotation was started meanwhile."""
        if self.sizes.finish(task, measured):
            self.state.changed.emit()

    def prepare_weight_map(self, plane: Plane, settings: WeightMapSettings) -> WeightMapTask:
        """Get ready to make the weight map of a plane as training would use it now.

        What `WeightMapTask.run` returns can follow the brush with `PlaneWeights.follow`.
        """
        self.state.need_painting()
        return preparing.prepare_weight_map(self.state, plane, settings, self.sizes.scale(anew=False))

    # ---- train ---------------------------------------------------------------------------------------------

    def load_start_file(self, path: str | Path) -> str:
        """Read a model file to start from or to segment with; return its key."""
        key = self.rounds.load_file(path)
        self.rounds_changed.emit()
        return key

    def prepare_training(
        self, start: str, settings: TrainingSettings, companions: Companions | None = None
    ) -> TrainingTask:
        """Take a snapshot of all that was painted, as `preparing.prepare_training`."""
        return preparing.prepare_training(self.state, start, settings, companions)

    def finish_training(self, task: TrainingTask, trained: TrainedModel) -> Round:
        """Take the result of a training as the current round."""
        outcome = replace(trained.outcome, state={})  # the numbers are the network's
        done = Round(
            task.number,
            task.name,
            RoundNetwork(trained.model.description, trained.model),
            outcome,
            task.started,
            tuple(trained.sentences),
            dict(task.revisions),
            trained.tallies,
            trained.begun_anew,
        )
        self.state.device = task.settings.device  # where one trains, one segments
        self.rounds.add(done)
        self.use_round(done)
        for sentence in done.sentences:
            self.said.emit("info", sentence)
        return done

    def use_round(self, chosen: Round) -> None:
        """Segment with this round's network from now on, and have the next training start from it."""
        self.rounds.use(chosen)
        self.state.training_choices = self.state.training_choices.model_copy(update={"start": ""})
        self.separating.take_fitted(chosen.description, self.sizes.scale())
        self.rounds_changed.emit()
        self.state.changed.emit()

    # ---- segment -------------------------------------------------------------------------------------------

    def prepare_segmentation(
        self, planes: Sequence[Plane] | None = None, averaging: str = "none"
    ) -> SegmentationTask:
        """Get ready to segment these planes, or all of them, as `preparing.prepare_segmentation`."""
        return preparing.prepare_segmentation(
            self.state, self.sizes.ask(), planes, averaging, self.separating.for_network
        )

    def finish_segmentation(self, task: SegmentationTask, result: dict[Plane, Segmented]) -> list[str]:
        """Show a segmentation and return what the user should know about it; as `Segmenting.finish`."""
        return self.segmenting.finish(task, result)

    def propose(self, plane: Plane, threshold_shift: float = 0.0, splitting: float = 0.5) -> int:
        """Propose objects by a classical method at once; return their number."""
        return self.segmenting.propose(plane, threshold_shift, splitting)

    # ---- take away -----------------------------------------------------------------------------------------

    def prepare_saving(self) -> TakeAway:
        """Take what there is to save now; its methods may run in another thread while painting goes on."""
        return TakeAway.of(self.state, self.separating.stored, copied=True)

    def result(self, plane: Plane | None = None) -> NDArray[np.int32]:
        """Return the network's objects with the annotation on top: one plane, or the whole array."""
        return TakeAway.of(self.state).result(plane)

    def save_labels(self, path: str | Path) -> None:
        """Write the segmentation as a label TIFF."""
        TakeAway.of(self.state).save_labels(path)

    def save_table(self, path: str | Path) -> None:
        """Write one line per object and plane as CSV: sizes, shapes, intensities."""
        TakeAway.of(self.state, self.separating.stored).save_table(path)

    def save_model(self, path: str | Path) -> None:
        """Write the current network as a model file."""
        TakeAway.of(self.state).save_model(path)

    # ---- inside --------------------------------------------------------------------------------------------

    def _follow_scale(self) -> None:
        if self.current is not None:
            self.separating.follow_scale(self.sizes.scale())
