"""A project: a folder with all that was painted, trained and said, kept up to date by one thread."""

from __future__ import annotations

import atexit
import logging
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from numpy.typing import NDArray
from pydantic import JsonValue

from napari_unet.project import copies
from napari_unet.project.disk import Disk
from napari_unet.project.documents import ImageDescription, ImageSummary, Progress
from napari_unet.project.history import ProjectHistory, history_line
from napari_unet.project.image_entry import ImageEntry
from napari_unet.project.images import KeptImages, slug
from napari_unet.project.opening import OpenFolder, check_there, make_folder, open_folder
from napari_unet.project.project_document import KeptProjectDocument
from napari_unet.project.refusals import NotSaved, not_made, why_not_read
from napari_unet.project.revisions import KeptRevisions
from napari_unet.project.rounds import KeptRound, KeptRounds, RoundDocument
from napari_unet.project.schema import SCHEMA
from napari_unet.project.writer import Saved, Writer

if TYPE_CHECKING:
    from napari_unet.network.model_file import Model

_log = logging.getLogger("napari_unet")

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

    def __init__(self, opened: OpenFolder) -> None:
        self.folder = opened.path
        self.on_saved: list[Callable[[Saved], None]] = []
        self._disk, self._lock = opened.disk, opened.lock
        self._writer = Writer(self.folder, self._tell, lambda: check_there(self._disk, self.folder))
        self._document = KeptProjectDocument(
            self._disk, self._writer, self.folder / "project.json", opened.document
        )
        self._images = KeptImages(self._disk, self._writer, self.folder, self._document)
        self._history = ProjectHistory(self._disk, self.folder / "history.jsonl")
        self.rounds = KeptRounds(self._disk, self._writer, self.folder / "rounds")
        self.revisions = KeptRevisions(self._disk, self._writer, self.folder / "revisions")
        atexit.register(self._at_exit)
        _log.info("Project in %s: %d image(s), schema %d.", self.folder, len(self.images), SCHEMA)
        if opened.schema < SCHEMA:
            self.log("Bring up to date", before=opened.schema, now=SCHEMA)

    @classmethod
    def create(cls, folder: Path, name: str | None = None, disk: Disk | None = None) -> Self:
        """Make a project in a folder that is new or empty.

        Raises
        ------
        UserError
            If the folder holds something, or cannot be written to.
        """
        return cls(make_folder(Path(folder).absolute(), name, disk or Disk()))

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
        return cls(open_folder(Path(folder).absolute(), take_over, disk or Disk()))

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
        return self._document.now.name

    @property
    def notes(self) -> dict[str, JsonValue]:
        """What `note` was given, by name."""
        return dict(self._document.now.notes)

    def note(self, name: str, value: JsonValue) -> None:
        """Keep a small thing that belongs to no image: the one that was shown, a setting."""
        self._document.change(lambda document: {"notes": {**document.notes, name: value}})

    # ---- images --------------------------------------------------------------------------------------------

    @property
    def images(self) -> tuple[ImageSummary, ...]:
        """The images in order: id, name, and "new", "work" or "done"."""
        return self._images.all

    def image(self, image_id: str) -> ImageEntry:
        """Return an image of the list; the same object to every thread."""
        return self._images.get(image_id)

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
        return self._images.add(description, pixels, allow_large)

    def set_progress(self, image_id: str, progress: Progress) -> None:
        """Say how far an image is."""
        self._images.set_progress(image_id, progress)

    def look_for_work(self, image_id: str, labels: NDArray[Any]) -> None:
        """Say, soon, that a new image is in work if any of its labels are painted."""
        self._images.look_for_work(image_id, labels)

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
        folder = Path(folder).absolute()
        self._copy(folder, link=False)
        self.log("Copy", name=folder.name)

    def snapshot(self, name: str) -> Path:
        """Keep the present state under ``snapshots/``, as a project that can be opened; waits.

        Takes little room where the file system can link files: what does not change afterwards is there once.
        """
        target = self._new_snapshot(name)
        self._copy(target, link=True)
        self.log("Snapshot", name=target.name)
        return target

    def snapshot_before(self, name: str, image_id: str, sequence: int) -> Future[None]:
        """Keep the state after an image's change of that number, before anything later is written; does not wait.

        Returns
        -------
        Future
            Done as soon as it is kept; its exception is an `OSError`, or a `UserError`, where it could not be.
        """
        target = self._new_snapshot(name)
        return self._writer.submit(
            lambda breathe: copies.copy_project(
                self._disk, self.folder, target, True, None, breathe, (image_id, sequence)
            ),
            retry=False,
        )

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
        there = type(self).open(folder, disk=self._disk)
        there.log("Name", name=there.name)
        return there

    # ---- inside --------------------------------------------------------------------------------------------

    def _new_snapshot(self, name: str) -> Path:
        return self.folder / "snapshots" / f"{datetime.now():%Y%m%d-%H%M%S}-{slug(name)}"

    def _copy(self, target: Path, link: bool, name: str | None = None) -> None:
        self._writer.flush(CLOSING, settle=True)
        document = self._document.now.model_copy(update={"name": name[:300]}) if name else None
        try:
            self._writer.submit(
                lambda breathe: copies.copy_project(self._disk, self.folder, target, link, document, breathe),
                counts=False,
                retry=False,
            ).result()
        except OSError as error:
            raise not_made(target, error) from error

    def _tell(self, saved: Saved) -> None:
        for listener in list(self.on_saved):
            listener(saved)

    def _at_exit(self) -> None:
        self._writer.flush(2.0)
