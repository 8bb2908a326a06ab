"""One thing worth a look: where it is, why, how much, and what could be done about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from napari_unet.objects.changes import Box, Change, change_place
from napari_unet.objects.numbering import free_numbers
from napari_unet.objects.overlaps import BoolArray, Int32Array, IntArray, values_in


class Kind(StrEnum):
    """Why something is worth a look."""

    TWO_IN_ONE = "two in one"
    ONE_IN_TWO = "one in two"
    MISSED = "missed"
    FAINT = "faint"
    OUTLINE = "outline"
    UNLIKE = "unlike"
    CHANGED = "changed"
    MIRROR = "mirror"

    @property
    def words(self) -> str:
        """A few words for a list."""
        return _WORDS[self]


_WORDS = {
    Kind.TWO_IN_ONE: "Two in one?",
    Kind.ONE_IN_TWO: "One cut in two?",
    Kind.MISSED: "Missed?",
    Kind.FAINT: "Perhaps no object",
    Kind.OUTLINE: "Unsure outline",
    Kind.UNLIKE: "Unlike the others",
    Kind.CHANGED: "Changed since last time",
    Kind.MIRROR: "Other in the mirror image",
}


Line = npt.NDArray[np.float64]
"""A path in px of the plane, shape ``(N, 2)``: rows and columns."""


@dataclass(frozen=True, eq=False)
class Fix:
    """A change of the segmentation that would put it right.

    Attributes
    ----------
    name
        In words that fit behind "Undo".
    words
        What it would do, for the user.
    change
        Of the plane of the segmentation, as it was when it was looked at; the box holds the objects whole.
    lines
        What is drawn on the image: a cut, outlines.
    """

    name: str
    words: str
    change: Change
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, eq=False)
class Doubt:
    """Something worth a look.

    Attributes
    ----------
    kind
        What it is mostly about.
    values
        Objects of the segmentation that it is about; none where one may have been missed.
    where
        A pixel to go to.
    box
        What one should see of the plane.
    score
        0–1: how doubtful it is.
    sentence
        Why, for the user.
    fix
        What could be done, ``None`` where only a person can tell.
    outline
        What it is about, drawn on the image.
    """

    kind: Kind
    values: tuple[int, ...]
    where: tuple[int, int]
    box: Box
    score: float
    sentence: str
    fix: Fix | None = None
    outline: tuple[Line, ...] = field(default=())


def still_holds(labels: IntArray, change: Change) -> bool:
    """Whether nothing of what a change would change was changed meanwhile."""
    differs = change.old != change.new
    return bool(np.array_equal(labels[change.box][differs], change.old[differs]))


def brought_up_to_date(labels: Int32Array, change: Change) -> Change | None:
    """Return a change that was proposed earlier as one of the labels as they are now.

    What happened beside it stays, and new objects get numbers that are free now.

    Returns
    -------
    Change or None
        ``None`` where it changes nothing any more.
    """
    differs = change.old != change.new
    fresh = np.setdiff1d(values_in(change.new[differs]), values_in(change.old))
    fresh = fresh[fresh > 0]
    free = dict(zip(fresh.tolist(), free_numbers(len(fresh), 1, labels), strict=True))
    wanted = change.new.copy()
    for number, other in free.items():
        wanted[change.new == number] = other
    place = change.box
    new = np.where(differs, wanted, labels[place])
    trimmed = change_place(labels, place, new)
    # The box stays as wide as it was: it holds the objects that are touched whole.
    return None if trimmed is None else Change(change.offset, labels[place].copy(), new.astype(labels.dtype))


def middle_of(mask: BoolArray, box: Box) -> tuple[int, int]:
    """Return the pixel of a mask, which lies at `box` of the plane, that is nearest to its middle."""
    pixels = np.argwhere(mask)
    nearest = pixels[np.square(pixels - pixels.mean(axis=0)).sum(axis=1).argmin()]
    return int(nearest[0]) + box[0].start, int(nearest[1]) + box[1].start
