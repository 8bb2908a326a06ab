"""A window that shows a text to be copied."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QDialog, QPlainTextEdit, QVBoxLayout, QWidget

from napari_unet._qt.rows import button, hint, row


class TextWindow(QDialog):
    """Shows a text beside the dock; work goes on meanwhile.

    Parameters
    ----------
    parent
        Goes with its window.
    about
        What the text is, in a sentence.
    """

    def __init__(self, parent: QWidget, title: str, about: str, text: str) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.text = QPlainTextEdit(text)
        self.text.setReadOnly(True)
        self.copy = button("Copy", "Put all of it into the clipboard.", self._copy, strong=True)
        layout = QVBoxLayout(self)
        layout.addWidget(hint(about))
        layout.addWidget(self.text, 1)
        layout.addWidget(row(self.copy, button("Close", "Close this window.", self.close)))
        self.resize(640, 480)

    def _copy(self) -> None:
        QApplication.clipboard().setText(self.text.toPlainText())
        self.copy.setText("Copied")
