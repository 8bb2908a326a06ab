"""``napari-unet replay``: the rounds of a project done again, and compared with what was kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_unet.callbacks import ShouldStop
from napari_unet.cli.console import progress_bar, stop_on_interrupt, tell_all
from napari_unet.cli.train import describe
from napari_unet.errors import Stopped

if TYPE_CHECKING:
    from napari_unet.network.training import TrainingReport
    from napari_unet.session.replaying import Replay, Replayed


def replay(
    project: Annotated[Path, typer.Argument(help="Folder of a project.")],
    number: Annotated[
        int | None,
        typer.Option("--round", help="Only this round; all of them by default.", show_default=False),
    ] = None,
) -> None:
    """Train every round again on what was annotated when it began; the project stays as it is."""
    from napari_unet.session.replaying import Replay

    again = Replay(project)
    numbers = again.numbers if number is None else [again.kept(number).document.number]
    tell_all(again.sentences)
    n_same = 0
    with stop_on_interrupt("Stopping.") as should_stop:
        for each in numbers:
            done = _run(again, each, should_stop)
            if should_stop():
                raise Stopped
            typer.echo(f"Round {each}: {done.sentence}")
            n_same += done.same
    typer.echo(f"{n_same} of {len(numbers)} round(s) came out the same.")
    if n_same < len(numbers) or again.sentences:
        raise typer.Exit(1)


def _run(again: Replay, number: int, should_stop: ShouldStop) -> Replayed:
    with progress_bar(remaining=False) as progress:
        task = progress.add_task(f"Round {number}", total=1.0)

        def report(now: TrainingReport) -> None:
            progress.update(task, completed=now.fraction, description=f"Round {number}  {describe(now)}")

        return again.run(number, report, should_stop)
