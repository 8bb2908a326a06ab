"""Whether one object counts as complete, and where it is open, in a sentence for the person who painted it."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_unet.annotation.boxes import box_of, grow
from napari_unet.annotation.coding import NOT_ANNOTATED
from napari_unet.annotation.targets import WIDEST_GAP, complete_objects, gap_tolerance

MARGIN = WIDEST_GAP + 2
"""Around an object, nothing farther away decides whether it is closed in."""

_MOSTLY = 0.6
"""Share of the outline from which on an object counts as open all around."""

_SIDES = ("right", "lower right", "bottom", "lower left", "left", "upper left", "top", "upper right")

_EIGHT = np.ones((3, 3), bool)


@dataclass(frozen=True)
class Completeness:
    """What is known about one object's outline.

    Attributes
    ----------
    present
        The plane holds the object.
    closed_in
        Annotation, a region or the image's edge closes it in.
    marked
        The user said that it is complete.
    sentence
        The same for the user, and what could be done.
    """

    present: bool
    closed_in: bool
    marked: bool
    sentence: str

    @property
    def complete(self) -> bool:
        """Whether size, border and object scores are learned from it."""
        return self.present and (self.closed_in or self.marked)


def judge_object(labels: NDArray[np.int32], value: int, marked: Collection[int] = ()) -> Completeness:
    """Say whether an object counts as complete, as `complete_objects` does, and why.

    Parameters
    ----------
    labels
        int32 ``(Y, X)``, project coding, regions applied.
    value
        The object, ≥ 2.
    marked
        Values of objects that the user said are complete.
    """
    said = value in marked
    tight = box_of(labels == value)
    if tight is None:
        return Completeness(False, False, said, f"Object {value} is not on this plane.")
    around = labels[grow(tight, (MARGIN, MARGIN), (labels.shape[0], labels.shape[1]))]
    if value in complete_objects(around):
        return Completeness(
            True, True, said, "Complete: background, other objects or the image's edge close it in."
        )
    if said:
        return Completeness(True, False, True, "Complete: you said so.")
    return Completeness(
        True,
        False,
        False,
        f"Not complete: {_where_open(around, value)}. Paint background there, or tick Complete if you painted "
        "all of it.",
    )


def _where_open(labels: NDArray[np.int32], value: int) -> str:
    own = labels == value
    outline = ndimage.binary_dilation(own, _EIGHT) & ~own
    free = outline & (labels == NOT_ANNOTATED)
    if np.count_nonzero(free) > _MOSTLY * np.count_nonzero(outline):
        return "nothing is painted around it yet"
    out = _ways_out(labels, own)
    y, x = np.argwhere(out if out.any() else free).mean(axis=0) - np.argwhere(own).mean(axis=0)
    side = round(float(np.arctan2(y, x)) / (np.pi / 4)) % len(_SIDES)
    return f"it is open at the {_SIDES[side]}"


def _ways_out(labels: NDArray[np.int32], own: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the not annotated pixels that lie farther from the object than a gap of the brush is wide."""
    unknown = labels == NOT_ANNOTATED
    front = own
    for _ in range(gap_tolerance(int(np.count_nonzero(own))) + 1):
        front = ndimage.binary_dilation(front, _EIGHT) & unknown
        unknown = unknown & ~front
    return front
