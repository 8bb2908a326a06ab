"""How much work it was: strokes, clicks and minutes, by round and image, read off the project's history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

AT_WORK = 60.0
"""Seconds between two actions that still count as work; after a longer pause only `ONE_ACTION` does."""
ONE_ACTION = 5.0
"""Seconds that are counted for an action after a pause."""
STROKES = frozenset({"Paint", "Correct"})
"""Actions of the brush; all others are clicks."""
BY_ITSELF = frozenset({"Segment", "Objects"})
"""Actions that no hand was needed for."""


@dataclass
class Effort:
    """Work between two rounds, on one image or on all.

    Attributes
    ----------
    strokes, clicks
        With the brush, and everything else that is a step of Undo (undoing, too).
    minutes
        At work.
    """

    strokes: int = 0
    clicks: int = 0
    minutes: float = 0.0

    def __add__(self, other: Effort) -> Effort:
        return Effort(self.strokes + other.strokes, self.clicks + other.clicks, self.minutes + other.minutes)

    def __str__(self) -> str:
        minutes = f"{self.minutes:.0f} min" if self.minutes >= 1 or not self.minutes else "under a minute"
        return f"{minutes}, {_count(self.strokes, 'stroke')}, {_count(self.clicks, 'click')}"


@dataclass
class Efforts:
    """All work that a project has seen.

    Attributes
    ----------
    before
        Number of a round → image → what was done between the round before and that one's training.
    since
        Image → what was done since the last training began.
    """

    before: dict[int, dict[str, Effort]]
    since: dict[str, Effort]

    def of_round(self, number: int) -> Effort:
        """Return the work that went into a round, beyond that of the rounds before."""
        return sum(self.before.get(number, {}).values(), Effort())

    def of_images(self) -> dict[str, Effort]:
        """Return all work on each image."""
        found: dict[str, Effort] = {}
        for images in (*self.before.values(), self.since):
            for image, effort in images.items():
                found[image] = found.get(image, Effort()) + effort
        return found

    @property
    def total(self) -> Effort:
        """All work."""
        return sum(self.of_images().values(), Effort())


def count_efforts(history: Iterable[Mapping[str, Any]]) -> Efforts:
    """Count what was done, from the lines of ``history.jsonl``.

    What was painted while a training ran belongs to the next round, as it does for the network.
    """
    before: dict[int, dict[str, Effort]] = {}
    open_ones: dict[str, Effort] = {}
    in_training: dict[str, Effort] = {}
    last: datetime | None = None
    for line in history:
        what, time = str(line.get("what", "")), _time_of(line)
        if time is None:
            continue
        if what == "Train":  # a training that came to nothing leaves its work to the next one
            in_training, open_ones = _joined(in_training, open_ones), {}
        elif what == "Round":
            number = line.get("number")
            if isinstance(number, int):
                before[number], in_training = in_training, {}
        elif "arrays" in line and what not in BY_ITSELF:
            gap = (time - last).total_seconds() if last is not None else ONE_ACTION
            seconds = gap if 0 <= gap <= AT_WORK else ONE_ACTION
            stroke = what in STROKES and "how" not in line
            one = Effort(int(stroke), int(not stroke), seconds / 60)
            image = str(line.get("image", ""))
            open_ones[image] = open_ones.get(image, Effort()) + one
            last = time
    return Efforts(before, _joined(in_training, open_ones))


def _joined(first: dict[str, Effort], second: dict[str, Effort]) -> dict[str, Effort]:
    return {image: first.get(image, Effort()) + second.get(image, Effort()) for image in {**first, **second}}


def _time_of(line: Mapping[str, Any]) -> datetime | None:
    try:
        time = datetime.fromisoformat(str(line.get("time", "")))
    except ValueError:
        return None
    return time if time.tzinfo is not None else time.astimezone()


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'s' * (n != 1)}"
