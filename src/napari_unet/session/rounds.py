"""The rounds of a loop: what was trained, what a training can start from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from napari_unet.errors import UserError

if TYPE_CHECKING:
    from napari_unet.network.model_file import Model
    from napari_unet.network.training import TrainingOutcome

SCRATCH = "scratch"
"""The key of a start with fresh weights."""
BUNDLED = "bundled"
"""The key of a start with the weights that come with the package."""


@dataclass(frozen=True, eq=False)
class Round:
    """One training and what came of it.

    Attributes
    ----------
    revisions
        Id of an image of the project → the state of its annotation that was trained on.
    """

    number: int
    name: str
    model: Model
    outcome: TrainingOutcome
    started: str
    sentences: tuple[str, ...] = ()
    revisions: Mapping[str, int] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What `Rounds.starts` calls it."""
        return f"round {self.number}"

    @property
    def held_out(self) -> dict[str, float]:
        """Scores on the held-out places, empty where nothing could be held out."""
        return dict(self.outcome.held_out or {})


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
        self.current = done

    def load_file(self, path: str | Path) -> str:
        """Read a model file; return its key."""
        from napari_unet.network.model_file import load_model

        self.files[str(path)] = load_model(Path(path))
        return str(path)

    def starts(self, bundled: bool = True) -> list[tuple[str, str]]:
        """Return keys of what a training can start from and what to show for them, what suits best first.

        Parameters
        ----------
        bundled
            Whether the bundled network is of the kind that is to be trained.
        """
        rounds = [(done.key, done.name) for done in reversed(self.all)]
        ours = [(BUNDLED, "Bundled network")] if bundled else []
        files = [(key, Path(key).name) for key in self.files]
        return [*rounds, *ours, *files, (SCRATCH, "From scratch")]

    def model(self, key: str) -> Model | None:
        """Return the model behind a key of `starts`, ``None`` for scratch."""
        if key == SCRATCH:
            return None
        for done in self.all:
            if key == done.key:
                return done.model
        if key in self.files:
            return self.files[key]
        raise UserError(f"There is no “{key}” to start from; choose another start.")
