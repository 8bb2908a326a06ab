"""A combo box whose texts stand for values of Python."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox


@dataclass(frozen=True, slots=True)
class _Held:
    """A value as neither binding changes it: PySide6 alone would make a plain text of a member of a StrEnum."""

    value: object


class Choice(QComboBox):
    """A combo box that gives back the very values that its texts were added with."""

    def addItem(self, text: str, value: object = None) -> None:
        """Add a text that stands for a value."""
        super().addItem(text, _Held(value))

    def itemData(self, index: int, role: int = Qt.ItemDataRole.UserRole) -> object:
        """Return the value of a text, ``None`` if there is no such text."""
        data = super().itemData(index, role)
        return data.value if isinstance(data, _Held) else data

    def currentData(self, role: int = Qt.ItemDataRole.UserRole) -> object:
        """Return the value of the text that is shown."""
        return self.itemData(self.currentIndex(), role)

    def findData(self, value: object) -> int:
        """Return where the first text for a value is, -1 if there is none."""
        return next((i for i in range(self.count()) if self.itemData(i) == value), -1)
