"""What another network does better, worse, and otherwise than the one before."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from napari_unet.objects.measures import count_valid_overlaps, match_pairs
from napari_unet.objects.overlaps import BoolArray, IntArray, count_overlaps, holds, values_in

ALIKE = 0.7
"""IoU from which on two objects of two networks are the same one."""


class Difference(IntEnum):
    """What became of an object; the numbers are those in the picture."""

    FIXED = 1
    BROKEN = 2
    CHANGED = 3


DIFFERENCE_COLOURS = {
    Difference.FIXED: "#009e73",
    Difference.BROKEN: "#d55e00",
    Difference.CHANGED: "#56b4e9",
}
"""Of Okabe and Ito 2008: told apart by people who see no red or no green, too."""


@dataclass(frozen=True)
class Differing:
    """An object that became another one.

    Attributes
    ----------
    kind : Difference
    value : int
        Its number in the annotation; of a changed one in what the later network found, 0 if it is gone.
    centre : (float, float)
        Row and column in px.
    """

    kind: Difference
    value: int
    centre: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Comparison:
    """All objects that differ, and where they are.

    Attributes
    ----------
    objects : tuple of Differing
        Broken ones first, then fixed ones, then changed ones.
    picture : uint8 array (Y, X)
        `Difference` of every pixel, 0 where nothing differs.
    """

    objects: tuple[Differing, ...]
    picture: npt.NDArray[np.uint8]

    def count(self, kind: Difference) -> int:
        """Return how many objects are of a kind."""
        return sum(each.kind is kind for each in self.objects)


def compare(before: IntArray, after: IntArray, truth: IntArray, known: BoolArray) -> Comparison:
    """Say which objects a later network gets right that an earlier one did not, and the other way round.

    Parameters
    ----------
    before, after : integer arrays (Y, X)
        What the two networks found, 0 background.
    truth : integer array (Y, X)
        Objects that are annotated whole; 0 elsewhere. Right is what shares an IoU of 0.5 with one of these.
    known : bool array (Y, X)
        Where something is annotated. Elsewhere nobody knows what is right: what is another object there (IoU below
        `ALIKE`) is *changed*.
    """
    right_before = set(match_pairs(count_valid_overlaps(before, truth, known), 0.5)[0])
    right_after = set(match_pairs(count_valid_overlaps(after, truth, known), 0.5)[0])
    fixed, broken = sorted(right_after - right_before), sorted(right_before - right_after)
    mapped = match_pairs(count_overlaps(after, before), ALIKE)[0]
    old = [k for k in _mostly_off(before, known) if k not in mapped]
    new = [k for k in _mostly_off(after, known) if k not in set(mapped.values())]
    gone = np.where(holds(before, np.array(old, np.int64)), before, 0)
    fresh = np.where(holds(after, np.array(new, np.int64)), after, 0)
    # What an old object became is shown once, as the new one.
    replaced = {int(k) for k in np.unique(gone[fresh > 0])}
    gone = np.where(np.isin(gone, [k for k in old if k not in replaced]), gone, 0)
    picture = np.zeros(truth.shape, np.uint8)
    picture[(gone > 0) | (fresh > 0)] = Difference.CHANGED
    picture[np.isin(truth, fixed) & (truth > 0)] = Difference.FIXED
    picture[np.isin(truth, broken) & (truth > 0)] = Difference.BROKEN
    objects = [
        *_list(Difference.BROKEN, truth, broken),
        *_list(Difference.FIXED, truth, fixed),
        *_list(Difference.CHANGED, fresh, new),
        *_list(Difference.CHANGED, gone, [k for k in old if k not in replaced], gone=True),
    ]
    return Comparison(tuple(objects), picture)


def _mostly_off(labels: IntArray, known: BoolArray) -> list[int]:
    """Return the objects of which less than half lies where something is annotated."""
    overlaps = count_overlaps(labels, known.astype(np.uint8))
    areas = overlaps.areas_of_first()
    inside = overlaps.where(overlaps.second > 0).areas_of_first()
    return [int(k) for k in values_in(labels) if k > 0 and 2 * inside.get(int(k), 0) < areas[int(k)]]


def _list(kind: Difference, labels: IntArray, values: list[int], gone: bool = False) -> list[Differing]:
    centres = ndi.center_of_mass(labels > 0, labels, values) if values else []
    return [
        Differing(kind, 0 if gone else value, (float(y), float(x)))
        for value, (y, x) in zip(values, centres, strict=True)
    ]
