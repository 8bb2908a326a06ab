"""When a training stops to measure itself: at even fractions of its budget, and never for much of its time."""

from napari_unet.network.budget import Budget

SHARE = 0.1
"""Most of the time that may go into held-out scores."""
SCORES, FIRST = 10, 0.15
"""How many scores, and after which fraction of the budget the first."""


class ScoreTimes:
    """Decides when to score, by what scoring took before.

    Attributes
    ----------
    seconds : float
        Spent on scores so far.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.seconds = 0.0
        self._next = FIRST

    @property
    def is_due(self) -> bool:
        """Whether to score now."""
        budget = self._budget
        if budget.steps is not None:  # time must not decide, or a replay would differ
            return self._next <= budget.fraction < 1
        allowed = self.seconds + budget.reserved <= SHARE * budget.elapsed
        return allowed and (budget.is_open or budget.fraction >= self._next)

    def took(self, seconds: float) -> None:
        """Take note of a score that took so long; as much is kept for the last one."""
        self._budget.reserved = seconds
        self.seconds += seconds
        self._next = max(self._next, self._budget.fraction) + (1 - FIRST) / SCORES
