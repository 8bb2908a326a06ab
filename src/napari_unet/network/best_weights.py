"""The weights with the best held-out score so far, and whether the score still rises."""

import math
from dataclasses import dataclass, field

from torch import Tensor

TOLERANCE = 0.01
"""Later weights are kept unless they score lower by more, or by more than the score's own standard error."""
PATIENCE, EARLIEST_END = 0.5, 0.6
"""Fractions of the budget: without a higher score before an early end, and before any early end."""

NOTHING_YET = 0.05
"""Score up to which a network has not begun to find anything: no reason to give up."""


@dataclass
class BestWeights:
    """Keeps what scored best. `step` is None until something was offered.

    Attributes
    ----------
    tolerance
        How much lower later weights may score: they have learned more, and few held-out objects tell little.
    """

    tolerance: float = TOLERANCE
    step: int | None = None
    state: dict[str, Tensor] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)
    _highest: float = -math.inf
    _highest_learned: float = -math.inf
    _highest_at: float = 0.0

    def offer(self, step: int, fraction: float, state: dict[str, Tensor], scores: dict[str, float]) -> None:
        """Take the weights of `step`, at a fraction of the budget, unless earlier ones are clearly better.

        A "score" that is no number counts as the lowest.
        """
        score = scores["score"] if math.isfinite(scores["score"]) else -math.inf
        self._highest = max(self._highest, score)
        if step:  # a start that is good already says nothing about how the training goes
            if score > self._highest_learned + TOLERANCE / 4:
                self._highest_at = fraction
            self._highest_learned = max(self._highest_learned, score)
        if score >= self._highest - self.tolerance:
            self.step, self.state, self.scores = step, state, scores

    def has_stopped_rising(self, fraction: float) -> bool:
        """Tell whether going on is no use, at a fraction of the budget."""
        return self._highest_learned > NOTHING_YET and fraction >= max(
            EARLIEST_END, self._highest_at + PATIENCE
        )
