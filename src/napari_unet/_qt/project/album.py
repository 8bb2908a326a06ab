"""The images of a project, as one goes through them: add, open, next, done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, Qt, QTimer, Signal

from napari_unet._qt.project import work
from napari_unet._qt.project.keeping import Keeping
from napari_unet._qt.project.moves import Moves
from napari_unet._qt.project.status import count
from napari_unet.project import ImageMissing, ImageSummary, Progress
from napari_unet.project.listing import next_open
from napari_unet.session.adding import Added, add_files

_STILL_DRAGGING_MS = 100
_MOST_SENTENCES = 4


class Album(QObject):
    """Changes which image of the project is open; everything slow goes to the project's thread.

    Attributes
    ----------
    busy : str
        What is being done, empty where nothing is.

    Signals
    -------
    changed()
        There are other images, or they have another state.
    leaving()
        Another image comes in a moment.
    """

    changed = Signal()
    leaving = Signal()
    _counted = Signal(int)

    def __init__(self, keeping: Keeping, moves: Moves) -> None:
        super().__init__()
        self._keeping, self._moves = keeping, moves
        self.busy = ""
        self._to_add = 0
        self._end = threading.Event()
        self._opened: work.Opened | None = None
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_STILL_DRAGGING_MS)
        self._later.timeout.connect(lambda: self._show(self._opened))
        self._counted.connect(self._count, Qt.ConnectionType.QueuedConnection)
        keeping.changed.connect(self.changed)
        keeping.other_chosen.connect(self.open)

    # ---- what there is -------------------------------------------------------------------------------------

    @property
    def images(self) -> tuple[ImageSummary, ...]:
        """All images of the project."""
        project = self._keeping.project
        return () if project is None else project.images

    @property
    def current(self) -> str:
        """Id of the image that is open."""
        keeper = self._keeping.keeper
        return "" if keeper is None else keeper.entry.id

    def words(self) -> str:
        """Say how far one is."""
        done = sum(image.progress == "done" for image in self.images)
        return f"{done} of {len(self.images)} done"

    # ---- what is done --------------------------------------------------------------------------------------

    def add(self, files: Sequence[Path]) -> None:
        """Add image files behind the others; where nothing is open, begin a project with them."""
        files = [Path(file) for file in files]
        keeping = self._keeping
        if not files or self.busy:
            return
        if keeping.keeper is None and keeping.session.image is not None:
            keeping.begin(lambda: self.add(files))
            return
        self._be(f"Adding {count(len(files), 'image')} …")
        self._to_add = len(files)
        if keeping.keeper is None:
            begin = lambda: work.begin_with(files, self._counted.emit, self._end.is_set)  # noqa: E731
            self._run(begin, self._take_filled, at_end=work.Filled.close)
            return

        def add() -> Added:
            return add_files(keeping.keeper.project, files, self._counted.emit, self._end.is_set)

        self._run(add, self._take_added)

    def next(self) -> None:
        """Open the next image that is not done."""
        following = next_open(self.images, self.current)
        if following is None:
            self._say("All other images are done.")
        else:
            self.open(following.id)

    def open(self, image_id: str, image_at: Path | None = None) -> None:
        """Open an image of the project; the present one is kept as it is, and what was trained goes along.

        Parameters
        ----------
        image_at
            Its file, where the user had to say where that is.
        """
        keeping = self._keeping
        known = {image.id: image.name for image in self.images}
        if self.busy or image_id == self.current or image_id not in known:
            return
        if keeping.large:
            keeping.words.warn(
                f"The pixels of “{keeping.session.image.name}” are nowhere but in this window: press “Copy the "
                "pixels, too”, then open another image."
            )
            return
        if isinstance(self._moves.refusal, ImageMissing):
            self._moves.dismiss()
        self._be(f"Opening “{known[image_id]}” …")

        def failed(error: Exception) -> None:
            self._be("")
            if isinstance(error, ImageMissing):
                self._moves.refuse(error, lambda image_at=None, **_: self.open(image_id, image_at))
            else:
                keeping.words.tell_failure(error)

        # The project may be moved while this waits.
        read = lambda: work.read_other(keeping.keeper.project, image_id, image_at)  # noqa: E731
        keeping.errands.run(read, self._show, failed)

    def set_progress(self, image_id: str, progress: Progress) -> None:
        """Say how far an image is."""
        project = self._keeping.project
        if project is not None:
            project.set_progress(image_id, progress)
            project.log(f"Image: {progress}", image_id)
            self.changed.emit()

    def end(self) -> None:
        """Add no more: the window goes."""
        self._end.set()
        self._later.stop()

    # ---- inside --------------------------------------------------------------------------------------------

    def _show(self, opened: work.Opened) -> None:
        keeping = self._keeping
        if keeping.layers.dragging():  # a stroke is being drawn: it belongs to the image that is shown
            self._opened = opened
            self._later.start()
            return
        self._be("")
        if keeping.project is not opened.project:  # another image was chosen by hand meanwhile
            return
        with keeping.words.telling("Opening the image"):
            keeping.layers.settle()
            self.leaving.emit()
            keeping.go_to(opened)
            self._say(f"“{keeping.session.image.name}”: {self.words()}.")
        self.changed.emit()

    def _take_added(self, added: Added) -> None:
        self._be("")
        if added.ids:
            self._say(
                f"{count(len(added.ids), 'image')} added; “Next image” opens the first that is not done."
            )
        left_out = added.sentences[:_MOST_SENTENCES]
        if len(added.sentences) > _MOST_SENTENCES:
            left_out.append(f"… and {len(added.sentences) - _MOST_SENTENCES} more were left out.")
        if left_out:
            self._keeping.words.warn("\n".join(left_out))

    def _take_filled(self, filled: work.Filled) -> None:
        self._be("")
        if filled.opened is not None:
            self._moves.show(filled.opened)
        self._take_added(filled.added)

    def _count(self, n: int) -> None:
        if self.busy and n < self._to_add:
            self._be(f"Adding image {n + 1} of {self._to_add} …")

    def _be(self, busy: str) -> None:
        self.busy = busy
        self.changed.emit()

    def _run(
        self,
        do: Callable[[], Any],
        done: Callable[[Any], None],
        at_end: Callable[[Any], None] | None = None,
    ) -> None:
        def failed(error: Exception) -> None:
            self._be("")
            self._keeping.words.tell_failure(error)

        self._keeping.errands.run(do, done, failed, at_end)

    def _say(self, sentence: str) -> None:
        self._keeping.words.say("info", sentence)
