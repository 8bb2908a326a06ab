"""One log file of what happened, for the report of a problem: never what an image shows.

Everything is written by a thread, so that nobody who paints waits for a disk; where that is full or gone, lines are
lost and nothing else. Several windows share the file: each opens it only while it holds a lock, for a batch of lines,
so that any of them can begin a new one (an open file could not be renamed on Windows).
"""

from __future__ import annotations

import atexit
import logging
import os
import platform
import queue
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import metadata
from logging.handlers import QueueHandler, RotatingFileHandler
from pathlib import Path

from platformdirs import user_log_path

LOGGER = "napari_unet"
NAME = "napari-unet.log"
MOST_BYTES = 1024**2
OLDER_FILES = 3
MOST_WAITING = 10_000
"""Lines that wait for the disk; further ones are lost."""
PATIENCE = 2.0
"""Seconds that the end of the program waits for the disk, and a thread for another window's lock."""

_LINE = "%(asctime)s %(process)d %(levelname)s %(message)s"
_TOLD = ("napari-unet", "napari", "torch", "numpy", "zarr", "PyQt6", "PySide6", "PyQt5", "PySide2")


def log_folder() -> Path:
    """Return where the log is: the user's folder for logs, as it is called on this system."""
    return user_log_path("napari-unet", appauthor=False)


def log_files(folder: Path | None = None) -> list[Path]:
    """Return the log's files that are there, oldest first."""
    newest = (folder or log_folder()) / NAME
    older = [newest.with_name(f"{NAME}.{k}") for k in range(OLDER_FILES, 0, -1)]
    return [path for path in (*older, newest) if path.is_file()]


class Log:
    """Writes what the package's logger is told to a file, from `start` to `stop`."""

    def __init__(self, folder: Path) -> None:
        self._waiting: queue.Queue[logging.LogRecord | None] = queue.Queue(MOST_WAITING)
        self._file = _SharedFile(folder / NAME)
        self._file.setFormatter(logging.Formatter(_LINE))
        self._handler = _Mailbox(self._waiting)
        self._thread = threading.Thread(target=self._write, name="napari-unet-log", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        logger = logging.getLogger(LOGGER)
        logger.addHandler(self._handler)
        if logger.getEffectiveLevel() > logging.INFO:
            logger.setLevel(logging.INFO)
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, for a moment at most, and end."""
        logging.getLogger(LOGGER).removeHandler(self._handler)
        with suppress(queue.Full):
            self._waiting.put(None, timeout=PATIENCE)
            self._thread.join(PATIENCE)

    def _write(self) -> None:
        while (record := self._waiting.get()) is not None:
            self._file.write(self._with_all_that_wait(record))

    def _with_all_that_wait(self, record: logging.LogRecord) -> list[logging.LogRecord]:
        batch = [record]
        with suppress(queue.Empty):
            while len(batch) < MOST_WAITING:
                more = self._waiting.get_nowait()
                if more is None:
                    self._waiting.put_nowait(None)  # for the loop that ends by it
                    break
                batch.append(more)
        return batch


class _Mailbox(QueueHandler):
    """Takes a line and returns at once."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Lose it: the disk has not answered for thousands of lines."""


class _SharedFile(RotatingFileHandler):
    """A file that is open only while it is written to, by one process at a time."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            path, maxBytes=MOST_BYTES, backupCount=OLDER_FILES, encoding="utf-8", delay=True, errors="replace"
        )
        self._path = path

    def write(self, records: list[logging.LogRecord]) -> None:
        """Append lines; whatever goes wrong with the disk, they are lost and nothing else happens."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with _locked(self._path.with_suffix(".lock")) as is_mine:
                self.maxBytes = MOST_BYTES if is_mine else 0  # nobody else's file is renamed
                if is_mine or not self._is_far_too_long():
                    for record in records:
                        self.emit(record)
        except (OSError, ValueError):
            return
        finally:
            with suppress(OSError, ValueError):
                self.close_file()

    def _is_far_too_long(self) -> bool:
        """Whether it grew and grew, on a drive that keeps no locks."""
        return self._path.exists() and self._path.stat().st_size > (OLDER_FILES + 1) * MOST_BYTES

    def close_file(self) -> None:
        """Let others rename it."""
        stream, self.stream = self.stream, None
        if stream is not None:
            stream.close()

    def doRollover(self) -> None:
        """Begin a new file, or go on with the old one where a program that shows it holds it."""
        with suppress(OSError):
            super().doRollover()

    def handleError(self, record: logging.LogRecord) -> None:
        """Lose it."""


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Hold a lock between processes; tell whether it is held, which a drive or a slow other may prevent."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        end, is_mine = time.monotonic() + PATIENCE, _lock(handle)
        while not is_mine and time.monotonic() < end:
            time.sleep(0.01)
            is_mine = _lock(handle)
        yield is_mine
    finally:
        os.close(handle)  # and the lock with it


def _lock(handle: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(handle, 0, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


_log = logging.getLogger(LOGGER)
_started: list[Log] = []


def start_log(where: str) -> None:
    """Begin the log of this process, once; the first lines are versions.

    Parameters
    ----------
    where
        "window", or the command.
    """
    if _started:
        return
    _started.append(Log(log_folder()))
    if logging.lastResort is not None and not _log.hasHandlers():
        _log.addHandler(logging.lastResort)  # bugs are shown in the terminal as they would be without a log
    _started[0].start()
    atexit.register(_started[0].stop)
    known = ", ".join(f"{name} {found}" for name in _TOLD if (found := _version(name)))
    _log.info(
        "Begins: %s. %s; Python %s on %s.", where, known, platform.python_version(), platform.platform()
    )


def _version(package: str) -> str | None:
    with suppress(metadata.PackageNotFoundError):
        return metadata.version(package)
    return None
