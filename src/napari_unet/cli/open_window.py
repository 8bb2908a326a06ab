"""``napari-unet`` without a command: napari with the dock open."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import napari_unet
from napari_unet.errors import UserError
from napari_unet.formats.images import find_images
from napari_unet.samples import as_layers, find_sample
from napari_unet.samples.sample import LayerData


def open_window(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Images to open, or the folder of a project.")
    ] = None,
    sample: Annotated[
        str | None,
        typer.Option(help="A sample: coins, ihc, retina, touching-cells, nuclei-stack or dividing-cells."),
    ] = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    """Open napari with the dock."""
    if version:
        typer.echo(napari_unet.__version__)
        return
    project = next((path for path in files or () if (path / "project.json").is_file()), None)
    if project is not None:
        if files != [project]:
            raise UserError("Give a project, or images, not both: a project brings its images.")
        start_napari([], [], project)
        return
    found = find_images(files) if files else []
    layers: list[LayerData] = []
    if sample is not None:
        layers = as_layers(find_sample(sample))
    start_napari(found, layers)


def start_napari(files: list[Path], layers: list[LayerData], project: Path | None = None) -> None:
    """Open the window; say what to install where there is none.

    Raises
    ------
    UserError
        If napari or Qt is not installed, or an image can't be read.
    """
    try:
        from napari_unet._qt.window import open_napari
    except ImportError as error:
        raise UserError(
            f'The window needs napari with Qt ({error}); install both: pip install "napari-unet[all]".'
        ) from error
    open_napari(files, layers, project)
