"""Rounds of a project done again from what was kept of them, and what came out compared bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray
from pydantic import ValidationError

from napari_unet.annotation.coding import LabelsAre
from napari_unet.callbacks import ShouldStop
from napari_unet.errors import UserError
from napari_unet.formats.images import planes, read_image
from napari_unet.project.disk import Disk
from napari_unet.project.documents import ImageDescription, ProjectDocument, read_document
from napari_unet.project.image_file import find_file
from napari_unet.project.pixels import Pixels
from napari_unet.project.revisions import (
    KeptAnnotation,
    Revision,
    read_labels,
    read_revision,
)
from napari_unet.project.rounds import KeptRound, read_rounds
from napari_unet.session.described import regions_from_json
from napari_unet.session.keeping import CURRENT_ROUND
from napari_unet.session.lessons import corrections_from_json
from napari_unet.session.pictures import FOLDERS
from napari_unet.session.recording import machine
from napari_unet.session.replayed_pixels import planes_of, stack_again, those_of
from napari_unet.session.tasks import TrainingTask

if TYPE_CHECKING:
    from napari_unet.network.model_file import Model
    from napari_unet.network.training import TrainingReport
    from napari_unet.workflow import AnnotatedImage, TrainedModel


@dataclass(frozen=True)
class Replayed:
    """What came of doing a round again.

    Attributes
    ----------
    same
        All weights are the same, bit for bit.
    sentence
        That, or what differs.
    """

    number: int
    same: bool
    sentence: str


class Replay:
    """The rounds of a project, which is only read: it may be open in a window meanwhile.

    Parameters
    ----------
    folder : Path
        Of the project.

    Raises
    ------
    UserError
        If there is no project, or nothing was trained in it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._disk = Path(folder).absolute(), Disk()
        path = self._folder / "project.json"
        if not self._disk.exists(path):
            raise UserError(f"{folder} holds no project; choose a folder with a project.json in it.")
        document = read_document(self._disk, path, ProjectDocument)
        self.name, self._in_use = document.name, document.notes.get(CURRENT_ROUND)
        folders = document.notes.get(FOLDERS)
        self._folders = [Path(str(one)) for one in folders] if isinstance(folders, list) else []
        rounds, self.sentences = read_rounds(self._disk, self._folder / "rounds")
        self._rounds = {kept.document.number: kept for kept in rounds}
        if not self._rounds:
            raise UserError(
                f"Nothing was trained in the project “{self.name}” yet; there is nothing to repeat."
            )

    @property
    def numbers(self) -> list[int]:
        """The numbers of the rounds, in order."""
        return list(self._rounds)

    @property
    def in_use(self) -> int:
        """The number of the round that segments, or else of the last one."""
        used = self._in_use
        return used if isinstance(used, int) and used in self._rounds else self.numbers[-1]

    def kept(self, number: int) -> KeptRound:
        """Return a round.

        Raises
        ------
        UserError
            If there is none of that number.
        """
        if number not in self._rounds:
            there = ", ".join(map(str, self._rounds))
            raise UserError(f"There is no round {number} in the project “{self.name}”; there is {there}.")
        return self._rounds[number]

    def run(
        self, number: int, on_report: Callable[[TrainingReport], None], should_stop: ShouldStop
    ) -> Replayed:
        """Do a round again and compare; what keeps it from being done is what differs."""
        from napari_unet.network.record import TrainingRecord

        kept = self.kept(number)
        try:
            model = kept.load()
            outcome = kept.document.outcome.restored()
            revision = self.revision(number)
            if not outcome.steps:
                raise UserError("No step was made in it.")
            task, record = self._task(kept, revision), TrainingRecord.of(outcome)
            trained = task.run(on_report, should_stop, record)
        except UserError as error:
            return Replayed(number, False, f"It cannot be done again: {error}")
        return _compare(kept, model, trained, self._conditions(kept, revision, model))

    def revision(self, number: int) -> Revision:
        """Return what a round was trained on; raises `UserError` where nothing was kept."""
        name = self.kept(number).document.trained_on
        if not name:
            raise UserError(
                "what it was trained on was not kept. It learned in Live, where strokes come in as one paints, or "
                "began before there was a project that keeps it."
            )
        return read_revision(self._disk, self._folder, name)

    def _task(self, kept: KeptRound, revision: Revision) -> TrainingTask:
        from napari_unet.network.training_settings import TrainingSettings

        outcome = kept.document.outcome
        try:
            settings = TrainingSettings.model_validate(revision.settings)
        except ValidationError as error:
            raise UserError("Its settings are of another version of napari-unet.") from error
        if settings.dimensions == 3 and any(p.stack is None for of in revision.images for p in of.planes):
            raise UserError("Of which stacks its planes are was not kept yet by that version of napari-unet.")
        how = {"threads": outcome.threads, "device": outcome.device or "cpu"}
        anew = kept.document.begun_anew
        bundled = bool(anew) or revision.start.kind == "bundled"
        task = TrainingTask(
            tuple(image for of in revision.images for image in self._images(of)),
            settings.model_copy(update=how),
            LabelsAre(revision.labels_are),
            revision.class_names,
            None if bundled else self._start(revision),
            revision.object_size,
            revision.rgb,
            revision.channel_names,
            kept.document.name,
            kept.document.number,
            revision.started,
            bundled,
            continues=self._start(revision) if anew else None,
        )
        if anew and task.digest_of_start() != anew:
            raise UserError("The bundled network of this version is not the one that it began anew from.")
        given = replace(task, bundled=False, start=task.continues) if anew else task
        if given.digest_of_start() != revision.start.digest:
            raise UserError(f"{_start_words(revision)} is not the network that it started from any more.")
        return task

    def _start(self, revision: Revision) -> Callable[[], Model] | None:
        from napari_unet.network.model_file import load_model

        start = revision.start
        if start.kind == "round":
            return self.kept(start.round or 0).load
        return partial(load_model, Path(start.path)) if start.kind == "file" else None

    def _images(self, kept: KeptAnnotation) -> list[AnnotatedImage]:
        from napari_unet.workflow import AnnotatedImage

        channels_of = self._planes(kept.image)
        found, corrections = [], corrections_from_json(kept.corrections)
        for plane in kept.planes:
            there = channels_of.get(plane.plane)
            if there is None or there.shape[1:] != plane.shape:
                raise UserError(
                    f"The image of “{plane.name}” has another shape than the one it was trained on."
                )
            chosen = those_of(there, plane.pixels, plane.name)
            found.append(
                AnnotatedImage(
                    plane.name,
                    there[chosen],
                    read_labels(self._disk, self._folder, plane),
                    regions_from_json(plane.regions),
                    {int(value): number for value, number in kept.object_classes.items()},
                    frozenset(kept.complete),
                    plane.pixel_size_um,
                    plane.picture,
                    plane.plane,
                    kept.image,
                    tuple(done for done in corrections if done.plane == plane.plane),
                    stack_again(plane, channels_of, chosen),
                )
            )
        return found

    def _planes(self, image_id: str) -> dict[tuple[int, ...], NDArray[Any]]:
        """Return all planes (C, Y, X) of an image of the project."""
        folder = self._folder / "images" / image_id
        description = read_document(self._disk, folder / "image.json", ImageDescription)
        if description.file is None:
            return planes_of(Pixels(self._disk, folder, description).read(), description)
        image = read_image(find_file(description, image_id, self._folder, self._folders))
        if image.array.shape == description.shape:
            return planes_of(image.array, description)
        return dict(planes(image.array, image.axes))  # the window knew its channels as images of their own

    def _conditions(self, kept: KeptRound, revision: Revision, model: Model) -> list[str]:
        """Return what is known to be otherwise than it was."""
        from napari_unet.workflow.training import versions

        now, then = versions() | machine(), model.description.training.versions | revision.machine
        found = [
            f"{what} {now[what]} instead of {was}" for what, was in then.items() if now.get(what, was) != was
        ]
        device = kept.document.outcome.device
        if device not in ("", "cpu"):
            found.append(f"it was trained on {device}, which adds up in another order each time")
        return found


def _start_words(revision: Revision) -> str:
    start = revision.start
    if start.kind == "round":
        return f"Round {start.round}"
    return "The bundled network of this version" if start.kind == "bundled" else start.path


def _compare(kept: KeptRound, model: Model, trained: TrainedModel, conditions: list[str]) -> Replayed:
    import torch

    number, was, now = kept.document.number, model.network.state_dict(), trained.model.network.state_dict()
    outcome, expected = trained.outcome, kept.document.outcome
    if was.keys() != now.keys() or any(was[name].shape != now[name].shape for name in was):
        return Replayed(number, False, _because("It became a network of another shape", conditions))
    other = [name for name in was if not torch.equal(was[name], now[name])]
    losses = list(zip(outcome.curves.loss, expected.loss, strict=False))
    other_loss = next((step for step, (a, b) in enumerate(losses, start=1) if a != b), None)
    steps = f"{outcome.steps} step{'s' * (outcome.steps != 1)}"
    if not other and other_loss is None and outcome.steps == expected.steps:
        n_numbers = sum(tensor.numel() for tensor in was.values())
        words = f"The same weights, bit for bit: {n_numbers:,} numbers after {steps}, those of step"
        return Replayed(number, True, f"{words} {outcome.best_step} kept; the same loss in every step, too.")
    if other:
        largest = max(float((was[name].double() - now[name].double()).abs().max()) for name in other)
        words = f"{len(other)} of {len(was)} tensors differ, by up to {largest:.2g}, after {steps}"
    else:
        words = f"The weights that were kept are the same, but not all that came about in {steps}"
    if other_loss is not None:
        conditions = [f"the loss from step {other_loss} on", *conditions]
    if outcome.steps != expected.steps:
        conditions = [f"{outcome.steps} steps instead of {expected.steps}", *conditions]
    if set(trained.model.description.training.held_out) != set(model.description.training.held_out):
        conditions = ["other held-out places", *conditions]
    return Replayed(number, False, _because(words, conditions))


def _because(words: str, conditions: list[str]) -> str:
    known = "; ".join(conditions) or "nothing that is known: the same versions, threads and kind of processor"
    return f"{words}. What is otherwise here: {known}."
