"""What was counted in each place, and the scores with intervals that follow from all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np

from napari_unet.objects.intervals import Interval, ap_of_f1, share_interval
from napari_unet.objects.measures import count_valid_overlaps, match_pairs, merges_and_splits
from napari_unet.objects.overlaps import BoolArray, IntArray


@dataclass(frozen=True)
class Tally:
    """What was found in one place: an image, or a block of one.

    Attributes
    ----------
    tp, fp, fn
        Objects found, made up and missed, at an IoU of 0.5.
    merges, splits
        As `merges_and_splits` counts them.
    both, either
        Pixels that are foreground in truth and prediction; in one of them at least.
    """

    tp: int
    fp: int
    fn: int
    merges: int
    splits: int
    both: int
    either: int

    @property
    def n_true(self) -> int:
        """How many objects there are."""
        return self.tp + self.fn


def tally(pred: IntArray, truth: IntArray, valid: BoolArray | None = None) -> Tally:
    """Count what was found in a place.

    Parameters
    ----------
    pred, truth : integer arrays (Y, X)
        0 is background.
    valid : bool array, optional
        Where the truth is known; see `measures`.
    """
    overlaps = count_valid_overlaps(pred, truth, valid)
    tp = len(match_pairs(overlaps, 0.5)[0])
    n_pred, n_true = (np.unique(values[values > 0]).size for values in (overlaps.first, overlaps.second))
    merges, splits = merges_and_splits(pred, truth, valid)
    both = int(overlaps.of_objects().pixels.sum())
    either = int(overlaps.pixels[(overlaps.first > 0) | (overlaps.second > 0)].sum())
    return Tally(tp, n_pred - tp, n_true - tp, merges, splits, both, either)


def added(tallies: Sequence[Tally]) -> Tally:
    """Return what was found in several places together."""
    return Tally(*(sum(counts) for counts in zip(*map(astuple, tallies), strict=True)))


def sure_scores(tallies: Sequence[Tally]) -> dict[str, Interval]:
    """Return scores with their 90 % intervals: "F1", "AP", "IoU", and "merges" and "splits" per true object.

    What is not defined (no object, say) is left out.
    """
    n_true = sum(each.n_true for each in tallies)
    pairs = [2 * each.tp + each.fp + each.fn for each in tallies]
    found: dict[str, Interval | None] = {
        # An object that fails is missed and made up at once: the two count as one.
        "F1": share_interval([2 * each.tp for each in tallies], pairs, sum(pairs) / 2),
        "IoU": share_interval([each.both for each in tallies], [each.either for each in tallies], n_true),
        "merges": _per_object(tallies, [each.merges for each in tallies]),
        "splits": _per_object(tallies, [each.splits for each in tallies]),
    }
    if found["F1"] is not None:
        found["AP"] = ap_of_f1(found["F1"])
    return {name: found[name] for name in ("F1", "AP", "IoU", "merges", "splits") if found.get(name)}  # type: ignore[misc]


def _per_object(tallies: Sequence[Tally], counts: Sequence[int]) -> Interval | None:
    # One object may be cut into three: two splits. More than one per object is as bad as it gets.
    wholes = [each.n_true for each in tallies]
    return share_interval([min(k, n) for k, n in zip(counts, wholes, strict=True)], wholes, sum(wholes))
