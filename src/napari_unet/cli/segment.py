"""``napari-unet segment``: label images of everything, with a trained network."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import typer
from numpy.typing import NDArray

from napari_unet.callbacks import OnProgress
from napari_unet.cli.console import progress_bar, tell
from napari_unet.cli.outputs import choose_outputs, probabilities_path
from napari_unet.errors import UserError
from napari_unet.formats.images import (
    ImageFile,
    find_images,
    match_channels,
    plane_axes,
    planes,
    read_image,
    write_labels,
    write_probabilities,
)

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from napari_unet.network.model_file import Model
    from napari_unet.workflow import Segmented


class Average(StrEnum):
    """What predictions are averaged over."""

    NONE = "none"
    FLIPS = "flips"
    EIGHT = "eight"
    ROTATIONS7 = "rotations7"


class GreyRange(StrEnum):
    """How grey values reach the network."""

    AS_IN_TRAINING = "as-in-training"
    PER_IMAGE = "per-image"


GREY_MODES: dict[GreyRange, Literal["as in training", "per image"]] = {
    GreyRange.AS_IN_TRAINING: "as in training",
    GreyRange.PER_IMAGE: "per image",
}


def segment(
    images: Annotated[list[Path], typer.Argument(help="Image files, folders or patterns.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Label TIFF to write; a folder for several images.")
    ],
    model: Annotated[
        str, typer.Option("--model", help="Model file (.safetensors), or bundled: needs no training.")
    ] = "bundled",
    object_size: Annotated[
        float | None, typer.Option(help="Typical diameter in px, if it differs from the training images.")
    ] = None,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Also write NAME_probabilities.tif (float32, CYX).")
    ] = False,
    tile: Annotated[int | None, typer.Option(help="Edge of a tile in px; smaller needs less memory.")] = None,
    averaging: Annotated[
        Average, typer.Option(help="Average over flipped or rotated images: slower, better.")
    ] = Average.NONE,
    grey_range: Annotated[
        GreyRange | None,
        typer.Option(help="Grey range of the training images, or each image's own; as the model says."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Segment every image and write a label image for each; what fails is named at the end."""
    if object_size is not None and not object_size > 0:
        raise UserError(f"--object-size must be above 0; it is {object_size}.")
    if tile is not None and tile < 1:
        raise UserError(f"--tile must be above 0; it is {tile}.")
    found = find_images(images)
    targets = choose_outputs(images, found, output, probabilities=probabilities)

    from napari_unet.network.bundled import BUNDLED, bundled_for, load_bundled
    from napari_unet.network.device import choose_device
    from napari_unet.network.model_file import load_model
    from napari_unet.workflow import segment_image

    choose_device(device)
    network = load_bundled() if model == BUNDLED else load_model(Path(model))

    def network_for(image: NDArray[Any]) -> Model:
        return bundled_for(image.shape[0]) if model == BUNDLED else network

    run = partial(
        segment_image,
        object_size=object_size,
        tile=tile,
        averaging=averaging.value,
        grey_range=GREY_MODES[grey_range] if grey_range else None,
        device=device,
    )
    failed: list[str] = []
    with progress_bar() as progress:
        whole = progress.add_task("Segmenting", total=len(found))
        for path, target in zip(found, targets, strict=True):
            progress.update(whole, description=path.name)
            try:
                n_objects = _segment_file(path, target, network_for, run, probabilities, progress)
            except UserError as error:
                if len(found) == 1:
                    raise
                failed.append(f"{path.name}: {error}")
            else:
                typer.echo(f"{target}: {n_objects}")
            progress.advance(whole)
    if failed:
        raise UserError(f"{len(failed)} of {len(found)} images were not segmented. " + " ".join(failed))


def _segment_file(
    path: Path,
    target: Path,
    network_for: Callable[[NDArray[Any]], Model],
    run: Callable[..., Segmented],
    probabilities: bool,
    progress: Progress,
) -> str:
    """Segment all planes of one file; return what was found in words."""
    file = read_image(path)
    each = list(planes(file.array, file.axes))
    labels, maps = [], []
    task = progress.add_task("", total=len(each), visible=False)
    for k, (_, plane) in enumerate(each):
        model = network_for(plane)
        segmented = run(
            model,
            match_channels(plane, model.description.network.in_channels, path.name),
            pixel_size_um=file.pixel_size_um,
            on_progress=_report_to(progress, task, k),
        )
        labels.append(segmented.labels)
        maps.append(segmented.probabilities if probabilities else segmented.probabilities[:0])
        for sentence in segmented.sentences:
            tell(f"{path.name}: {sentence}")
    progress.remove_task(task)
    _write(file, labels, maps if probabilities else [], target)
    if model.description.labels_are == "classes":
        return f"{len(model.description.class_names) or model.description.network.classes - 1} class(es)"
    return f"{sum(int(np.unique(plane[plane > 0]).size) for plane in labels)} objects"


def _report_to(progress: Progress, task: TaskID, n_before: int) -> OnProgress:
    """Show how far one plane is, when `n_before` planes are done."""

    def report(fraction: float, words: str) -> None:
        progress.update(task, completed=n_before + fraction, visible=True, description=words)

    return report


def _write(file: ImageFile, labels: list[np.ndarray], maps: list[np.ndarray], target: Path) -> None:
    stacked = plane_axes(file.axes)
    shape = tuple(n for n, axis in zip(file.array.shape, file.axes, strict=True) if axis in stacked)
    if maps:
        one = maps[0].shape
        write_probabilities(
            probabilities_path(target),
            np.stack(maps).reshape(*shape, *one),
            file.pixel_size_um,
            stacked + "CYX",
        )
    plane = labels[0].shape
    write_labels(target, np.stack(labels).reshape(*shape, *plane), file.pixel_size_um, stacked + "YX")
