"""``napari-unet report``: what helps others to find a problem, in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_unet.cli.console import progress_bar
from napari_unet.errors import UserError


def report(
    path: Annotated[Path, typer.Argument(metavar="FILE.zip", help="File to write.")],
    project: Annotated[
        Path | None,
        typer.Option(help="Folder of a project; its sizes and actions are added.", show_default=False),
    ] = None,
) -> None:
    """Write log and machine into a zip file; no images are in it, and nothing is sent."""
    from napari_unet.support.report import gather, write_report

    if project is not None and not (project / "project.json").is_file():
        raise UserError(f"{project} holds no project; choose a folder with a project.json in it.")
    if not path.absolute().parent.is_dir():
        raise UserError(f"The folder {path.parent} for the report does not exist; make it first.")
    with progress_bar() as progress:
        task = progress.add_task("Gathering", total=1.0)
        pieces = gather(
            None,
            project,
            lambda fraction, words: progress.update(task, completed=fraction, description=words),
        )
    written = write_report(path, pieces)
    for piece in pieces:
        typer.echo(f"{piece.name} ({len(piece.text.encode()):,} bytes): {piece.about}")
    typer.echo(f"{written} was written. Look at it before you give it to anybody; nothing was sent.")
