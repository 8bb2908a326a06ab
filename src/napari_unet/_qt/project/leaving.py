"""Projects that nobody works on any more, until all of them is on disk."""

from __future__ import annotations

import logging
from collections.abc import Callable

from napari_unet._qt.project.errands import Errands
from napari_unet.project import NotSaved, Project

_log = logging.getLogger("napari_unet")

CLOSING = 3.0
"""Seconds for which the end of a loop waits for the disk."""


class Leaving:
    """Closes projects away from the window's thread, and at the end at once."""

    def __init__(self, errands: Errands, failed: Callable[[Exception], None]) -> None:
        self._errands, self._failed = errands, failed
        self._projects: list[Project] = []
        self._ended = False

    def close_soon(self, project: Project) -> None:
        """Close a project when all is on disk; where that fails it stays open until the end."""
        if self._ended:
            _close(project)
        else:
            self._projects.append(project)
            self._errands.run(project.close, lambda _: self._projects.remove(project), self._failed)

    def end(self) -> None:
        """Close all of them now, and those that come later at once; waits a few seconds for the disk at most."""
        self._ended = True
        for project in self._projects:
            _close(project)


def _close(project: Project) -> None:
    try:
        project.close(timeout=CLOSING)
    except NotSaved as error:
        _log.error("%s %d thing(s) were lost.", error, error.pending)
        project.close(timeout=0.0, discard=True)
