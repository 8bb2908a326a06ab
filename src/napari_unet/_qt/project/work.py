"""What is done with projects away from the window's thread: begin, read, open, measure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.boxes import values_present
from napari_unet.annotation.coding import FIRST
from napari_unet.errors import UserError
from napari_unet.formats.images import name_of
from napari_unet.project import ImageEntry, ImageMissing, Project, images, recovery
from napari_unet.project.copies import copy_open_project
from napari_unet.project.disk import Disk
from napari_unet.project.recovery import Recovery
from napari_unet.session.adding import Added, add_files
from napari_unet.session.described import describe_image
from napari_unet.session.image import ImageSource
from napari_unet.session.keeping import OPEN_IMAGE, Keeper
from napari_unet.session.pictures import Picture, read_picture
from napari_unet.session.restoring import Kept, read_image_only, read_kept
from napari_unet.session.rounds import Round

_TRIED = 6
"""Images that are looked for before one is asked for."""


@dataclass(frozen=True, eq=False)
class Begun:
    """A recovery project that was made for an image.

    Attributes
    ----------
    n_bytes_left_out
        Size of pixels that came without a file and are too many to be copied without asking.
    pixels
        Those that are to be copied, when what was painted is on its way to the disk: packing them takes seconds.
    """

    project: Project
    entry: ImageEntry
    n_bytes_left_out: int | None
    pixels: NDArray[Any] | None = None

    def undo(self) -> None:
        """Remove it again: nothing was kept in it yet."""
        _remove(self.project)


@dataclass(frozen=True, eq=False)
class Opened:
    """An image of a project, with what is to be shown of it.

    Attributes
    ----------
    picture
        ``None`` where the viewer shows it already.
    """

    project: Project
    image_id: str
    kept: Kept
    picture: Picture | None = None


@dataclass(frozen=True, eq=False)
class Filled:
    """A recovery project that was made of image files.

    Attributes
    ----------
    opened
        Its first image, ``None`` where there is none and so no project.
    """

    added: Added
    opened: Opened | None

    def close(self) -> None:
        """Close the project: the window is gone."""
        if self.opened is not None:
            self.opened.project.close()


def is_recovery(folder: Path) -> bool:
    """Tell whether a project has no name yet."""
    return folder.parent == recovery.recovery_folder()


def begin(
    image: ImageSource, channels: Sequence[int], file: Path | None, folder: Path | None = None
) -> Begun:
    """Make a project for an image, in the recovery folder by default; the caller has its pixels copied."""
    project = recovery.new_recovery(image.name) if folder is None else Project.create(folder)
    try:
        described = describe_image(image, channels, file, project.folder)
        entry = project.add_image(described)
    except BaseException:
        project.close(discard=True)
        if folder is None:
            with suppress(UserError):
                recovery.delete_recovery(project.folder)
        raise
    if file is not None:
        return Begun(project, entry, None)
    many = described.n_bytes > images.LARGE_IMAGE
    return Begun(project, entry, described.n_bytes if many else None, None if many else image.data)


def unreadable(rounds: Sequence[Round]) -> list[str]:
    """Read the networks of all rounds that are not in memory; return the names of those that can't be read."""
    names = []
    for done in rounds:
        try:
            done.network.load()
        except UserError:
            names.append(f"“{done.name}”")
    return names


def find_recoveries(
    image: ImageSource, channels: Sequence[int], file: Path | None
) -> list[tuple[Recovery, str]]:
    """Return what was kept of an image before, newest first."""
    return recovery.recoveries_of(describe_image(image, channels, file, recovery.recovery_folder()))


def read(folder: Path, image_id: str, take_over: bool = False) -> Opened:
    """Open a project and read what it holds of an image that is shown already."""
    project = Project.open(folder, take_over)
    try:
        return Opened(project, image_id, read_kept(project, project.image(image_id)))
    except BaseException:
        project.close(discard=True)
        raise


def open_with_image(
    folder: Path,
    take_over: bool = False,
    image_at: Path | None = None,
    on_picture: Callable[[Picture], None] | None = None,
) -> Opened:
    """Open a project and read the image that was worked on last, too; where it is gone, one that is there.

    Parameters
    ----------
    image_at
        The image's file, where the user had to say where it is.
    on_picture
        Given the image as soon as it is read: what was painted and trained may take seconds more.

    Raises
    ------
    ProjectLocked
        If another window has it open.
    ImageMissing
        If the image's file is not found.
    UserError
        If there is nothing in it, or it cannot be read.
    """
    project = Project.open(folder, take_over)
    try:
        ids = [image.id for image in project.images]
        if not ids:
            raise UserError(
                f"“{project.name}” holds no image yet; open one, paint, and name it as a project."
            )
        last = project.notes.get(OPEN_IMAGE)
        place = ids.index(last) if last in ids else 0
        return _first_there(project, (ids[place:] + ids[:place])[:_TRIED], image_at, on_picture)
    except BaseException:
        project.close(discard=True)
        raise


def _first_there(
    project: Project,
    ids: Sequence[str],
    image_at: Path | None = None,
    on_picture: Callable[[Picture], None] | None = None,
) -> Opened:
    missing: list[ImageMissing] = []
    for image_id in ids:
        entry = project.image(image_id)
        try:
            picture = read_picture(project, entry, image_at)
        except ImageMissing as error:
            missing.append(error)
            continue
        if on_picture is not None:
            on_picture(picture)
        kept = read_kept(project, entry)
        sentences = (*kept.sentences, *([f"{missing[0]} Open it from the list for that."] if missing else []))
        return Opened(project, image_id, replace(kept, sentences=sentences), picture)
    raise missing[0]


def read_other(project: Project, image_id: str, image_at: Path | None = None) -> Opened:
    """Read another image of a project that is open; raises as `open_with_image`."""
    entry = project.image(image_id)
    kept = read_image_only(entry)
    return Opened(project, image_id, kept, read_picture(project, entry, image_at))


def other_image_of(keeper: Keeper, file: Path) -> str | None:
    """Return the id of another image of the project that a file shows."""
    for image in keeper.project.images:
        if image.id != keeper.entry.id:
            known = keeper.project.image(image.id).description.file
            if known is not None and known.path == str(file.absolute()):
                return image.id
    return None


def begin_with(files: Sequence[Path], tell: Callable[[int], None], should_stop: Callable[[], bool]) -> Filled:
    """Make a recovery project of image files, and read the first one."""
    project = recovery.new_recovery(name_of(files[0]))
    try:
        added = add_files(project, files, tell, should_stop)
        if added.ids:
            return Filled(added, _first_there(project, added.ids[:1]))
    except BaseException:
        _remove(project)
        raise
    _remove(project)
    return Filled(added, None)


def copy_of_locked(folder: Path) -> Path:
    """Copy a project that another window has open; return the copy, which has no name yet."""
    target = recovery.recovery_folder() / f"{datetime.now():%Y%m%d-%H%M%S}-copy-of-{folder.name[:40]}"
    copy_open_project(Disk(), folder, target)
    return target


def measure(project: Project, labels: NDArray[np.int32]) -> tuple[int, int]:
    """Return the bytes that a project takes and the number of annotated objects."""
    return project.size(), sum(int(value) >= FIRST for value in values_present(labels))


def _remove(project: Project) -> None:
    project.close(discard=True)
    recovery.delete_recovery(project.folder)
