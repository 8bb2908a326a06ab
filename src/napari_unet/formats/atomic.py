"""Files that are either written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_unet.errors import UserError


@contextmanager
def replace_whole(path: Path | str) -> Iterator[Path]:
    """Give a temporary path beside `path`, and put the file written there in its place at the end.

    Whatever goes wrong in between, the temporary file is removed and an older file at `path` stays as it was.

    Parameters
    ----------
    path : Path or str
        Where the file shall be.

    Yields
    ------
    Path
        Where to write; it has the same suffix.

    Raises
    ------
    UserError
        If the folder is not there, may not be written to, or the disk is full.
    """
    path = Path(path)
    if path.is_dir():
        raise UserError(f"{path} is a folder, so no file of that name can be written; choose another name.")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise _not_written(path, error) from error
    temporary = Path(name)
    try:
        temporary.chmod(0o666 & ~_umask())  # mkstemp makes files that only their owner can read
        yield temporary
        _flush_to_disk(temporary)
        os.replace(temporary, path)
    except OSError as error:
        raise _not_written(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def _not_written(path: Path, error: OSError) -> UserError:
    if not path.parent.exists():
        return UserError(f"{path} was not written: the folder {path.parent} does not exist; make it first.")
    reason = error.strerror or str(error)
    return UserError(f"{path} was not written: {reason}; make room or choose another place.")


def _flush_to_disk(path: Path) -> None:
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _umask() -> int:
    current = os.umask(0o022)
    os.umask(current)
    return current
