"""What was done, one JSON line each, for people and for *replay*; never read by the loop itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from pydantic import JsonValue, TypeAdapter, ValidationError

from napari_unet.errors import UserError
from napari_unet.project.disk import Disk
from napari_unet.project.refusals import why_not_read

MOST_LINE_BYTES = 1024**2
MOST_BYTES = 1024**3

_line: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])


class ProjectHistory:
    """``history.jsonl``."""

    def __init__(self, disk: Disk, path: Path) -> None:
        self._disk = disk
        self._path = path
        self._torn = True  # who knows how the last process ended

    def write(self, lines: Sequence[bytes], /) -> None:
        """Append lines; for the writer."""
        begun = not self._disk.exists(self._path)
        content = b"".join(line + b"\n" for line in lines)
        torn, self._torn = self._torn and not begun, True
        self._disk.append(self._path, b"\n" + content if torn else content)
        if begun:
            self._disk.sync_folder(self._path.parent)
        self._torn = False

    def read(self) -> list[dict[str, JsonValue]]:
        """Return the lines, oldest first; a torn one is left out.

        Raises
        ------
        UserError
            If they cannot be read.
        """
        if not self._disk.exists(self._path):
            return []
        try:
            content = self._disk.read(self._path, MOST_BYTES)
        except OSError as error:
            raise why_not_read(self._path, error) from error
        found = []
        for line in content.splitlines():
            try:
                found.append(_line.validate_json(line))
            except ValidationError:
                continue
        return found


def history_line(what: str, image: str | None, facts: dict[str, JsonValue]) -> bytes:
    """Return a line: when, what, on which image, and all that else is to be known.

    Raises
    ------
    UserError
        If it is too long.
    """
    now = datetime.now().astimezone().isoformat(timespec="milliseconds")
    line = {"time": now, "what": what, **({"image": image} if image else {}), **facts}
    text = json.dumps(line, ensure_ascii=False).encode("utf-8", "backslashreplace")
    if len(text) > MOST_LINE_BYTES:
        raise UserError(f"What there is to note about “{what[:50]}” is too long; nothing was noted.")
    return text
