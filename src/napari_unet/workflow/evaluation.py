"""All measures of one segmented plane against its truth, and what became of every object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.coding import LabelsAre
from napari_unet.objects import em_measures, measures
from napari_unet.objects.tally import Tally, tally
from napari_unet.objects.verdicts import Verdicts, judge
from napari_unet.objects.warping import warping_error

Scores = dict[str, float]

FURTHER_THRESHOLDS = (0.75, 0.9)
"""IoU thresholds besides 0.5 at which F1, AP and panoptic quality are told."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """How well a plane agrees with its truth.

    Attributes
    ----------
    scores
        By name; NaN where a measure is not defined.
    verdicts
        What became of every object; ``None`` for classes.
    tally
        What intervals are made of; ``None`` for classes.
    """

    scores: Scores
    verdicts: Verdicts | None = None
    tally: Tally | None = None


def evaluate_plane(
    predicted: NDArray[Any], truth: NDArray[Any], valid: NDArray[np.bool_], labels_are: LabelsAre
) -> Evaluation:
    """Measure a segmentation against the truth where the truth is known.

    Parameters
    ----------
    predicted, truth : (Y, X) integers
        0 background, 1… objects or classes.
    valid : (Y, X) bool
        Where the truth is known.
    labels_are : LabelsAre
    """
    predicted, truth = predicted.astype(np.int64), truth.astype(np.int64)
    scores = {
        "foreground_iou": measures.foreground_iou(predicted, truth, valid),
        "pixel_error": measures.pixel_error(predicted > 0, truth > 0, valid),
    }
    if labels_are is LabelsAre.CLASSES:
        return Evaluation(
            scores
            | {
                "mean_iou": measures.mean_iou(predicted, truth, valid),
                "mean_iou_without_background": measures.mean_iou(
                    predicted, truth, valid, with_background=False
                ),
            }
        )
    scores |= _object_scores(predicted, truth, valid)
    scores |= {
        "rand_error": em_measures.rand_error(predicted, truth, valid),
        "foreground_restricted_rand": em_measures.foreground_restricted_rand(predicted, truth, valid),
        "foreground_restricted_information": em_measures.foreground_restricted_information(
            predicted, truth, valid
        ),
        "warping_error": warping_error(predicted, truth, valid),
    }
    verdicts = judge(predicted, truth, 0.5, valid)
    return Evaluation(scores, verdicts, tally(predicted, truth, valid))


def _object_scores(predicted: NDArray[Any], truth: NDArray[Any], valid: NDArray[np.bool_]) -> Scores:
    matching = measures.match(predicted, truth, 0.5, valid)
    merges, splits = measures.merges_and_splits(predicted, truth, valid)
    scores = {
        "objects_true": float(matching.tp + matching.fn),
        "objects_found": float(matching.tp + matching.fp),
        "precision": matching.precision,
        "recall": matching.recall,
        "f1": matching.f1,
        "ap50": matching.ap,
        "ap50_95": float(np.mean(measures.average_precision(predicted, truth, valid=valid))),
        "panoptic_quality": matching.panoptic_quality,
    }
    for threshold in FURTHER_THRESHOLDS:
        further, percent = measures.match(predicted, truth, threshold, valid), round(100 * threshold)
        scores |= {
            f"f1_{percent}": further.f1,
            f"ap{percent}": further.ap,
            f"panoptic_quality_{percent}": further.panoptic_quality,
        }
    return scores | {
        "seg": measures.seg_score(predicted, truth, valid),
        "merges": float(merges),
        "splits": float(splits),
    }


def mean_scores(scores: Sequence[Scores]) -> Scores:
    """Average every measure over the images in which it is defined."""
    means = {}
    for name in scores[0]:
        values = np.array([each[name] for each in scores])
        means[name] = (
            float(np.mean(values[~np.isnan(values)])) if not np.isnan(values).all() else float("nan")
        )
    return means
