"""A project's folder is made, or opened for one window alone."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from napari_unet.errors import UserError
from napari_unet.project.disk import Disk
from napari_unet.project.documents import ProjectDocument, read_document, write_document
from napari_unet.project.lock import FolderLock
from napari_unet.project.migration import bring_up_to_date
from napari_unet.project.refusals import not_made, not_opened, refuse_links


@dataclass(frozen=True, eq=False)
class OpenFolder:
    """A folder that is locked, and what its ``project.json`` says.

    Attributes
    ----------
    schema
        The version that it had.
    """

    path: Path
    disk: Disk
    lock: FolderLock
    document: ProjectDocument
    schema: int


def make_folder(folder: Path, name: str | None, disk: Disk) -> OpenFolder:
    """Make a folder for a project, as `Project.create`."""
    if disk.names(folder):
        raise UserError(f"{folder} is not empty; choose a new folder for the project.")
    document = ProjectDocument(
        name=(name or folder.name)[:300],
        created=datetime.now().astimezone().isoformat(timespec="seconds"),
        program=_version(),
    )
    try:
        disk.make_folder(folder)
        lock = disk.lock(folder / "lock", False)
        write_document(disk, folder / "project.json", document)
    except OSError as error:
        raise not_made(folder, error) from error
    return OpenFolder(folder, disk, lock, document, document.schema_version)


def open_folder(folder: Path, take_over: bool, disk: Disk) -> OpenFolder:
    """Open a project's folder, brought up to date and tidied, as `Project.open`."""
    if not disk.exists(folder / "project.json"):
        raise UserError(f"{folder} holds no project; choose a folder with a project.json in it.")
    for place in (folder, folder / "images", folder / "rounds", folder / "revisions"):
        refuse_links(disk.links(place))
    try:
        lock = disk.lock(folder / "lock", take_over)
    except OSError as error:
        raise not_opened(folder, error) from error
    try:
        schema = bring_up_to_date(disk, folder)
        document = read_document(disk, folder / "project.json", ProjectDocument)
        for name in ("", "rounds", "revisions", "revisions/tiles", "snapshots"):
            disk.sweep(folder / name)
    except OSError as error:
        lock.release()
        raise not_opened(folder, error) from error
    except BaseException:
        lock.release()
        raise
    return OpenFolder(folder, disk, lock, document, schema)


def check_there(disk: Disk, folder: Path) -> None:
    """Raise `OSError` where an open project's folder was moved or removed, or its drive is gone.

    Folders are made where they are missing: without this, what is painted from then on would go into a new folder of
    the old name, or below the place at which the drive hung, and nobody would find it there.
    """
    if not (disk.exists(folder / "project.json") or disk.exists(folder / "lock")):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(folder))


def _version() -> str:
    try:
        return version("napari-unet")
    except PackageNotFoundError:  # run from a copy that was not installed
        return ""
