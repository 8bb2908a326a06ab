"""The session's undo: one step per action, over all arrays that it touched."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from napari_unet.annotation.regions import Region
from napari_unet.objects.edit import Change, invert
from napari_unet.session.notes import ObjectNotes

Regions = tuple[Region, ...]


class Which(StrEnum):
    """The two arrays that a user edits."""

    ANNOTATION = "annotation"
    SEGMENTATION = "segmentation"


@dataclass(frozen=True)
class Action:
    """One thing that was done, with all it changed.

    Attributes
    ----------
    name
        What the user did, in words that fit behind "Undo".
    changes
        Boxes of the arrays before and after.
    key
        Actions that follow one another with the same key become one step (a slider being dragged).
    notes
        What was said about objects before and after, ``None`` where that stays.
    size
        The object size that was set before and after, ``None`` where that stays.
    regions
        The regions before and after, ``None`` where they stay.
    """

    name: str
    changes: tuple[tuple[Which, Change], ...]
    key: str | None = None
    notes: tuple[ObjectNotes, ObjectNotes] | None = None
    size: tuple[float | None, float | None] | None = None
    regions: tuple[Regions, Regions] | None = None

    @property
    def n_bytes(self) -> int:
        """Memory that this action keeps."""
        return sum(int(change.old.nbytes + change.new.nbytes) for _, change in self.changes)

    def inverse(self) -> Action:
        """Return the action that takes this one back."""
        changes = tuple((which, invert(change)) for which, change in reversed(self.changes))
        return Action(
            self.name,
            changes,
            notes=self.notes and (self.notes[1], self.notes[0]),
            size=self.size and (self.size[1], self.size[0]),
            regions=self.regions and (self.regions[1], self.regions[0]),
        )

    def then(self, later: Action) -> Action:
        """Return both in one step, this one first."""
        notes = (self.notes[0], later.notes[1]) if self.notes and later.notes else self.notes or later.notes
        regions = (
            (self.regions[0], later.regions[1])
            if self.regions and later.regions
            else self.regions or later.regions
        )
        return Action(self.name, self.changes + later.changes, self.key, notes, regions=regions)


class History:
    """Actions that can be taken back and done again, bounded in number and memory.

    A step of many planes that is larger than all that may be kept can't be taken back, and nothing before it.
    """

    def __init__(self, most_actions: int = 200, most_bytes: int = 512 * 1024**2) -> None:
        self.most_actions = most_actions
        self.most_bytes = most_bytes
        self._done: deque[Action] = deque()
        self._undone: list[Action] = []
        self._too_large: str | None = None

    def push(self, action: Action) -> None:
        """Note what was done; what had been undone before can't be redone any more."""
        self._undone.clear()
        if action.key is not None and action.key == self._too_large:
            return
        if action.key is not None and self._done and self._done[-1].key == action.key:
            action = self._merge(self._done.pop(), action)
        if action.key is not None and len(action.changes) > 1 and action.n_bytes > self.most_bytes:
            # Half of a stack is not taken back, nor is what lies under it.
            self._done.clear()
            self._too_large = action.key
            return
        self._done.append(action)
        self._forget_oldest()

    def undo(self) -> Action | None:
        """Return the action that undoes the last one, ``None`` where there is none."""
        if not self._done:
            return None
        action = self._done.pop()
        self._undone.append(action)
        return action.inverse()

    def redo(self) -> Action | None:
        """Return the action that was undone last, ``None`` where there is none."""
        if not self._undone:
            return None
        action = self._undone.pop()
        self._done.append(action)
        return action

    def clear(self) -> None:
        """Forget everything."""
        self._done.clear()
        self._undone.clear()

    @property
    def undo_name(self) -> str | None:
        """What *Undo* would take back."""
        return self._done[-1].name if self._done else None

    @property
    def redo_name(self) -> str | None:
        """What *Redo* would do again."""
        return self._undone[-1].name if self._undone else None

    def _merge(self, first: Action, last: Action) -> Action:
        # The usual case is one whole plane replaced again and again: keep its first "old" and its last "new".
        if len(first.changes) == len(last.changes) == 1 and not first.notes and not last.notes:
            (which, a), (other, b) = first.changes[0], last.changes[0]
            if which == other and a.offset == b.offset and a.old.shape == b.old.shape:
                return Action(last.name, ((which, Change(a.offset, a.old, b.new)),), last.key)
        return first.then(last)

    def _forget_oldest(self) -> None:
        total = sum(action.n_bytes for action in self._done)
        while len(self._done) > 1 and (len(self._done) > self.most_actions or total > self.most_bytes):
            total -= self._done.popleft().n_bytes
