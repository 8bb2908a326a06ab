"""The state of one loop: an image, what was painted on it, the rounds, the segmentation. No Qt, no viewer."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_unet.annotation.coding import (
    FIRST,
    Coding,
    CodingPreview,
    LabelsAre,
    check_labels,
    describe_coding,
    to_annotation,
)
from napari_unet.annotation.problems import Problem
from napari_unet.annotation.regions import Region, region_mask
from napari_unet.annotation.weight_map import WeightMapSettings
from napari_unet.errors import UserError
from napari_unet.objects.edit import Change, accept
from napari_unet.objects.numbering import keep_numbers
from napari_unet.objects.separate import SeparationSettings
from napari_unet.session import takeaway
from napari_unet.session.canvas import Canvas, on_plane, plane_change, split_planes, whole_plane
from napari_unet.session.history import Action, Which
from napari_unet.session.image import ImageSource, Plane
from napari_unet.session.measuring import Measured, MeasuringTask
from napari_unet.session.painting import ASSUMED_OBJECT_SIZE, Painting
from napari_unet.session.rounds import Round, Rounds
from napari_unet.session.stored import StoredProbabilities
from napari_unet.session.tasks import ProposalTask, SegmentationTask, TrainingTask
from napari_unet.session.weights import WeightMapTask

if TYPE_CHECKING:
    from napari_unet.network.training_settings import TrainingSettings
    from napari_unet.workflow import Segmented, TrainedModel


class Session:
    """One loop on one image.

    Long computations are prepared here, run anywhere (`TrainingTask.run`), and handed back (`finish_training`).
    All methods are called from one thread.

    Signals
    -------
    state_changed
        Image, annotation's kind, regions, object size or separation changed.
    rounds_changed
        A round was added or another one is current.
    said
        ``(level, sentence)`` for the user; level is "info", "warning" or "error".
    """

    state_changed = Signal()
    rounds_changed = Signal()
    said = Signal(str, str)

    def __init__(self) -> None:
        self.canvas = Canvas()
        self.image: ImageSource | None = None
        self.channels: tuple[int, ...] = ()
        self.painting: Painting | None = None
        self.rounds = Rounds()
        self.separation = SeparationSettings()
        self.object_size_override: float | None = None
        self._separation_scale = 1.0
        self.device = "auto"
        self._stored = StoredProbabilities()
        self._generation = 0
        self.canvas.edited.connect(self._note_edit)

    # ---- image and annotation ------------------------------------------------------------------------------

    @property
    def annotation(self) -> NDArray[np.int32] | None:
        """What was painted, in the project's coding; the session's own copy. Change it by `record_stroke`."""
        return self.canvas.arrays.get(Which.ANNOTATION)

    @property
    def segmentation(self) -> NDArray[np.int32] | None:
        """What is shown as the network's objects, annotation on top; the session's own copy."""
        return self.canvas.arrays.get(Which.SEGMENTATION)

    @property
    def labels_are(self) -> LabelsAre:
        """Whether values ≥ 2 of the annotation are objects or classes."""
        return self.painting.labels_are if self.painting else LabelsAre.OBJECTS

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes; the first one is that of class 1."""
        return self.painting.class_names if self.painting else ()

    @property
    def regions(self) -> tuple[Region, ...]:
        """Inside these all is annotated."""
        return self.painting.regions if self.painting else ()

    @property
    def current(self) -> Round | None:
        """The round whose network segments."""
        return self.rounds.current

    def set_image(self, source: ImageSource, channels: Sequence[int] | None = None) -> None:
        """Work on another image, or on other channels of the same; another shape starts everything anew."""
        same_shape = self.image is not None and self.image.spatial_shape == source.spatial_shape
        same_pixels = self.image is not None and self.image.data is source.data
        channels = tuple(range(source.n_channels)) if channels is None else tuple(channels)
        if not channels:
            raise UserError("No channel is chosen; tick at least one.")
        if not same_pixels:
            self._generation += 1
            self._stored.clear()
        self.image, self.channels = source, channels
        if not same_shape:
            self.canvas.clear()
            self.painting = None
        self._follow_scale()
        self.state_changed.emit()

    def start_annotation(self, labels_are: LabelsAre, class_names: Sequence[str] = ()) -> NDArray[np.int32]:
        """Start an empty annotation of the image's shape; return the session's copy."""
        empty = np.zeros(self._need_image().spatial_shape, np.int32)
        self._adopt(empty, labels_are, class_names)
        return empty

    def adopt_annotation(
        self,
        labels: NDArray[Any],
        coding: Coding,
        labels_are: LabelsAre,
        class_names: Sequence[str] = (),
    ) -> None:
        """Take labels that were made elsewhere as the annotation, in the coding that the user named.

        Raises
        ------
        UserError
            When the labels are no labels or do not fit the image.
        """
        image = self._need_image()
        check_labels(labels)
        if tuple(labels.shape) != image.spatial_shape:
            raise UserError(
                f"These labels are {_size(labels.shape)} px and the image is {_size(image.spatial_shape)} px; "
                "choose labels of the image's size."
            )
        self._adopt(to_annotation(labels, coding, labels_are).copy(), labels_are, class_names)

    def preview_coding(self, labels: NDArray[Any], coding: Coding, labels_are: LabelsAre) -> CodingPreview:
        """Tell what labels would mean in a coding, before they are used."""
        return describe_coding(labels, coding, labels_are)

    def set_class_names(self, names: Sequence[str]) -> None:
        """Name the classes: the first name is that of class 1."""
        self._need_painting().class_names = tuple(names)
        self.state_changed.emit()

    def set_regions(self, regions: Sequence[Region]) -> None:
        """Say inside which rectangles and polygons all is annotated."""
        painting = self._need_painting()
        painting.regions = tuple(regions)
        painting.changed()
        self.state_changed.emit()

    def mark_complete(self, values: Collection[int]) -> None:
        """Say that these objects are complete although nothing encloses them."""
        self._need_painting().mark_complete(values)
        self.state_changed.emit()

    def set_object_class(self, value: int, class_number: int) -> None:
        """Give an object a class (1, 2, …)."""
        self._need_painting().object_classes[int(value)] = int(class_number)
        self.state_changed.emit()

    def next_object_value(self) -> int:
        """Return a value for a new object that the annotation does not use yet."""
        return self.painting.next_value() if self.painting else FIRST

    def annotated_planes(self) -> list[Plane]:
        """Return the planes on which something was painted or a region lies."""
        return self.painting.annotated_planes() if self.painting else []

    def problems(self, plane: Plane) -> list[Problem]:
        """Return what hinders a good training on this plane, blocking ones first."""
        return self.painting.problems(plane) if self.painting else []

    def record_stroke(
        self, which: Which, offset: Sequence[int], values: NDArray[Any], name: str = "Paint"
    ) -> Action | None:
        """Take what a layer now holds in a box: one undo step.

        An edit of the segmentation is a correction: every object that it touches enters the annotation whole,
        erased pixels become background.

        Parameters
        ----------
        offset
            First index of the box, one integer per axis of the array.
        values
            What the layer holds there, of the array's number of dimensions.

        Returns
        -------
        Action or None
            ``None`` when nothing differs from what the session knows.
        """
        array = self.canvas.arrays[which]
        painting = self.painting if which is Which.SEGMENTATION else None
        changes: list[tuple[Which, Change]] = []
        for plane, box, painted in split_planes(offset, np.asarray(values)):
            stroke = plane_change(plane, box, array[plane][box], painted.astype(np.int32))
            if stroke is None:
                continue
            changes.append((which, stroke))
            corrected = painting.correction(plane, array[plane], box, painted) if painting else None
            if corrected is not None:
                changes.append((Which.ANNOTATION, on_plane(plane, corrected)))
        if not changes:
            return None
        action = Action(name, tuple(changes))
        self.canvas.do(action, shown=which)
        return action

    # ---- weight map -----------------------------------------------------------------------------------------

    def prepare_weight_map(self, plane: Plane, settings: WeightMapSettings) -> WeightMapTask:
        """Get ready to make the weight map of a plane as training would use it now.

        What `WeightMapTask.run` returns can follow the brush with `PlaneWeights.follow`.
        """
        painting = self._need_painting()
        return WeightMapTask(
            plane,
            painting.with_regions(plane),
            painting.labels_are,
            dict(painting.object_classes),
            painting.marked,
            settings,
            self.scale(anew=False),
        )

    # ---- object size ---------------------------------------------------------------------------------------

    def object_size(self, anew: bool = True) -> tuple[float, str]:
        """Return the object size in px in use and where it comes from: "set by you", "measured", "assumed".

        Parameters
        ----------
        anew
            Measure what was painted since the last measurement; otherwise its result holds.
        """
        if self.object_size_override:
            return self.object_size_override, "set by you"
        measured = self._measured(anew).object_size if self.painting else None
        return (measured, "measured") if measured else (ASSUMED_OBJECT_SIZE, "assumed")

    @property
    def knows_object_size(self) -> bool:
        """Whether `object_size` knows the size without measuring, though perhaps from before the last strokes."""
        painting = self.painting
        return painting is None or self.object_size_override is not None or painting.last_measured is not None

    def prepare_measuring(self) -> MeasuringTask | None:
        """Get ready to measure objects and scale; ``None`` where nothing changed since the last time."""
        painting = self.painting
        if painting is None or painting.is_measured(self.object_size_override):
            return None
        return painting.prepare_measuring(self.object_size_override)

    def finish_measuring(self, task: MeasuringTask, measured: Measured) -> None:
        """Take what a task measured, unless another annotation was started meanwhile."""
        painting = self.painting
        if painting is None or painting.labels is not task.painting.labels:
            return
        other = measured != painting.last_measured
        painting.finish_measuring(task, measured)
        if other:
            self.state_changed.emit()

    def set_object_size(self, size: float | None) -> None:
        """Set the object size in px; ``None`` goes back to measuring it."""
        if size is not None and not 1 <= size <= 10_000:
            raise UserError(f"An object size of {size:g} px makes no sense; give 1 to 10,000 px.")
        self.object_size_override = size
        self._follow_scale()
        self.state_changed.emit()

    def scale(self, anew: bool = True) -> float:
        """Return network px per image px: of the current model, or what a first training would choose.

        Parameters
        ----------
        anew
            As in `object_size`.
        """
        if self.current is not None:
            from napari_unet.workflow.scale import scale_of

            pixel_size = self.image.pixel_size_um if self.image else None
            return scale_of(self.current.model.description, self.object_size_override, pixel_size)
        return self._measured(anew).scale if self.painting else 1.0

    # ---- propose -------------------------------------------------------------------------------------------

    def prepare_proposal(
        self,
        plane: Plane,
        threshold_shift: float = 0.0,
        splitting: float = 0.5,
        local: bool = False,
    ) -> ProposalTask:
        """Get ready to propose objects on a plane by a classical method.

        Parameters
        ----------
        threshold_shift
            −1 (all) … 1 (nothing).
        splitting
            0 (never cut touching objects) … 1 (at every neck).
        local
            Compare with the surroundings instead of the whole image.
        """
        image = self._need_image()
        return ProposalTask(image, self.channels, plane, threshold_shift, splitting, local, self._generation)

    def finish_proposal(self, task: ProposalTask, labels: NDArray[np.int32]) -> int:
        """Fill the segmentation with what was proposed, never the annotation; return the number of objects.

        Moving a slider again and again stays one undo step.
        """
        if task.generation != self._generation:
            return 0
        self._show(task.plane, labels, "Propose", key=f"propose {task.plane}")
        return int(labels.max(initial=0))

    def propose(self, plane: Plane, threshold_shift: float = 0.0, splitting: float = 0.5) -> int:
        """Propose objects at once; return their number."""
        task = self.prepare_proposal(plane, threshold_shift, splitting)
        return self.finish_proposal(task, task.run())

    # ---- train ---------------------------------------------------------------------------------------------

    def starts(self) -> list[tuple[str, str]]:
        """Return keys of what a training can start from and what to show for them, newest round first."""
        return self.rounds.starts()

    def load_start_file(self, path: str | Path) -> str:
        """Read a model file to start from or to segment with; return its key."""
        key = self.rounds.load_file(path)
        self.rounds_changed.emit()
        return key

    def prepare_training(self, start: str, settings: TrainingSettings) -> TrainingTask:
        """Take a snapshot of all that was painted.

        Raises
        ------
        UserError
            When nothing can be learned from it; the sentence says what is missing.
        """
        from napari_unet.workflow.annotated import check_trainable

        image = self._need_image()
        painting = self._need_painting()
        images = tuple(painting.snapshot(image, self.channels))
        check_trainable(images, painting.labels_are)
        number = self.rounds.next_number
        return TrainingTask(
            images,
            settings,
            painting.labels_are,
            painting.class_names,
            self.rounds.model(start),
            self.object_size_override,
            image.rgb and len(self.channels) == 3,
            tuple(f"channel {channel + 1}" for channel in self.channels),
            f"Round {number}",
            number,
            datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        )

    def finish_training(self, task: TrainingTask, trained: TrainedModel) -> Round:
        """Take the result of a training as the current round."""
        done = Round(
            task.number, task.name, trained.model, trained.outcome, task.started, tuple(trained.sentences)
        )
        self.device = task.settings.device  # where one trains, one segments
        self.rounds.add(done)
        self.use_round(done)
        for sentence in done.sentences:
            self.said.emit("info", sentence)
        return done

    def use_round(self, chosen: Round) -> None:
        """Segment with this round's network from now on."""
        from napari_unet.workflow.segmentation import separation_of

        self.rounds.current = chosen
        self._separation_scale = self.scale()
        self.separation = separation_of(chosen.model.description, self._separation_scale)
        self.rounds_changed.emit()
        self.state_changed.emit()

    # ---- segment -------------------------------------------------------------------------------------------

    def prepare_segmentation(
        self, planes: Sequence[Plane] | None = None, averaging: str = "none"
    ) -> SegmentationTask:
        """Get ready to segment these planes, or all of them, with the current round's network.

        Raises
        ------
        UserError
            When there is no image, no network yet, or they do not fit.
        """
        from napari_unet.workflow.segmentation import check_fits

        image = self._need_image()
        if self.current is None:
            raise UserError("There is no trained network yet; paint a few objects and press Train first.")
        model = self.current.model
        chosen = tuple(image.planes() if planes is None else planes)
        check_fits(model.description, image.plane(chosen[0], self.channels))
        return SegmentationTask(
            image,
            self.channels,
            chosen,
            model,
            self.object_size_override,
            averaging,
            self.separation,
            self.device,
            self._generation,
        )

    def finish_segmentation(self, task: SegmentationTask, result: dict[Plane, Segmented]) -> list[str]:
        """Show a segmentation, the annotation on top, with the numbers that objects had before.

        Returns
        -------
        list of str
            What the user should know about it; empty also when the image was replaced in the meantime, in which
            case nothing is shown.
        """
        if task.generation != self._generation or self.image is None:
            return ["The image was replaced while it was segmented; segment again."]
        sentences: list[str] = []
        changes: list[Action] = []
        for plane, segmented in result.items():
            self._stored.keep(plane, segmented)
            action = self._plane_action(plane, segmented.labels, "Segment")
            if action is not None:
                changes.append(action)
            sentences.extend(s for s in segmented.sentences if s not in sentences)
        if changes:
            self.canvas.do(Action("Segment", tuple(c for a in changes for c in a.changes)))
        self.state_changed.emit()
        return sentences

    def set_separation(self, settings: SeparationSettings, plane: Plane) -> str | None:
        """Make objects anew from the plane's stored probabilities, without running the network.

        Returns
        -------
        str or None
            Why nothing was found, in one sentence.
        """
        self.separation = settings
        stored = self._stored.get(plane)
        if stored is None:
            return None
        from napari_unet.workflow.segmentation import foreground, separate_probabilities

        probabilities, distance, scale = stored
        typical = self.current.model.description.object_size / scale if self.current else None
        labels = separate_probabilities(probabilities, distance, settings, self.labels_are, scale, typical)
        self._show(plane, labels, "Objects", key=f"separation {plane}")
        if labels.any():
            return None
        from napari_unet.objects.separate import why_empty

        return why_empty(foreground(probabilities), settings)

    def has_probabilities(self, plane: Plane) -> bool:
        """Whether the plane was segmented and its probabilities are kept."""
        return plane in self._stored

    def probability(self, plane: Plane) -> NDArray[np.float32] | None:
        """Return the stored class probabilities ``(K, Y, X)`` of a plane."""
        stored = self._stored.get(plane)
        return None if stored is None else stored[0]

    def uncertainty(self, plane: Plane) -> NDArray[np.float32] | None:
        """Return the entropy of the class probabilities ``(Y, X)``, 0 (sure) to 1 (no idea)."""
        return self._stored.entropy(plane)

    # ---- correct -------------------------------------------------------------------------------------------

    def accept(
        self,
        plane: Plane,
        values: Collection[int] | None = None,
        region: Region | NDArray[np.bool_] | None = None,
    ) -> int:
        """Take objects of the segmentation into the annotation, where nothing was annotated yet.

        Parameters
        ----------
        values
            The objects (or classes); all of the plane by default.
        region
            Instead of values: the objects that lie in it with at least half of their area.

        Returns
        -------
        int
            The number of pixels that were annotated by it.
        """
        if self.segmentation is None or self.annotation is None:
            raise UserError("There is nothing to accept yet; segment first.")
        if isinstance(region, Region):
            region = region_mask(region, self._need_image().plane_shape)
        change = accept(
            self.segmentation[plane],
            self.annotation[plane],
            values if region is None else region,
            self.border_reach(),
            self.labels_are.value,
            self.next_object_value(),
        )
        if change is None:
            return 0
        self.canvas.do(Action("Accept", ((Which.ANNOTATION, on_plane(plane, change)),)))
        return int(np.count_nonzero(change.old != change.new))

    def border_reach(self) -> float:
        """Return how far (image px) the border weight reaches around an object: three σ at the network's scale."""
        return 3.0 * WeightMapSettings().sigma / max(self.scale(anew=False), 1e-3)

    def undo(self) -> str | None:
        """Take the last action back over all arrays that it touched; return its name."""
        return self.canvas.undo()

    def redo(self) -> str | None:
        """Do again what was undone last; return its name."""
        return self.canvas.redo()

    # ---- take away -----------------------------------------------------------------------------------------

    def result(self, plane: Plane | None = None) -> NDArray[np.int32]:
        """Return the network's objects with the annotation on top: one plane, or the whole array.

        Raises
        ------
        UserError
            When nothing has been segmented yet.
        """
        if self.segmentation is None:
            raise UserError("There is no segmentation yet; press Segment first.")
        if plane is not None:
            return self._on_top(plane, self.segmentation[plane])
        whole = np.empty_like(self.segmentation)
        for index in np.ndindex(*whole.shape[:-2]):
            whole[index] = self._on_top(index, self.segmentation[index])
        return whole

    def save_labels(self, path: str | Path) -> None:
        """Write the segmentation as a label TIFF."""
        takeaway.save_labels(path, self._need_image(), self.result())

    def save_table(self, path: str | Path) -> None:
        """Write one line per object and plane as CSV: sizes, shapes, intensities."""
        takeaway.save_table(path, self._need_image(), self.result())

    def save_model(self, path: str | Path) -> None:
        """Write the current network as a model file."""
        takeaway.save_model(path, self.current)

    # ---- inside --------------------------------------------------------------------------------------------

    def _follow_scale(self) -> None:
        """Keep the smallest object the same to the network when images are seen at another scale from now on."""
        if self.current is None:
            return
        before, self._separation_scale = self._separation_scale, self.scale()
        smallest = self.separation.smallest * (before / self._separation_scale) ** 2
        self.separation = self.separation.model_copy(update={"smallest": smallest})

    def _need_image(self) -> ImageSource:
        if self.image is None:
            raise UserError(
                "No image is open; open one with File › Open, or a sample with File › Open Sample."
            )
        return self.image

    def _measured(self, anew: bool) -> Measured:
        painting = self._need_painting()
        if painting.last_measured is None or anew:
            return painting.measure(self.object_size_override)
        return painting.last_measured

    def _need_painting(self) -> Painting:
        if self.painting is None:
            raise UserError("There is no annotation layer yet; press “New annotation layer” and paint.")
        return self.painting

    def _adopt(self, labels: NDArray[np.int32], labels_are: LabelsAre, class_names: Sequence[str]) -> None:
        self.painting = Painting(labels, labels_are, tuple(class_names))
        self._stored.clear()
        self.canvas.clear()
        self.canvas.start(Which.ANNOTATION, labels)
        self.state_changed.emit()

    def _on_top(self, plane: Plane, labels: NDArray[np.int32]) -> NDArray[np.int32]:
        return self.painting.on_top(plane, labels) if self.painting else labels

    def _plane_action(self, plane: Plane, labels: NDArray[np.int32], name: str) -> Action | None:
        """Return the action that shows these labels on a plane, annotation on top, old numbers kept."""
        image = self._need_image()
        if self.segmentation is None:
            self.canvas.arrays[Which.SEGMENTATION] = np.zeros(image.spatial_shape, np.int32)
            self.canvas.array_replaced.emit(Which.SEGMENTATION)
        before = self.canvas.plane(Which.SEGMENTATION, plane)
        if self.labels_are is LabelsAre.OBJECTS:
            labels = keep_numbers(labels, before)
        labels = self._on_top(plane, labels)
        change = plane_change(plane, whole_plane(before), before, labels)
        return None if change is None else Action(name, ((Which.SEGMENTATION, change),))

    def _show(self, plane: Plane, labels: NDArray[np.int32], name: str, key: str) -> None:
        action = self._plane_action(plane, labels, name)
        if action is not None:
            self.canvas.do(Action(name, action.changes, key))

    def _note_edit(self, which: Which, change: Change) -> None:
        if which is Which.ANNOTATION and self.painting is not None:
            self.painting.changed()


def _size(shape: Sequence[int]) -> str:
    return " × ".join(str(n) for n in shape)
