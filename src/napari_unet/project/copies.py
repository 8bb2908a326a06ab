"""Copies of a whole project."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from napari_unet.errors import UserError
from napari_unet.project.chunks import Breathe, no_breath
from napari_unet.project.disk import UNFINISHED, Disk
from napari_unet.project.documents import ImageDescription, ProjectDocument, read_document, write_document
from napari_unet.project.image_file import seen_from
from napari_unet.project.journal import MOST_BYTES
from napari_unet.project.records import decode, encode

_GROWS = {".journal", ".jsonl"}
"""Files that are written to after they were made; all others are only ever replaced, so that links stay true."""


def size_of(disk: Disk, folder: Path) -> int:
    """Return the bytes of all files in a folder."""
    total = 0
    for path in disk.files(folder):
        with suppress(FileNotFoundError):  # replaced in the meantime
            total += disk.size(path)
    return total


def copy_project(
    disk: Disk,
    folder: Path,
    target: Path,
    link: bool = False,
    document: ProjectDocument | None = None,
    breathe: Breathe = no_breath,
    before: tuple[str, int] | None = None,
) -> None:
    """Copy a project of which nothing but journals grows meanwhile; `target` is there when all of it is.

    Parameters
    ----------
    link
        Let the copy share the files that do not change, where the file system can.
    document
        What the copy's ``project.json`` says instead.
    before
        An image and the number of its last change that is copied, where later ones are in its journal only.

    Raises
    ------
    UserError
        If `target` exists and is not empty, or lies inside the project.
    """
    if disk.names(target):
        raise UserError(f"{target} is not empty; choose a new folder.")
    if target.is_relative_to(folder) and not target.is_relative_to(folder / "snapshots"):
        raise UserError(f"{target} lies inside the project itself; choose a folder elsewhere.")
    disk.make_folder(target.parent)
    unfinished = target.with_name(f".{target.name}.{secrets.token_hex(4)}{UNFINISHED}")
    try:
        folders = {unfinished}
        for path in _of_the_project(disk, folder):
            copy = unfinished / path.relative_to(folder)
            disk.make_folder(copy.parent)
            disk.copy(path, copy, link and path.suffix not in _GROWS)
            folders.add(copy.parent)
            breathe()
        refer_anew(disk, folder, unfinished, target)
        if before is not None:
            _forget_later(disk, unfinished / "images" / before[0] / "journal", before[1])
        if document is not None:
            write_document(disk, unfinished / "project.json", document)
        for made in folders:
            disk.sync_folder(made)
        if disk.exists(target):
            disk.remove_folder(target)
        disk.rename(unfinished, target)
        disk.sync_folder(target.parent)
    except BaseException:
        with suppress(OSError):
            disk.remove_folder(unfinished)
        raise


def copy_open_project(disk: Disk, folder: Path, target: Path, tries: int = 5) -> None:
    """Copy a project that another window works on: as it was saved at one moment.

    Raises
    ------
    UserError
        If it changes all the time, or `target` is not empty.
    """
    for _ in range(tries):
        before = _states(disk, folder)
        copy_project(disk, folder, target)
        if _states(disk, folder) == before:
            return
        disk.remove_folder(target)  # chunks and journal may be of two moments
    raise UserError(f"{folder} changes all the time; wait until nobody paints in it, then try again.")


def refer_anew(disk: Disk, old: Path, copied: Path, new: Path) -> None:
    """Let a copy find its images as seen from where it will be; a link to the original's document is not written to."""
    for name in disk.names(copied / "images"):
        path = copied / "images" / name / "image.json"
        if disk.exists(path):
            with suppress(UserError):  # damaged: it stays as it is, and the copy of all else is made
                described = read_document(disk, path, ImageDescription)
                if described.file is not None:
                    file = seen_from(described.file, old, new)
                    write_document(disk, path, described.model_copy(update={"file": file}))


def _forget_later(disk: Disk, journal: Path, last: int) -> None:
    for name in disk.names(journal):
        records = decode(disk.read(journal / name, MOST_BYTES))
        disk.put(journal / name, b"".join(encode(record) for record in records if record.sequence <= last))


def _states(disk: Disk, folder: Path) -> dict[Path, bytes]:
    names = ("state.json", "project.json")
    return {p: disk.read(p, 64 * 1024**2) for p in disk.files(folder) if p.name in names}


def _of_the_project(disk: Disk, folder: Path) -> Iterator[Path]:
    for path in sorted(disk.files(folder)):
        where = path.relative_to(folder)
        if where.parts[0] not in ("snapshots", "lock") and not path.name.endswith(UNFINISHED):
            yield path
