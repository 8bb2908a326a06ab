"""Rounds on disk: a model file, and beside it what came of the training. Weights are read when they are asked for."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from napari_unet.errors import UserError
from napari_unet.objects.tally import Tally
from napari_unet.project.disk import Disk
from napari_unet.project.documents import (
    Document,
    ImageId,
    ShortText,
    VersionedDocument,
    read_document,
    write_document,
)
from napari_unet.project.records import Index

if TYPE_CHECKING:
    from napari_unet.network.model_file import Model, ModelDescription
    from napari_unet.network.training_outcome import TrainingOutcome
    from napari_unet.project.writer import Writer

_log = logging.getLogger("napari_unet")

Sentence = Annotated[str, Field(max_length=2000)]
Count = Annotated[int, Field(ge=0)]
Scores = dict[ShortText, float]
ROUND_NAME = re.compile(r"([0-9]{4,9})\.json")


class OutcomeDocument(Document):
    """A training's outcome without its weights; the names are those of ``TrainingOutcome``."""

    loss: tuple[float, ...] = ()
    learning_rate: tuple[float, ...] = ()
    held_out_curve: tuple[tuple[Count, Scores], ...] = ()
    best_step: Count
    steps: Count
    seconds: float = Field(ge=0)
    held_out: Scores | None = None
    stopped: bool
    sentence: Sentence
    patch_size: Count
    batch_size: Count
    threads: Count
    device: ShortText = ""
    shrunk: tuple[tuple[Count, Count, Count], ...] = ()

    @classmethod
    def of(cls, outcome: TrainingOutcome) -> OutcomeDocument:
        """Describe an outcome."""
        return cls(
            loss=tuple(map(float, outcome.curves.loss)),
            learning_rate=tuple(map(float, outcome.curves.learning_rate)),
            held_out_curve=tuple((int(step), dict(scores)) for step, scores in outcome.curves.held_out),
            best_step=outcome.best_step,
            steps=outcome.steps,
            seconds=outcome.seconds,
            held_out=outcome.held_out,
            stopped=outcome.stopped,
            sentence=outcome.sentence[:2000],
            patch_size=outcome.patch_size,
            batch_size=outcome.batch_size,
            threads=outcome.threads,
            device=outcome.device,
            shrunk=outcome.shrunk,
        )

    def restored(self) -> TrainingOutcome:
        """Return the outcome as the training gave it, without its weights."""
        from napari_unet.network.training_outcome import Curves, TrainingOutcome

        curves = Curves(
            list(self.loss),
            list(self.learning_rate),
            [(s, dict(scores)) for s, scores in self.held_out_curve],
        )
        return TrainingOutcome(
            state={},
            curves=curves,
            best_step=self.best_step,
            steps=self.steps,
            seconds=self.seconds,
            held_out=None if self.held_out is None else dict(self.held_out),
            stopped=self.stopped,
            sentence=self.sentence,
            patch_size=self.patch_size,
            batch_size=self.batch_size,
            threads=self.threads,
            device=self.device,
            shrunk=self.shrunk,
        )


class TallyDocument(Document):
    """What was found in one held-out place; the names are those of ``Tally``."""

    tp: Count
    fp: Count
    fn: Count
    merges: Count
    splits: Count
    both: Count
    either: Count

    @classmethod
    def of(cls, tally: Tally) -> TallyDocument:
        """Describe a tally."""
        return cls(**asdict(tally))

    def restored(self) -> Tally:
        """Return the tally."""
        return Tally(**self.model_dump())


class RoundDocument(VersionedDocument):
    """``rounds/0001.json``.

    Attributes
    ----------
    started
        Date and time, ISO 8601.
    revisions
        `ImageEntry.sequence` of every image it was trained on, when the training began.
    trained_on
        Name of the revision that holds all that went into it; empty if none was kept.
    minutes_spent
        Time that the user had worked on the project until then, if it was counted.
    tallies
        What was found in the held-out places, place by place.
    begun_anew
        SHA-256 of the bundled weights, where it began with them in the lineage of the round that its revision names.
    """

    what = "round"

    number: int = Field(ge=1)
    name: ShortText
    started: ShortText
    sentences: tuple[Sentence, ...] = ()
    revisions: dict[ImageId, Index] = Field(default_factory=dict)
    trained_on: ShortText = ""
    minutes_spent: float | None = Field(default=None, ge=0)
    tallies: tuple[TallyDocument, ...] = ()
    begun_anew: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    outcome: OutcomeDocument


class KeptRound:
    """A round on disk, or on its way there.

    Attributes
    ----------
    document : RoundDocument
    path : Path
        Its model file, which other programs may open, too.
    is_written : bool
        It is on disk.
    """

    def __init__(self, document: RoundDocument, path: Path, is_written: bool = True) -> None:
        self.document = document
        self.path = path
        self.is_written = is_written

    def describe(self) -> ModelDescription:
        """Read what the model file says of its network, not the weights; raises `UserError` as `load`."""
        from napari_unet.network.model_file import describe_model

        return describe_model(self.path)

    def load(self) -> Model:
        """Read the weights; raises `UserError` if the file is damaged."""
        from napari_unet.network.model_file import load_model

        return load_model(self.path)


class KeptRounds:
    """All rounds of a project; made by `Project`."""

    def __init__(self, disk: Disk, writer: Writer, folder: Path) -> None:
        self._disk = disk
        self._writer = writer
        self._folder = folder
        self._on_way: dict[int, KeptRound] = {}
        self._taken: set[int] = set()  # numbers, once the folder was listed: nobody else writes into it
        self._listed = False

    def add(self, model: Callable[[], Model], document: RoundDocument) -> KeptRound:
        """Keep a round, soon.

        Parameters
        ----------
        model
            Gives the model to the writing thread; it must stay as it is.

        Raises
        ------
        UserError
            If there is a round of that number.
        """
        number = document.number
        if number in self._numbers():
            raise UserError(f"There is a round {number} in the project already.")
        kept = KeptRound(document, self._folder / f"{number:04d}.safetensors", is_written=False)

        def write(_: object) -> None:
            from napari_unet.network.model_file import save_model

            self._disk.make_folder(self._folder)
            self._disk.put_with(kept.path, lambda unfinished: save_model(model(), unfinished))
            # Only now, as the round is there when its document is.
            write_document(self._disk, kept.path.with_suffix(".json"), document)
            kept.is_written = True
            _log.info("Round %d is kept.", number)

        self._on_way[number] = kept
        self._taken.add(number)

        def done(future: Future[None]) -> None:
            self._on_way.pop(number, None)
            if not future.cancelled() and (error := future.exception()) is not None:
                _log.error("Round %d is not kept: %s", number, error)

        self._writer.submit(write).add_done_callback(done)
        return kept

    def rename(self, number: int, name: str) -> None:
        """Give a round another name; written soon."""
        path = self._folder / f"{number:04d}.json"
        if number in self._on_way:
            kept = self._on_way[number]
            kept.document = kept.document.model_copy(update={"name": name})

        def write(_: object) -> None:
            document = read_document(self._disk, path, RoundDocument)
            write_document(self._disk, path, document.model_copy(update={"name": name}))

        self._writer.submit(write)

    def all(self) -> tuple[list[KeptRound], list[str]]:
        """Return the rounds in order, and a sentence for each that cannot be read."""
        on_way = dict(self._on_way)  # first: what is on disk by then need not be on its way any more
        on_disk, sentences = read_rounds(self._disk, self._folder)
        self._list()
        found = {kept.document.number: kept for kept in on_disk} | on_way
        return [found[number] for number in sorted(found)], sentences

    @property
    def next_number(self) -> int:
        """A number that no round has had: the next one's."""
        return 1 + max(self._numbers(), default=0)

    def _numbers(self) -> set[int]:
        if not self._listed:
            self._list()
        return self._taken

    def _list(self) -> None:
        self._taken.update(_numbers(self._disk, self._folder))
        self._listed = True


def read_rounds(disk: Disk, folder: Path) -> tuple[list[KeptRound], list[str]]:
    """Return the rounds in a folder, in order, and a sentence for each that cannot be read."""
    found, sentences = [], []
    for number in sorted(_numbers(disk, folder)):
        path = folder / f"{number:04d}.json"
        try:
            document = read_document(disk, path, RoundDocument)
        except UserError as error:
            sentences.append(str(error))
        else:
            if document.number == number:
                found.append(KeptRound(document, path.with_suffix(".safetensors")))
    return found, sentences


def _numbers(disk: Disk, folder: Path) -> list[int]:
    matches = (ROUND_NAME.fullmatch(name) for name in disk.names(folder))
    return [int(match[1]) for match in matches if match]
