"""The measurements as Qt shows them: sorted by any column, every row an object."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt

from napari_unet.objects.tables import Columns

_INTENSITIES = {
    "mean": "mean of channel", "std": "spread of channel", "min": "least of channel", "max": "most of channel",
    "sum": "sum of channel",
}  # fmt: skip
_UNITS = {"_um2": " (µm²)", "_um": " (µm)"}


class TableModel(QAbstractTableModel):
    """Columns of equal length, in the order in which they are sorted."""

    def __init__(self) -> None:
        super().__init__()
        self.columns: Columns = {}
        self._names: list[str] = []
        self._order = np.arange(0)

    def show(self, columns: Columns) -> None:
        """Show another table, in its own order."""
        self.beginResetModel()
        self.columns, self._names = columns, list(columns)
        self._order = np.arange(len(columns["label"]) if columns else 0)
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return how many objects there are."""
        return int(self._order.size)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Return how many measures there are."""
        return len(self._names)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a cell as text; numbers stand at the right."""
        value = self.columns[self._names[index.column()]][self._order[index.row()]]
        if role == Qt.ItemDataRole.DisplayRole:
            return in_words(value)
        if role == Qt.ItemDataRole.TextAlignmentRole and not isinstance(value, str):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return the name of a measure."""
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return title_of(self._names[section])
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; equal ones keep their order, empty cells come last."""
        if not 0 <= column < len(self._names):  # Qt asks for column -1 where none is chosen
            return
        self.layoutAboutToBeChanged.emit()
        values = self.columns[self._names[column]]
        rising = np.argsort(values, kind="stable")
        if order == Qt.SortOrder.DescendingOrder:
            n_empty = int(np.count_nonzero(np.isnan(values))) if values.dtype.kind == "f" else 0
            full = rising[: rising.size - n_empty]
            rising = np.concatenate([full[::-1], rising[rising.size - n_empty :]])
        self._order = rising
        self.layoutChanged.emit()

    def entry(self, row: int) -> int:
        """Return which entry of the columns a row shows."""
        return int(self._order[row])

    def row_of(self, entry: int) -> int:
        """Return the row that shows an entry of the columns."""
        return int(np.flatnonzero(self._order == entry)[0])


def in_words(value: Any) -> str:
    """Return a value of a table as text."""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else f"{value:.4g}"
    return str(value)


def title_of(name: str) -> str:
    """Return what people read over a column."""
    if name == "label":
        return "object"
    if name.startswith("plane-"):
        return f"plane {int(name[6:]) + 1}" if name != "plane-0" else "plane"
    for ending, unit in _UNITS.items():
        if name.endswith(ending):
            return name.removesuffix(ending).replace("_", " ").replace("-", " ") + unit
    if name.startswith("intensity_"):
        what, _, channel = name.removeprefix("intensity_").partition("-")
        return f"{_INTENSITIES[what]} {int(channel) + 1}"
    return name.replace("_", " ").replace("-", " ")
