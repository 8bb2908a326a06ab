"""What the user said about objects, besides painting them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from napari_unet.annotation.corrections import MOST_KEPT, Correction


@dataclass(frozen=True)
class ObjectNotes:
    """Classes and completeness of objects, names of classes; never changed, so that undo may keep it.

    Attributes
    ----------
    classes
        Value of an object → its class (1, 2, …). An object that is not in it counts as class 1.
    complete
        Objects that are complete although nothing closes them in.
    class_names
        The first one is that of class 1.
    corrections
        What of the network's objects was put right, the newest last.
    """

    classes: Mapping[int, int] = field(default_factory=dict)
    complete: frozenset[int] = frozenset()
    class_names: tuple[str, ...] = ()
    corrections: tuple[Correction, ...] = ()

    def with_class(self, values: Collection[int], number: int) -> ObjectNotes:
        """Return notes in which these objects have a class."""
        return replace(self, classes={**self.classes, **dict.fromkeys(map(int, values), int(number))})

    def with_complete(self, values: Collection[int], complete: bool = True) -> ObjectNotes:
        """Return notes that say whether these objects are complete."""
        said = frozenset(int(value) for value in values)
        return replace(self, complete=self.complete | said if complete else self.complete - said)

    def with_correction(self, done: Correction) -> ObjectNotes:
        """Return notes in which something more was corrected."""
        return replace(self, corrections=(*self.corrections, done)[-MOST_KEPT:])

    def after(self, came_from: Mapping[int, int], gone: Collection[int]) -> ObjectNotes:
        """Return notes after objects were cut or taken away.

        Parameters
        ----------
        came_from
            New object → the one whose pixels it has: it is of the same class.
        gone
            Objects that are no more: nothing is said about them, whoever gets their number.
        """
        classes = {value: number for value, number in self.classes.items() if value not in gone}
        classes |= {new: self.classes[old] for new, old in came_from.items() if old in self.classes}
        return replace(self, classes=classes, complete=self.complete - frozenset(gone))

    def without_class(self, number: int) -> ObjectNotes:
        """Return notes without a class: its objects count as class 1 then, the classes after it move up.

        Of two classes both go, since one alone tells nothing apart.
        """
        names = tuple(name for i, name in enumerate(self.class_names, start=1) if i != number)
        if len(names) < 2:
            return replace(self, classes={}, class_names=())
        kept = {value: c - (c > number) for value, c in self.classes.items() if c != number}
        return replace(self, classes=kept, class_names=names)
