"""What the dock says to the user, and the boundary at which errors become sentences."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from qtpy.QtCore import QObject, Signal

from napari_unet.errors import UserError, is_out_of_memory, without_memory

_log = logging.getLogger("napari_unet")

REPORT = "“Report a problem …” in the menu Project gathers what a report needs."


class Words(QObject):
    """Sentences for the message line; a dock that is opened again shows the last one.

    Signals
    -------
    said(str, str)
        ``(level, sentence)``; level is "info", "warning" or "error".
    """

    said = Signal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self.last: tuple[str, str] | None = None

    def say(self, level: str, sentence: str) -> None:
        """Show a sentence in the dock, and note it in the log."""
        _log.info("Said (%s): %s", level, sentence)
        self.last = (level, sentence)
        self.said.emit(level, sentence)

    def warn(self, sentence: str) -> None:
        """Show a warning."""
        self.say("warning", sentence)

    @contextmanager
    def telling(self, what: str) -> Iterator[None]:
        """Turn what goes wrong inside into one sentence; the traceback goes to the log ``napari_unet``."""
        try:
            yield
        except UserError as error:
            self.say("error", str(error))
        except (
            Exception
        ) as error:  # the boundary to Qt: a slot that raises would leave the window half-changed
            _log.exception("%s failed", what)
            self._tell(what, error)

    def tell_failure(self, error: Exception) -> None:
        """Say why a job failed; the job has logged the traceback."""
        if isinstance(error, UserError):
            self.say("error", str(error))
        else:
            self._tell("It", error)

    def _tell(self, what: str, error: Exception) -> None:
        if is_out_of_memory(error):
            self.say("error", without_memory(f"{what} failed"))
        else:
            self.say("error", f"{what} failed: {error or type(error).__name__}. {REPORT}")
