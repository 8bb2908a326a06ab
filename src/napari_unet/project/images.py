"""The images of a project: their list, and what is kept of each."""

from __future__ import annotations

import re
import secrets
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.errors import UserError
from napari_unet.project.chunks import SIDE, Breathe
from napari_unet.project.disk import Disk
from napari_unet.project.documents import ImageDescription, ImageSummary, Progress, ProjectDocument
from napari_unet.project.image_entry import ImageEntry
from napari_unet.project.project_document import KeptProjectDocument
from napari_unet.project.refusals import LargeImage, not_made
from napari_unet.project.writer import Writer

LARGE_IMAGE = 256 * 1024**2
"""Bytes of pixels without a file from which on one is asked before they are copied."""


class KeptImages:
    """All images of a project; made by `Project`."""

    def __init__(self, disk: Disk, writer: Writer, folder: Path, document: KeptProjectDocument) -> None:
        self._disk = disk
        self._writer = writer
        self._folder = folder
        self._document = document
        self._entries: dict[str, ImageEntry] = {}

    @property
    def all(self) -> tuple[ImageSummary, ...]:
        """The list, in order."""
        return self._document.now.images

    def get(self, image_id: str) -> ImageEntry:
        """Return an image of the list; the same object to every thread."""
        if image_id not in {image.id for image in self.all}:
            raise UserError(f"There is no image “{image_id}” in the project.")
        if image_id not in self._entries:
            self._entries.setdefault(image_id, self._entry(image_id))
        return self._entries[image_id]

    def add(
        self, description: ImageDescription, pixels: NDArray[Any] | None, allow_large: bool
    ) -> ImageEntry:
        """Add an image behind the others, as `Project.add_image`."""
        if pixels is not None and description.n_bytes > LARGE_IMAGE and not allow_large:
            raise LargeImage(
                f"“{description.name}” has no file; its {description.n_bytes / 1e9:.1f} GB would be copied "
                "into the project. Save it as a file and open that, or allow the copy.",
                description.n_bytes,
            )
        if pixels is not None:
            description = description.model_copy(update={"copied": True})
        image_id = f"{slug(description.name)}-{secrets.token_hex(3)}"
        entry, summary = self._entry(image_id), ImageSummary(id=image_id, name=description.name)

        def others(document: ProjectDocument) -> tuple[ImageSummary, ...]:
            return tuple(image for image in document.images if image.id != image_id)

        def add(_: object) -> None:
            entry.create(description)
            self._document.change_at_once(
                lambda document: {"images": (*others(document), summary)},
                lambda document: {"images": others(document)},
            )

        self._entries[image_id] = entry
        try:
            self._writer.submit(add, retry=False).result()
        except OSError as error:
            self._entries.pop(image_id, None)
            raise not_made(self._folder, error) from error
        except CancelledError:
            raise UserError(f"{self._folder} was closed; “{description.name}” is not in it.") from None
        if pixels is not None:
            entry.keep_pixels(pixels)
        return entry

    def set_progress(self, image_id: str, progress: Progress) -> None:
        """Say how far an image is."""
        self._document.change(
            lambda document: {
                "images": tuple(
                    image.model_copy(update={"progress": progress}) if image.id == image_id else image
                    for image in document.images
                )
            }
        )

    def look_for_work(self, image_id: str, labels: NDArray[np.int32]) -> None:
        """Say that a new image is in work if any of its labels are painted; the writing thread looks."""

        def look(breathe: Breathe) -> None:
            if _is_painted(labels, breathe) and self._is_new(image_id):
                self.set_progress(image_id, "work")

        if self._is_new(image_id):
            self._writer.submit(look, counts=False)  # nothing is unsaved: it can be looked up again

    def _is_new(self, image_id: str) -> bool:
        return any(image.id == image_id and image.progress == "new" for image in self.all)

    def _entry(self, image_id: str) -> ImageEntry:
        return ImageEntry(self._disk, self._writer, self._folder, image_id)


def _is_painted(labels: NDArray[np.int32], breathe: Breathe) -> bool:
    """Look strip by strip, so that a stroke painted meanwhile need not wait for the end of a stack."""
    for plane in np.ndindex(labels.shape[:-2]):
        for top in range(0, labels.shape[-2], SIDE):
            if labels[plane][top : top + SIDE].any():
                return True
            breathe()
    return False


def slug(name: str) -> str:
    """Return a name as a part of a file's name."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower())[:40].strip("-") or "image"
