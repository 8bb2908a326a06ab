"""What only a person can say of a network before others get it: a package for the BioImage Model Zoo."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from napari_unet._qt.job import Job, start_job
from napari_unet._qt.loop import Loop
from napari_unet._qt.rows import button, hint, row
from napari_unet.session.sharing import Sharing, about_of

LICENCES = ("CC-BY-4.0", "CC0-1.0", "MIT", "BSD-3-Clause", "Apache-2.0", "GPL-3.0-or-later")


class ShareForm(QWidget):
    """Asks for names, licence and words; writes the package in a thread."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self._job: Job | None = None
        self.name = _line("Nuclei of HeLa cells", "5 to 128 letters, digits, spaces and _ + - ( ).")
        self.description = _line("Nuclei stained with DAPI, 20×", "What it finds, in a sentence.")
        self.authors = _line("A. Cell; B. Nucleus", "Who made it; several with a semicolon between them.")
        self.licence = QComboBox()
        self.licence.setEditable(True)
        self.licence.addItems(["", *LICENCES])
        self.licence.setToolTip(
            "<p>What others may do with it. CC-BY-4.0: anything, if they name you. Another one can be typed in.</p>"
        )
        self.cite = _line(
            "10.1234/our.paper", "DOIs of what should be cited beside the U-Net; may stay empty."
        )
        self.notes = QPlainTextEdit()
        self.notes.setPlaceholderText(
            "How the images were made; where the network is good, and where it is not."
        )
        self.notes.setToolTip(
            "<p>Goes into the documentation; how it was trained and its scores stand there anyway.</p>"
        )
        self.notes.setFixedHeight(64)
        # napari draws no frame around it, and it has the colour of the dock: nobody would see where to write
        self.notes.setStyleSheet("QPlainTextEdit { border: 1px solid gray; border-radius: 2px; }")
        self.notes.setTabChangesFocus(True)
        self.save = button(
            "Save package …",
            "A .zip with the network, a sample of the plane that is shown and what it makes of it, and these words.",
            self._save,
        )
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for title, field in (
            ("Name", self.name),
            ("It finds", self.description),
            ("Authors", self.authors),
            ("Licence", self.licence),
            ("To cite", self.cite),
            ("Notes", self.notes),
        ):
            field.setAccessibleName(title)
            form.addRow(title, field)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(
            hint(
                "For bioimage.io, and for programs that run its networks, such as ilastik, DeepImageJ and QuPath."
            )
        )
        layout.addLayout(form)
        layout.addWidget(row(self.save))
        self.refresh()

    def refresh(self) -> None:
        """Show whether there is a network to share."""
        self.save.setEnabled(self._job is None and self._loop.session.current is not None)

    def _save(self) -> None:
        with self._loop.telling("Saving the package"):
            sharing = Sharing.of(self._loop.session.state, self._loop.plane())
            about = about_of(
                self.name.text(),
                self.description.text(),
                self.authors.text(),
                self.licence.currentText(),
                self.cite.text(),
                self.notes.toPlainText(),
            )
            start = f"{about.name.replace(' ', '_')}.zip"
            path, _ = QFileDialog.getSaveFileName(self, "Save the package", start, "Package (*.zip)")
            if not path:
                return
            target = path if Path(path).suffix else f"{path}.zip"
            self._job = start_job(
                "saving a package",
                lambda on_report, should_stop: sharing.save(target, about) or target,
                completed=self._tell_saved,
                failed=self._loop.tell_failure,
                finished=self._end,
            )
            self._loop.say("info", f"Saving {target} …")
        self.refresh()

    def _tell_saved(self, path: str) -> None:
        self._loop.say("info", f"Saved {path}; at bioimage.io it can be uploaded as it is.")

    def _end(self) -> None:
        self._job = None
        self.refresh()


def _line(example: str, tooltip: str) -> QLineEdit:
    made = QLineEdit()
    made.setPlaceholderText(example)
    made.setToolTip(f"<p>{tooltip}</p>")
    return made
