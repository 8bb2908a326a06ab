"""How well a segmentation agrees with the truth: objects, foreground, classes.

Everywhere `valid` is a mask of where the truth is known. A predicted object that lies mostly outside it is
left out, since nobody knows whether it is right; of all others, and of the truth, the part inside counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from napari_unet.objects.overlaps import BoolArray, IntArray, Overlaps, count_overlaps

FloatVector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Matching:
    """Objects found, missed and made up, at one IoU threshold.

    Attributes
    ----------
    tp, fp, fn : int
        Matched pairs, predicted objects without a partner, true objects without a partner.
    precision, recall, f1 : float
        tp / (tp + fp), tp / (tp + fn), 2 tp / (2 tp + fp + fn).
    ap : float
        tp / (tp + fp + fn), the "average precision" of the Data Science Bowl 2018.
    mean_iou_matched : float
        Mean IoU of the matched pairs; 0 without any.
    panoptic_quality : float
        Sum of the matched IoUs / (tp + fp/2 + fn/2) (Kirillov et al. 2019).

    Where there is nothing to find and nothing was found all ratios are 1.
    """

    tp: int
    fp: int
    fn: int
    precision: float
    recall: float
    f1: float
    ap: float
    mean_iou_matched: float
    panoptic_quality: float


def count_valid_overlaps(pred: IntArray, truth: IntArray, valid: BoolArray | None = None) -> Overlaps:
    """Count overlaps inside `valid`, without the predicted objects that lie mostly outside it."""
    if valid is None:
        return count_overlaps(pred, truth)
    inside = count_overlaps(np.where(valid, pred, 0), np.where(valid, truth, 0))
    whole = count_overlaps(pred, valid.astype(np.uint8))
    areas = whole.areas_of_first()
    outside = whole.where(whole.second == 0).areas_of_first()
    left_out = [k for k, pixels in outside.items() if k > 0 and 2 * pixels > areas[k]]
    first = np.where(np.isin(inside.first, left_out), 0, inside.first)
    return Overlaps(first, inside.second, inside.pixels)


def iou_matrix(pred: IntArray, truth: IntArray, valid: BoolArray | None = None) -> FloatVector:
    """Return the IoU of every predicted with every true object.

    Parameters
    ----------
    pred, truth : integer arrays of one shape
        0 is background.
    valid : bool array, optional
        Where the truth is known.

    Returns
    -------
    float64 array (n_pred, n_truth)
        Rows and columns follow the ascending object numbers.
    """
    overlaps = count_valid_overlaps(pred, truth, valid)
    pairs, iou = _pair_ious(overlaps)
    rows, columns = _objects(overlaps.first), _objects(overlaps.second)
    matrix = np.zeros((rows.size, columns.size))
    matrix[np.searchsorted(rows, pairs.first), np.searchsorted(columns, pairs.second)] = iou
    return matrix


def match(
    pred: IntArray, truth: IntArray, threshold: float = 0.5, valid: BoolArray | None = None
) -> Matching:
    """Match predicted and true objects with an IoU of at least `threshold`.

    From 0.5 on an object has one possible partner (ties of exactly 0.5 aside); below, and for those ties, the
    assignment with the most pairs is taken, and among these the one with the largest sum of IoUs.

    Parameters
    ----------
    pred, truth : integer arrays of one shape
        0 is background.
    threshold : float
        Least IoU of a pair, above 0, up to 1.
    valid : bool array, optional
        Where the truth is known.
    """
    overlaps = count_valid_overlaps(pred, truth, valid)
    return _match_overlaps(overlaps, threshold)


def average_precision(
    pred: IntArray,
    truth: IntArray,
    thresholds: Sequence[float] = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95),
    valid: BoolArray | None = None,
) -> FloatVector:
    """Return AP(t) = tp / (tp + fp + fn) for each IoU threshold t, as in the Data Science Bowl 2018."""
    overlaps = count_valid_overlaps(pred, truth, valid)
    return np.array([_match_overlaps(overlaps, t).ap for t in thresholds])


def seg_score(pred: IntArray, truth: IntArray, valid: BoolArray | None = None) -> float:
    """Return SEG of the Cell Tracking Challenge (Maška et al. 2014).

    The mean over true objects of the IoU with the predicted object that covers more than half of it, 0 where
    none does. Without true objects: 1 if none was predicted either, else NaN.
    """
    overlaps = count_valid_overlaps(pred, truth, valid)
    pairs, iou = _pair_ious(overlaps)
    areas = overlaps.areas_of_second()
    n_true = _objects(overlaps.second).size
    if n_true == 0:
        return 1.0 if _objects(overlaps.first).size == 0 else float("nan")
    covered = 2 * pairs.pixels > np.array([areas[int(k)] for k in pairs.second], np.int64)
    return float(iou[covered].sum() / n_true)


def merges_and_splits(pred: IntArray, truth: IntArray, valid: BoolArray | None = None) -> tuple[int, int]:
    """Count objects that were joined and objects that were cut.

    Returns
    -------
    merges : int
        For every predicted object the true objects with more than half of their area in it, less one.
    splits : int
        The same with the parts exchanged: predicted objects that lie mostly in one true object, less one.
    """
    overlaps = count_valid_overlaps(pred, truth, valid)
    pairs = overlaps.of_objects()
    pred_areas, true_areas = overlaps.areas_of_first(), overlaps.areas_of_second()
    in_pred = 2 * pairs.pixels > np.array([true_areas[int(k)] for k in pairs.second], np.int64)
    in_truth = 2 * pairs.pixels > np.array([pred_areas[int(k)] for k in pairs.first], np.int64)
    merges = int(in_pred.sum()) - np.unique(pairs.first[in_pred]).size
    splits = int(in_truth.sum()) - np.unique(pairs.second[in_truth]).size
    return merges, splits


def foreground_iou(pred: IntArray, truth: IntArray, valid: BoolArray | None = None) -> float:
    """Return the IoU of what is not background; 1 where both are empty."""
    known = np.ones(truth.shape, bool) if valid is None else valid
    a, b = (pred > 0) & known, (truth > 0) & known
    union = int(np.count_nonzero(a | b))
    return int(np.count_nonzero(a & b)) / union if union else 1.0


def mean_iou(
    pred: IntArray, truth: IntArray, valid: BoolArray | None = None, with_background: bool = True
) -> float:
    """Return the mean IoU over the classes that occur in either class map; NaN if none does.

    Parameters
    ----------
    pred, truth : integer arrays of one shape
        Class maps; 0 is background.
    valid : bool array, optional
        Where the truth is known.
    with_background : bool
        Whether background is one of the classes.
    """
    known = np.ones(truth.shape, bool) if valid is None else valid
    overlaps = count_overlaps(pred[known], truth[known])
    areas, true_areas = overlaps.areas_of_first(), overlaps.areas_of_second()
    same = overlaps.where(overlaps.first == overlaps.second).areas_of_first()
    classes = sorted(k for k in areas.keys() | true_areas.keys() if with_background or k > 0)
    if not classes:
        return float("nan")
    ious = [same.get(k, 0) / (areas.get(k, 0) + true_areas.get(k, 0) - same.get(k, 0)) for k in classes]
    return float(np.mean(ious))


def pixel_error(
    pred: IntArray | BoolArray, truth: IntArray | BoolArray, valid: BoolArray | None = None
) -> float:
    """Return the fraction of pixels with another class than the truth; NaN if no pixel is known."""
    known = np.ones(truth.shape, bool) if valid is None else valid
    n = int(np.count_nonzero(known))
    return int(np.count_nonzero((pred != truth) & known)) / n if n else float("nan")


def _objects(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.unique(values[values > 0])


def _pair_ious(overlaps: Overlaps) -> tuple[Overlaps, FloatVector]:
    pairs = overlaps.of_objects()
    areas, other_areas = overlaps.areas_of_first(), overlaps.areas_of_second()
    total = [areas[int(a)] + other_areas[int(b)] for a, b in zip(pairs.first, pairs.second, strict=True)]
    return pairs, pairs.pixels / (np.array(total, np.float64) - pairs.pixels)


def match_pairs(overlaps: Overlaps, threshold: float) -> tuple[dict[int, int], dict[int, float]]:
    """Return true object → the predicted one that it is matched with, and → the IoU of the two; as `match`."""
    first, second, iou = _matched(overlaps, threshold)
    truths = [int(k) for k in second]
    return dict(zip(truths, map(int, first), strict=True)), dict(zip(truths, map(float, iou), strict=True))


def _matched(
    overlaps: Overlaps, threshold: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], FloatVector]:
    pairs, iou = _pair_ious(overlaps)
    enough = iou >= threshold
    first, second, iou = pairs.first[enough], pairs.second[enough], iou[enough]
    chosen = _assign(first, second, iou)
    return first[chosen], second[chosen], iou[chosen]


def _match_overlaps(overlaps: Overlaps, threshold: float) -> Matching:
    n_pred, n_truth = _objects(overlaps.first).size, _objects(overlaps.second).size
    matched = _matched(overlaps, threshold)[2]
    tp = matched.size
    fp, fn = n_pred - tp, n_truth - tp
    total = float(matched.sum())

    def ratio(part: float, whole: float) -> float:
        return part / whole if whole else float(n_pred == n_truth == 0)

    return Matching(
        tp=tp,
        fp=fp,
        fn=fn,
        precision=ratio(tp, n_pred),
        recall=ratio(tp, n_truth),
        f1=ratio(2 * tp, n_pred + n_truth),
        ap=ratio(tp, tp + fp + fn),
        mean_iou_matched=ratio(total, tp),
        panoptic_quality=ratio(2 * total, n_pred + n_truth),
    )


def _assign(
    first: npt.NDArray[np.int64], second: npt.NDArray[np.int64], iou: FloatVector
) -> npt.NDArray[np.int64]:
    """Return which of the pairs given make the best one-to-one assignment."""
    if np.unique(first).size == first.size and np.unique(second).size == second.size:
        return np.arange(iou.size)
    rows, row = np.unique(first, return_inverse=True)
    columns, column = np.unique(second, return_inverse=True)
    pair = np.full((rows.size, columns.size), -1)
    pair[row, column] = np.arange(iou.size)
    # One more pair is worth more than any sum of IoUs.
    worth = np.where(pair >= 0, 1 + iou[pair] / (iou.size + 1), 0)
    chosen = pair[linear_sum_assignment(worth, maximize=True)]
    return np.sort(chosen[chosen >= 0])
