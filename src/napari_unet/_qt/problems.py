"""What hinders a good training, each with a button that goes there, and one that fixes it where that is safe."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QHBoxLayout, QLabel, QStyle, QVBoxLayout, QWidget

from napari_unet._qt.job import Job, start_job
from napari_unet._qt.loop import Loop
from napari_unet._qt.rows import hint, small_button
from napari_unet._qt.tab_order import tab_in_order
from napari_unet.session import label_problems

_QUIET_MS = 500
_MOST_SHOWN = 3


class Problems(QWidget):
    """Looks through the annotation of the current plane half a second after the last stroke, in a thread."""

    def __init__(self, loop: Loop, before: QWidget) -> None:
        super().__init__()
        self._loop = loop
        self._before = before  # what has the focus before the rows
        self._shown: list[tuple[Any, str | None]] = []
        self._job: Job | None = None
        self._again = False
        self._looked_at: object = None
        self._quiet = QTimer(self)
        self._quiet.setSingleShot(True)
        self._quiet.setInterval(_QUIET_MS)
        self._quiet.timeout.connect(self.look)
        self._rows = QVBoxLayout(self)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(2)
        loop.edited.connect(self._quiet.start)

    def summary(self) -> str:
        """Return a few words for the title line."""
        if any(problem.blocking for problem in self.found()):
            return "not enough yet"
        n = len(self._shown)
        return f"{n} hint{'s' * (n > 1)}" if n else "ready to train"

    def found(self) -> list[Any]:
        """Return the problems that are shown."""
        return [problem for problem, _ in self._shown]

    def refresh(self) -> None:
        """Look again where the annotation or the plane is another one."""
        session = self._loop.session
        painting = session.painting
        now = (
            id(session.annotation),
            self._loop.layers.current_plane(),
            session.regions,
            session.labels_are,
            painting.marked if painting else None,
            painting.class_names if painting else (),
            session.state.object_size_override,
            session.sizes.last,
        )
        if now != self._looked_at:
            self._looked_at = now
            self._quiet.start()

    def look(self) -> None:
        """Start to look for problems."""
        session, plane = self._loop.session, self._loop.layers.current_plane()
        if session.painting is None or plane is None:
            self._show([])
            return
        if self._job is not None:
            self._again = True
            return
        task = label_problems.prepare(session.state, session.sizes, plane)
        self._job = start_job(
            "looking for problems",
            lambda *_: task.run(),
            completed=self._show,
            failed=self._failed,
            finished=self._ended,
            asks=False,
        )

    def _show(self, problems: list[tuple[Any, str | None]]) -> None:
        if problems == self._shown and self._rows.count():
            return
        self._shown = problems
        while self._rows.count():
            self._rows.takeAt(0).widget().deleteLater()
        # First things first: as long as no training can start, hints on how to make it better only distract.
        worth_showing = [each for each in problems if each[0].blocking] or problems
        rows = [self._row(problem, repair) for problem, repair in worth_showing[:_MOST_SHOWN]]
        for made in rows:
            self._rows.addWidget(made)
        if len(worth_showing) > _MOST_SHOWN:
            self._rows.addWidget(hint(f"… and {len(worth_showing) - _MOST_SHOWN} more."))
        tab_in_order(self._before, *rows)
        self._loop.refresh_soon()

    def _row(self, problem: Any, repair: str | None) -> QWidget:
        widget = QWidget()
        layout = QHBoxLayout(widget)
        layout.setContentsMargins(0, 0, 0, 0)
        kind = (
            QStyle.StandardPixmap.SP_MessageBoxWarning
            if problem.blocking
            else QStyle.StandardPixmap.SP_MessageBoxInformation
        )
        icon = QLabel()
        icon.setPixmap(self.style().standardIcon(kind).pixmap(14, 14))
        layout.addWidget(icon)
        layout.addWidget(hint(problem.sentence), 1)
        if problem.where is not None:
            layout.addWidget(
                small_button(
                    "Go there",
                    "Show this place in the middle of the canvas.",
                    lambda: self._go(problem.where),
                )
            )
        if repair is not None:
            layout.addWidget(small_button("Fix", f"{repair} Undo takes it back.", lambda: self._fix(problem)))
        return widget

    def _go(self, where: tuple[int, ...]) -> None:
        with self._loop.telling("Going there"):
            plane = self._loop.plane()
            self._loop.layers.go_to(where if len(where) > 2 else (*plane, *where))

    def _fix(self, problem: Any) -> None:
        with self._loop.telling("Fixing"):
            self._loop.layers.settle()
            done = self._loop.session.annotating.fix(self._loop.plane(), problem)
            self._loop.say(
                "info", f"{done}: done; Undo takes it back." if done else "There is nothing to fix any more."
            )
            self._loop.edited.emit()
        self.look()

    def _failed(self, error: Exception) -> None:
        self._show([])  # the log has the traceback; hints are no reason to interrupt anybody

    def _ended(self) -> None:
        self._job = None
        if self._again:
            self._again = False
            self._quiet.start()
