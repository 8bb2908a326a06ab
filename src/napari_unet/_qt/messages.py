"""The line at the bottom of the dock: the last sentence, with an icon for how bad it is."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QStyle, QWidget

_ICONS = {
    "info": QStyle.StandardPixmap.SP_MessageBoxInformation,
    "warning": QStyle.StandardPixmap.SP_MessageBoxWarning,
    "error": QStyle.StandardPixmap.SP_MessageBoxCritical,
}


class MessageLine(QWidget):
    """Shows one sentence at a time; older ones are in its tooltip."""

    def __init__(self, kept: int = 6) -> None:
        super().__init__()
        self._kept = kept
        self._sentences: list[tuple[str, str]] = []
        self._icon = QLabel()
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self._text, 1)
        self.setVisible(False)

    def say(self, level: str, sentence: str) -> None:
        """Show a sentence; `level` is ``"info"``, ``"warning"`` or ``"error"``."""
        self._sentences = [*self._sentences, (level, sentence)][-self._kept :]
        icon = self.style().standardIcon(_ICONS.get(level, _ICONS["info"]))
        self._icon.setPixmap(icon.pixmap(QSize(16, 16)))
        self._icon.setAccessibleName(level)
        self._text.setText(sentence)
        older = [text for _, text in self._sentences[:-1]]
        self.setToolTip("\n".join(["Before that:", *older]) if older else "")
        self.setVisible(True)

    def level(self) -> str:
        """Return the level of the sentence that is shown, empty where there is none."""
        return self._sentences[-1][0] if self._sentences else ""

    def text(self) -> str:
        """Return the sentence that is shown."""
        return self._sentences[-1][1] if self._sentences else ""
