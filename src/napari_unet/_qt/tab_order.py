"""The order in which the Tab key goes through the dock, where widgets are made late."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QWidget


def tab_in_order(before: QWidget, *parts: QWidget) -> None:
    """Let Tab go from a widget into parts that were made after others: Qt would visit them last.

    Parameters
    ----------
    before
        Has the focus just before the parts, and lies in the same window.
    parts
        In the order in which they lie; inside of each the order is that in which its widgets were made.
    """
    window = before.window()
    for part in parts:
        for widget in (part, *part.findChildren(QWidget)):
            if widget.window() != window:  # the list of a choice, which opens as a window of its own
                continue
            if widget.focusPolicy() & Qt.FocusPolicy.TabFocus == Qt.FocusPolicy.TabFocus:
                QWidget.setTabOrder(before, widget)
                before = widget
