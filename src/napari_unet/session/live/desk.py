"""Which request is worked on next, and whose result is still wanted. No threads here: see `scheduler`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What can be asked for, the most urgent of a lane first."""

    FIT = "fit"  # the preview's head, from strokes
    SHOW = "show"  # the visible field's overlay
    SEE = "see"  # features of a field
    MEASURE = "measure"  # how large objects are
    SHARPEN = "sharpen"  # the overlay at full resolution, and of what lies around
    TRAIN = "train"  # better weights


LANES = dict.fromkeys(Kind, "quick") | {Kind.TRAIN: "long"}
"""Requests of one lane are worked on one after the other, those of different lanes side by side."""


@dataclass(frozen=True, eq=False)
class Ticket:
    """One request."""

    kind: Kind
    number: int
    work: Callable[..., Any]
    done: Callable[[Any], None]
    told: Callable[[Any], None] | None = None


class Desk:
    """At most one request of a kind waits, and at most one of a lane is worked on; of each kind only the newest counts.

    Not safe for threads: whoever has several locks it.
    """

    def __init__(self) -> None:
        self.closed = False
        self._waiting: dict[Kind, Ticket] = {}
        self._at_work: dict[str, Ticket] = {}
        self._newest: dict[Kind, Ticket] = {}
        self._count = 0

    def ask(
        self,
        kind: Kind,
        work: Callable[..., Any],
        done: Callable[[Any], None],
        told: Callable[[Any], None] | None = None,
    ) -> Ticket | None:
        """Take a request in the place of all older ones of its kind; ``None`` when closed."""
        if self.closed:
            return None
        self._count += 1
        ticket = Ticket(kind, self._count, work, done, told)
        self._waiting[kind] = self._newest[kind] = ticket
        return ticket

    def drop(self, *kinds: Kind) -> None:
        """Forget what was asked for of these kinds; what is being worked on is not wanted any more."""
        for kind in kinds:
            self._waiting.pop(kind, None)
            self._newest.pop(kind, None)

    def take(self, lane: str) -> Ticket | None:
        """Return the most urgent request of a lane, which is worked on from now on; ``None`` where it has to wait."""
        if lane in self._at_work:
            return None
        for kind in Kind:
            if LANES[kind] == lane and kind in self._waiting:
                self._at_work[lane] = self._waiting.pop(kind)
                return self._at_work[lane]
        return None

    def finish(self, ticket: Ticket) -> None:
        """Note that nothing more is done for a request."""
        assert self._at_work.get(LANES[ticket.kind]) is ticket
        del self._at_work[LANES[ticket.kind]]

    def is_wanted(self, ticket: Ticket) -> bool:
        """Whether a result may still be shown: nothing newer of its kind was asked for, and it was not dropped."""
        return self._newest.get(ticket.kind) is ticket

    def settle(self, ticket: Ticket) -> None:
        """Note that a result was shown, and can't be shown again."""
        if self.is_wanted(ticket):
            del self._newest[ticket.kind]

    def is_asked(self, kind: Kind) -> bool:
        """Whether a result of this kind is awaited."""
        return kind in self._newest

    def is_busy(self, lane: str) -> bool:
        """Whether something of a lane waits or is worked on."""
        return lane in self._at_work or any(LANES[kind] == lane for kind in self._waiting)

    def close(self) -> None:
        """Take nothing more, and want nothing that is under way."""
        self.closed = True
        self.drop(*Kind)
