"""The few things that a project does to files, in one place, so that tests can let each of them fail.

What `write` and `append` have written is on disk when they return, and so is what `put` has put in place: the
rest of the package thinks about the order of these steps only, never about buffers.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from napari_unet.errors import UserError
from napari_unet.project.lock import FolderLock

UNFINISHED = ".unfinished"
"""Ends the names of files that a crash may leave behind; they mean nothing."""


class Disk:
    """The file system. Errors are `OSError` as they come."""

    def exists(self, path: Path) -> bool:
        """Whether there is such a file or folder."""
        return path.exists()

    def size(self, path: Path) -> int:
        """Return a file's size in bytes."""
        return path.stat().st_size

    def names(self, folder: Path) -> list[str]:
        """Return what lies in a folder, sorted; nothing where there is no folder."""
        try:
            return sorted(os.listdir(folder))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def files(self, folder: Path) -> Iterator[Path]:
        """Yield all files below a folder, in no order; links are not followed and not yielded."""
        for where, _, names in os.walk(folder):
            for name in names:
                path = Path(where, name)
                if not path.is_symlink():
                    yield path

    def links(self, folder: Path, below: bool = False) -> list[Path]:
        """Return what in a folder, or also anywhere below it, is not there but elsewhere."""
        found = []
        for where, folders, names in os.walk(folder):
            paths = [Path(where, name) for name in (*folders, *names)]
            found += [path for path in paths if path.is_symlink() or _is_junction(path)]
            if not below:
                break
        return found

    def read(self, path: Path, most: int) -> bytes:
        """Return a file's content.

        Raises
        ------
        UserError
            If it is larger than `most` bytes.
        """
        with open(path, "rb", opener=_open_at_once) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):  # a pipe would be waited for, a device never ends
                raise OSError(errno.EINVAL, "It is no file", str(path))
            content = file.read(status.st_size + 1) if status.st_size <= most else b""
        if max(len(content), status.st_size) > most:
            raise UserError(
                f"{path} is larger than such a file ever is; it is damaged or not from napari-unet."
            )
        return content

    def make_folder(self, folder: Path) -> None:
        """Make a folder and those above it; on disk when this returns."""
        if folder.is_dir():
            return
        self.make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        self.sync_folder(folder.parent)

    def write(self, path: Path, content: bytes) -> None:
        """Write a new file, or over an old one."""
        with open(path, "wb") as file:
            file.write(content)
            _sync(file.fileno(), file.flush)

    def append(self, path: Path, content: bytes) -> None:
        """Write behind what a file holds."""
        with open(path, "ab", opener=_open_at_once) as file:
            file.write(content)
            _sync(file.fileno(), file.flush)

    def rename(self, source: Path, target: Path) -> None:
        """Give a file another name; a file that had it is replaced. On disk after `sync_folder`."""
        os.replace(source, target)

    def remove(self, path: Path) -> None:
        """Remove a file, if it is there."""
        path.unlink(missing_ok=True)

    def remove_folder(self, folder: Path) -> None:
        """Remove a folder and all in it, if it is there."""
        with suppress(FileNotFoundError, NotADirectoryError):
            shutil.rmtree(folder)

    def sync_folder(self, folder: Path) -> None:
        """Bring to disk which files a folder holds under which names."""
        if sys.platform == "win32":  # folders cannot be opened there; NTFS journals names by itself
            return
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def copy(self, source: Path, target: Path, link: bool = False) -> None:
        """Copy a file; with `link`, let both names mean one file where the file system can.

        Links are right for files that are only ever replaced whole, never written to.
        """
        if link:
            with suppress(OSError):
                os.link(source, target)
                return
        shutil.copy2(source, target)
        with open(target, "rb+") as file:
            _sync(file.fileno(), file.flush)

    def sweep(self, folder: Path) -> None:
        """Remove what a crash has left unfinished in a folder."""
        for name in self.names(folder):
            if name.startswith(".") and name.endswith(UNFINISHED):
                with suppress(OSError):  # it takes room, that is all
                    self.remove_folder(folder / name)
                    self.remove(folder / name)

    def lock(self, path: Path, take_over: bool) -> FolderLock:
        """Hold the lock file at `path` until it is released."""
        return FolderLock(path, take_over)

    # ---- made of the above ---------------------------------------------------------------------------------

    def put(self, path: Path, content: bytes, settle: bool = True) -> None:
        """Write a file whole: whatever happens, `path` holds the old content or the new.

        Parameters
        ----------
        settle
            Also sync the folder. Without it the caller does so, once for many files.
        """
        self.put_with(path, lambda unfinished: self.write(unfinished, content), settle)

    def put_with(self, path: Path, write: Callable[[Path], None], settle: bool = True) -> None:
        """Like `put`, for content that `write` writes durably to the path that it is given."""
        unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}{UNFINISHED}")
        try:
            write(unfinished)
            self.rename(unfinished, path)
        except (OSError, UserError):
            with suppress(OSError):  # it may never have come into being
                self.remove(unfinished)
            raise
        if settle:
            self.sync_folder(path.parent)


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o666)


def _is_junction(path: Path) -> bool:
    """Tell whether a folder of Windows is another one; Python can do it from 3.12 on."""
    return bool(getattr(os.path, "isjunction", lambda _: False)(path))


def _sync(handle: int, flush: Callable[[], None]) -> None:
    flush()
    if sys.platform == "darwin":  # fsync alone leaves the data in the drive's own memory there
        import fcntl

        fcntl.fcntl(handle, fcntl.F_FULLFSYNC)
    else:
        os.fsync(handle)
