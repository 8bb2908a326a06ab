"""What is wrong or doubtful in an annotation, in sentences for the person who painted it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_unet.annotation.boxes import Box, bounding_boxes, box_of, values_present
from napari_unet.annotation.coding import BACKGROUND, FIRST, NOT_ANNOTATED, LabelsAre
from napari_unet.annotation.targets import MOST_CLASSES, complete_objects

SPECK = 5
"""Pieces of fewer pixels than this are slips of the brush rather than objects."""

_MOST_OF_A_KIND = 20

_EIGHT = np.ones((3, 3), bool)

Piece = tuple[Box, NDArray[np.bool_]]
"""A mask and the box of the plane that it covers."""


@dataclass(frozen=True)
class Problem:
    """Something in an annotation that keeps the training from starting, or from being as good as it could
    be."""

    sentence: str
    blocking: bool
    """Training cannot start with it."""
    where: tuple[int, ...] | None
    """A pixel to go to, in the annotation's axes."""
    kind: str
    others: tuple[tuple[int, ...], ...] = ()
    """Further pixels like it, where one sentence tells of several problems."""
    piece: Piece | None = field(default=None, compare=False)
    """What a repair would change, where the place alone does not tell."""
    number: int = 0
    """The class (1, 2, …) that it is about."""

    @property
    def places(self) -> tuple[tuple[int, ...], ...]:
        """All places that the sentence tells of."""
        return self.others if self.where is None else (self.where, *self.others)


def find_problems(
    labels: NDArray[np.int32],
    labels_are: LabelsAre = LabelsAre.OBJECTS,
    marked: Collection[int] = (),
) -> list[Problem]:
    """Look for what keeps an annotation from teaching, and for slips of the brush.

    Parameters
    ----------
    labels
        int32 ``(Y, X)``, project coding, regions applied.
    labels_are
        Slips are looked for in objects only: a class may lie anywhere.
    marked
        Values of objects that the user said are complete.

    Returns
    -------
    list of Problem
        Blocking problems first. Kinds: ``empty``, ``no_background``, ``only_one_class``, ``too_many_classes`` (these
        block), ``one_object``, ``only_scribbles``, ``not_enclosed``, ``value_twice``, ``speck``, ``hole``. Of one kind
        at most 20 are told one by one.
    """
    found = _find_in_values(labels, labels_are)
    if labels_are == LabelsAre.CLASSES or any(problem.kind == "empty" for problem in found):
        return found
    return [
        *found,
        *_find_incomplete(labels, marked),
        *_find_pieces(labels),
        *_find_holes(labels),
    ]


def find_blocking(labels: NDArray[np.int32], labels_are: LabelsAre = LabelsAre.OBJECTS) -> list[Problem]:
    """Return only what keeps a training from starting: the values alone say it, so it takes milliseconds.

    Parameters
    ----------
    labels, labels_are
        As in `find_problems`.
    """
    return [problem for problem in _find_in_values(labels, labels_are) if problem.blocking]


def _find_in_values(labels: NDArray[np.int32], labels_are: LabelsAre) -> list[Problem]:
    if not (labels != NOT_ANNOTATED).any():
        return [
            Problem("Nothing is painted yet: paint a few objects and some background.", True, None, "empty")
        ]
    return _find_in_classes(labels) if labels_are == LabelsAre.CLASSES else _find_missing(labels)


def _find_in_classes(labels: NDArray[np.int32]) -> list[Problem]:
    values = values_present(labels, BACKGROUND)
    found = []
    if values.size == 1:
        name = "background" if values[0] == BACKGROUND else f"class {values[0]}"
        sentence = f"Only {name} is painted yet: paint another class, or some background, to tell it from."
        found.append(Problem(sentence, True, None, "only_one_class"))
    if values[-1] - BACKGROUND > MOST_CLASSES:
        sentence = (
            f"The value {values[-1]} is too large for a class: if every object has its own value, "
            "the labels are objects, not classes."
        )
        where = _first_pixel(labels == values[-1])
        found.append(Problem(sentence, True, where, "too_many_classes"))
    if values.size > 1 and BACKGROUND not in values:
        sentence = "No background is painted: every pixel will be given to one of the classes."
        found.append(Problem(sentence, False, None, "no_background"))
    return found


def _find_missing(labels: NDArray[np.int32]) -> list[Problem]:
    n_objects = values_present(labels).size
    found = []
    if n_objects == 0:
        sentence = "Only background is painted yet: paint a few objects."
        found.append(Problem(sentence, True, None, "only_one_class"))
    if not (labels == BACKGROUND).any():
        sentence = "No background is painted yet: paint some around and between the objects."
        found.append(Problem(sentence, True, None, "no_background"))
    if n_objects == 1:
        sentence = "Only one object is painted: with a few more of them the network learns far better."
        found.append(Problem(sentence, False, _first_pixel(labels >= FIRST), "one_object"))
    return found


def _find_incomplete(labels: NDArray[np.int32], marked: Collection[int]) -> list[Problem]:
    values = values_present(labels)
    unfinished = np.setdiff1d(values, complete_objects(labels, marked))
    if unfinished.size == 0:
        return []
    where = _first_pixel(labels == unfinished[0])
    if unfinished.size == values.size:
        sentence = (
            "No object is closed in by background yet: paint it all around a few objects, "
            "so that sizes and borders can be learned."
        )
        return [Problem(sentence, False, where, "only_scribbles")]
    sentence = (
        f"{unfinished.size} of {values.size} objects {'is' if unfinished.size == 1 else 'are'} not closed in "
        "by background: close them in, or say that they are complete, to teach size and borders from them."
    )
    return [Problem(sentence, False, where, "not_enclosed")]


def _find_pieces(labels: NDArray[np.int32]) -> list[Problem]:
    """Objects in far apart pieces, and specks."""
    twice, specks = [], []
    for value, box in bounding_boxes(labels).items():
        if value < FIRST:
            continue
        pieces, n_pieces = ndimage.label(labels[box] == value, structure=_EIGHT)
        sizes = np.bincount(pieces.ravel())[1:]
        largest = int(sizes.argmax()) + 1
        places = ndimage.find_objects(pieces)
        for piece in range(1, n_pieces + 1):
            where = _first_pixel(pieces == piece, box)
            if sizes[piece - 1] < SPECK:
                size = f"{sizes[piece - 1]} pixel{'s' if sizes[piece - 1] > 1 else ''}"
                what = f"Object {value} has a stray speck" if n_pieces > 1 else f"Object {value} is a speck"
                specks.append(Problem(f"{what} of {size}: a slip of the brush?", False, where, "speck"))
            elif piece != largest and _lie_far_apart(places[piece - 1], places[largest - 1]):
                sentence = f"Object {value} is painted in two places far apart: are these two objects?"
                twice.append(Problem(sentence, False, where, "value_twice"))
    return [
        *_shorten(twice, lambda n: f"{n} more places share their value with another object far away."),
        *_shorten(specks, lambda n: f"{n} more specks of fewer than {SPECK} pixels."),
    ]


def _find_holes(labels: NDArray[np.int32]) -> list[Problem]:
    """Not annotated areas that one single object closes in; those of one object are one problem."""
    areas, n_areas = ndimage.label(labels == NOT_ANNOTATED)
    if n_areas == 0:
        return []
    lowest = np.full(n_areas + 1, np.iinfo(np.int32).max, np.int32)
    highest = np.zeros(n_areas + 1, np.int32)
    for here, there in (
        (np.s_[1:, :], np.s_[:-1, :]),
        (np.s_[:-1, :], np.s_[1:, :]),
        (np.s_[:, 1:], np.s_[:, :-1]),
        (np.s_[:, :-1], np.s_[:, 1:]),
    ):
        border = (areas[here] > 0) & (labels[there] != NOT_ANNOTATED)
        area, neighbour = areas[here][border], labels[there][border]
        np.minimum.at(lowest, area, neighbour)
        np.maximum.at(highest, area, neighbour)
    holes = (lowest == highest) & (highest >= FIRST)
    holes[np.concatenate([areas[0], areas[-1], areas[:, 0], areas[:, -1]])] = False
    places = ndimage.find_objects(areas)
    of_object: dict[int, list[tuple[int, int]]] = {}
    for hole in np.flatnonzero(holes):
        box = places[hole - 1]
        where = _first_pixel(areas[box] == hole, box)
        assert where is not None  # it has pixels
        of_object.setdefault(int(lowest[hole]), []).append(where)
    found = []
    for value, (first, *others) in of_object.items():
        what = f"{1 + len(others)} holes that are" if others else "a hole that is"
        sentence = f"Object {value} has {what} not annotated: fill {'them' if others else 'it'}, or paint background."
        found.append(Problem(sentence, False, first, "hole", tuple(others)))
    return _shorten(found, lambda n: f"{n} more objects have holes that are not annotated.")


def _lie_far_apart(a: Box, b: Box) -> bool:
    """Say whether the space between two boxes is wider than the larger one is long."""
    space = max(max(p.start, q.start) - min(p.stop, q.stop) for p, q in zip(a, b, strict=True))
    longest = max(side.stop - side.start for box in (a, b) for side in box)
    return bool(space > longest)


def _shorten(problems: list[Problem], say_rest: Callable[[int], str]) -> list[Problem]:
    if len(problems) <= _MOST_OF_A_KIND:
        return problems
    kept, rest = problems[: _MOST_OF_A_KIND - 1], problems[_MOST_OF_A_KIND - 1 :]
    others = (*rest[0].others, *(place for problem in rest[1:] for place in problem.places))
    return [*kept, Problem(say_rest(len(rest)), False, rest[0].where, rest[0].kind, others)]


def _first_pixel(mask: NDArray[np.bool_], box: Box | None = None) -> tuple[int, int] | None:
    """Return the first true pixel of a mask that lies at ``box`` of the image."""
    found = box_of(mask)
    if found is None:
        return None
    y = found[0].start
    x = int(np.argmax(mask[y]))
    return (y, x) if box is None else (y + box[0].start, x + box[1].start)
