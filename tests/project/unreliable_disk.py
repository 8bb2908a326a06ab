"""A disk in memory that forgets what was not synced, fills up, and breaks."""

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from napari_unet.errors import UserError
from napari_unet.project.disk import Disk


class Power(OSError):
    """There is none any more: whatever is tried from now on fails."""


class _NoLock:
    def release(self) -> None:
        pass


class UnreliableDisk(Disk):
    """Keeps for every name what the process sees, and what would be there after a power cut.

    A file's content counts as kept when `write`, `append` or `copy` returned, its name, and that of a folder, when the
    folder in which it is was synced.

    Parameters
    ----------
    cut_at
        The step at which the power fails, in the middle of it.
    full_from, full_to
        In these steps the disk is full; half of the content was written.
    code
        What goes wrong then.
    gone
        The drive is: reading fails, too.
    """

    def __init__(self) -> None:
        self.seen: dict[Path, list[bytes]] = {}  # a list of one: two names may mean one file
        self.kept: dict[Path, list[bytes]] = {}
        self.folders: set[Path] = {Path("/")}
        self.kept_folders: set[Path] = {Path("/")}
        self._moved: list[tuple[Path, Path]] = []  # folders whose new names are not kept yet
        self.steps = 0
        self.cut_at: int | None = None
        self.full_from = self.full_to = -1
        self.code = errno.ENOSPC
        self.gone = False

    def after_power_cut(self, names_synced: bool = False) -> "UnreliableDisk":
        """Return what is left; with `names_synced` all renames and removals made it, though nobody asked."""
        left = UnreliableDisk()
        names = self.seen if names_synced else self.kept
        left.folders = set(self.folders if names_synced else self.kept_folders)
        left.kept_folders = set(left.folders)
        left.seen = {path: [content[0]] for path, content in names.items() if path.parent in left.folders}
        left.kept = dict(left.seen)
        return left

    def _step(self) -> bool:
        """Count a step that changes something; return whether it is to fail half-way."""
        self.steps += 1
        if self.cut_at is not None and self.steps > self.cut_at:
            raise Power(errno.EIO, "no power")
        return self.steps == self.cut_at or self.full_from <= self.steps < self.full_to

    def _fail(self) -> None:
        if self.steps == self.cut_at:
            raise Power(errno.EIO, "no power")
        raise OSError(self.code, os.strerror(self.code))

    # ---- reading -------------------------------------------------------------------------------------------

    def exists(self, path: Path) -> bool:
        return path in self.seen or path in self.folders

    def size(self, path: Path) -> int:
        return len(self.seen[path][0])

    def names(self, folder: Path) -> list[str]:
        return sorted({path.name for path in [*self.seen, *self.folders] if path.parent == folder} - {""})

    def files(self, folder: Path) -> Iterator[Path]:
        return iter([path for path in self.seen if path.is_relative_to(folder)])

    def links(self, folder: Path, below: bool = False) -> list[Path]:
        return []

    def read(self, path: Path, most: int) -> bytes:
        if self.gone:
            raise OSError(self.code, os.strerror(self.code), str(path))
        if path not in self.seen:
            raise FileNotFoundError(errno.ENOENT, "no such file", str(path))
        content = self.seen[path][0]
        if len(content) > most:
            raise UserError("too large")
        return content

    # ---- writing -------------------------------------------------------------------------------------------

    def make_folder(self, folder: Path) -> None:
        if folder in self.folders:
            return
        self.make_folder(folder.parent)
        if self._step():
            self._fail()
        self.folders.add(folder)
        self.kept_folders.add(folder)

    def write(self, path: Path, content: bytes) -> None:
        self._put(path, b"", content)

    def append(self, path: Path, content: bytes) -> None:
        self._put(path, self.seen[path][0] if path in self.seen else b"", content)

    def _put(self, path: Path, before: bytes, content: bytes) -> None:
        fails = self._step()
        if path.parent not in self.folders:
            raise FileNotFoundError(errno.ENOENT, "no such folder", str(path))
        self.seen.setdefault(path, [b""])[0] = before + (content[: len(content) // 2] if fails else content)
        if fails:
            self._fail()

    def rename(self, source: Path, target: Path) -> None:
        if self._step():
            self._fail()
        if source in self.folders:
            if self.names(target):
                raise OSError(errno.ENOTEMPTY, "not empty", str(target))
            self._move(source, target, self.seen, self.folders)
            self._moved.append((source, target))
        elif source in self.seen:
            self.seen[target] = self.seen.pop(source)
        else:
            raise FileNotFoundError(errno.ENOENT, "no such file", str(source))

    def _move(self, source: Path, target: Path, files: dict[Path, list[bytes]], folders: set[Path]) -> None:
        for path in [path for path in files if path.is_relative_to(source)]:
            files[target / path.relative_to(source)] = files.pop(path)
        inside = {path for path in folders if path.is_relative_to(source)}
        folders -= inside
        folders |= {target / path.relative_to(source) for path in inside}

    def copy(self, source: Path, target: Path, link: bool = False) -> None:
        if not link:
            self._put(target, b"", self.seen[source][0])
            return
        if self._step():
            self._fail()
        self.seen[target] = self.seen[source]

    def remove(self, path: Path) -> None:
        if self._step():
            self._fail()
        self.seen.pop(path, None)

    def remove_folder(self, folder: Path) -> None:
        if self._step():
            self._fail()
        for path in list(self.files(folder)):
            del self.seen[path]
        self.folders -= {path for path in self.folders if path.is_relative_to(folder)}

    def sync_folder(self, folder: Path) -> None:
        if self._step():
            self._fail()
        for move in [move for move in self._moved if folder in (move[0].parent, move[1].parent)]:
            self._moved.remove(move)
            self._move(*move, self.kept, self.kept_folders)
        for path in [path for path in self.kept if path.parent == folder]:
            del self.kept[path]
        self.kept |= {path: content for path, content in self.seen.items() if path.parent == folder}

    def lock(self, path: Path, take_over: bool) -> _NoLock:  # type: ignore[override]
        if self._step():
            with suppress(KeyError):
                self._fail()
        return _NoLock()
