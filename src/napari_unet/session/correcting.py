"""The tools that correct a segmentation: each call is one undo step, and what it touches becomes annotation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.coding import FIRST, NOT_ANNOTATED, LabelsAre
from napari_unet.errors import UserError
from napari_unet.objects.corrections.interpolating import add_shape, interpolate, mask_at
from napari_unet.objects.corrections.merging import merge
from napari_unet.objects.corrections.places import (
    Path,
    Point,
    piece_at,
    pixel_of,
    value_at,
    values_along,
    values_enclosed,
)
from napari_unet.objects.corrections.snapping import snap_to_loop, snap_to_point
from napari_unet.objects.corrections.splitting import split_along, split_at
from napari_unet.objects.corrections.sureness import find_sure
from napari_unet.objects.corrections.tidying import delete, set_patch, smooth, smooth_patch
from napari_unet.objects.edit import Change, accept
from napari_unet.session import actions
from napari_unet.session.canvas import on_plane
from napari_unet.session.history import Action, Which
from napari_unet.session.image import Plane
from napari_unet.session.measuring import Sizes
from napari_unet.session.separating import Separating
from napari_unet.session.state import State
from napari_unet.session.whole_objects import WholeObjects

if TYPE_CHECKING:
    from napari_unet.session.annotating import Annotating
    from napari_unet.session.linking import Linking

_NO_PROBABILITY = "{}: segment this plane first, so that there is a probability to go by."
_ONLY_OBJECTS = "This tool is for single objects; you paint classes, which have no borders between objects."


class Correcting:
    """Every tool takes a plane and places on it: rows and columns in px, paths of shape ``(N, 2)``.

    Where classes are painted, an object is a connected patch of one class.

    Attributes
    ----------
    whole
        The same for objects on all planes that they go through.
    """

    def __init__(
        self, state: State, separating: Separating, annotating: Annotating, linking: Linking, sizes: Sizes
    ) -> None:
        self.whole = WholeObjects(state, separating, annotating, sizes)
        self._state = state
        self._linking = linking
        self._separating = separating
        self._annotating = annotating

    def value_at(self, plane: Plane, point: Point) -> int:
        """Return the object (or class) that is shown under a point, 0 for none."""
        return value_at(self._shown(plane), point)

    def merge(self, plane: Plane, path: Path, *, through: bool = True) -> int:
        """Make one object of those that a path runs through, or only of those at its two ends.

        Returns
        -------
        int
            The number of objects that are one now.
        """
        labels = self._objects(plane)
        values = values_along(labels, path) if through else [value_at(labels, p) for p in (path[0], path[-1])]
        self._do(plane, merge(labels, values), "Merge")
        return len(values)

    def split(self, plane: Plane, path: Path) -> int:
        """Cut objects along a path; return how many new ones there are."""
        return self._do_split(plane, split_along(self._objects(plane), path))

    def split_at(self, plane: Plane, first: Point, second: Point) -> int:
        """Divide an object between two points in it; return how many new ones there are."""
        labels = self._objects(plane)
        return self._do_split(plane, split_at(labels, first, second, self._background(plane)))

    def delete(self, plane: Plane, point: Point) -> None:
        """Erase the object under a point."""
        labels = self._shown(plane)
        value = value_at(labels, point)
        if value and self._state.labels_are is LabelsAre.CLASSES:
            self._do(plane, set_patch(labels, *piece_at(labels, point), 0), "Delete")
        else:
            self._do(plane, delete(labels, [value]), "Delete")

    def delete_inside(self, plane: Plane, path: Path) -> int:
        """Erase the objects that lie with at least half of their area in a loop; return their number."""
        labels = self._objects(plane)
        values, place = values_enclosed(labels, path)
        if not values:
            raise UserError("The loop encloses no object; draw it around those to delete, or click on one.")
        self._do(plane, delete(labels, values, place), "Delete")
        return len(values)

    def smooth(self, plane: Plane, path: Path) -> int:
        """Fill the holes and smooth the outlines of what a path meets; return the number of objects.

        Raises
        ------
        UserError
            If it meets nothing, or what it meets is smooth already.
        """
        labels = self._shown(plane)
        if self._state.labels_are is LabelsAre.CLASSES:
            values = [value_at(labels, path[0])]
            change = smooth_patch(labels, *piece_at(labels, path[0])) if values[0] else smooth(labels, [])
        else:
            values = values_along(labels, path)
            change = smooth(labels, values)
        if change is None:
            raise UserError("It has no holes and is smooth already.")
        self._do(plane, change, "Smooth")
        return len(values)

    def add_at(self, plane: Plane, point: Point) -> None:
        """Make an object around a point, as the network's probability outlines it."""
        labels, stored = self._objects(plane), self._separating.stored.get(plane)
        if stored is None:
            raise UserError(
                _NO_PROBABILITY.format("Nothing is known about this place yet") + " Or draw a circle."
            )
        change = snap_to_point(labels, point, stored.probabilities[0], stored.typical_size)
        self._do(plane, change, "New object")

    def add_inside(self, plane: Plane, path: Path) -> None:
        """Make an object of what a loose loop encloses."""
        self._do(plane, snap_to_loop(self._objects(plane), path, self._background(plane)), "New object")

    def set_class(self, plane: Plane, point: Point, number: int) -> None:
        """Give the object under a point a class (1, 2, …); it enters the annotation whole."""
        labels = self._shown(plane)
        value = value_at(labels, point)
        if value == 0:
            raise UserError("There is no object to give a class.")
        self._annotating.begin_with_what_was_found()
        if not 1 <= number <= len(self._state.need_painting().class_names):
            raise UserError("Name the classes first, in step 2 under “Classes of objects”.")
        if self._state.labels_are is LabelsAre.CLASSES:
            self._do(plane, set_patch(labels, *piece_at(labels, point), number), "Class")
            return
        action = _classify(self._state, plane, value, pixel_of(point), number)
        if action is not None:
            self._state.canvas.do(action)

    def interpolate(self, first: tuple[Plane, Point], last: tuple[Plane, Point]) -> int:
        """Make an object on the planes between two, from its outlines on these; return on how many.

        Parameters
        ----------
        first, last
            A plane and a point in the object there; they differ along one axis.
        """
        (start, point), (end, other) = first, last
        between = _planes_between(start, end)
        labels = self._objects(start)
        number = value_at(labels, point)
        shapes = interpolate(mask_at(labels, point), mask_at(self._objects(end), other), len(between))
        self._annotating.begin_with_what_was_found()
        done: Action | None = None
        n = 0
        for plane, shape in zip(between, shapes, strict=True):
            change = add_shape(self._objects(plane), shape, number)
            if change is not None:
                said = done.notes[1] if done is not None and done.notes else None
                step = actions.correction(self._state, plane, change, "Interpolate", said)
                done, n = step if done is None else done.then(step), n + 1
        if done is None:
            raise UserError("Other objects lie there on all planes between; delete or split those first.")
        self._state.canvas.do(done)
        return n

    def accept_sure(self, plane: Plane, least: float) -> tuple[int, int]:
        """Accept the objects that the network is at least this sure of.

        Parameters
        ----------
        least
            Mean probability, 0–1, of being no background.

        Returns
        -------
        (int, int)
            The number of objects, and of pixels that were annotated by it.
        """
        labels, background = self._objects(plane), self._background(plane)
        if background is None:
            raise UserError(_NO_PROBABILITY.format("How sure the network is, is not known"))
        sure = find_sure(labels, background, least)
        return len(sure), self._annotating.accept(plane, sure) if sure else 0

    # ---- inside --------------------------------------------------------------------------------------------

    def _shown(self, plane: Plane) -> NDArray[np.int32]:
        if self._state.segmentation is None:
            raise UserError("There are no objects to correct yet; segment first.")
        return self._state.canvas.plane(Which.SEGMENTATION, plane)

    def _objects(self, plane: Plane) -> NDArray[np.int32]:
        if self._state.labels_are is LabelsAre.CLASSES:
            raise UserError(_ONLY_OBJECTS)
        return self._shown(plane)

    def _background(self, plane: Plane) -> NDArray[np.float16] | None:
        stored = self._separating.stored.get(plane)
        return None if stored is None else stored.probabilities[0]

    def _do_split(self, plane: Plane, change: Change) -> int:
        new = np.setdiff1d(change.new, change.old)
        self._do(plane, change, "Split")
        return len(new)

    def _do(self, plane: Plane, change: Change | None, name: str) -> None:
        if change is not None:
            change = self._linking.with_numbers_of_their_own(plane, change)
            self._annotating.correct(plane, change, name)


def _planes_between(start: Plane, end: Plane) -> list[Plane]:
    axes = [axis for axis, (a, b) in enumerate(zip(start, end, strict=True)) if a != b]
    if len(axes) != 1 or abs(start[axes[0]] - end[axes[0]]) < 2:
        raise UserError(
            "Click on the object on two planes of one stack, with at least one plane between them."
        )
    axis = axes[0]
    step = 1 if start[axis] < end[axis] else -1
    steps = range(start[axis] + step, end[axis], step)
    return [(*start[:axis], i, *start[axis + 1 :]) for i in steps]


def _classify(state: State, plane: Plane, value: int, pixel: tuple[int, int], number: int) -> Action | None:
    """Return what giving an object a class changes; ``None`` where it has it and is annotated whole."""
    painting = state.need_painting()
    shown, annotation = state.canvas.plane(Which.SEGMENTATION, plane), painting.labels[plane]
    change = accept(shown, annotation, [value], free_value=painting.next_value())
    annotated = int(annotation[pixel])
    if change is not None and annotated == NOT_ANNOTATED:
        annotated = int(change.new[tuple(p - o for p, o in zip(pixel, change.offset, strict=True))])
    if annotated < FIRST:
        raise UserError("This place is annotated as background; there is no object to give a class.")
    before = painting.notes
    notes = before.with_class([annotated], number)
    if change is None and notes == before:
        return None
    changes = () if change is None else ((Which.ANNOTATION, on_plane(plane, change)),)
    return Action("Class", changes, notes=(before, notes))
