"""Repairs of an annotation's problems that are safe to make with one key and to take back as one step."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_unet.annotation.boxes import Box, bounding_boxes, box_of, count_pixels, grow, values_present
from napari_unet.annotation.coding import BACKGROUND, FIRST, NOT_ANNOTATED, LabelsAre
from napari_unet.annotation.problems import SPECK, Problem
from napari_unet.annotation.targets import complete_objects

RING = 0.25
"""Width of a ring of background over the object's diameter: beyond may be a cell that nobody painted."""

_Piece = tuple[Box, NDArray[np.bool_]]
"""A mask and the box of the plane that it covers."""

_EIGHT = np.ones((3, 3), bool)

_LARGEST = int(np.iinfo(np.int32).max)


@dataclass(frozen=True)
class Repair:
    """What a repair makes of a plane.

    Attributes
    ----------
    name
        What was done, in words that fit behind "Undo".
    labels
        int32 ``(Y, X)``, the plane after the repair.
    split_from
        New value → the object that its pixels belonged to.
    """

    name: str
    labels: NDArray[np.int32]
    split_from: dict[int, int] = field(default_factory=dict)


def describe_repair(
    problem: Problem,
    labels: NDArray[np.int32],
    labels_are: LabelsAre = LabelsAre.OBJECTS,
    marked: Collection[int] = (),
) -> str | None:
    """Say what `repair` would do about a problem; ``None`` where only a person can tell what is right.

    Parameters
    ----------
    problem
        As `find_problems` returns it.
    labels, labels_are, marked
        The same that it was found in.
    """
    if labels_are == LabelsAre.CLASSES and problem.kind not in ("class_unused", "scale"):
        return None
    if problem.kind == "no_background" and not complete_objects(labels, marked).size:
        return None  # what is not complete may go on where the ring would be
    return _WORDS.get(problem.kind)


def repair(
    problem: Problem,
    labels: NDArray[np.int32],
    free_value: int,
    marked: Collection[int] = (),
    found: NDArray[np.bool_] | None = None,
) -> Repair | None:
    """Repair a problem; nothing is changed in place.

    Parameters
    ----------
    labels
        int32 ``(Y, X)``, project coding, as painted (without the background that regions add).
    free_value
        From this value on, new objects may get what the plane does not hold.
    marked
        Values of objects that the user said are complete.
    found
        bool ``(Y, X)``: where the network or a proposal found objects; no background is painted there.

    Returns
    -------
    Repair or None
        ``None`` where the problem is not there any more, or is none to be repaired.
    """
    if problem.kind == "value_twice":
        return _split(problem, labels, free_value)
    if problem.piece is not None:
        return _repair_piece(problem, labels, free_value)
    if problem.kind == "no_background":
        return _paint_rings(labels, marked, found)
    if problem.kind not in _REPAIRED_IN_PLACE:
        return None
    name, find, value_of = _REPAIRED_IN_PLACE[problem.kind]
    repaired = labels.copy()
    for place in problem.places:
        for box, mask in find(labels, place):
            repaired[box][mask] = value_of(labels, place)
    return None if np.array_equal(repaired, labels) else Repair(name, repaired)


def _split(problem: Problem, labels: NDArray[np.int32], free_value: int) -> Repair | None:
    repaired, boxes = labels.copy(), bounding_boxes(labels)
    split_from: dict[int, int] = {}
    present = set(values_present(labels).tolist())
    free = (value for value in range(max(free_value, FIRST), _LARGEST) if value not in present)
    for place in problem.places:
        value = int(labels[place])
        for box, mask in _piece_at(labels, boxes, place):
            if 2 * np.count_nonzero(mask) > np.count_nonzero(labels[box] == value):
                continue  # the largest piece keeps its value; it was another one when the problem was found
            new = next(free)
            repaired[box][mask] = new
            split_from[new] = value
    return Repair("Split object", repaired, split_from) if split_from else None


def _repair_piece(problem: Problem, labels: NDArray[np.int32], free_value: int) -> Repair | None:
    """Give a piece another value, unless somebody painted on it since."""
    assert problem.piece is not None  # asked before
    assert problem.where is not None  # it lies in the piece
    box, mask = problem.piece
    seen, value = labels[box], int(labels[problem.where])
    alone = problem.kind == "look_alike"
    if alone != (value < FIRST) or not (seen[mask] == value).all():
        return None
    if problem.kind == "two_touching" and np.count_nonzero(labels == value) == np.count_nonzero(mask):
        return None  # it was cut already
    repaired = labels.copy()
    if problem.kind == "cut_by_edge":
        repaired[box][mask] = NOT_ANNOTATED
        return Repair("Leave out", repaired)
    new = max(free_value, FIRST)
    if (labels == new).any():
        new = int(labels.max()) + 1
    repaired[box][mask] = new
    return Repair("Add object", repaired) if alone else Repair("Split object", repaired, {new: value})


def _paint_rings(
    labels: NDArray[np.int32], marked: Collection[int], found: NDArray[np.bool_] | None
) -> Repair | None:
    """Paint background around complete objects, but not near others: these may go on there."""
    complete = complete_objects(labels, marked)
    unfinished = np.setdiff1d(values_present(labels), complete)
    repaired, boxes = labels.copy(), bounding_boxes(labels)
    for value, area in zip(complete.tolist(), count_pixels(labels, complete).tolist(), strict=True):
        width = max(2, round(RING * 2 * np.sqrt(area / np.pi)))
        box = grow(boxes[value], (2 * width, 2 * width), (labels.shape[0], labels.shape[1]))
        around = labels[box]
        ring = (around == NOT_ANNOTATED) & _within(around == value, width)
        ring &= ~_within(np.isin(around, unfinished), width)
        if found is not None:
            ring &= ~found[box]
        repaired[box][ring] = BACKGROUND
    return None if np.array_equal(repaired, labels) else Repair("Ring of background", repaired)


def _within(mask: NDArray[np.bool_], reach: float) -> NDArray[np.bool_]:
    if not mask.any():
        return mask
    near: NDArray[np.bool_] = ndimage.distance_transform_edt(~mask) <= reach
    return near


def _piece_at(labels: NDArray[np.int32], boxes: dict[int, Box], place: tuple[int, ...]) -> Iterator[_Piece]:
    """Yield the connected piece of an object that holds a pixel, in the box of the whole object."""
    value = int(labels[place])
    if value >= FIRST:
        box = boxes[value]
        pieces, _ = ndimage.label(labels[box] == value, structure=_EIGHT)
        yield box, pieces == pieces[place[0] - box[0].start, place[1] - box[1].start]


def _speck_at(labels: NDArray[np.int32], place: tuple[int, ...]) -> Iterator[_Piece]:
    """Yield the piece that holds a pixel if it is a speck: then it lies within a few pixels, which is fast."""
    y, x = place
    near = grow((slice(y, y + 1), slice(x, x + 1)), (SPECK, SPECK), (labels.shape[0], labels.shape[1]))
    pieces, _ = ndimage.label(labels[near] == labels[place], structure=_EIGHT)
    speck = pieces == pieces[y - near[0].start, x - near[1].start]
    if labels[place] >= FIRST and np.count_nonzero(speck) < SPECK:
        yield near, speck


def _hole_at(labels: NDArray[np.int32], place: tuple[int, ...]) -> Iterator[_Piece]:
    """Yield the not annotated area that holds a pixel, if the object above that pixel closes it in alone."""
    value = _object_above(labels, place)
    box = box_of(labels == value) if value >= FIRST and labels[place] == NOT_ANNOTATED else None
    if box is None:
        return
    around = grow(box, (1, 1), (labels.shape[0], labels.shape[1]))
    areas, _ = ndimage.label(labels[around] == NOT_ANNOTATED)
    hole = areas == areas[place[0] - around[0].start, place[1] - around[1].start]
    edge = np.ones(hole.shape, bool)
    edge[1:-1, 1:-1] = False
    outline = ndimage.binary_dilation(hole) & ~hole
    if not (hole & edge).any() and (labels[around][outline] == value).all():
        yield around, hole


def _object_above(labels: NDArray[np.int32], place: tuple[int, ...]) -> int:
    return int(labels[place[0] - 1, place[1]]) if place[0] > 0 else NOT_ANNOTATED


def _nothing(labels: NDArray[np.int32], place: tuple[int, ...]) -> int:
    return NOT_ANNOTATED


_Find = Callable[[NDArray[np.int32], tuple[int, ...]], Iterator[_Piece]]
_ValueOf = Callable[[NDArray[np.int32], tuple[int, ...]], int]

_REPAIRED_IN_PLACE: dict[str, tuple[str, _Find, _ValueOf]] = {
    "speck": ("Erase specks", _speck_at, _nothing),
    "hole": ("Fill holes", _hole_at, _object_above),
}

_WORDS = {
    "speck": "Erase it: there is nothing annotated then.",
    "hole": "Fill it with the object around it.",
    "value_twice": "Make two objects of it: the smaller piece gets a number of its own.",
    "two_touching": "Cut it at the neck: the smaller side gets a number of its own.",
    "cut_by_edge": "Leave it out: nothing is annotated there then.",
    "look_alike": "Make an object of it.",
    "class_unused": "Remove the class.",
    "scale": "Take the size that was measured on your objects.",
    "no_background": (
        "Paint a narrow ring of background around every object that counts as complete. Look whether other "
        "cells lie in it."
    ),
}
