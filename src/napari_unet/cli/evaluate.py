"""``napari-unet evaluate``: how well a segmentation agrees with the truth."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from napari_unet.annotation.coding import Coding, LabelsAre, from_annotation, to_annotation
from napari_unet.cli.console import progress_bar
from napari_unet.cli.segment import probabilities_path
from napari_unet.errors import UserError
from napari_unet.formats.images import find_images, name_of, pair_by_name, read_labels

Scores = dict[str, float]


def evaluate(
    predicted: Annotated[Path, typer.Argument(help="Label image, or folder of them (0 background).")],
    truth: Annotated[Path, typer.Argument(help="True label image, or folder of them.")],
    coding: Annotated[Coding, typer.Option(help="What 0 and 1 mean in the truth.")] = Coding.MASKS,
    labels_are: Annotated[
        LabelsAre, typer.Option(help="Whether values stand for single objects or classes.")
    ] = LabelsAre.OBJECTS,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Print pixel, object and EM measures of each pair, and their means; not annotated truth is left out."""
    pairs = pair_by_name(_without_probabilities(find_images(predicted)), find_images(truth))
    scores: dict[str, Scores] = {}
    with progress_bar() as progress:
        for prediction_path, truth_path in progress.track(pairs, description="Measuring"):
            scores[name_of(prediction_path)] = score_files(prediction_path, truth_path, coding, labels_are)
    if as_json:
        typer.echo(json.dumps({"images": scores, "mean": mean_scores(list(scores.values()))}, indent=2))
    else:
        _print_table(scores)


def score_files(predicted: Path, truth: Path, coding: Coding, labels_are: LabelsAre) -> Scores:
    """Read a pair of label images and measure it.

    Raises
    ------
    UserError
        If one can't be read, or their shapes differ.
    """
    prediction, expected = read_labels(predicted).array, read_labels(truth).array
    if prediction.shape != expected.shape:
        raise UserError(
            f"{predicted} is {_shape(prediction)} and {truth} is {_shape(expected)}; "
            "a segmentation and its truth must have the same size."
        )
    if expected.ndim != 2:
        raise UserError(f"{truth} is a stack; evaluate its planes as single images.")
    annotation = to_annotation(expected, coding, labels_are)
    return score(prediction, from_annotation(annotation), annotation > 0, labels_are)


def score(
    predicted: NDArray[Any], truth: NDArray[Any], valid: NDArray[np.bool_], labels_are: LabelsAre
) -> Scores:
    """Measure a segmentation against the truth where the truth is known.

    Parameters
    ----------
    predicted, truth : (Y, X) integers
        0 background, 1… objects or classes.
    valid : (Y, X) bool
        Where the truth is known.
    labels_are : LabelsAre

    Returns
    -------
    dict of str to float
        NaN where a measure is not defined.
    """
    from napari_unet.objects import em_measures, measures

    predicted, truth = predicted.astype(np.int64), truth.astype(np.int64)
    scores = {
        "foreground_iou": measures.foreground_iou(predicted, truth, valid),
        "pixel_error": measures.pixel_error(predicted > 0, truth > 0, valid),
    }
    if labels_are is LabelsAre.CLASSES:
        return scores | {
            "mean_iou": measures.mean_iou(predicted, truth, valid),
            "mean_iou_without_background": measures.mean_iou(predicted, truth, valid, with_background=False),
        }
    matching = measures.match(predicted, truth, 0.5, valid)
    merges, splits = measures.merges_and_splits(predicted, truth, valid)
    return scores | {
        "objects_true": float(matching.tp + matching.fn),
        "objects_found": float(matching.tp + matching.fp),
        "precision": matching.precision,
        "recall": matching.recall,
        "f1": matching.f1,
        "ap50": matching.ap,
        "ap50_95": float(np.mean(measures.average_precision(predicted, truth, valid=valid))),
        "panoptic_quality": matching.panoptic_quality,
        "seg": measures.seg_score(predicted, truth, valid),
        "merges": float(merges),
        "splits": float(splits),
        "rand_error": em_measures.rand_error(predicted, truth, valid),
        "foreground_restricted_rand": em_measures.foreground_restricted_rand(predicted, truth, valid),
        "foreground_restricted_information": em_measures.foreground_restricted_information(
            predicted, truth, valid
        ),
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


def _without_probabilities(paths: Sequence[Path]) -> list[Path]:
    """Leave out what ``segment --probabilities`` wrote beside the labels."""
    beside = {probabilities_path(path).name for path in paths}
    return [path for path in paths if path.name not in beside]


def _print_table(scores: dict[str, Scores]) -> None:
    table = Table(box=None, header_style="bold")
    table.add_column("measure")
    shown = dict(scores) if len(scores) <= 4 else {}
    if len(scores) > 1:
        shown[f"mean of {len(scores)}"] = mean_scores(list(scores.values()))
    for name in shown:
        table.add_column(name, justify="right")
    for measure in next(iter(shown.values())):
        table.add_row(measure.replace("_", " "), *(f"{each[measure]:.4g}" for each in shown.values()))
    Console().print(table)


def _shape(array: NDArray[Any]) -> str:
    return " × ".join(map(str, array.shape)) + " px"
