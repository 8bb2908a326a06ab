"""Projects that nobody has named yet: where they are, and which one belongs to an image."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from platformdirs import user_data_path
from pydantic import JsonValue

from napari_unet.errors import UserError
from napari_unet.project.copies import refer_anew, size_of
from napari_unet.project.disk import Disk
from napari_unet.project.documents import (
    FileReference,
    ImageDescription,
    ImageSummary,
    ProjectDocument,
    read_document,
)
from napari_unet.project.image_file import is_same
from napari_unet.project.project import Project
from napari_unet.project.refusals import not_made, why_not_read


@dataclass(frozen=True)
class Recovery:
    """A recovery project, as a list shows it.

    Attributes
    ----------
    changed
        When something was last saved in it, in seconds since 1970.
    n_bytes
        Room that it takes.
    notes
        What `Project.note` was given, by name.
    n_rounds
        How many networks were trained.
    """

    folder: Path
    name: str
    images: tuple[ImageSummary, ...]
    changed: float
    n_bytes: int
    notes: dict[str, JsonValue] = field(default_factory=dict)
    n_rounds: int = 0


def recovery_folder() -> Path:
    """Return where recovery projects live: the user's data folder, as it is called on this system.

    Not the cache, which others may empty; platformdirs knows the place, and napari keeps its own things by it.
    """
    return user_data_path("napari-unet", appauthor=False) / "recovery"


def new_recovery(name: str, where: Path | None = None) -> Project:
    """Make a recovery project.

    Raises
    ------
    UserError
        If the folder cannot be written to.
    """
    where = where or recovery_folder()
    return Project.create(where / f"{datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(3)}", name)


def recoveries(where: Path | None = None, disk: Disk | None = None) -> list[Recovery]:
    """List the recovery projects that can be read, newest first."""
    where, disk = where or recovery_folder(), disk or Disk()
    found = []
    for name in disk.names(where):
        folder = where / name
        if not disk.exists(folder / "project.json"):
            continue
        try:
            document = read_document(disk, folder / "project.json", ProjectDocument)
            found.append(
                Recovery(
                    folder,
                    document.name,
                    document.images,
                    _changed(folder),
                    size_of(disk, folder),
                    document.notes,
                    sum(name.endswith(".json") for name in disk.names(folder / "rounds")),
                )
            )
        except (OSError, UserError):
            continue
    return sorted(found, key=lambda recovery: recovery.changed, reverse=True)


def recoveries_of(description: ImageDescription, where: Path | None = None) -> list[tuple[Recovery, str]]:
    """Return recovery projects that hold an image, newest first, with the image's id in each.

    An image with a file is known by its content, wherever it was moved; one without by its name and shape.
    """
    disk = Disk()
    found = []
    for recovery in recoveries(where, disk):
        for summary in recovery.images:
            path = recovery.folder / "images" / summary.id / "image.json"
            try:
                other = read_document(disk, path, ImageDescription)
            except UserError:
                continue
            if _are_same(description, other):
                found.append((recovery, summary.id))
    return found


def delete_recovery(folder: Path, where: Path | None = None) -> None:
    """Remove a recovery project and all that was painted in it.

    Raises
    ------
    UserError
        If the folder is no recovery project, is open, or cannot be removed.
    """
    where, disk = where or recovery_folder(), Disk()
    folder = Path(folder)
    if folder.parent != where or not disk.exists(folder / "project.json"):
        raise UserError(f"{folder} is no recovery project; nothing was removed.")
    try:
        # Nobody can open it from here on: it is not found under its name any more.
        lock = disk.lock(folder / "lock", True)
        try:
            gone = folder.with_name(f".{folder.name}-{secrets.token_hex(3)}")
            lock.release()
            disk.rename(folder, gone)
        finally:
            lock.release()
        disk.remove_folder(gone)
    except OSError as error:
        raise why_not_read(folder, error) from error


def leave_recovery(folder: Path, goes_on_in: Path, where: Path | None = None) -> None:
    """Remove a recovery project that goes on in another folder; its snapshots, which no copy holds, go along.

    Raises
    ------
    UserError
        If they could not be moved, or as `delete_recovery`; then the recovery project stays.
    """
    disk = Disk()
    try:
        for name in disk.names(folder / "snapshots"):
            old, new = folder / "snapshots" / name, goes_on_in / "snapshots" / name
            disk.make_folder(new.parent)
            shutil.move(old, new)
            refer_anew(disk, old, new, new)
    except OSError as error:
        raise not_made(goes_on_in / "snapshots", error) from error
    delete_recovery(folder, where)


def _are_same(one: ImageDescription, other: ImageDescription) -> bool:
    if one.file is None or other.file is None:
        return one.file is other.file and (one.name, one.shape, one.dtype) == (
            other.name,
            other.shape,
            other.dtype,
        )
    return _are_same_files(one.file, other.file)


def _are_same_files(one: FileReference, other: FileReference) -> bool:
    return (one.size, one.digest) == (other.size, other.digest) or is_same(Path(one.path), other)


def _changed(folder: Path) -> float:
    times = [path.stat().st_mtime for path in (folder, folder / "history.jsonl") if path.exists()]
    times += [path.stat().st_mtime for path in (folder / "images").glob("*/journal")]
    return max(times, default=0.0)
