"""``napari-unet methods``: what a paper says about a network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_unet.errors import UserError

if TYPE_CHECKING:
    from napari_unet.network.model_file import ModelDescription
    from napari_unet.project.rounds import KeptRound


def methods(
    path: Annotated[
        Path, typer.Argument(metavar="PROJECT|MODEL", help="Folder of a project, or a model file.")
    ],
    number: Annotated[
        int | None,
        typer.Option("--round", help="Of a project: by default the one in use.", show_default=False),
    ] = None,
) -> None:
    """Print text for the methods section, with references; it says only what was kept."""
    from napari_unet.session.methods import methods_paragraph

    if not path.is_dir():
        if number is not None:
            raise UserError(f"--round chooses among the rounds of a project, and {path} is none.")
        from napari_unet.network.model_file import load_model

        typer.echo(methods_paragraph(load_model(path)), nl=False)
        return
    from napari_unet.session.replaying import Replay

    rounds = Replay(path)
    kept = rounds.kept(rounds.in_use if number is None else number)
    earlier = _ancestors(kept, [rounds.kept(each) for each in rounds.numbers if each < kept.document.number])
    typer.echo(methods_paragraph(kept.load(), kept.document.outcome, earlier), nl=False)


def _ancestors(kept: KeptRound, before: list[KeptRound]) -> list[ModelDescription]:
    """Return the networks from which a round started, oldest first; others need not be read."""
    found: list[ModelDescription] = []
    wanted = kept.load().description.training.started_from
    for other in reversed(before):
        if other.document.name == wanted:
            found.insert(0, other.load().description)
            wanted = found[0].training.started_from
    return found
