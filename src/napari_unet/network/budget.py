"""How much of its time or steps a training has spent, and the learning rate that follows from it."""

import math
import time

WARM_UP = 0.05
"""Fraction of the budget over which the learning rate rises."""
STEPS_TO_FINISH = 4.0
"""What the end of a training takes besides a last score, in times of a step."""
OPEN_WARM_UP, OPEN_RATE = 50, 0.5
"""Without a budget: steps over which the rate rises, and the fraction of the highest rate that it keeps."""

SMOOTH_STEPS = 20
"""Steps over which the loss that is shown is smoothed."""


class Budget:
    """A number of steps, or minutes, or neither: until someone stops it. Steps win over minutes.

    Attributes
    ----------
    step : int
        Steps done; counted by the owner.
    reserved : float
        Seconds to keep for a last score at the end.
    """

    def __init__(self, steps: int | None, minutes: float | None) -> None:
        self.steps = steps
        self.seconds = None if minutes is None else 60 * minutes
        self.step = 0
        self.reserved = 0.0
        self._start = time.monotonic()

    @property
    def is_open(self) -> bool:
        """Whether only the user ends it."""
        return self.steps is None and self.seconds is None

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._start

    @property
    def fraction(self) -> float:
        """Fraction that is spent; 0 for ever without a budget. Leaves time for the last score."""
        if self.steps is not None:
            return min(1.0, self.step / self.steps)
        if self.seconds is None:
            return 0.0
        elapsed = self.elapsed
        finish = self.reserved + (STEPS_TO_FINISH * elapsed / self.step if self.step else 0.0)
        return min(1.0, elapsed / max(self.seconds - min(finish, self.seconds / 2), 1e-3))

    @property
    def seconds_left(self) -> float | None:
        """Expected remaining time in s; None when it cannot be told."""
        fraction = self.fraction
        return self.elapsed * (1 - fraction) / fraction if fraction > 0 else None

    @property
    def rate_factor(self) -> float:
        """Fraction of the highest learning rate: a linear rise, then a cosine down to zero at the end."""
        if self.is_open:
            return OPEN_RATE * min(1.0, (self.step + 1) / OPEN_WARM_UP)
        fraction = self.fraction
        rise = min(1.0, 0.02 + fraction / WARM_UP)
        return max(1e-4, rise * 0.5 * (1 + math.cos(math.pi * fraction)))
