"""``napari-unet weights``: the weight map of painted labels as an image."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from napari_unet.annotation.coding import Coding, LabelsAre, check_background, to_annotation
from napari_unet.cli.console import progress_bar
from napari_unet.errors import UserError
from napari_unet.formats.images import find_images, read_labels, write_probabilities
from napari_unet.formats.outputs import choose_outputs


class Preset(StrEnum):
    """Formulas of the weight map."""

    RONNEBERGER2015 = "ronneberger2015"
    FALK2019 = "falk2019"


def weights(
    labels: Annotated[list[Path], typer.Argument(help="Label images, folders or patterns.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="TIFF to write (float32); a folder for several.")
    ],
    coding: Annotated[Coding, typer.Option(help="What 0 and 1 mean in the labels.")],
    labels_are: Annotated[
        LabelsAre, typer.Option(help="Whether values stand for single objects or classes.")
    ] = LabelsAre.OBJECTS,
    background: Annotated[
        int | None,
        typer.Option(help="Which value is background; for the coding ilastik, where it may be any."),
    ] = None,
    preset: Annotated[Preset, typer.Option(help="The formula.")] = Preset.RONNEBERGER2015,
) -> None:
    """Write the weight map of every label image, at the labels' resolution."""
    from napari_unet.annotation.targets import make_target
    from napari_unet.annotation.weight_map import WeightMapSettings, weight_map

    check_background(coding, background)
    found = find_images(labels)
    targets = choose_outputs(labels, found, output)
    settings = getattr(WeightMapSettings, preset.value)()
    with progress_bar() as progress:
        for path, target in progress.track(list(zip(found, targets, strict=True)), description="Weighting"):
            file = read_labels(path)
            if file.array.ndim != 2:
                raise UserError(f"{path} is a stack; make weight maps of its planes as single images.")
            annotation = to_annotation(file.array, coding, labels_are, background)
            write_probabilities(
                target, weight_map(make_target(annotation, labels_are), settings), file.pixel_size_um
            )
            progress.console.print(str(target), highlight=False, soft_wrap=True)
