"""The report of a problem: what is in it is looked through, changed and chosen before it is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QDialog,
    QFileDialog,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from napari_unet._qt.job import Job, start_job
from napari_unet._qt.rows import button, hint, row
from napari_unet._qt.words import Words

ABOUT = (
    "Nothing is sent. This is all that the file will hold: no images, no annotation. Look through it, change it "
    "where you like, and untick what you do not want to give away."
)


class ReportWindow(QDialog):
    """Lists the pieces of a report and shows the chosen one.

    Parameters
    ----------
    parent
        Goes with its window.
    gather
        Returns the pieces; run in a thread, it takes seconds.
    """

    def __init__(self, parent: QWidget, words: Words, gather: Callable[[], list[Any]]) -> None:
        super().__init__(parent)
        self.setWindowTitle("Report a problem")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._words = words
        self._pieces: list[Any] = []
        self._shown: int | None = None
        self.about = hint("Looking at this machine and at what happened; this takes some seconds …")
        self.list = QListWidget()
        self.list.currentRowChanged.connect(self._show)
        self.text = QPlainTextEdit()
        self.save = button("Save …", "Write what is ticked into one file.", self._save, strong=True)
        self.save.setEnabled(False)
        parts = QSplitter()
        for part, share in ((self.list, 1), (self.text, 4)):
            parts.addWidget(part)
            parts.setStretchFactor(parts.count() - 1, share)
        layout = QVBoxLayout(self)
        layout.addWidget(self.about)
        layout.addWidget(parts, 1)
        layout.addWidget(row(self.save, button("Close", "Close this window.", self.close)))
        self.resize(860, 560)
        self._job: Job | None = start_job(
            "gathering a report",
            lambda on_report, should_stop: gather(),
            completed=self._take,
            failed=words.tell_failure,
            finished=self._end,
        )

    def pieces(self) -> list[Any]:
        """Return what is ticked, as it stands there now."""
        self._keep_changes()
        ticked = (self.list.item(k).checkState() == Qt.CheckState.Checked for k in range(self.list.count()))
        return [piece for piece, is_ticked in zip(self._pieces, ticked, strict=True) if is_ticked]

    def _take(self, pieces: list[Any]) -> None:
        self._pieces = pieces
        for piece in pieces:
            item = QListWidgetItem(f"{piece.name} ({_size(piece.text)})")
            item.setToolTip(f"<p>{piece.about[0].upper()}{piece.about[1:]}.</p>")
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked)
            self.list.addItem(item)
        self.about.setText(ABOUT)
        self.save.setEnabled(True)
        self.list.setCurrentRow(0)

    def _end(self) -> None:
        self._job = None
        if not self._pieces:
            self.close()  # why is said in the dock

    def _show(self, number: int) -> None:
        self._keep_changes()
        self._shown = number
        self.text.setPlainText(self._pieces[number].text)

    def _keep_changes(self) -> None:
        if self._shown is not None and self.text.document().isModified():
            self._pieces[self._shown] = replace(self._pieces[self._shown], text=self.text.toPlainText())

    def _save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, "Save the report", str(Path.home() / "napari-unet report.zip"), "Zip (*.zip)"
        )
        if not path:
            return
        with self._words.telling("Saving the report"):
            from napari_unet.support.report import write_report

            written = write_report(path, self.pieces())
            self._words.say("info", f"The report is in {written}; nothing was sent.")
            self.close()


def _size(text: str) -> str:
    n_bytes = len(text.encode())
    return f"{n_bytes / 1000:.0f} kB" if n_bytes >= 1000 else f"{n_bytes} bytes"
