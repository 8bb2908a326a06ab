"""A project: a folder with all that was painted, trained and said, kept up to date by one thread."""

from __future__ import annotations

import atexit
import logging
import re
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from numpy.typing import NDArray
from pydantic import JsonValue

from napari_unet.errors import UserError
from napari_unet.project import copies
from napari_unet.project.disk import Disk
from napari_unet.project.documents import (
    ImageDescription,
    ImageSummary,
    Progress,
    ProjectDocument,
    read_document,
    write_document,
)
from napari_unet.project.history import ProjectHistory, history_line
from napari_unet.project.image_entry import ImageEntry
from napari_unet.project.lock import FolderLock
from napari_unet.project.migration import bring_up_to_date
from napari_unet.project.refusals import LargeImage, NotSaved, refuse_links, why_not_read, why_not_written
from napari_unet.project.revisions import KeptRevisions
from napari_unet.project.rounds import KeptRound, KeptRounds, RoundDocument
from napari_unet.project.schema import SCHEMA
from napari_unet.project.writer import Saved, Writer

if TYPE_CHECKING:
    from napari_unet.network.model_file import Model

_log = logging.getLogger("napari_unet")

LARGE_IMAGE = 256 * 1024**2
"""Bytes of pixels without a file from which on one is asked before they are copied."""

CLOSING = 10.0
"""Seconds that `Project.close` waits for the disk."""


class Project:
    """An open project; nobody else can open it meanwhile.

    Made by `create` and `open`. Methods return at once where they don't say otherwise; one thread writes.

    Attributes
    ----------
    folder : Path
    rounds : KeptRounds
    revisions : KeptRevisions
    on_saved : list of callables
        Each is called with `Saved` from the writing thread when things are saved or cannot be.
    """

    def __init__(self, folder: Path, disk: Disk, lock: FolderLock, document: ProjectDocument) -> None:
        self.folder = folder
        self.on_saved: list[Callable[[Saved], None]] = []
        self._disk = disk
        self._lock = lock
        self._document = document
        self._writer = Writer(folder, self._tell)
        self._history = ProjectHistory(disk, folder / "history.jsonl")
        self._entries: dict[str, ImageEntry] = {}
        self._changing = threading.Lock()
        self.rounds = KeptRounds(disk, self._writer, folder / "rounds")
        self.revisions = KeptRevisions(disk, self._writer, folder / "revisions")
        atexit.register(self._at_exit)
        _log.info("Project in %s: %d image(s), schema %d.", folder, len(document.images), SCHEMA)

    @classmethod
    def create(cls, folder: Path, name: str | None = None, disk: Disk | None = None) -> Self:
        """Make a project in a folder that is new or empty.

        Raises
        ------
        UserError
            If the folder holds something, or cannot be written to.
        """
        folder, disk = Path(folder).absolute(), disk or Disk()
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
            raise _not_made(folder, error) from error
        return cls(folder, disk, lock, document)

    @classmethod
    def open(cls, folder: Path, take_over: bool = False, disk: Disk | None = None) -> Self:
        """Open a project; its images are read when they are asked for.

        Parameters
        ----------
        take_over
            Open it although a window on another machine did not close it; see `ProjectLocked`.

        Raises
        ------
        ProjectLocked
            If another window has it open.
        UserError
            If there is no project, a newer program made it, it is damaged or cannot be written to.
        """
        folder, disk = Path(folder).absolute(), disk or Disk()
        if not disk.exists(folder / "project.json"):
            raise UserError(f"{folder} holds no project; choose a folder with a project.json in it.")
        for place in (folder, folder / "images", folder / "rounds", folder / "revisions"):
            refuse_links(disk.links(place))
        try:
            lock = disk.lock(folder / "lock", take_over)
        except OSError as error:
            raise _not_made(folder, error) from error
        try:
            version = bring_up_to_date(disk, folder)
            document = read_document(disk, folder / "project.json", ProjectDocument)
            for name in ("", "rounds", "revisions", "revisions/tiles", "snapshots"):
                disk.sweep(folder / name)
            project = cls(folder, disk, lock, document)
        except OSError as error:
            lock.release()
            raise _not_made(folder, error) from error
        except BaseException:
            lock.release()
            raise
        if version < SCHEMA:
            project.log("Bring up to date", before=version, now=SCHEMA)
        return project

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(discard=error is not None)

    # ---- what it is ----------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """What the user calls it."""
        return self._document.name

    @property
    def notes(self) -> dict[str, JsonValue]:
        """What `note` was given, by name."""
        return dict(self._document.notes)

    def note(self, name: str, value: JsonValue) -> None:
        """Keep a small thing that belongs to no image: the one that was shown, a setting."""
        self._change(lambda document: {"notes": {**document.notes, name: value}})

    # ---- images --------------------------------------------------------------------------------------------

    @property
    def images(self) -> tuple[ImageSummary, ...]:
        """The images in order: id, name, and "new", "work" or "done"."""
        return self._document.images

    def image(self, image_id: str) -> ImageEntry:
        """Return an image of the list; the same object to every thread."""
        if image_id not in {image.id for image in self.images}:
            raise UserError(f"There is no image “{image_id}” in the project.")
        if image_id not in self._entries:
            made = ImageEntry(self._disk, self._writer, self.folder, image_id)
            self._entries.setdefault(image_id, made)
        return self._entries[image_id]

    def add_image(
        self,
        description: ImageDescription,
        pixels: NDArray[Any] | None = None,
        allow_large: bool = False,
    ) -> ImageEntry:
        """Add an image behind the others, opened; waits until its description is on disk.

        Parameters
        ----------
        description
            With `file` from `refer_to`, unless the pixels came without a file.
        pixels
            To be copied into the project, soon; nobody changes them.
        allow_large
            Copy them also when they are many.

        Raises
        ------
        LargeImage
            If the pixels take more than 256 MiB and `allow_large` is not given.
        UserError
            If it cannot be written.
        """
        if pixels is not None and description.n_bytes > LARGE_IMAGE and not allow_large:
            raise LargeImage(
                f"“{description.name}” has no file; its {description.n_bytes / 1e9:.1f} GB would be copied "
                "into the project. Save it as a file and open that, or allow the copy.",
                description.n_bytes,
            )
        if pixels is not None:
            description = description.model_copy(update={"copied": True})
        image_id = f"{_slug(description.name)}-{secrets.token_hex(3)}"
        entry = ImageEntry(self._disk, self._writer, self.folder, image_id)
        summary = ImageSummary(id=image_id, name=description.name)

        def list_it(listed: bool) -> ProjectDocument:
            with self._changing:  # others may note something meanwhile
                images = [image for image in self._document.images if image.id != image_id]
                changed = {"images": (*images, *([summary] if listed else []))}
                self._document = self._document.model_copy(update=changed)
                return self._document

        def add(_: object) -> None:
            entry.create(description)
            try:
                write_document(self._disk, self.folder / "project.json", list_it(True))
            except BaseException:
                list_it(False)
                raise

        self._entries[image_id] = entry
        try:
            self._writer.submit(add, retry=False).result()
        except OSError as error:
            self._entries.pop(image_id, None)
            raise _not_made(self.folder, error) from error
        except CancelledError:
            raise UserError(f"{self.folder} was closed; “{description.name}” is not in it.") from None
        if pixels is not None:
            entry.keep_pixels(pixels)
        return entry

    def set_progress(self, image_id: str, progress: Progress) -> None:
        """Say how far an image is."""
        self._change(
            lambda document: {
                "images": tuple(
                    image.model_copy(update={"progress": progress}) if image.id == image_id else image
                    for image in document.images
                )
            }
        )

    # ---- rounds and history --------------------------------------------------------------------------------

    def add_round(self, model: Callable[[], Model], document: RoundDocument) -> KeptRound:
        """Keep a round. See `KeptRounds.add`."""
        return self.rounds.add(model, document)

    def log(self, what: str, image: str | None = None, **facts: JsonValue) -> None:
        """Note in ``history.jsonl`` that something was done."""
        self._writer.put(self._history, [history_line(what, image, facts)])

    def history(self) -> list[dict[str, JsonValue]]:
        """Return all that was noted, oldest first."""
        return self._history.read()

    # ---- saving --------------------------------------------------------------------------------------------

    @property
    def saved(self) -> Saved:
        """How many things are not on disk yet, since when, and why."""
        return self._writer.saved

    def flush(self, timeout: float = CLOSING) -> bool:
        """Wait until everything is on disk; return whether it is."""
        return self._writer.flush(timeout)

    def close(self, timeout: float = CLOSING, discard: bool = False) -> None:
        """Save everything and let others open the project.

        Parameters
        ----------
        discard
            Close it even if something cannot be saved.

        Raises
        ------
        NotSaved
            If something is not on disk after `timeout` seconds; the project stays open.
        """
        self._writer.flush(timeout, settle=True)
        saved = self._writer.saved
        if saved.pending and not discard:
            why = saved.error or f"{self.folder} is not saved yet: the disk is slow; wait a little."
            raise NotSaved(why, saved.pending)
        self._writer.end()
        _log.info("Project in %s closed, %d thing(s) not saved.", self.folder, saved.pending)
        atexit.unregister(self._at_exit)
        try:
            self._lock.release()
        except OSError as error:  # the drive is gone, and the lock with it
            if not discard:
                raise why_not_read(self.folder, error) from error

    def size(self) -> int:
        """Return how many bytes the project takes."""
        return copies.size_of(self._disk, self.folder)

    def export_copy(self, folder: Path) -> None:
        """Copy the project as it is now into a new folder; waits. Work goes on here.

        Raises
        ------
        UserError
            If there is something at `folder`, or it cannot be written to.
        """
        self._copy(Path(folder).absolute(), link=False)

    def snapshot(self, name: str) -> Path:
        """Keep the present state under ``snapshots/``, as a project that can be opened; waits.

        Takes little room where the file system can link files: what does not change afterwards is there once.
        """
        target = self.folder / "snapshots" / f"{datetime.now():%Y%m%d-%H%M%S}-{_slug(name)}"
        self._copy(target, link=True)
        return target

    def save_as(self, folder: Path, name: str | None = None) -> Project:
        """Copy the project into a new folder and go on there; waits. This one is closed.

        Returns
        -------
        Project
            The one to use from now on; its images are opened anew.
        """
        folder = Path(folder).absolute()
        self._copy(folder, link=False, name=name or folder.name)
        self.close()
        return type(self).open(folder, disk=self._disk)

    # ---- inside --------------------------------------------------------------------------------------------

    def _copy(self, target: Path, link: bool, name: str | None = None) -> None:
        self._writer.flush(CLOSING, settle=True)
        document = self._document.model_copy(update={"name": name[:300]}) if name else None
        try:
            self._writer.submit(
                lambda breathe: copies.copy_project(self._disk, self.folder, target, link, document, breathe),
                counts=False,
                retry=False,
            ).result()
        except OSError as error:
            raise _not_made(target, error) from error

    def _change(self, how: Callable[[ProjectDocument], dict[str, Any]]) -> None:
        with self._changing:
            self._document = ProjectDocument.model_validate(dict(self._document) | how(self._document))

        def write(_: object) -> None:
            write_document(self._disk, self.folder / "project.json", self._document)

        self._writer.submit(write, key="project.json")

    def _tell(self, saved: Saved) -> None:
        for listener in list(self.on_saved):
            listener(saved)

    def _at_exit(self) -> None:
        self._writer.flush(2.0)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower())[:40].strip("-") or "image"


def _not_made(folder: Path, error: OSError) -> UserError:
    return UserError(why_not_written(folder, error).partition(" Your work")[0])


def _version() -> str:
    try:
        return version("napari-unet")
    except PackageNotFoundError:  # run from a copy that was not installed
        return ""
