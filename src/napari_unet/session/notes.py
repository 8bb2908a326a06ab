"""What the user said about single objects, besides painting them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ObjectNotes:
    """Classes and completeness of objects; never changed, so that undo may keep it.

    Attributes
    ----------
    classes
        Value of an object → its class (1, 2, …). An object that is not in it counts as class 1.
    complete
        Objects that are complete although nothing closes them in.
    """

    classes: Mapping[int, int] = field(default_factory=dict)
    complete: frozenset[int] = frozenset()

    def with_class(self, values: Collection[int], number: int) -> ObjectNotes:
        """Return notes in which these objects have a class."""
        return ObjectNotes({**self.classes, **dict.fromkeys(map(int, values), int(number))}, self.complete)

    def with_complete(self, values: Collection[int], complete: bool = True) -> ObjectNotes:
        """Return notes that say whether these objects are complete."""
        said = frozenset(int(value) for value in values)
        return ObjectNotes(self.classes, self.complete | said if complete else self.complete - said)
