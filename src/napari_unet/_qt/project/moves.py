"""What a user does with projects: continue, open, name, copy, take a snapshot."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from napari.layers import Image
from qtpy.QtCore import QObject, Qt, Signal

from napari_unet._qt.project import work
from napari_unet._qt.project.keeping import Keeping
from napari_unet._qt.project.rescue import rescue
from napari_unet._qt.project.showing import choose_among, show_picture
from napari_unet._qt.project.sight import file_of
from napari_unet._qt.project.status import count
from napari_unet.project import ImageMissing, ProjectLocked, recovery
from napari_unet.project.recovery import Recovery
from napari_unet.session.pictures import Picture


class Moves(QObject):
    """Finds what can be continued, and changes which project is kept.

    Attributes
    ----------
    offers : list of (Recovery, str)
        What was kept of the present image before, newest first, with the image's id.
    refusal : ProjectLocked, ImageMissing or None
        Why the last project could not be opened, where something can be done about it.

    Signals
    -------
    changed()
        There are other offers, or another refusal.
    """

    changed = Signal()
    _picture_read = Signal(object)

    def __init__(self, keeping: Keeping) -> None:
        super().__init__()
        self._keeping = keeping
        self._early: tuple[Picture, list[Image] | Exception] | None = None  # shown before the rest is read
        self._picture_read.connect(self._show_early, Qt.ConnectionType.QueuedConnection)
        self.offers: list[tuple[Recovery, str]] = []
        self.refusal: ProjectLocked | ImageMissing | None = None
        self._declined: set[Path] = set()
        self._continued: int | None = None  # the image of which what was kept is shown already
        self._again: Callable[..., None] | None = None
        self.refused_folder: Path | None = None
        keeping.image_changed.connect(self.find_offers)

    # ---- recovery projects ---------------------------------------------------------------------------------

    def find_offers(self) -> None:
        """See what was kept of the image before."""
        session = self._keeping.session
        image, channels, file = session.image, session.state.channels, file_of(self._keeping.layers.images)
        if image is None or session.state.generation == self._continued:
            return

        def found(offers: list[tuple[Recovery, str]]) -> None:
            if self._keeping.session.image is not None and session.state.generation != self._continued:
                present = self._keeping.project
                used = {*self._declined, *([present.folder] if present is not None else [])}
                self.offers = [offer for offer in offers if offer[0].folder not in used]
                self.changed.emit()

        self._run(lambda: work.find_recoveries(image, channels, file), found)

    def go_on(self, take_over: bool = False) -> None:
        """Continue with the newest offer."""
        if self.offers:
            recovery, image_id = self.offers[0]
            self._open(
                lambda: work.read(recovery.folder, image_id, take_over),
                self._take,
                recovery.folder,
                lambda: self.go_on(take_over=True),
            )

    def start_anew(self) -> None:
        """Leave what was kept as it is, and ask no more."""
        self._declined |= {offer[0].folder for offer in self.offers}
        self.offers = []
        self.changed.emit()

    def delete_offer(self) -> None:
        """Remove the newest offer from the disk."""
        if self.offers:
            folder = self.offers[0][0].folder
            self._run(lambda: recovery.delete_recovery(folder), lambda _: self.find_offers())

    # ---- projects with a name ------------------------------------------------------------------------------

    def open_project(self, folder: Path, take_over: bool = False, image_at: Path | None = None) -> None:
        """Open a project's image, and go on with what was painted on it."""
        self._open(
            lambda: work.open_with_image(folder, take_over, image_at, self._tell_picture),
            self.show,
            folder,
            lambda **how: self.open_project(folder, **({"take_over": True} | how)),
        )

    def open_copy(self) -> None:
        """Open a copy of the project that another window has open."""
        folder = self.refused_folder
        if folder is not None:
            self.dismiss()
            self._run(lambda: work.copy_of_locked(folder), self.open_project)

    def open_anyway(self) -> None:
        """Open the project although a window on another machine did not close it."""
        again = self._again
        self.dismiss()
        if again is not None:
            again()

    def image_is_at(self, path: Path) -> None:
        """Open the project with the image that the user found."""
        again = self._again
        self.dismiss()
        if again is not None:
            again(take_over=False, image_at=path)

    def refuse(self, refusal: ImageMissing, again: Callable[..., None]) -> None:
        """Ask where the file of another image is; `again` is called with ``image_at`` when it is known."""
        self.refusal, self._again = refusal, again
        self.changed.emit()

    def dismiss(self) -> None:
        """Forget why a project could not be opened."""
        self.refusal, self._again = None, None
        self.changed.emit()

    def name_project(self, folder: Path) -> None:
        """Move the project to a folder of the user's and go on there."""
        keeper = self._keeping.keeper
        if keeper is None:
            self._keeping.words.warn("There is nothing to name yet: paint something first.")
            return

        def move() -> Any:
            now = self._keeping.keeper  # another image may have been opened while this waited
            old, image_id, since = now.project, now.entry.id, now.entry.sequence
            moved = old.save_as(folder)
            moved.image(image_id).open()
            return moved, old, since, moved.rounds.all()[0]

        def moved(result: Any) -> None:
            project, old, since, there = result
            was_recovery = work.is_recovery(old.folder)
            self._keeping.go_on_in(project, since, there)
            self._keeping.words.say("info", f"The project is in {project.folder} now, and goes on there.")
            if was_recovery:
                leave = lambda: project.flush() and recovery.leave_recovery(old.folder, project.folder)  # noqa: E731
                self._run(leave, lambda _: None)

        def failed(error: Exception) -> None:
            project = self._keeping.project
            if project is not None and project.saved.error:
                rescue(self._keeping, folder)
            else:
                self._keeping.words.tell_failure(error)

        self._keeping.errands.run(move, moved, failed, at_end=moved)

    def save_copy(self, folder: Path) -> None:
        """Copy the project as it is now; work goes on where it was."""
        project = self._keeping.project
        if project is not None:
            self._run(lambda: project.export_copy(folder), lambda _: self._say(f"A copy is in {folder}."))

    def snapshot(self) -> None:
        """Keep the present state inside the project."""
        project = self._keeping.project
        if project is not None:
            self._run(
                lambda: project.snapshot("by hand"),
                lambda kept: self._say(f"The snapshot is in {kept}; open it with “Open project …”."),
            )

    # ---- inside --------------------------------------------------------------------------------------------

    def _open(
        self,
        read: Callable[[], work.Opened],
        take: Callable[[work.Opened], None],
        folder: Path,
        again: Callable[..., None],
    ) -> None:
        def failed(error: Exception) -> None:
            self._early = None
            if isinstance(error, ProjectLocked | ImageMissing):
                self.refusal, self._again, self.refused_folder = error, again, folder
                self.changed.emit()
            else:
                self._keeping.words.tell_failure(error)

        present = self._keeping.project
        if present is not None and present.folder == Path(folder).absolute():
            self._say(f"{present.folder} is open already.")
            return
        self._keeping.errands.run(
            read, take, failed, at_end=lambda opened: opened.project.close(discard=True)
        )

    def _take(self, opened: work.Opened) -> None:
        with self._keeping.words.telling("Continuing"):
            self._keeping.take(opened.project, opened.image_id, opened.kept)
            self._continued = self._keeping.session.state.generation
            rounds = len(opened.kept.rounds)
            self._say(f"Continues where you left off{', with ' + count(rounds, 'round') if rounds else ''}.")
        self.offers = []
        self.changed.emit()

    def show(self, opened: work.Opened) -> None:
        """Show a project's image, then what was painted on it."""
        keeping = self._keeping
        with keeping.words.telling("Opening the project"):
            keeping.let_go()  # before another image is chosen
            try:
                made = self._shown_early(opened.picture) or show_picture(
                    keeping.layers.viewer(), opened.picture
                )
                keeping.layers.choose_images(choose_among(made, opened.kept.notes))
            except BaseException:
                opened.project.close(discard=True)
                raise
            self._take(opened)

    def _tell_picture(self, picture: Picture) -> None:
        with suppress(RuntimeError):  # the window went meanwhile
            self._picture_read.emit(picture)

    def _show_early(self, picture: Picture) -> None:
        try:
            self._early = picture, show_picture(self._keeping.layers.viewer(), picture)
        except Exception as error:  # `show` raises it in a moment, when the project can be closed
            self._early = picture, error

    def _shown_early(self, picture: Picture | None) -> list[Image]:
        """Return the layers of a picture that is shown already, without those that were removed again."""
        early, self._early = self._early, None
        if early is None or early[0] is not picture:
            return []
        if isinstance(early[1], Exception):
            raise early[1]
        return [layer for layer in early[1] if layer in self._keeping.layers.viewer().layers]

    def _run(
        self,
        do: Callable[[], Any],
        done: Callable[[Any], None],
        at_end: Callable[[Any], None] | None = None,
    ) -> None:
        self._keeping.errands.run(do, done, self._keeping.words.tell_failure, at_end)

    def _say(self, sentence: str) -> None:
        self._keeping.words.say("info", sentence)
