"""What the clock, the user and the machine's memory decided in a training: with it, it can be done again."""

from __future__ import annotations

from dataclasses import dataclass

from napari_unet.network.training_outcome import Shrinking, TrainingOutcome


@dataclass(frozen=True)
class TrainingRecord:
    """What was done at which step.

    Attributes
    ----------
    learning_rate
        One per step that was made.
    scored
        Steps after which the held-out places were scored.
    shrunk
        After which steps memory ran out, and what each step held from then on.
    stopped
        Whether the user ended it: nothing was measured after the last step then.
    """

    learning_rate: tuple[float, ...]
    scored: frozenset[int] = frozenset()
    shrunk: tuple[Shrinking, ...] = ()
    stopped: bool = False

    @classmethod
    def of(cls, outcome: TrainingOutcome) -> TrainingRecord:
        """Return what is needed to do a training again."""
        curves = outcome.curves
        scored = frozenset(step for step, _ in curves.held_out)
        return cls(tuple(curves.learning_rate), scored, outcome.shrunk, outcome.stopped)

    @property
    def steps(self) -> int:
        """How many steps were made."""
        return len(self.learning_rate)

    @property
    def sizes(self) -> dict[int, tuple[int, int]]:
        """Patches per step and their side (px) from a step on, by the number of steps before it.

        Memory may run out twice before the next step is made: the last sizes are those that held.
        """
        return {step: (batch_size, patch_size) for step, batch_size, patch_size in self.shrunk}
