"""Back to a round with the annotation that it was trained on; all that is slow runs beside the window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, QTimer

from napari_unet._qt.loop import Loop
from napari_unet.session import Round
from napari_unet.session.going_back import GoingBackTask

_STILL_DRAGGING_MS = 100


class GoingBack(QObject):
    """Keeps a snapshot of the project, puts the annotation back, and uses the round."""

    def __init__(self, loop: Loop, parent: QObject) -> None:
        super().__init__(parent)
        self._loop = loop
        self._waiting: tuple[Any, ...] = ()
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_STILL_DRAGGING_MS)
        self._later.timeout.connect(lambda: self._take(*self._waiting))

    @property
    def is_possible(self) -> bool:
        """Whether there is an annotation in a project."""
        return self._loop.keeping.keeper is not None and self._loop.session.painting is not None

    def go(self, done: Round, snapshot: Path | None = None) -> None:
        """Go back to a round, with the annotation of the image that is open.

        Parameters
        ----------
        snapshot
            Where the project as it was before is kept already.
        """
        loop = self._loop
        with loop.telling("Going back"):
            loop.layers.settle()
            keeper = loop.keeping.keeper
            if keeper is None:
                return
            task = GoingBackTask.prepare(loop.session, keeper, done)

            def read() -> tuple[Any, Path | None]:
                action = task.run()
                kept = snapshot
                if action is not None and kept is None:
                    kept = task.project.snapshot(f"before {action.name.lower()}")
                return action, kept

            loop.say("info", f"Reading the annotation of “{done.name}” …")
            loop.keeping.errands.run(read, lambda found: self._take(task, done, *found), loop.tell_failure)

    def _take(self, task: GoingBackTask, done: Round, action: Any, snapshot: Path | None) -> None:
        loop = self._loop
        if loop.layers.dragging():  # never under the brush
            self._waiting = task, done, action, snapshot
            self._later.start()
            return
        self._waiting = ()
        loop.layers.settle()
        keeper = loop.keeping.keeper
        if keeper is None or keeper.entry.id != task.image_id or done not in loop.session.rounds.all:
            loop.words.warn("Another image is open by now: nothing was changed.")
            return
        if not task.holds(loop.session):  # a stroke came in between
            self.go(done, snapshot)
            return
        with loop.telling("Going back"):
            if action is not None:
                loop.session.canvas.do(action)
            loop.session.use_round(done)
            what = "is as it was when its training began" if action is not None else "was the same then"
            kept = (
                f" Undo takes back first the segmentation, then that; before is kept in {snapshot}."
                if snapshot
                else ""
            )
            loop.say("info", f"“{done.name}” segments now; the annotation of this image {what}.{kept}")
            loop.edited.emit()
            loop.segment([loop.plane()])
