"""The journal of one image: what was done since the last checkpoint, on disk before anything else.

It is a folder of numbered segments. Records are only ever appended, to the newest; after a checkpoint older
segments are removed whole. After a write that failed the next one begins a new segment, as nobody can say what is
in the old one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from napari_unet.project.disk import Disk
from napari_unet.project.records import Record, decode, encode

SEGMENT = 16 * 1024**2
"""Size in bytes from which on the next segment is begun."""

MOST_BYTES = 512 * 1024**2
"""No segment becomes so large: an action's records and those that waited with it are appended at once."""

_NAME = re.compile(r"[0-9]{6,12}\.journal")


class Journal:
    """Records on disk; belongs to one thread at a time.

    Parameters
    ----------
    disk : Disk
    folder : Path
        Is made when the first record is written.
    """

    def __init__(self, disk: Disk, folder: Path) -> None:
        self._disk = disk
        self.folder = folder
        self._current: Path | None = None
        self._written = 0
        self._next = 1 + max((int(name.split(".")[0]) for name in self._segments()), default=0)

    def read(self, after: int = 0) -> list[Record]:
        """Return the records with a sequence number larger than `after`, in order.

        A record that stands there twice counts once; actions of which a part is missing do not count.

        Raises
        ------
        UserError
            If a segment is larger than any that this class writes.
        """
        found: dict[int, Record] = {}
        for name in self._segments():
            for record in decode(self._disk.read(self.folder / name, MOST_BYTES)):
                if record.sequence > after:
                    found.setdefault(record.sequence, record)
        return _whole_actions([found[sequence] for sequence in sorted(found)])

    def append(self, records: Sequence[Record]) -> None:
        """Write records; they are on disk when this returns.

        Raises
        ------
        OSError
            If they are not. Writing them again is right, and harmless when they are there twice.
        """
        content: list[bytes] = []
        size = 0
        for record in records:
            content.append(encode(record))
            size += len(content[-1])
            if size >= SEGMENT and not record.more:
                self._append(b"".join(content))
                content, size = [], 0
        if content:
            self._append(b"".join(content))

    def rotate(self) -> list[Path]:
        """Begin a new segment with the next record; return all that there are until now."""
        self._current = None
        return [self.folder / name for name in self._segments()]

    def remove(self, segments: Sequence[Path]) -> None:
        """Remove segments of which everything is kept elsewhere."""
        for path in segments:
            self._disk.remove(path)

    def _append(self, content: bytes) -> None:
        path = self._current
        if path is None or self._written >= SEGMENT:
            self._disk.make_folder(self.folder)
            path, self._written = self.folder / f"{self._next:06d}.journal", 0
            self._next += 1
        begun, self._current = path is not self._current, None
        self._disk.append(path, content)
        if begun:
            self._disk.sync_folder(self.folder)
        self._current = path
        self._written += len(content)

    def _segments(self) -> list[str]:
        return [name for name in self._disk.names(self.folder) if _NAME.fullmatch(name)]


def _whole_actions(records: Sequence[Record]) -> list[Record]:
    whole: list[Record] = []
    action: list[Record] = []
    for record in records:
        if action and record.sequence != action[-1].sequence + 1:
            action = []
        action.append(record)
        if not record.more:
            whole.extend(action)
            action = []
    return whole
