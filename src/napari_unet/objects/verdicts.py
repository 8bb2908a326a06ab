"""What became of every single object: found, missed, made up, merged or split; as tables and as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from napari_unet.objects.measures import count_valid_overlaps, match_pairs
from napari_unet.objects.overlaps import BoolArray, IntArray, Overlaps, replace_values, values_in

Picture = npt.NDArray[np.uint8]


class Verdict(IntEnum):
    """What became of an object; the numbers are those in the picture of the errors."""

    HIT = 1
    MISSED = 2
    FALSE = 3
    MERGED = 4
    SPLIT = 5


COLOURS = {
    Verdict.HIT: "#009e73",
    Verdict.MISSED: "#f0e442",
    Verdict.FALSE: "#d55e00",
    Verdict.MERGED: "#ffffff",
    Verdict.SPLIT: "#56b4e9",
}
"""Of Okabe and Ito 2008 those that lie furthest apart for people who see no red or no green, too."""

WORDS = {
    Verdict.HIT: "found",
    Verdict.MISSED: "missed",
    Verdict.FALSE: "made up",
    Verdict.MERGED: "merged",
    Verdict.SPLIT: "split",
}


@dataclass(frozen=True)
class Judged:
    """One object and what became of it.

    Attributes
    ----------
    verdict : Verdict
    truth, found : int
        Its number in the truth, and in the prediction; 0 where it has none.
    iou : float
        With its partner, or the best one that there is.
    area : int
        Of the true object, or else of the predicted one, in px.
    centre : (float, float)
        Row and column in px.
    """

    verdict: Verdict
    truth: int
    found: int
    iou: float
    area: int
    centre: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Verdicts:
    """All objects of a plane, and where they are.

    Attributes
    ----------
    objects : tuple of Judged
        True objects by number, then predicted ones that have no part in any.
    picture : uint8 array (Y, X)
        `Verdict` of every pixel, 0 where there is no object.
    """

    objects: tuple[Judged, ...]
    picture: Picture

    def count(self, verdict: Verdict) -> int:
        """Return how many objects share a fate."""
        return sum(each.verdict is verdict for each in self.objects)

    def table(self) -> dict[str, list[Any]]:
        """Return columns: verdict, truth, found, iou, area, centroid-y, centroid-x."""
        return {
            "verdict": [WORDS[each.verdict] for each in self.objects],
            "truth": [each.truth for each in self.objects],
            "found": [each.found for each in self.objects],
            "iou": [each.iou for each in self.objects],
            "area": [each.area for each in self.objects],
            "centroid-y": [each.centre[0] for each in self.objects],
            "centroid-x": [each.centre[1] for each in self.objects],
        }


def judge(
    pred: IntArray, truth: IntArray, threshold: float = 0.5, valid: BoolArray | None = None
) -> Verdicts:
    """Say of every object what became of it.

    A true object with a partner of at least this IoU is *found*. Else it is *merged* where a predicted object holds
    most of it and most of another one, *split* where several predicted objects lie mostly in it, and *missed*
    otherwise. A predicted object without partner is *made up*, unless it is what merged or split true ones.

    Parameters
    ----------
    pred, truth : integer arrays (Y, X)
        0 is background.
    threshold : float
        Least IoU of a pair.
    valid : bool array, optional
        Where the truth is known; see `measures`.
    """
    overlaps = count_valid_overlaps(pred, truth, valid)
    partner, iou = match_pairs(overlaps, threshold)
    best = _best_partners(overlaps)
    merging, cutting = _culprits(overlaps)
    numbers = [int(k) for k in np.unique(overlaps.second) if k > 0]
    of_truth = {k: _fate(k, partner, merging, cutting) for k in numbers}
    partnered = set(partner.values())
    others = [int(k) for k in np.unique(overlaps.first) if k > 0 and int(k) not in partnered]
    of_pred = dict.fromkeys(others, Verdict.FALSE)
    of_pred |= {k: Verdict.SPLIT for found in cutting.values() for k in found if k in of_pred}
    of_pred |= {k: Verdict.MERGED for found in merging.values() for k in found if k in of_pred}
    true_areas, areas = overlaps.areas_of_second(), overlaps.areas_of_first()
    known = np.ones(truth.shape, bool) if valid is None else valid
    seen = np.where(np.isin(pred, list(areas)), pred, 0)
    truth_places = _centres(np.where(known, truth, 0), numbers)
    pred_places = _centres(np.where(known, seen, 0), others)
    objects = [
        Judged(fate, k, partner.get(k, best.get(k, (0, 0.0))[0]), iou.get(k, best.get(k, (0, 0.0))[1]),
               true_areas[k], truth_places[k])
        for k, fate in of_truth.items()
    ]  # fmt: skip
    objects += [
        Judged(Verdict.FALSE, 0, k, 0.0, areas[k], pred_places[k])
        for k, fate in of_pred.items()
        if fate is Verdict.FALSE
    ]
    matched = dict.fromkeys(partnered, Verdict.HIT)
    picture = _paint(np.where(known, truth, 0), of_truth)
    below = _paint(np.where(known, seen, 0), of_pred | matched)
    return Verdicts(tuple(objects), np.where(picture > 0, picture, below))


def _fate(
    k: int, partner: dict[int, int], merging: dict[int, set[int]], cutting: dict[int, set[int]]
) -> Verdict:
    if k in partner:
        return Verdict.HIT
    if k in merging:
        return Verdict.MERGED
    return Verdict.SPLIT if k in cutting else Verdict.MISSED


def _best_partners(overlaps: Overlaps) -> dict[int, tuple[int, float]]:
    """Return for every true object the predicted one with the largest IoU, and that."""
    areas, true_areas = overlaps.areas_of_first(), overlaps.areas_of_second()
    best: dict[int, tuple[int, float]] = {}
    pairs = overlaps.of_objects()
    for a, b, pixels in zip(pairs.first.tolist(), pairs.second.tolist(), pairs.pixels.tolist(), strict=True):
        iou = pixels / (areas[a] + true_areas[b] - pixels)
        if iou > best.get(b, (0, 0.0))[1]:
            best[b] = (a, iou)
    return best


def _culprits(overlaps: Overlaps) -> tuple[dict[int, set[int]], dict[int, set[int]]]:
    """Return true object → the predicted ones that merge it with others; that cut it. As `merges_and_splits`."""
    pairs = overlaps.of_objects()
    areas, true_areas = overlaps.areas_of_first(), overlaps.areas_of_second()
    holds: dict[int, set[int]] = {}
    parts: dict[int, set[int]] = {}
    for a, b, pixels in zip(pairs.first.tolist(), pairs.second.tolist(), pairs.pixels.tolist(), strict=True):
        if 2 * pixels > true_areas[b]:
            holds.setdefault(a, set()).add(b)
        if 2 * pixels > areas[a]:
            parts.setdefault(b, set()).add(a)
    merging: dict[int, set[int]] = {}
    for a, held in holds.items():
        if len(held) > 1:
            for b in held:
                merging.setdefault(b, set()).add(a)
    return merging, {b: found for b, found in parts.items() if len(found) > 1}


def _centres(labels: IntArray, numbers: list[int]) -> dict[int, tuple[float, float]]:
    found = ndi.center_of_mass(labels > 0, labels, numbers) if numbers else []
    return {k: (float(y), float(x)) for k, (y, x) in zip(numbers, found, strict=True)}


def _paint(labels: IntArray, verdicts: dict[int, Verdict]) -> Picture:
    """Return the verdict of the object at every pixel."""
    others = {int(k): 0 for k in values_in(labels) if int(k) not in verdicts}
    return replace_values(labels, others | {k: int(verdict) for k, verdict in verdicts.items()}).astype(
        np.uint8
    )
