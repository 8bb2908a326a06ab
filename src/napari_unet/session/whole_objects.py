"""Corrections of an object on all planes that it goes through: each is one undo step, as those of a plane."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.coding import FIRST, LabelsAre
from napari_unet.errors import UserError
from napari_unet.objects.changes import Box, change_box
from napari_unet.objects.corrections.merging import merge
from napari_unet.objects.corrections.places import Path, Point, value_at, values_along, values_enclosed
from napari_unet.objects.corrections.tidying import delete
from napari_unet.objects.edit import Change
from napari_unet.session import actions
from napari_unet.session.canvas import on_plane
from napari_unet.session.history import Action, Which
from napari_unet.session.image import Plane
from napari_unet.session.measuring import Sizes
from napari_unet.session.notes import ObjectNotes
from napari_unet.session.painting import Painting
from napari_unet.session.planes_of_objects import NOTHING_HERE, planes_of_objects
from napari_unet.session.separating import Separating
from napari_unet.session.state import State
from napari_unet.session.through import Through, axes_of

if TYPE_CHECKING:
    from napari_unet.session.annotating import Annotating


@dataclass(frozen=True, eq=False)
class Whole:
    """What a tool does to objects on all of their planes.

    Attributes
    ----------
    action
        ``None`` where there is nothing to do.
    n
        On how many planes it acts; of accepting, how many pixels it annotates.
    """

    action: Action | None
    n: int


@dataclass(frozen=True, eq=False)
class WholeTask:
    """A tool that is ready to be used; `find` may run in any thread.

    Attributes
    ----------
    n_edits
        Of the canvas when it was prepared.
    generation
        Of the image.
    """

    find: Callable[[], Whole]
    n_edits: int
    generation: int


class WholeObjects:
    """Where one number is one object through depth or time, a tool may act on all of it.

    Tools take the plane that one looks at and a place on it, and change nothing: many planes take a while, so what they
    find is found in a thread, between `prepare` and `do`.
    """

    def __init__(self, state: State, separating: Separating, annotating: Annotating, sizes: Sizes) -> None:
        self._state, self._sizes = state, sizes
        self._separating, self._annotating = separating, annotating

    def axes(self, plane: Plane) -> tuple[int, ...]:
        """Return the leading axes along which one number is one object; none where planes stand by themselves."""
        state = self._state
        if state.image is None or state.segmentation is None or state.labels_are is LabelsAre.CLASSES:
            return ()
        found = {axis for axis in axes_of(state.through, state.image) if axis is not None}
        stored = self._separating.stored.get(plane)
        if stored is not None and stored.in_space:  # a network of volumes has numbered them
            found |= {axis for axis in axes_of(Through.DEPTH, state.image) if axis is not None}
        return tuple(sorted(found))

    def prepare(self, find: Callable[[], Whole]) -> WholeTask:
        """Get ready to use a tool, such as ``lambda: whole.delete(plane, [7])``."""
        self._annotating.begin_with_what_was_found()
        return WholeTask(find, self._state.canvas.n_edits, self._state.generation)

    def is_of_this_image(self, task: WholeTask) -> bool:
        """Whether the image is still open in which the tool was used."""
        return task.generation == self._state.generation

    def holds(self, task: WholeTask) -> bool:
        """Whether nothing was edited since: else what was found is not of what there is now."""
        return task.n_edits == self._state.canvas.n_edits

    def do(self, found: Whole) -> int:
        """Do what was found: one undo step; return its number."""
        if found.action is not None:
            self._state.canvas.do(found.action)
        return found.n

    def delete(self, plane: Plane, values: Collection[int]) -> Whole:
        """Erase objects from all of their planes: they become background."""
        return self._correct(
            [(p, delete(self._shown(p), here, box)) for p, here, box in self._places(plane, values)], "Delete"
        )

    def delete_at(self, plane: Plane, point: Point) -> Whole:
        """Erase the object under a point."""
        return self.delete(plane, [self._value_at(plane, point)])

    def delete_inside(self, plane: Plane, path: Path) -> Whole:
        """Erase the objects of which at least half lies in a loop on this plane."""
        values, _ = values_enclosed(self._shown(plane), path)
        if not values:
            raise UserError("The loop encloses no object; draw it around those to delete, or click on one.")
        return self.delete(plane, values)

    def merge(self, plane: Plane, path: Path, *, through: bool = True) -> Whole:
        """Make one object of those that a path runs through, or only of those at its two ends.

        On planes on which several of them lie they become one there, with what is between them, and enter the
        annotation; elsewhere only the number changes, as when planes are linked.
        """
        labels = self._shown(plane)
        values = values_along(labels, path) if through else [value_at(labels, p) for p in (path[0], path[-1])]
        first = merge(labels, values)
        kept = int(first.new[first.old != first.new].max())
        corrected: list[tuple[Plane, Change]] = [(plane, first)]
        renumbered: list[tuple[Plane, Change]] = []
        for other, here, box in self._places(plane, [value for value in values if value > 0]):
            if other == plane:
                continue
            one = _merged(self._shown(other), here, box, kept)
            if one is not None:
                (corrected if len(here) > 1 else renumbered).append((other, one))
        return self._correct(corrected, "Merge", renumbered)

    def set_class(self, plane: Plane, point: Point, number: int) -> Whole:
        """Give the object under a point a class (1, 2, …); it enters the annotation whole, on every plane."""
        value = self._value_at(plane, point)
        painting = self._state.need_painting()
        if not 1 <= number <= len(painting.class_names):
            raise UserError("Name the classes first, in step 2 under “Classes of objects”.")
        steps, annotated = self._accepted(plane, value, 0.0), set[int]()
        for p, change, box in steps:
            after = painting.labels[p][box].copy()
            if change is not None:
                after = _applied(painting.labels[p], change, box)
            mine = after[self._shown(p)[box] == value]
            values, counts = np.unique(mine[mine >= FIRST], return_counts=True)
            if values.size:  # of others that lie on it in part nothing is said
                annotated.add(int(values[counts.argmax()]))
        before = painting.notes
        notes = before.with_class(annotated, number)
        changes = [(Which.ANNOTATION, on_plane(p, change)) for p, change, _ in steps if change is not None]
        if not changes and notes == before:
            return Whole(None, len(steps))
        return Whole(Action("Class", tuple(changes), notes=(before, notes)), len(steps))

    def accept(self, plane: Plane, value: int) -> Whole:
        """Take an object into the annotation on all of its planes, with a ring of background on each."""
        if value < 1:
            raise UserError(NOTHING_HERE)
        steps = self._accepted(plane, value, self._sizes.border_reach())
        changes = [(Which.ANNOTATION, on_plane(p, change)) for p, change, _ in steps if change is not None]
        action = Action("Accept", tuple(changes)) if changes else None
        return Whole(action, 0 if action is None else actions.n_changed(action))

    # ---- inside --------------------------------------------------------------------------------------------

    def _shown(self, plane: Plane) -> NDArray[np.int32]:
        return self._state.canvas.plane(Which.SEGMENTATION, plane)

    def _value_at(self, plane: Plane, point: Point) -> int:
        value = value_at(self._shown(plane), point)
        if value == 0:
            raise UserError(NOTHING_HERE)
        return value

    def _places(self, plane: Plane, values: Collection[int]) -> Iterator[tuple[Plane, list[int], Box]]:
        """Yield the planes on which objects go on, which of them, and a box that holds these."""
        labels = self._state.canvas.arrays[Which.SEGMENTATION]
        return planes_of_objects(labels, plane, values, self.axes(plane))

    def _accepted(self, plane: Plane, value: int, reach: float) -> list[tuple[Plane, Change | None, Box]]:
        found = []
        for p, _, box in self._places(plane, [value]):
            sure = self._separating.sure_background(p)
            action = actions.acceptance(self._state, p, [value], None, reach, sure)
            change = None if action is None else _of_plane(action.changes[0][1])
            found.append((p, change, box))
        return found

    def _correct(
        self,
        edits: Sequence[tuple[Plane, Change]],
        name: str,
        renumbered: Sequence[tuple[Plane, Change]] = (),
    ) -> Whole:
        painting = self._state.need_painting()
        before = painting.notes
        said: ObjectNotes | None = None
        changes: list[tuple[Which, Change]] = []
        for plane, edit in edits:
            step = actions.correction(self._state, plane, edit, name, said)
            said = step.notes[1] if step.notes else said
            changes.extend(step.changes)
        if said is not None:
            said = said.after({}, _gone(painting, changes))
        changes.extend((Which.SEGMENTATION, on_plane(plane, change)) for plane, change in renumbered)
        notes = None if said is None or said == before else (before, said)
        return Whole(Action(name, tuple(changes), notes=notes), len(edits) + len(renumbered))


def _gone(painting: Painting, changes: Sequence[tuple[Which, Change]]) -> set[int]:
    """Return the objects that something was said about and that are on no plane any more."""
    said, lost = painting.marked | painting.object_classes.keys(), Counter[int]()
    for which, change in changes:
        if which is Which.ANNOTATION:
            for value in said:
                lost[value] += int(
                    np.count_nonzero(change.old == value) - np.count_nonzero(change.new == value)
                )
    return {value for value, n in lost.items() if n and n == np.count_nonzero(painting.labels == value)}


def _merged(labels: NDArray[np.int32], values: Sequence[int], box: Box, kept: int) -> Change | None:
    """Return what gives objects of a plane one number, with what is between them where that connects them."""
    place, new = box, np.where(np.isin(labels[box], values), kept, labels[box])
    if len(values) > 1:
        try:
            joined = merge(labels, values)
        except UserError:  # they are one object that is in several pieces here
            pass
        else:
            place = joined.box
            new = np.where(np.isin(joined.new, values), kept, joined.new)
    return change_box(labels, place, new)


def _of_plane(change: Change) -> Change:
    """Return the change of one plane of an array in the coordinates of the plane."""
    shape = change.new.shape[-2:]
    return Change(tuple(change.offset[-2:]), change.old.reshape(shape), change.new.reshape(shape))


def _applied(labels: NDArray[np.int32], change: Change, box: Box) -> NDArray[np.int32]:
    """Return a box of a plane as it is after a change."""
    around = tuple(
        slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(box, change.box, strict=True)
    )
    after = labels[around].copy()
    inner = tuple(slice(b.start - a.start, b.stop - a.start) for a, b in zip(around, change.box, strict=True))
    after[inner] = change.new
    wanted = tuple(slice(b.start - a.start, b.stop - a.start) for a, b in zip(around, box, strict=True))
    return after[wanted]
