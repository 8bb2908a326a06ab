"""What the Image step says about the project, and what can be done with it."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QMenu, QPushButton, QVBoxLayout, QWidget

from napari_unet._qt.project.keeping import Keeping
from napari_unet._qt.project.moves import Moves
from napari_unet._qt.project.status import size_words
from napari_unet._qt.report import ReportWindow
from napari_unet._qt.rows import button, hint, row
from napari_unet._qt.text_window import TextWindow
from napari_unet.session.facts import describe_session
from napari_unet.session.takeaway import methods_of

METHODS = (
    "Only what was kept of the trainings stands here. Add where the images come from, and read it once as a "
    "reviewer would."
)


class ProjectRow(QWidget):
    """Name, "saved 1 s ago", and a menu."""

    def __init__(self, keeping: Keeping, moves: Moves) -> None:
        super().__init__()
        self._keeping, self._moves = keeping, moves
        self.name, self.saved = hint(), hint()
        self.menu = QMenu(self)
        self.menu.setToolTipsVisible(True)
        self._needing: list[object] = []
        self._add("Name this project …", "Move it to a folder of yours, and go on there.", self._name)
        self._add("Open project …", "Open a folder with a project.json.", self._open, always=True)
        self._add("Save a copy …", "Copy all of it as it is now; work goes on here.", self._copy)
        self._add("Snapshot", "Keep the present state inside the project.", moves.snapshot)
        self.menu.addSeparator()
        self._add(
            "Methods paragraph …",
            "What a paper says about the network in use, with references.",
            self._show_methods,
            always=True,
        )
        self._add(
            "Report a problem …",
            "Gather what helps others to find it, look it through, and save it as one file.",
            self._report,
            always=True,
        )
        self.button = QPushButton("Project")
        self.button.setToolTip("<p>Name, open, copy: everything you do is saved as you do it.</p>")
        self.button.setMenu(self.menu)
        self.copy_pixels = button(
            "Copy the pixels", "Keep them in the project, as they have no file.", keeping.copy_pixels
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(row(self.button, self.name, stretch=1))
        layout.addWidget(self.saved)
        layout.addWidget(self.copy_pixels)
        keeping.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show how things are."""
        project = self._keeping.project
        self.name.setText(self._keeping.name())
        self.name.setToolTip("" if project is None else str(project.folder))
        self.saved.setText(self._keeping.saved())
        self.saved.setVisible(bool(self.saved.text()))
        large = self._keeping.large if project is not None else None
        self.copy_pixels.setVisible(large is not None)
        if large is not None:
            self.copy_pixels.setText(f"Copy the pixels, too ({size_words(large)})")
        for action in self._needing:
            action.setEnabled(project is not None)

    def _add(self, text: str, tooltip: str, pressed: object, always: bool = False) -> None:
        action = self.menu.addAction(text)
        action.setToolTip(tooltip)
        action.triggered.connect(lambda *_: pressed())
        if not always:
            self._needing.append(action)

    def _name(self) -> None:
        self._ask_new("Where shall the project be? Give a new folder", self._moves.name_project)

    def _copy(self) -> None:
        self._ask_new("Where shall the copy be? Give a new folder", self._moves.save_copy)

    def _ask_new(self, title: str, use: object) -> None:
        image = self._keeping.session.image
        name = image.name if image is not None else "project"
        path, _ = QFileDialog.getSaveFileName(self, title, str(Path.home() / name))
        if path:
            use(Path(path))

    def _open(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Open a project")
        if folder:
            self._moves.open_project(Path(folder))

    def _show_methods(self) -> None:
        with self._keeping.words.telling("Writing the paragraph"):
            session = self._keeping.session
            text = methods_of(session.rounds, session.separating.for_network)
            TextWindow(self, "Methods paragraph", METHODS, text).show()

    def _report(self) -> None:
        session, project = self._keeping.session, self._keeping.project

        def gather_all() -> list[object]:
            from napari_unet.support.report import gather

            return gather(describe_session(session), None if project is None else project.folder)

        ReportWindow(self, self._keeping.words, gather_all).show()
