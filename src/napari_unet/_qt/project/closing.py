"""A window that is closed waits a moment for the disk, and says what is not saved yet."""

from __future__ import annotations

import time

from qtpy.QtCore import QEvent, QObject

from napari_unet._qt.project.keeping import Keeping

WAITING = 3.0
"""Seconds for which a window that is closed waits."""

_ASKED_AGAIN = 60.0
"""Seconds within which closing it again means: close it anyway."""


class Closing(QObject):
    """Sees windows being closed, before napari does."""

    def __init__(self, keeping: Keeping) -> None:
        super().__init__()
        self._keeping = keeping
        self._warned_at = -_ASKED_AGAIN

    def watch(self, window: QObject) -> None:
        """Have all on disk before this window closes."""
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep the window open, once, when something cannot be saved."""
        if event.type() == QEvent.Type.Close and not self.may_close():
            event.ignore()
            return True
        return False

    def may_close(self) -> bool:
        """Wait a moment until all is on disk; say what is not, and let the window go when asked again."""
        project = self._keeping.project
        if project is None or project.flush(WAITING):
            return True
        asked_before = time.monotonic() - self._warned_at < _ASKED_AGAIN
        self._warned_at = time.monotonic()
        saved = project.saved
        why = saved.error or f"{project.folder} is not saved yet: the disk is slow."
        self._keeping.words.say(
            "error",
            f"{why} {saved.pending} thing(s) would be lost: close the window again to close it anyway.",
        )
        return asked_before
