"""``napari-unet evaluate``: how well a segmentation agrees with the truth."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from napari_unet.annotation.coding import Coding, LabelsAre, from_annotation, to_annotation
from napari_unet.cli.console import progress_bar
from napari_unet.errors import UserError
from napari_unet.formats.colour_pictures import write_coloured
from napari_unet.formats.images import find_images, name_of, pair_by_name, read_labels
from napari_unet.formats.paths import probabilities_path
from napari_unet.formats.tables import write_table

if TYPE_CHECKING:
    from napari_unet.objects.intervals import Interval
    from napari_unet.objects.tally import Tally
    from napari_unet.objects.verdicts import Verdicts
    from napari_unet.workflow.evaluation import Evaluation, Scores


def evaluate(
    predicted: Annotated[Path, typer.Argument(help="Label image, or folder of them (0 background).")],
    truth: Annotated[Path, typer.Argument(help="True label image, or folder of them.")],
    coding: Annotated[Coding, typer.Option(help="What 0 and 1 mean in the truth.")] = Coding.MASKS,
    labels_are: Annotated[
        LabelsAre, typer.Option(help="Whether values stand for single objects or classes.")
    ] = LabelsAre.OBJECTS,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder for what became of every object: NAME_objects.csv and a picture, NAME_errors.png.",
        ),
    ] = None,
) -> None:
    """Print pixel, object and EM measures of each pair, and their means; not annotated truth is left out."""
    from napari_unet.objects.tally import sure_scores
    from napari_unet.workflow.evaluation import mean_scores

    pairs = pair_by_name(_without_probabilities(find_images(predicted)), find_images(truth))
    if output is not None:
        _check_output(output, labels_are)
    scores: dict[str, Scores] = {}
    tallies: list[Tally] = []
    with progress_bar() as progress:
        for prediction_path, truth_path in progress.track(pairs, description="Measuring"):
            name = name_of(prediction_path)
            evaluation = evaluate_files(prediction_path, truth_path, coding, labels_are)
            scores[name] = evaluation.scores
            tallies += [evaluation.tally] if evaluation.tally is not None else []
            if output is not None and evaluation.verdicts is not None:
                write_verdicts(output, name, evaluation.verdicts)
    intervals = sure_scores(tallies)
    if as_json:
        means = mean_scores(list(scores.values()))
        sure = {name: [each.value, each.low, each.high] for name, each in intervals.items()}
        found = _without_nan({"images": scores, "mean": means, "intervals": sure})
        typer.echo(json.dumps(found, indent=2, allow_nan=False))
        return
    _print_table(scores)
    if intervals:
        _print_intervals(intervals, len(tallies))
    if output is not None:
        Console().print(f"What became of every object is in {output}: {_legend()}.")


def evaluate_files(predicted: Path, truth: Path, coding: Coding, labels_are: LabelsAre) -> Evaluation:
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
    from napari_unet.workflow.evaluation import evaluate_plane

    return evaluate_plane(prediction, from_annotation(annotation), annotation > 0, labels_are)


def _without_nan(found: Any) -> Any:
    """Return what JSON can hold: null for a measure that is not defined, such as the F1 where there is nothing."""
    if isinstance(found, dict):
        return {name: _without_nan(value) for name, value in found.items()}
    if isinstance(found, list):
        return [_without_nan(value) for value in found]
    return None if isinstance(found, float) and not math.isfinite(found) else found


def write_verdicts(folder: Path, name: str, verdicts: Verdicts) -> None:
    """Write what became of every object of an image: a table, and a picture of the errors."""
    from napari_unet.objects.verdicts import COLOURS

    write_table(folder / f"{name}_objects.csv", verdicts.table())
    write_coloured(folder / f"{name}_errors.png", verdicts.picture, {int(k): v for k, v in COLOURS.items()})


def _check_output(folder: Path, labels_are: LabelsAre) -> None:
    if labels_are is LabelsAre.CLASSES:
        raise UserError(
            "There is a table of objects only where values stand for objects; leave --output away."
        )
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; give a folder to write into.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"The folder {folder} could not be made: {error.strerror}.") from error


def _legend() -> str:
    from napari_unet.objects.verdicts import COLOURS, WORDS

    return ", ".join(f"{WORDS[verdict]} [{colour}]■[/]" for verdict, colour in COLOURS.items())


def _print_intervals(intervals: Mapping[str, Interval], n_images: int) -> None:
    """Print what the scores of all objects together are worth on unseen images of this kind."""
    where = f"{n_images} image{'s' * (n_images != 1)}"
    Console().print(
        f"All objects of {where}, with what to expect on unseen images of the same kind (9 times in 10):"
    )
    for name, interval in intervals.items():
        shown = f"{name} per object" if name in ("merges", "splits") else name
        Console().print(f"  {shown:18} {interval}", highlight=False)


def _without_probabilities(paths: Sequence[Path]) -> list[Path]:
    """Leave out what ``segment --probabilities`` wrote beside the labels."""
    beside = {probabilities_path(path).name for path in paths}
    return [path for path in paths if path.name not in beside]


def _print_table(scores: dict[str, Scores]) -> None:
    from napari_unet.workflow.evaluation import mean_scores

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
