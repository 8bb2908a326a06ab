"""What is done with projects away from the window's thread: begin, read, open, measure."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.boxes import values_present
from napari_unet.annotation.coding import FIRST
from napari_unet.errors import UserError
from napari_unet.formats.images import ImageFile, read_image
from napari_unet.project import ImageEntry, LargeImage, Project, recovery
from napari_unet.project.copies import copy_open_project
from napari_unet.project.disk import Disk
from napari_unet.project.recovery import Recovery
from napari_unet.session.described import describe_image
from napari_unet.session.image import ImageSource
from napari_unet.session.restoring import Kept, read_kept


@dataclass(frozen=True, eq=False)
class Begun:
    """A recovery project that was made for an image.

    Attributes
    ----------
    n_bytes_left_out
        Size of pixels that came without a file and are too many to be copied without asking.
    """

    project: Project
    entry: ImageEntry
    n_bytes_left_out: int | None

    def undo(self) -> None:
        """Remove it again: nothing was kept in it yet."""
        self.project.close(discard=True)
        recovery.delete_recovery(self.project.folder)


@dataclass(frozen=True, eq=False)
class Opened:
    """A project that was opened, with what is to be shown of it.

    Attributes
    ----------
    file
        Where the image is, ``None`` where its pixels are in the project.
    image
        Its content, ``None`` where only napari or one of its plugins can read the file.
    """

    project: Project
    image_id: str
    kept: Kept
    file: Path | None = None
    image: ImageFile | None = None


def is_recovery(folder: Path) -> bool:
    """Tell whether a project has no name yet."""
    return folder.parent == recovery.recovery_folder()


def begin(image: ImageSource, channels: Sequence[int], file: Path | None) -> Begun:
    """Make a recovery project for an image; pixels without a file are copied unless they are many."""
    project = recovery.new_recovery(image.name)
    left_out = None
    try:
        described = describe_image(image, channels, file, project.folder)
        try:
            entry = project.add_image(described, None if file is not None else image.data)
        except LargeImage as error:
            entry, left_out = project.add_image(described), error.n_bytes
    except BaseException:
        project.close(discard=True)
        with suppress(UserError):
            recovery.delete_recovery(project.folder)
        raise
    return Begun(project, entry, left_out)


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


def open_with_image(folder: Path, take_over: bool = False, image_at: Path | None = None) -> Opened:
    """Open a project and read the image that was worked on last, too.

    Parameters
    ----------
    image_at
        The image's file, where the user had to say where it is.

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
        if not project.images:
            raise UserError(
                f"“{project.name}” holds no image yet; open one, paint, and name it as a project."
            )
        image_id = project.images[0].id
        entry = project.image(image_id)
        kept = read_kept(project, entry)
        described = entry.description
        if described.file is None:
            shown = ImageFile(
                described.name, entry.pixels(), _axes_of(entry), described.pixel_size_um, described.rgb
            )
            return Opened(project, image_id, kept, None, shown)
        if image_at is not None:
            entry.relocate(image_at)
        file = image_at or entry.find_file()
        image = None
        with suppress(UserError):  # then napari, or a plugin of it, may know the kind of file
            image = read_image(file)
        return Opened(project, image_id, kept, file, image)
    except BaseException:
        project.close(discard=True)
        raise


def copy_of_locked(folder: Path) -> Path:
    """Copy a project that another window has open; return the copy, which has no name yet."""
    target = recovery.recovery_folder() / f"{datetime.now():%Y%m%d-%H%M%S}-copy-of-{folder.name[:40]}"
    copy_open_project(Disk(), folder, target)
    return target


def measure(project: Project, labels: NDArray[np.int32]) -> tuple[int, int]:
    """Return the bytes that a project takes and the number of annotated objects."""
    return project.size(), sum(int(value) >= FIRST for value in values_present(labels))


def _axes_of(entry: ImageEntry) -> str:
    described = entry.description
    axes: list[Any] = list(described.axes)
    if described.channel_axis is not None:
        axes.insert(described.channel_axis, "S" if described.rgb else "C")
    return "".join(axes)
