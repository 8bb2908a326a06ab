"""The session's own copies of annotation and segmentation, and the one undo over both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_unet.objects.edit import Change, apply
from napari_unet.session.history import Action, History, Which
from napari_unet.session.image import Plane

Box = tuple[slice, slice]


class Canvas:
    """Two label arrays of one shape and notes on their objects, changed only through actions that can be undone.

    Signals
    -------
    array_changed
        ``(Which, Change)``: the session changed this box by itself; whoever shows the array follows.
    array_replaced
        ``(Which,)``: there is a new array.
    edited
        ``(Which, Change)``: the box changed, whoever did it.
    notes_changed
        ``(ObjectNotes,)``: this is said about objects now.
    size_changed
        ``(size,)``: this object size in px is set now, ``None`` to measure it.
    regions_changed
        ``(regions,)``: these are the regions now.
    history_changed
        Undo and redo have other names now.
    applied
        ``(Action, str)``: all of an action is done; the word is "do", "undo" or "redo".

    Attributes
    ----------
    n_edits
        Counts all changes of the arrays.
    """

    array_changed = Signal(object, object)
    array_replaced = Signal(object)
    edited = Signal(object, object)
    notes_changed = Signal(object)
    size_changed = Signal(object)
    regions_changed = Signal(object)
    history_changed = Signal()
    applied = Signal(object, str)

    def __init__(self) -> None:
        self.history = History()
        self.arrays: dict[Which, NDArray[np.int32]] = {}
        self.n_edits = 0

    def start(self, which: Which, array: NDArray[np.int32]) -> None:
        """Take an array as the new truth; what was done before can't be undone any more."""
        self.history.clear()
        self.add(which, array)
        self.history_changed.emit()

    def add(self, which: Which, array: NDArray[np.int32]) -> None:
        """Take an array where there was none, beside what there is."""
        self.arrays[which] = array
        self.n_edits += 1
        self.array_replaced.emit(which)

    def clear(self) -> None:
        """Forget both arrays."""
        self.arrays.clear()
        self.n_edits += 1
        self.history.clear()
        self.history_changed.emit()

    def plane(self, which: Which, plane: Plane) -> NDArray[np.int32]:
        """Return a plane, shape ``(Y, X)``, as a view."""
        view: NDArray[np.int32] = self.arrays[which][plane]
        return view

    def do(self, action: Action, *, shown: Which | None = None) -> None:
        """Apply an action and note it for undo.

        Parameters
        ----------
        shown
            The array in which the user already sees the change, because they painted it.
        """
        self._apply(action, shown)
        self.note_done(action)

    def note_done(self, action: Action) -> None:
        """Note for undo what is done and shown already."""
        self.history.push(action)
        self.applied.emit(action, "do")
        self.history_changed.emit()

    def show(self, action: Action) -> None:
        """Apply what is no step of Undo, such as an overlay that follows the brush."""
        self._apply(action, None)

    def undo(self) -> str | None:
        """Take the last action back; return its name, ``None`` where there is nothing to undo."""
        return self._replay(self.history.undo(), "undo")

    def redo(self) -> str | None:
        """Do the last undone action again; return its name, ``None`` where there is none."""
        return self._replay(self.history.redo(), "redo")

    def _replay(self, action: Action | None, how: str) -> str | None:
        if action is None:
            return None
        self._apply(action, None)
        self.applied.emit(action, how)
        self.history_changed.emit()
        return action.name

    def _apply(self, action: Action, shown: Which | None) -> None:
        for which, change in action.changes:
            apply(self.arrays[which], change)
            self.n_edits += 1
            if which is not shown:
                self.array_changed.emit(which, change)
            self.edited.emit(which, change)
        if action.notes is not None:
            self.notes_changed.emit(action.notes[1])
        if action.size is not None:
            self.size_changed.emit(action.size[1])
        if action.regions is not None:
            self.regions_changed.emit(action.regions[1])


def plane_change(plane: Plane, box: Box, old: NDArray[np.int32], new: NDArray[np.int32]) -> Change | None:
    """Return the change of a box of one plane in the coordinates of the whole array, ``None`` if nothing differs.

    The change is trimmed to the pixels that differ.
    """
    different = old != new
    if not different.any():
        return None
    rows, columns = np.flatnonzero(different.any(axis=1)), np.flatnonzero(different.any(axis=0))
    inner = (slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
    offset = (*plane, (box[0].start or 0) + int(rows[0]), (box[1].start or 0) + int(columns[0]))
    lead = (1,) * len(plane)
    shape = (*lead, int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1)
    return Change(offset, old[inner].reshape(shape).copy(), new[inner].reshape(shape).copy())


def whole_plane(array: NDArray[Any]) -> Box:
    """Return the box that is a whole plane of an array."""
    return slice(0, int(array.shape[-2])), slice(0, int(array.shape[-1]))


def split_planes(offset: Sequence[int], values: NDArray[Any]) -> Iterator[tuple[Plane, Box, NDArray[Any]]]:
    """Yield the planes of a box of any number of dimensions: index, box in the plane, values ``(Y, X)``."""
    box = tuple(slice(int(o), int(o) + n) for o, n in zip(offset[-2:], values.shape[-2:], strict=True))
    for index in np.ndindex(*values.shape[:-2]):
        plane = tuple(int(o) + i for o, i in zip(offset[:-2], index, strict=True))
        yield plane, (box[0], box[1]), values[index]


def on_plane(plane: Plane, change: Change) -> Change:
    """Return a plane's change in the coordinates of the whole array."""
    lead = (1,) * len(plane)
    return Change(
        (*plane, *change.offset),
        change.old.reshape(lead + change.old.shape),
        change.new.reshape(lead + change.new.shape),
    )
