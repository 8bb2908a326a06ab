"""How the commands talk: results on standard output, progress and errors on standard error."""

from __future__ import annotations

import logging
import shlex
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from typer.core import TyperGroup

from napari_unet.callbacks import ShouldStop
from napari_unet.errors import Stopped, UserError, is_out_of_memory, without_memory
from napari_unet.log import start_log

_log = logging.getLogger("napari_unet")

OPEN = "open"
HELP = ("--help",)


class OneSentenceGroup(TyperGroup):
    """Commands of which each ends, on bad input, with one sentence and exit code 1.

    What is no command is taken as files to open: ``napari-unet image.tif``.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put ``open`` before arguments that begin with no command."""
        start_log("shell")
        _log.info("Command: %s", shlex.join(args))
        if not args or (args[0] not in self.commands and args[0] not in HELP):
            args = [OPEN, *args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run a command and turn the errors that are meant for people into sentences."""
        try:
            return super().invoke(ctx)
        except UserError as error:
            tell_error(str(error))
            raise typer.Exit(1) from error
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            tell_error(without_memory("It failed"))
            raise typer.Exit(1) from error
        except Stopped as error:
            tell_error(str(error) or "Stopped; there was nothing yet worth keeping.")
            raise typer.Exit(130) from error
        except KeyboardInterrupt as error:
            tell_error("Stopped.")
            raise typer.Exit(130) from error


def tell(sentence: str) -> None:
    """Say something that is no result, on standard error."""
    _log.info("Said: %s", sentence)
    Console(stderr=True, soft_wrap=True, highlight=False).print(sentence, markup=False)


def tell_all(sentences: Sequence[str]) -> None:
    """Say several things, a line each."""
    for sentence in sentences:
        tell(sentence)


def tell_error(sentence: str) -> None:
    """Say what went wrong, in one line on standard error."""
    _log.info("Refused: %s", sentence)
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print("[bold red]Error:[/] ", end="")
    console.print(" ".join(sentence.split()), markup=False)


def bytes_of(memory: float | None) -> float | None:
    """Return the bytes that ``--memory`` allows, in GB.

    Raises
    ------
    UserError
        If they are none.
    """
    if memory is not None and not memory > 0:
        raise UserError(f"--memory must be above 0; it is {memory}.")
    return None if memory is None else memory * 1e9


@contextmanager
def progress_bar(*, remaining: bool = True) -> Iterator[Progress]:
    """Show a progress bar on standard error; it disappears at the end.

    Parameters
    ----------
    remaining : bool
        Estimate the remaining time from the pace so far; a training tells its own.
    """
    columns = [TextColumn("{task.description}"), BarColumn(), TaskProgressColumn()]
    with Progress(
        *columns,
        *([TimeRemainingColumn()] if remaining else []),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        yield progress


KEEPING = "Stopping, and keeping the best network so far; press Ctrl-C again to give it up."


@contextmanager
def stop_on_interrupt(sentence: str = KEEPING) -> Iterator[ShouldStop]:
    """Turn the first Ctrl-C into a question that the computation asks; a second one interrupts at once."""
    asked = False

    def ask(_signal: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        tell(sentence)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)
