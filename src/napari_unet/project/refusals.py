"""What a project refuses, with the data that a window needs to ask what to do instead."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path

from napari_unet.errors import UserError
from napari_unet.project.holder import Holder

SHARING_VIOLATION = {32, 33}
"""Windows' numbers for a file that another program holds."""


class ProjectLocked(UserError):
    """Another window works on the project.

    Attributes
    ----------
    holder : Holder or None
        Who it is, if that could be read.
    may_take_over : bool
        The system does not know of a living holder: after asking, ``Project.open(folder, take_over=True)``.
    """

    def __init__(self, sentence: str, holder: Holder | None, may_take_over: bool) -> None:
        super().__init__(sentence)
        self.holder = holder
        self.may_take_over = may_take_over


class LargeImage(UserError):
    """Pixels without a file are many: ask, then call again with ``allow_large=True``; `n_bytes` says how many."""

    def __init__(self, sentence: str, n_bytes: int) -> None:
        super().__init__(sentence)
        self.n_bytes = n_bytes


class ImageMissing(UserError):
    """An image's file is where it was no more, nor where it could be guessed: ask for `path`."""

    def __init__(self, sentence: str, image_id: str, path: Path) -> None:
        super().__init__(sentence)
        self.image_id = image_id
        self.path = path


class NotSaved(UserError):
    """The project cannot be closed, because something is not on disk yet; `pending` says how many things."""

    def __init__(self, sentence: str, pending: int) -> None:
        super().__init__(sentence)
        self.pending = pending


def why_not_written(place: Path, error: Exception) -> str:
    """Return one sentence about a write that failed; all that it should have kept is still in memory."""
    if isinstance(error, MemoryError):
        return (
            f"{place} is not saved: there is not enough memory; close other programs. "
            "Your work is kept and saved as soon as that is possible."
        )
    if not isinstance(error, OSError):
        return (
            f"{place} is not saved: {error} Your work is kept in memory; name the project in another place."
        )
    code, windows = error.errno, getattr(error, "winerror", None)
    if code in (errno.ENOSPC, errno.EDQUOT):
        reason = "the disk is full; make room"
    elif windows in SHARING_VIOLATION:
        reason = "another program holds one of its files; close it"
    elif code in (errno.EROFS, errno.EACCES, errno.EPERM):
        reason = "it may not be written to; allow it, or name the project in another place"
    elif code in (errno.ENOENT, errno.ENOTDIR):
        reason = "the folder is gone; bring it back, or name the project in another place"
    else:
        reason = f"{(error.strerror or str(error)).lower()}; reconnect the drive, or name the project in another place"
    return (
        f"{place} is not saved: {reason}. Your work is kept in memory and saved as soon as that is possible."
    )


def refuse_links(links: Sequence[Path]) -> None:
    """Raise `UserError` if there are links: writing through them would change what is no part of the project."""
    if links:
        raise UserError(
            f"{links[0]} is a link to another place; a project's files lie in its own folder: "
            "put there what it leads to, or move the whole project."
        )


def why_not_read(place: Path, error: OSError) -> UserError:
    """Return what to raise about a file or folder that cannot be read."""
    reason = (error.strerror or str(error)).lower()
    return UserError(f"{place} could not be read: {reason}; check that the drive is there and may be read.")


def not_opened(folder: Path, error: OSError) -> UserError:
    """Return what to raise about a project that could not be opened."""
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return UserError(
            f"{folder} could not be opened: it may not be written to; allow it, or copy the folder to another place "
            "and open that."
        )
    sentence = str(not_made(folder, error)).replace(" is not saved: ", " could not be opened: ", 1)
    return UserError(sentence.replace(", or name the project in another place", ""))


def not_made(folder: Path, error: OSError) -> UserError:
    """Return what to raise where a folder of a project could not be made or opened."""
    return UserError(why_not_written(folder, error).partition(" Your work")[0])
