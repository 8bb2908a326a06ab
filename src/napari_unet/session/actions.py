"""What is done to annotation and segmentation, each as one action that can be undone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.coding import FIRST
from napari_unet.annotation.problems import Problem
from napari_unet.annotation.regions import Region, region_mask
from napari_unet.annotation.repairs import repair
from napari_unet.errors import UserError
from napari_unet.objects.changes import change_place
from napari_unet.objects.edit import Change, accept
from napari_unet.objects.overlaps import count_overlaps
from napari_unet.session.backdrop import Backdrop
from napari_unet.session.canvas import on_plane, plane_change, split_planes, whole_plane
from napari_unet.session.history import Action, Which
from napari_unet.session.image import Plane
from napari_unet.session.lessons import describe_correction
from napari_unet.session.notes import ObjectNotes
from napari_unet.session.painting import Painting
from napari_unet.session.state import State


def stroke(
    state: State, which: Which, offset: Sequence[int], values: NDArray[Any], name: str
) -> Action | None:
    """Return what a stroke changed, with what it means for the annotation; ``None`` if nothing differs.

    Parameters
    ----------
    offset
        First index of the box, one integer per axis of the array.
    values
        What the layer holds there, of the array's number of dimensions.
    """
    array = state.canvas.arrays[which]
    painting = state.painting if which is Which.SEGMENTATION else None
    before = after = painting.notes if painting else ObjectNotes()
    changes: list[tuple[Which, Change]] = []
    for plane, box, painted in split_planes(offset, np.asarray(values)):
        change = plane_change(plane, box, array[plane][box], painted.astype(np.int32))
        if change is None:
            continue
        changes.append((which, change))
        corrected = painting.correction(plane, array[plane], box, painted) if painting else None
        if painting is not None and corrected is not None:
            changes.append((Which.ANNOTATION, on_plane(plane, corrected)))
            edit = change_place(array[plane], box, painted.astype(np.int32))
            assert edit is not None  # it differs
            after = after.with_correction(describe_correction(painting, plane, edit, corrected))
    return Action(name, tuple(changes), notes=_notes(before, after)) if changes else None


def correction(
    state: State, plane: Plane, change: Change, name: str, said: ObjectNotes | None = None
) -> Action:
    """Return what a tool's change of a plane of the segmentation is, with what it means for the annotation.

    Its box holds the objects that it touches whole.

    Objects that are cut off others keep their class; what was said about objects that go is forgotten.

    Parameters
    ----------
    said
        What is said about objects by then, where it is a later part of one action.
    """
    painting, shown = state.need_painting(), state.canvas.plane(Which.SEGMENTATION, plane)
    box = (change.box[0], change.box[1])
    trimmed = change_place(shown, box, change.new)
    corrected = painting.correction(plane, shown, box, change.new, whole=True)
    changes = [] if trimmed is None else [(Which.SEGMENTATION, on_plane(plane, trimmed))]
    if corrected is None:
        return Action(name, tuple(changes))
    changes.append((Which.ANNOTATION, on_plane(plane, corrected)))
    before = said or painting.notes
    after = before.after(_came_from(corrected), _gone(painting, corrected))
    after = after.with_correction(describe_correction(painting, plane, change, corrected))
    return Action(name, tuple(changes), notes=_notes(before, after))


def _notes(before: ObjectNotes, after: ObjectNotes) -> tuple[ObjectNotes, ObjectNotes] | None:
    return None if after == before else (before, after)


def _came_from(change: Change) -> dict[int, int]:
    """Return the new objects of a change → the annotated object that most of their pixels were of."""
    pairs = count_overlaps(change.new, change.old)
    pairs = pairs.where((pairs.first >= FIRST) & (pairs.second >= FIRST))
    new = ~np.isin(pairs.first, change.old)
    found = sorted(
        zip(pairs.pixels[new].tolist(), pairs.first[new].tolist(), pairs.second[new].tolist(), strict=True)
    )
    return {value: old for _, value, old in found}


def _gone(painting: Painting, change: Change) -> set[int]:
    """Return the objects that something was said about and that are no more, on no plane."""
    said = painting.marked | painting.object_classes.keys()
    left = said & set(np.setdiff1d(change.old, change.new).tolist())
    return {
        value
        for value in left
        if np.count_nonzero(painting.labels == value) == np.count_nonzero(change.old == value)
    }


def acceptance(
    state: State,
    plane: Plane,
    values: Collection[int] | None,
    region: Region | NDArray[np.bool_] | None,
    reach: float,
    sure_background: NDArray[np.bool_] | None = None,
) -> Action | None:
    """Return what accepting objects changes; ``None`` where all is annotated already.

    Parameters
    ----------
    values
        The objects (or classes); all of the plane by default.
    region
        Instead of values: the objects that lie in it with at least half of their area.
    reach
        Width (px) of the ring of background around accepted objects.
    sure_background
        Where on the plane the ring may lie, bool (Y, X); by default everywhere.

    Raises
    ------
    UserError
        When there is no segmentation or no annotation.
    """
    if state.segmentation is None or state.annotation is None or state.painting is None:
        raise UserError("There is nothing to accept yet; segment first.")
    if isinstance(region, Region):
        region = region_mask(region, state.need_image().plane_shape)
    change = accept(
        state.segmentation[plane],
        state.annotation[plane],
        values if region is None else region,
        reach,
        state.labels_are.value,
        state.painting.next_value(),
        sure_background,
    )
    return None if change is None else Action("Accept", ((Which.ANNOTATION, on_plane(plane, change)),))


def repairing(state: State, plane: Plane, problem: Problem) -> Action | None:
    """Return what repairs a problem of a plane; ``None`` where it is not there any more.

    A piece that becomes an object of its own keeps the class that it had.
    """
    painting, found = state.need_painting(), state.segmentation
    labels = painting.labels[plane]
    done = repair(
        problem, labels, painting.next_value(), painting.marked, None if found is None else found[plane] > 0
    )
    change = None if done is None else plane_change(plane, whole_plane(labels), labels, done.labels)
    if done is None or change is None:
        return None
    before = after = painting.notes
    for value, whole in done.split_from.items():
        if whole in before.classes:
            after = after.with_class([value], before.classes[whole])
    notes = (before, after) if after is not before else None
    return Action(done.name, ((Which.ANNOTATION, change),), notes=notes)


def showing(
    state: State,
    backdrop: Backdrop,
    settled: NDArray[np.int32],
    labels: NDArray[np.int32],
    name: str,
    key: str | None = None,
    anew: bool = False,
) -> Action | None:
    """Return what shows objects as a plane's segmentation; ``None`` where nothing changes.

    Parameters
    ----------
    backdrop, settled
        The plane when the objects were made, and what `Backdrop.settle` made of them.
    labels
        The objects, shape ``(Y, X)``, to settle anew if something was painted since.
    key
        As in `Action`.
    anew
        As in `Backdrop.settle`.
    """
    if not backdrop.holds(state):
        settled = Backdrop.of(state, backdrop.plane).settle(labels, anew)
    begin_segmentation(state)
    before = state.canvas.plane(Which.SEGMENTATION, backdrop.plane)
    change = plane_change(backdrop.plane, whole_plane(before), before, settled)
    return None if change is None else Action(name, ((Which.SEGMENTATION, change),), key)


def begin_segmentation(state: State) -> None:
    """Make an empty segmentation where there is none."""
    if state.segmentation is None:
        state.canvas.arrays[Which.SEGMENTATION] = np.zeros(state.need_image().spatial_shape, np.int32)
        state.canvas.array_replaced.emit(Which.SEGMENTATION)


def n_changed(action: Action) -> int:
    """Return the number of pixels that an action changes."""
    return sum(int(np.count_nonzero(change.old != change.new)) for _, change in action.changes)
