"""``project.json``: in memory as it is now, on disk soon."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_unet.project.disk import Disk
from napari_unet.project.documents import ProjectDocument, write_document
from napari_unet.project.writer import Writer

Change = Callable[[ProjectDocument], dict[str, Any]]
"""Returns the fields that are others, for a document that is not changed itself."""


class KeptProjectDocument:
    """What a project says of itself; made by `Project`, safe in any thread.

    Attributes
    ----------
    now : ProjectDocument
    """

    def __init__(self, disk: Disk, writer: Writer, path: Path, document: ProjectDocument) -> None:
        self._disk = disk
        self._writer = writer
        self._path = path
        self._changing = threading.Lock()
        self.now = document

    def change(self, how: Change) -> None:
        """Change it, and have it written soon."""
        self._change(how)
        self._writer.submit(lambda _: self._write(), key=self._path.name)

    def change_at_once(self, how: Change, back: Change) -> None:
        """Change it on disk before this returns, in the writing thread only; where that fails, take it back."""
        self._change(how)
        try:
            self._write()
        except BaseException:
            self._change(back)
            raise

    def _change(self, how: Change) -> None:
        with self._changing:
            self.now = ProjectDocument.model_validate(dict(self.now) | how(self.now))

    def _write(self) -> None:
        write_document(self._disk, self._path, self.now)
