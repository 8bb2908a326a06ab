"""How sure a score is: intervals of a share that was counted in a few places.

Objects of one place resemble one another (the same focus, the same crowding), so that a hundred objects in three
places tell less than a hundred in a hundred places. The interval is Wilson's for a share, of as many objects as the
places are worth (Korn and Graubard 1998, Confidence intervals for proportions with small expected number of positive
counts estimated from survey data, Survey Methodology 24:193). A bootstrap over so few places is far too narrow, and has
no width at all where every object was found.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

LEVEL = 0.9
"""Of all intervals that are shown: nine in ten hold the score on unseen images."""
USUAL_LIKENESS = 0.1
"""Usual correlation of two objects of one place; weighs as much as what `USUAL_PLACES` more places would tell."""
USUAL_PLACES = 4
TOO_WIDE = 0.15
"""Half-width from which on there is too little to tell."""


@dataclass(frozen=True)
class Interval:
    """A share, and where it lies on unseen images.

    Attributes
    ----------
    value, low, high : float
        0 to 1.
    n : float
        How many objects (or whatever was counted) it rests on.
    """

    value: float
    low: float
    high: float
    n: float

    @property
    def half_width(self) -> float:
        """Half of the interval's width."""
        return (self.high - self.low) / 2

    @property
    def tells(self) -> bool:
        """Whether it is narrow enough to say anything."""
        return self.half_width <= TOO_WIDE

    def __str__(self) -> str:
        shown = f"{self.value:.2f} ({self.low:.2f}–{self.high:.2f})"
        return shown if self.tells else f"{shown}, too little to tell"


def share_interval(
    parts: Sequence[float],
    wholes: Sequence[float],
    n: float,
) -> Interval | None:
    """Return the interval of ``sum(parts) / sum(wholes)``, each place being one part and one whole.

    Parameters
    ----------
    parts, wholes : sequence of float
        One of each per place, 0 ≤ part ≤ whole.
    n : float
        How many independent objects the wholes would be if all were unlike one another.

    Returns
    -------
    Interval or None
        ``None`` where there is nothing to count.
    """
    a, b = np.asarray(parts, np.float64), np.asarray(wholes, np.float64)
    a, b = a[b > 0], b[b > 0]
    total = float(b.sum())
    if total <= 0 or n <= 0:
        return None
    share = float(a.sum() / total)
    places = len(b)
    variance = share * (1 - share) / n
    # In objects: two of one place are as alike as usual, and so the larger the places, the less each object tells.
    per_place = float(np.sum(b**2)) / total**2 * n
    usual = 1 + max(per_place - 1, 0.0) * USUAL_LIKENESS
    effect, known = usual, 0
    if places > 1 and variance > 0:
        between = places / (places - 1) * float(np.sum((a - share * b) ** 2)) / total**2
        known = places - 1
        # Two or three places hardly tell how alike their objects are: what is usual counts as well.
        effect = (USUAL_PLACES * usual + known * between / variance) / (USUAL_PLACES + known)
    t = float(stats.t.ppf((1 + LEVEL) / 2, USUAL_PLACES + known))
    return _wilson(share, n / max(effect, 1.0), t, n)


def _wilson(share: float, worth: float, t: float, n: float) -> Interval:
    """Return Wilson's interval of a share of so many independent objects."""
    middle = (share + t * t / (2 * worth)) / (1 + t * t / worth)
    half = t / (1 + t * t / worth) * math.sqrt(share * (1 - share) / worth + t * t / (4 * worth * worth))
    return Interval(share, max(min(middle - half, share), 0.0), min(max(middle + half, share), 1.0), n)


def ap_of_f1(interval: Interval) -> Interval:
    """Return the interval of AP = tp / (tp + fp + fn), given that of F1: AP = F1 / (2 − F1)."""
    low, value, high = (f / (2 - f) for f in (interval.low, interval.value, interval.high))
    return Interval(value, low, high, interval.n)
