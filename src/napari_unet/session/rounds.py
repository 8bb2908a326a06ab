"""The rounds of a loop: what was trained, what a training can start from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari_unet.errors import UserError
from napari_unet.objects.intervals import Interval
from napari_unet.objects.tally import Tally, sure_scores
from napari_unet.session.round_network import RoundNetwork

if TYPE_CHECKING:
    from napari_unet.network.model_file import Model, ModelDescription
    from napari_unet.network.training import TrainingOutcome

SCRATCH = "scratch"
"""The key of a start with fresh weights."""
BUNDLED = "bundled"
"""The key of a start with the weights that come with the package."""

LONGEST_NAME = 100
LAST = 2
"""How many of the last rounds stay in memory with their networks, besides the one that segments."""


@dataclass(eq=False)
class Round:
    """One training and what came of it.

    Attributes
    ----------
    name
        The user may give it another one.
    outcome
        Without the weights, which are the network's.
    revisions
        Id of an image of the project → the state of its annotation that was trained on.
    tallies
        What was found in the held-out places when it ended, place by place.
    begun_anew
        SHA-256 of the bundled weights, where it began with them although it was to go on from a round.
    """

    number: int
    name: str
    network: RoundNetwork
    outcome: TrainingOutcome
    started: str
    sentences: tuple[str, ...] = ()
    revisions: Mapping[str, int] = field(default_factory=dict)
    tallies: tuple[Tally, ...] = ()
    begun_anew: str = ""

    @property
    def key(self) -> str:
        """What `Rounds.starts` calls it."""
        return f"round {self.number}"

    @property
    def description(self) -> ModelDescription:
        """What is known of its network without reading the weights."""
        return self.network.description

    @property
    def model(self) -> Model:
        """Its network; may have to be read from the disk, so not on the window's thread."""
        return self.network.load()

    @property
    def held_out(self) -> dict[str, float]:
        """Scores on the held-out places, empty where nothing could be held out."""
        return dict(self.outcome.held_out or {})

    @cached_property
    def sure_scores(self) -> dict[str, Interval]:
        """Scores on the held-out places with 90 % intervals, empty where nothing could be held out."""
        return sure_scores(self.tallies)


class Rounds:
    """Rounds in the order in which they were trained, the current one, and model files to start from."""

    def __init__(self) -> None:
        self.all: list[Round] = []
        self.current: Round | None = None
        self.files: dict[str, Model] = {}

    @property
    def next_number(self) -> int:
        """The number of the next round, from 1."""
        return 1 + max((done.number for done in self.all), default=0)

    def add(self, done: Round) -> None:
        """Take a round and make it the current one."""
        self.all.append(done)
        self.use(done)

    def use(self, chosen: Round) -> None:
        """Make a round the current one; networks of others are read when they are asked for, as far as on disk."""
        self.current = chosen
        for done in self.all[:-LAST]:
            if done is not chosen:
                done.network.release()

    def rename(self, done: Round, name: str) -> None:
        """Give a round another name.

        Raises
        ------
        UserError
            If it says nothing, or another round has it.
        """
        name = " ".join(name.split())[:LONGEST_NAME]
        if not name:
            raise UserError("Give the round a name of a letter at least.")
        if any(other.name == name for other in self.all if other is not done):
            raise UserError(f"Another round is called “{name}” already; choose another name.")
        done.name = name

    def load_file(self, path: str | Path) -> str:
        """Read a model file, or a package of the model zoo with such a network; return its key."""
        from napari_unet.workflow.zoo.reading import load_network

        self.files[str(path)] = load_network(Path(path))
        return str(path)

    def starts(self, bundled: bool = True) -> list[tuple[str, str]]:
        """Return keys of what a training can start from and what to show for them: first the round in use.

        Parameters
        ----------
        bundled
            Whether the bundled network is of the kind that is to be trained.
        """
        newest_first = sorted(self.all, key=lambda done: (done is self.current, done.number), reverse=True)
        rounds = [(done.key, done.name) for done in newest_first]
        ours = [(BUNDLED, "Bundled network")] if bundled else []
        files = [(key, Path(key).name) for key in self.files]
        return [*rounds, *ours, *files, (SCRATCH, "From scratch")]

    def start(self, key: str) -> Callable[[], Model] | None:
        """Return what gives the model behind a key of `starts`, in any thread; ``None`` for scratch."""
        if key == SCRATCH:
            return None
        for done in self.all:
            if key == done.key:
                return done.network.load
        if key in self.files:
            return partial(_itself, self.files[key])
        raise UserError(f"There is no “{key}” to start from; choose another start.")


def _itself(model: Model) -> Model:
    return model
