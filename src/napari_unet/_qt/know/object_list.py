"""Objects with what became of them: a click on a line goes there."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import QHeaderView, QTreeWidget, QTreeWidgetItem

from napari_unet._qt.rows import swatch

_MOST_ROWS, _MOST_LINES = 7, 2000
_PADDING = 6


class ObjectList(QTreeWidget):
    """A table of objects.

    Signals
    -------
    went(float, float)
        Row and column of the object whose line was clicked, or reached by the arrow keys.
    """

    went = Signal(float, float)

    def __init__(self, headings: Sequence[str], tooltip: str) -> None:
        super().__init__()
        self.setHeaderLabels(list(headings))
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setToolTip(f"<p>{tooltip}</p>")
        self.setIconSize(QSize(12, 12))
        for column in range(len(headings)):
            last = column == len(headings) - 1
            mode = QHeaderView.ResizeMode.Stretch if last else QHeaderView.ResizeMode.ResizeToContents
            self.header().setSectionResizeMode(column, mode)
        self.itemClicked.connect(self._go)
        self.currentItemChanged.connect(lambda now, before: self._go(now))

    def fill(self, lines: Sequence[tuple[str, Sequence[str], tuple[float, float]]]) -> None:
        """Show objects: the colour of each, what stands in its columns, and where it is (row, column)."""
        self.blockSignals(True)
        self.clear()
        for colour, texts, place in lines[:_MOST_LINES]:
            item = QTreeWidgetItem(list(texts))
            item.setIcon(0, swatch(colour))
            item.setData(0, Qt.ItemDataRole.UserRole, place)
            self.addTopLevelItem(item)
        self.blockSignals(False)
        rows = min(max(len(lines), 1), _MOST_ROWS)
        height = self.sizeHintForRow(0) if lines else 18
        self.setFixedHeight(rows * height + self.header().sizeHint().height() + _PADDING)
        self.setVisible(bool(lines))

    def _go(self, item: QTreeWidgetItem | None, *_: object) -> None:
        place = item.data(0, Qt.ItemDataRole.UserRole) if item is not None else None
        if place is not None:
            self.went.emit(float(place[0]), float(place[1]))
