"""One window per project: a lock of the operating system, and beside it who holds it.

The system forgets the lock when its process dies, however it dies, so nothing has to be guessed about old locks
on this machine. Some network drives keep no locks, or not between machines: there only the name of the last holder
is left, and the user is asked.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from pydantic import ValidationError

from napari_unet.project.holder import Holder
from napari_unet.project.refusals import ProjectLocked

MOST_BYTES = 4096
BEYOND = 1 << 20
"""Windows locks ranges of bytes, also against reading: one that lies behind the holder's name stays out of the way."""


class FolderLock:
    """A held lock.

    Parameters
    ----------
    path : Path
        The lock file; it stays when the lock is released, and is empty then.
    take_over : bool
        The user said that a holder on another machine is gone.

    Raises
    ------
    ProjectLocked
        If somebody else holds it.
    OSError
        If the file cannot be written.
    """

    def __init__(self, path: Path, take_over: bool = False) -> None:
        self._handle: int | None = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        try:
            here = _lock(self._handle)
            holder = self._read()
            if here is False:
                raise ProjectLocked(
                    f"{path.parent} is open in another window ({holder or 'unknown'}): close it there first.",
                    holder,
                    False,
                )
            elsewhere = holder is not None and (here is None or not holder.is_here)
            if elsewhere and not take_over:
                raise ProjectLocked(
                    f"{path.parent} is open in another window or was not closed there ({holder}): "
                    "make sure that it is closed, then open it anyway.",
                    holder,
                    True,
                )
            self._write(Holder.this_process().model_dump_json().encode())
        except BaseException:
            os.close(self._handle)
            raise

    def release(self) -> None:
        """Let others have it."""
        if self._handle is None:
            return
        handle, self._handle = self._handle, None
        try:
            os.ftruncate(handle, 0)
        finally:
            os.close(handle)

    def _read(self) -> Holder | None:
        assert self._handle is not None
        os.lseek(self._handle, 0, os.SEEK_SET)
        try:
            return Holder.model_validate_json(os.read(self._handle, MOST_BYTES))
        except (ValidationError, OSError):
            return None

    def _write(self, content: bytes) -> None:
        assert self._handle is not None
        os.ftruncate(self._handle, 0)
        os.lseek(self._handle, 0, os.SEEK_SET)
        os.write(self._handle, content)


def _lock(handle: int) -> bool | None:
    """Lock without waiting; return whether it is ours now, ``None`` where the file system keeps no locks."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(handle, BEYOND, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL):
            return None
        if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
            return False
        raise
    return True
