"""A training that goes on while one paints: new strokes come in, better weights come out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from napari_unet.annotation.coding import LabelsAre
from napari_unet.callbacks import ShouldStop
from napari_unet.errors import UserError
from napari_unet.network.bundled import bundled_for, is_bundled
from napari_unet.network.continuous import ContinuousTraining, pause
from napari_unet.network.held_out import without_held_out
from napari_unet.network.model_file import Model, ModelDescription
from napari_unet.network.prediction import fold
from napari_unet.network.training_settings import TrainingSettings
from napari_unet.network.unet import UNet
from napari_unet.objects.separate import SeparationSettings
from napari_unet.workflow.agreement import agreement, annotated_parts
from napari_unet.workflow.columns import spared_at_network_scale
from napari_unet.workflow.frame import Frame
from napari_unet.workflow.lineage import Lineage, at_network_scale, continue_lineage
from napari_unet.workflow.live_exchange import Annotation, Better, Inbox, State
from napari_unet.workflow.preparation import Prepared, prepare
from napari_unet.workflow.scoring import HeldOutScore, cut_places
from napari_unet.workflow.starting import make_network
from napari_unet.workflow.training import (
    TrainedModel,
    known_separation,
    names_of_classes,
    provenance_of,
    sizes_of,
)

SECONDS_BETWEEN = 4.0
"""Least time between two looks whether the weights are better."""
SHARE = 0.2
"""Most of the time that goes into looking."""
BETTER = 0.002
"""By how much the agreement with the annotation must rise."""
PATIENCE = 5
"""Looks without better weights and without new strokes after which it rests."""


@dataclass(frozen=True, eq=False)
class LiveTraining:
    """A training that is ready to begin.

    Attributes
    ----------
    start
        Gives the model to start from; ``None`` for the bundled network.
    quiet
        Rest as long as one works: half of one core.
    """

    inbox: Inbox
    start: Callable[[], Model] | None
    settings: TrainingSettings
    labels_are: LabelsAre
    rgb: bool
    channel_names: tuple[str, ...]
    name: str
    quiet: bool = False

    def run(
        self,
        on_better: Callable[[Better], None],
        on_state: Callable[[State], None],
        should_stop: ShouldStop,
        let_pass: Callable[[], None],
    ) -> None:
        """Train until asked to stop; in any thread."""
        annotation = None
        while not should_stop():
            annotation = annotation or self.inbox.take(0.5)
            if annotation is None:
                continue
            try:
                course = _Course(self, annotation, on_better, on_state, should_stop, let_pass)
            except (
                UserError
            ):  # not enough is painted to train on: the preview goes on, and so does the painter
                annotation = None
                continue
            annotation = course.run()


class _Course:
    """The training under way, as long as the number of classes stays."""

    def __init__(
        self,
        task: LiveTraining,
        annotation: Annotation,
        on_better: Callable[[Better], None],
        on_state: Callable[[State], None],
        should_stop: ShouldStop,
        let_pass: Callable[[], None],
    ) -> None:
        self.task, self.annotation = task, annotation
        self.on_better, self.on_state, self.should_stop, self.let_pass = (
            on_better,
            on_state,
            should_stop,
            let_pass,
        )
        self.start = bundled_for(len(task.channel_names)) if task.start is None else task.start()
        self.before = None if is_bundled(self.start.description) else self.start
        self.known = Lineage.of(self.before.description.training) if self.before else Lineage()
        self.kept: ModelDescription | None = self.before.description if self.before else None
        self.prepared = self._prepare(annotation)
        self.network, _ = make_network(self.prepared, task.settings, task.labels_are, self.start)
        self.config = self.network.config
        self.begun, self.spent, self.looked_at = time.monotonic(), 0.0, 0.0
        self.shown: UNet | None = None
        self.has_shown = False
        self.shown_agreement, self.shown_held_out, self.in_vain = -1.0, -1.0, 0

    def run(self) -> Annotation | None:
        """Train; return an annotation with which to begin anew, ``None`` when asked to stop."""
        images = without_held_out(self.prepared.images, self.spared)
        shown = fold(self.network)
        with ContinuousTraining(
            images, self.network, self.task.settings, self.task.rgb, warm=True
        ) as training:
            self._judge(shown)
            while not self.should_stop():
                new = self.task.inbox.take()
                if new is not None and not self._take(new, training):
                    return new
                self.let_pass()
                start = time.monotonic()
                if not training.step(self.should_stop):
                    break
                if self.task.quiet:
                    pause(time.monotonic() - start, self.should_stop)
                if self._is_time_to_look():
                    self._look(training)
                    self._rest_if_done(training)
        return None

    def _prepare(self, annotation: Annotation) -> Prepared:
        task = self.task
        self.images = annotation.read()
        prepared = prepare(
            self.images,
            task.labels_are,
            annotation.class_names,
            task.settings.weight_map,
            start=self.kept,
            object_size=annotation.object_size if self.kept is None else None,
            grey_range=task.settings.grey_range,
            magnification="as in training",
        )
        lineage, _ = continue_lineage(self.known, prepared, task.settings.seed)
        self.known, self.inside = lineage, at_network_scale(prepared, lineage.held_out)
        self.spared = spared_at_network_scale(prepared, lineage.held_out)
        score = HeldOutScore(prepared.images, self.inside, task.labels_are) if self.inside else None
        self.score, self.parts = score, cut_places(prepared.images, annotated_parts(prepared.images))
        return prepared

    def _take(self, annotation: Annotation, training: ContinuousTraining) -> bool:
        """Go on with more annotation; ``False`` where the network does not fit it."""
        if self.kept is None:
            self.kept = self._describe(training, None)
        before = {frame.name: frame for frame in self.prepared.frames}
        try:
            prepared = self._prepare(annotation)
        except UserError:  # what made it trainable was taken back: wait for more
            return True
        if prepared.n_classes != self.config.classes:
            return False
        self.annotation, self.prepared, self.in_vain = annotation, prepared, 0
        shifts = {
            frame.name: _shift(before[frame.name], frame) for frame in prepared.frames if frame.name in before
        }
        training.take(without_held_out(prepared.images, self.spared), shifts)
        if self.shown is not None:
            self._judge(self.shown)
        return True

    def _judge(self, shown: UNet) -> None:
        """Measure what is shown by the annotation as it is now."""
        self.shown = shown
        own = agreement(shown, self.parts, self.config.classes)
        self.shown_agreement = own if self.has_shown else max(own, self.annotation.shown_agreement)
        self.shown_held_out = self.score(shown)["score"] if self.score is not None else -1.0

    def _is_time_to_look(self) -> bool:
        since = time.monotonic() - self.looked_at
        return since > max(SECONDS_BETWEEN, self.spent / SHARE) and self.task.inbox.is_empty

    def _look(self, training: ContinuousTraining) -> None:
        """Hand the weights over if they are better than those that are shown."""
        start = time.monotonic()
        network = training.averaged()
        folded = fold(network)
        agrees = agreement(folded, self.parts, self.config.classes)
        scores = self.score(folded) if self.score is not None else None
        held_out = scores["score"] if scores else -1.0
        self.in_vain += 1
        margin = self.score.standard_error if self.score is not None else 0.0
        if agrees > self.shown_agreement + BETTER and held_out >= self.shown_held_out - margin:
            self.shown, self.shown_agreement, self.shown_held_out, self.in_vain = folded, agrees, held_out, 0
            self.has_shown = True
            self.on_better(Better(self._trained(training, network, scores), agrees, self._seconds))
        self.on_state(State(training.steps, self._seconds, False))
        self.looked_at = time.monotonic()
        self.spent = self.looked_at - start

    def _rest_if_done(self, training: ContinuousTraining) -> None:
        """Do nothing until something is painted, once nothing gets better."""
        if self.in_vain < PATIENCE:
            return
        self.on_state(State(training.steps, self._seconds, True))
        while self.task.inbox.is_empty and not self.should_stop():
            time.sleep(0.1)
        self.in_vain = 0

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self.begun

    def _trained(
        self, training: ContinuousTraining, network: UNet, scores: dict[str, float] | None
    ) -> TrainedModel:
        state = {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}
        copy = UNet(self.config)
        copy.load_state_dict(state)
        outcome = training.outcome(copy.state_dict(), scores, self._seconds)
        description = self._describe(training, scores)
        return TrainedModel(Model(description, copy.eval()), outcome, self.known.held_out, [outcome.sentence])

    def _describe(self, training: ContinuousTraining, scores: dict[str, float] | None) -> ModelDescription:
        task, prepared = self.task, self.prepared
        separation = known_separation(self.start, self.config) or SeparationSettings()
        outcome = training.outcome({}, scores, self._seconds)
        return ModelDescription(
            name=task.name,
            network=self.config,
            channel_names=task.channel_names,
            rgb=task.rgb,
            normalisation=prepared.normalisation,
            labels_are=task.labels_are.value,
            class_names=names_of_classes(self.annotation.class_names, prepared.n_classes),
            separation=separation.model_dump(mode="json"),
            training=provenance_of(
                task.settings, outcome, self.known, self.images, task.labels_are, self.before, self.start
            ),
            **sizes_of(prepared, self.before),
        )


def _shift(before: Frame, now: Frame) -> tuple[float, float]:
    """Return how far (px of the network) a frame begins below and right of where it began."""
    return (now.box[0] - before.box[0]) * now.scale, (now.box[2] - before.box[2]) * now.scale
