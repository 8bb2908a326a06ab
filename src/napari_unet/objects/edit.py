"""What an edit of the segmentation means for the annotation, and what is shown of both.

The segmentation is the network's: 0 is background, numbers are objects (or classes). The annotation is the
user's and the truth: 0 not annotated, 1 background, 2 and up objects (or class + 1). Edits come out as boxes
of old and new values, so that undo restores every state exactly and nothing larger than what changed is
touched.
"""

from collections.abc import Collection

import numpy as np

from napari_unet.objects.changes import Box, Change, apply, bounding_box, change_place, diff, invert
from napari_unet.objects.near import find_near
from napari_unet.objects.numbering import free_numbers
from napari_unet.objects.overlaps import (
    BoolArray,
    Int32Array,
    IntArray,
    count_overlaps,
    holds,
    replace_values,
    values_in,
)
from napari_unet.objects.overlay import BACKGROUND, FIRST, NOT_ANNOTATED, LabelsAre, overlay_annotation

__all__ = ["Change", "accept", "apply", "correct", "diff", "invert", "overlay_annotation"]

RIM = 3.0
"""Width in px of the background that an accepted object always brings: it says where the object ends."""


def correct(
    before: IntArray,
    after: IntArray,
    annotation: Int32Array,
    labels_are: LabelsAre = "objects",
    box: Box | None = None,
    free_value: int | None = None,
    box_is_whole: bool = False,
) -> Change | None:
    """Return what an edit of the segmentation changes in the annotation.

    A user's edit wins over everything older. *Objects*: every object that the edit touches (painted, painted
    over or erased from, whatever is left of it) enters the annotation whole; erased pixels become background.
    An object that was annotated keeps its value, the larger part if it was split; others get free values.
    *Classes*: the edited pixels enter with their class.

    Parameters
    ----------
    before, after : integer arrays (Y, X)
        The segmentation as it was shown before and after the edit.
    annotation : int32 array (Y, X)
        The annotation so far, not changed here.
    labels_are : {"objects", "classes"}
        What the numbers mean.
    box : tuple of slices, optional
        Where the edit was, to search no further.
    free_value : int, optional
        First value that new objects may get, if other planes hold values, too; at least the largest here + 1.
    box_is_whole : bool
        The box holds all of the objects that the edit touches: they are not looked for.

    Returns
    -------
    Change or None
        Of the annotation; None if it already says all this.
    """
    edit = diff(before, after, box)
    if edit is None:
        return None
    edited = edit.old != edit.new
    if labels_are == "classes":
        old = annotation[edit.box]
        return change_place(annotation, edit.box, np.where(edited, edit.new + BACKGROUND, old))
    touched = np.union1d(edit.old[edited], edit.new[edited])
    touched = touched[touched > 0]
    place = box if box is not None and box_is_whole else _unite(edit.box, _box_of(after, touched))
    under = _objects_under(annotation[place], np.isin(after[place], touched))
    place = _unite(place, _box_of(annotation, under))
    old, shown = annotation[place], np.where(np.isin(after[place], touched), after[place], 0)
    erased = (after[place] == 0) & (before[place] > 0)
    values = _values_of_corrected(before[place], shown, np.where(erased, BACKGROUND, old))
    new = np.where(shown > 0, replace_values(shown, _add_free(values, shown, annotation, free_value)), old)
    new[erased] = BACKGROUND
    return change_place(annotation, place, new)


def accept(
    segmentation: IntArray,
    annotation: Int32Array,
    which: Collection[int] | BoolArray | None = None,
    reach: float = 0.0,
    labels_are: LabelsAre = "objects",
    free_value: int | None = None,
    sure_background: BoolArray | None = None,
) -> Change | None:
    """Return the annotation's change when objects of the segmentation are accepted as right.

    Only not annotated pixels are filled. An object that is annotated in part is completed with the value that
    it has; others get free values. Around accepted objects a ring of background is filled as wide as `reach`,
    without other objects. *Classes*: the class map is accepted, within the region or of the classes given.

    Parameters
    ----------
    segmentation : integer array (Y, X)
        As shown, or as the network made it.
    annotation : int32 array (Y, X)
        The annotation so far, not changed here.
    which : collection of int, bool array (Y, X) or None
        Numbers of objects; a region, of which the objects count that lie in it with at least half of their
        area; or the whole plane.
    reach : float
        Width of the ring in px: how far the border weight reaches.
    labels_are : {"objects", "classes"}
        What the numbers mean.
    free_value : int, optional
        First value that new objects may get, if other planes hold values, too; at least the largest here + 1.
    sure_background : bool array (Y, X), optional
        Where the ring may lie beyond its innermost `RIM` px, by default everywhere: a neighbour that the network half
        missed is not accepted as background along with the object.

    Returns
    -------
    Change or None
        Of the annotation; None if there is nothing left to fill.
    """
    if labels_are == "classes":
        return _accept_classes(segmentation, annotation, which)
    numbers = _chosen(segmentation, which)
    place = _place_of_accepted(segmentation, annotation, numbers, reach)
    if place is None:
        return None
    old, seen = annotation[place], segmentation[place]
    shown = overlay_annotation(seen, old)
    free = old == NOT_ANNOTATED
    chosen = shown > 0
    if numbers is not None:
        chosen &= np.isin(shown, _shown_for(np.where(np.isin(seen, numbers), seen, 0), shown, free))
    accepted = np.where(chosen, shown, 0)
    pairs = count_overlaps(accepted, old).of_objects()
    annotated = pairs.second >= FIRST
    values = dict(zip(pairs.first[annotated].tolist(), pairs.second[annotated].tolist(), strict=True))
    values = _add_free(values, accepted, annotation, free_value)
    new = np.where(chosen & free, replace_values(accepted, values), old)
    ring = find_near(chosen, reach) & free & (shown == 0) & (seen == 0)
    if sure_background is not None:
        ring &= sure_background[place] | find_near(chosen, min(reach, RIM))
    new[ring] = BACKGROUND
    return change_place(annotation, place, new)


def _accept_classes(
    segmentation: IntArray, annotation: Int32Array, which: Collection[int] | BoolArray | None
) -> Change | None:
    free = annotation == NOT_ANNOTATED
    if isinstance(which, np.ndarray) and which.dtype == bool:
        free &= which
    elif which is not None:
        free &= np.isin(segmentation, list(which))
    place = bounding_box(free)
    if place is None:
        return None
    new = np.where(free[place], segmentation[place] + BACKGROUND, annotation[place])
    return change_place(annotation, place, new)


def _chosen(segmentation: IntArray, which: Collection[int] | BoolArray | None) -> IntArray | None:
    """Return the numbers that are accepted, of those that there are; None for all."""
    if which is None:
        return None
    if isinstance(which, np.ndarray) and which.dtype == bool:
        overlaps = count_overlaps(segmentation, which.view(np.uint8))
        areas = overlaps.areas_of_first()
        inside = overlaps.where(overlaps.second > 0).areas_of_first()
        return np.array([k for k, n in inside.items() if k > 0 and 2 * n >= areas[k]], np.int64)
    wanted = np.array([k for k in which if k > 0], np.int64)
    return np.unique(segmentation[np.isin(segmentation, wanted)])


def _place_of_accepted(
    segmentation: IntArray, annotation: IntArray, numbers: IntArray | None, reach: float
) -> Box | None:
    """Return the box that holds all that decides about the chosen objects, and their rings.

    That is the objects, the annotated objects on them, and all other objects under these.
    """
    if numbers is None:
        return tuple(slice(0, n) for n in segmentation.shape)
    place = _box_of(segmentation, numbers)
    if place is None:
        return None
    under = _objects_under(annotation[place], np.isin(segmentation[place], numbers))
    place = _unite(place, _box_of(annotation, under))
    beside = np.unique(segmentation[place][np.isin(annotation[place], under)])
    place = _unite(place, _box_of(segmentation, beside[beside > 0]))
    margin = int(np.ceil(reach)) + 1
    return tuple(
        slice(max(0, s.start - margin), min(n, s.stop + margin))
        for s, n in zip(place, segmentation.shape, strict=True)
    )


def _shown_for(seen: IntArray, shown: IntArray, free: BoolArray) -> IntArray:
    """Return the numbers that objects of the segmentation are shown under, with the annotation on top.

    What is not annotated of an object may belong to an annotated one now, and what is annotated may all be
    under one that has another number.
    """
    overlaps = count_overlaps(seen, shown)
    areas = overlaps.areas_of_first()
    pairs = overlaps.of_objects()
    mostly = 2 * pairs.pixels > np.array([areas[k] for k in pairs.first.tolist()], np.int64)
    return np.union1d(pairs.second[mostly], shown[(seen > 0) & free & (shown > 0)])


def _values_of_corrected(before: IntArray, shown: IntArray, annotation: IntArray) -> dict[int, int]:
    """Return the annotated value that each corrected object keeps.

    An annotated object stays with the object that showed it already, otherwise with the one that now holds
    most of it, unless more of it stays elsewhere. The arrays hold all of the annotated objects concerned.
    """
    pairs = count_overlaps(shown, annotation)
    same = count_overlaps(np.where(before == shown, shown, 0), annotation)
    unchanged = dict(
        zip(zip(same.first.tolist(), same.second.tolist(), strict=True), same.pixels.tolist(), strict=True)
    )
    elsewhere = pairs.where(pairs.first == 0).areas_of_second()
    found = pairs.where((pairs.first > 0) & (pairs.second >= FIRST))
    candidates = sorted(
        (-unchanged.get((k, v), 0), -pixels, k, v)
        for k, v, pixels in zip(
            found.first.tolist(), found.second.tolist(), found.pixels.tolist(), strict=True
        )
    )
    values: dict[int, int] = {}
    for _, pixels, k, v in candidates:
        if k not in values and v not in values.values() and elsewhere.get(v, 0) <= -pixels:
            values[k] = v
    return values


def _add_free(
    values: dict[int, int], shown: IntArray, annotation: IntArray, free_value: int | None
) -> dict[int, int]:
    """Return `values` with a free one for every other object that is shown."""
    others = [k for k in values_in(shown).tolist() if k > 0 and k not in values]
    free = free_numbers(len(others), max(FIRST, free_value or FIRST), annotation)
    return values | dict(zip(others, free, strict=True))


def _objects_under(annotation: IntArray, mask: BoolArray) -> IntArray:
    under = np.unique(annotation[mask])
    return under[under >= FIRST]


def _box_of(array: IntArray, values: IntArray) -> Box | None:
    """Return the smallest box that holds all of the values; None if there are none."""
    return bounding_box(holds(array, values)) if values.size else None


def _unite(box: Box, other: Box | None) -> Box:
    if other is None:
        return box
    return tuple(slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(box, other, strict=True))
