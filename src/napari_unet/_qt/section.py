"""One step of the loop: a title line that shows its state, and a body that folds away."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

_INDENT = 18
"""Under the title's number."""


class ElidedLabel(QLabel):
    """One line of text that is shortened with an ellipsis instead of widening the dock."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self._full_text = ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setText(text)

    def text(self) -> str:
        """Return the whole text, also where it is shown shortened."""
        return self._full_text

    def setText(self, text: str) -> None:
        """Show a text; the whole of it is in the tooltip where it does not fit."""
        self._full_text = text
        self._elide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Shorten for the new width."""
        super().resizeEvent(event)
        self._elide()

    def minimumSizeHint(self) -> QSize:
        """Return a width that lets the layout shrink the label."""
        return QSize(20, super().minimumSizeHint().height())

    def _elide(self) -> None:
        # Under napari's style a label keeps half an x at its side, and its text would be cut off at the front.
        room = self.contentsRect().width() - self.fontMetrics().horizontalAdvance("x")
        shown = self.fontMetrics().elidedText(self._full_text, Qt.TextElideMode.ElideRight, room)
        super().setText(shown)
        self.setToolTip(self._full_text if shown != self._full_text else "")


class Section(QWidget):
    """A numbered step.

    Signals
    -------
    toggled(bool)
        The user or the dock opened or folded it.
    """

    toggled = Signal(bool)

    def __init__(self, number: int, title: str, tooltip: str, body: QWidget) -> None:
        super().__init__()
        self.body = body
        self._title = QToolButton()
        self._title.setText(f"{number}  {title}")
        self._title.setToolTip(tooltip)
        self._title.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._title.setAutoRaise(True)
        self._title.setCheckable(True)
        font = self._title.font()
        font.setBold(True)
        font.setPointSizeF(font.pointSizeF() * 1.1)
        self._title.setFont(font)
        self._title.toggled.connect(self._show_body)
        self._state = ElidedLabel()
        self._state.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)

        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.addWidget(self._title)
        head.addWidget(self._state, 1)
        line = QFrame()
        line.setFrameShape(QFrame.Shape.HLine)
        line.setFrameShadow(QFrame.Shadow.Plain)
        line.setEnabled(False)

        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(line)
        layout.addLayout(head)
        indented = QVBoxLayout()
        indented.setContentsMargins(_INDENT, 2, 2, 8)
        indented.addWidget(body)
        layout.addLayout(indented)
        self._show_body(False)

    def is_open(self) -> bool:
        """Whether the body is shown."""
        return bool(self._title.isChecked())

    def set_open(self, opened: bool) -> None:
        """Show or fold the body."""
        self._title.setChecked(opened)

    def state(self) -> str:
        """Return what the title line says at its right."""
        return self._state.text()

    def set_state(self, text: str) -> None:
        """Say in a few words how far this step is."""
        self._state.setText(text)

    def _show_body(self, opened: bool) -> None:
        self._title.setArrowType(Qt.ArrowType.DownArrow if opened else Qt.ArrowType.RightArrow)
        self.body.setVisible(opened)
        self.toggled.emit(opened)
