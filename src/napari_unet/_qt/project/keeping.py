"""The project of one loop: begun as soon as something is painted, kept as the loop goes on, closed with the window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_unet._qt.layers.binding import Binding
from napari_unet._qt.project import work
from napari_unet._qt.project.errands import Errands
from napari_unet._qt.project.leaving import Leaving
from napari_unet._qt.project.showing import exchange, show_beside, show_kept
from napari_unet._qt.project.sight import file_of, sight_of
from napari_unet._qt.project.status import name_words, saved_words, size_words
from napari_unet._qt.project.watch import Watch
from napari_unet._qt.words import Words
from napari_unet.project import KeptRound, Project
from napari_unet.session import Session
from napari_unet.session.companions import Companions
from napari_unet.session.keeping import Keeper
from napari_unet.session.restoring import Kept, restore


class Keeping(QObject):
    """Binds the session to a project; everything slow goes to a thread of its own.

    Attributes
    ----------
    keeper : Keeper or None
        What keeps the session, once something was painted.
    errands : Errands

    Signals
    -------
    changed()
        `state`, `name` or `saved` say something else; at most twice a second while one paints.
    image_changed()
        Another image is chosen, or the image's file was read.
    other_chosen(str)
        A layer was chosen that shows another image of the project; its id.
    """

    changed = Signal()
    image_changed = Signal()
    other_chosen = Signal(str)

    def __init__(self, session: Session, layers: Binding, words: Words) -> None:
        super().__init__()
        self.session, self.layers, self.words = session, layers, words
        self.errands = Errands()
        self.keeper: Keeper | None = None
        self.large: int | None = None  # bytes of pixels that have no file and were not copied
        self._worked = self._beginning = self._ended = False
        self._image: Any = None
        self._leaving = Leaving(self.errands, self.tell_failure)
        self._told = ("", "")
        self._then: list[Callable[[], None]] = []
        self._watch = Watch(self)
        session.canvas.applied.connect(self._note_work)

    # ---- what there is -------------------------------------------------------------------------------------

    @property
    def project(self) -> Project | None:
        """The project that is kept."""
        return self.keeper.project if self.keeper is not None else None

    @property
    def is_named(self) -> bool:
        """Whether the user gave the project a folder."""
        return self.project is not None and not work.is_recovery(self.project.folder)

    def name(self) -> str:
        """Say which project it is, and how large."""
        if self.project is None:
            return "" if self.session.image is None else "What you paint will be kept."
        return name_words(self.project.name if self.is_named else None, self._watch.n_bytes)

    def saved(self) -> str:
        """Say whether all is on disk."""
        if self.project is None:
            return "saving …" if self._beginning else ""
        return saved_words(self.project.saved)

    # ---- as the loop goes on -------------------------------------------------------------------------------

    def look(self) -> None:
        """See whether another image is worked on, and begin a project once something was painted on it."""
        if self._ended or self.session.image is None:
            return
        image = self._image_now()
        if image != self._image:
            self._image = image
            if self.keeper is not None and self.keeper.is_of_now:
                self._follow_file(self.keeper)
            self.image_changed.emit()
        if self.keeper is not None and not self.keeper.is_of_now:
            self.let_go()
        if self.session.painting is None or self.session.regions:
            self._worked = self.session.painting is not None
        if self._worked and self.keeper is None and not self._beginning and self.session.painting is not None:
            self.begin()

    def begin(self, then: Callable[[], None] | None = None) -> None:
        """Begin a project for the present image, painted or not.

        Parameters
        ----------
        then
            Called when it is there.
        """
        self._then += [then] if then is not None else []
        if self._beginning or self.keeper is not None:
            return
        image, channels = self.session.image, self.session.state.channels
        file, generation = file_of(self.layers.images), self.session.state.generation
        self._beginning = True

        def begun(made: work.Begun) -> None:
            self._beginning = False
            then, self._then = self._then, []
            gone = generation != self.session.state.generation
            if gone or (not then and self.session.painting is None):
                self.errands.run(made.undo, _nothing, self.tell_failure, at_end=_nothing)
                self.look()
                return
            if made.n_bytes_left_out:
                self.words.warn(
                    f"“{image.name}” has no file and takes {size_words(made.n_bytes_left_out)}: what you paint is "
                    "kept, its pixels are not. Save it as a file, or copy them (under Image)."
                )
            self.go_on_with(Keeper(self.session, made.project, made.entry), made)
            for do in then:
                do()

        def failed(error: Exception) -> None:
            self._beginning, self._worked = False, False  # the next stroke tries again
            self._then.clear()
            self.tell_failure(error)

        self.errands.run(lambda: work.begin(image, channels, file), begun, failed, at_end=begun)
        self.tell()

    def companions(self) -> Companions | None:
        """Return the project's images, which train together."""
        return Companions.of(self.keeper) if self.keeper is not None else None

    def note_training(self, start: str, task: Any) -> Any:
        """Note that a training begins; return the task that keeps all that goes into it."""
        return task if self.keeper is None else self.keeper.note_training(task, start)

    def take(self, project: Project, image_id: str, kept: Kept) -> None:
        """Go on with what was kept, in the session and on the disk.

        Raises
        ------
        UserError
            If it does not fit the image. The project is closed then, and whatever else goes wrong.
        """
        self.let_go()
        try:
            restore(kept, self.session)
        except BaseException:  # memory may run out, too: nobody could open it again until the window closes
            self._leaving.close_soon(project)
            raise
        self.keeper = Keeper(self.session, project, project.image(image_id), written=True)
        self._worked = True
        show_kept(self.layers, self.session, kept.notes, kept.notes.get("colours"))
        self._warn(kept)
        self._watch.start()

    def go_to(self, opened: work.Opened) -> None:
        """Show another image of the project and keep that from now on; nothing of the present one is lost.

        Raises
        ------
        UserError
            If it cannot be shown.
        """
        keeper = self.keeper
        assert keeper is not None
        described = keeper.project.image(opened.image_id).description
        chosen = show_beside(self.layers, opened.picture, described, opened.kept.notes)
        keeper.keep_settings()
        for name, value in sight_of(self.layers).items():
            keeper.note(name, value)
        keeper.close()
        self.keeper = None
        known = keeper.entry.description.file
        try:
            exchange(self.layers, self.session, chosen, opened.kept, None if known is None else known.path)
        except BaseException:
            self._leaving.close_soon(keeper.project)
            raise
        entry = keeper.project.image(opened.image_id)
        self.go_on_with(Keeper(self.session, keeper.project, entry, before=keeper))
        self._image = self._image_now()
        keeper.project.log("Open image", entry.id)
        self._warn(opened.kept)

    def go_on_in(self, project: Project, since: int, there: Sequence[KeptRound]) -> None:
        """Go on in a copy of the project, which has the same image opened and holds these rounds."""
        assert self.keeper is not None
        self.keeper.move(project, project.image(self.keeper.entry.id), since, there)
        self._watch.start()

    def go_on_with(self, keeper: Keeper, made: work.Begun | None = None) -> None:
        """Let this keep the session from now on.

        Parameters
        ----------
        made
            The project, where it was made a moment ago.
        """
        self.keeper, self.large = keeper, made.n_bytes_left_out if made is not None else None
        if made is not None and made.pixels is not None:
            made.entry.copy_pixels(made.pixels)
        self._watch.start()

    def let_go(self) -> None:
        """Keep nothing more in the present project, and close it as soon as all is on disk."""
        if self.keeper is not None:
            keeper, self.keeper = self.keeper, None
            keeper.close()
            self._leaving.close_soon(keeper.project)
            self.tell()

    def copy_pixels(self) -> None:
        """Keep the pixels of a large image without a file, too."""
        if self.keeper is not None and self.session.image is not None:
            self.keeper.entry.copy_pixels(self.session.image.data)
            self.large = None
            self.changed.emit()

    def tell(self) -> None:
        """Tell the dock where it is to say something else."""
        told = (self.name(), self.saved())
        if told != self._told:
            error = self.project.saved.error if self.project is not None else ""
            if error and error != self._told[1]:
                self.words.say("error", error)
            self._told = told
            self.changed.emit()

    def tell_failure(self, error: Exception) -> None:
        """Say why something could not be done."""
        if not self._ended:
            self.words.tell_failure(error)
            self.tell()

    # ---- the end -------------------------------------------------------------------------------------------

    def end(self) -> None:
        """Close the project with the window; waits a few seconds for the disk at most."""
        if self._ended:
            return
        self.look()  # a stroke may have ended just now
        self._watch.stop()
        self.session.canvas.applied.disconnect(self._note_work)
        self.errands.end()
        self._ended = True
        self._leaving.end()
        if self.keeper is not None:
            keeper, self.keeper = self.keeper, None
            keeper.close()
            self._leaving.close_soon(keeper.project)

    # ---- inside --------------------------------------------------------------------------------------------

    def _image_now(self) -> Any:
        return self.session.state.generation, tuple(layer.name for layer in self.layers.images)

    def _warn(self, kept: Kept) -> None:
        for sentence in kept.sentences:
            self.words.warn(sentence)

    def _note_work(self, action: Any, how: str) -> None:
        if self.session.painting is not None:
            self._worked = True

    def _follow_file(self, keeper: Keeper) -> None:
        """Note the file of another layer of the same shape, to which the annotation was carried along."""
        file, known = file_of(self.layers.images), keeper.entry.description.file
        if file is None or (known is not None and known.path == str(file.absolute())):
            return

        def follow() -> str | None:
            other = work.other_image_of(keeper, file)
            if other is None:
                keeper.entry.relocate(file)
            return other

        def followed(other: str | None) -> None:
            if other is not None:
                self.other_chosen.emit(other)

        self.errands.run(follow, followed, self.tell_failure)


def _nothing(*_: Any) -> None:
    pass
