"""How one measure is spread over the objects, and where the chosen object stands."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from qtpy.QtGui import QPalette
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_unet._qt.measurements.table_model import title_of
from napari_unet._qt.rows import combo, refill
from napari_unet.objects.tables import Columns

_HEIGHT = 96
_BARS = "#56b4e9"
_CHOSEN = "#e69f00"
_MOST_BINS = 24
_NO_MEASURES = ("label", "cut_by_edge")


class Histogram(QWidget):
    """A small histogram of the measure that is chosen above it."""

    def __init__(self, wanted: tuple[str, ...]) -> None:
        """`wanted` names what is shown first, where it was measured."""
        super().__init__()
        self._wanted = wanted
        self._columns: Columns = {}
        self.measure = combo([], "Which measure is shown.")
        self.measure.currentIndexChanged.connect(self._draw)
        self._plot = pg.PlotWidget(background=None)
        self._plot.setFixedHeight(_HEIGHT)
        self._plot.setMenuEnabled(False)
        self._plot.setMouseEnabled(x=False, y=False)
        self._plot.hideButtons()
        item = self._plot.getPlotItem()
        item.getAxis("left").setWidth(30)
        for side in ("left", "bottom"):
            item.getAxis(side).enableAutoSIPrefix(False)
        self._bars = pg.BarGraphItem(x=[], height=[], width=1, brush=_BARS, pen=None)
        self._place = pg.InfiniteLine(angle=90, pen=pg.mkPen(_CHOSEN, width=2))
        self._place.setVisible(False)
        item.addItem(self._bars)
        item.addItem(self._place)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.measure)
        layout.addWidget(self._plot)
        self.set_colours(self.palette().color(QPalette.ColorRole.WindowText).name(), None)

    def show_columns(self, columns: Columns) -> None:
        """Show a table's measures; what was chosen stays, where it is there."""
        self._columns = columns
        names = [
            name for name, values in columns.items()
            if values.dtype.kind in "iuf" and name not in _NO_MEASURES and not name.startswith("plane-")
        ]  # fmt: skip
        chosen = self.measure.currentData()
        first = next((name for name in self._wanted if name in names), names[0] if names else None)
        refill(self.measure, [(title_of(name), name) for name in names], chosen if chosen in names else first)
        self._draw()

    def mark(self, entry: int | None) -> None:
        """Show where an entry of the table stands."""
        name = self.measure.currentData()
        value = float(self._columns[name][entry]) if entry is not None and name in self._columns else np.nan
        self._place.setVisible(bool(np.isfinite(value)))
        if np.isfinite(value):
            self._place.setValue(value)

    def heights(self) -> NDArray[np.int64]:
        """Return how many objects are in each bar."""
        counts, _ = self._counted()
        return counts

    def set_colours(self, colour: str, background: str | None) -> None:
        """Follow the theme."""
        self._plot.setBackground(background)
        for side in ("left", "bottom"):
            axis = self._plot.getPlotItem().getAxis(side)
            axis.setPen(pg.mkPen(colour, width=1))
            axis.setTextPen(colour)

    def _counted(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        values = np.asarray(self._columns.get(self.measure.currentData(), []), np.float64)
        values = values[np.isfinite(values)]
        if not values.size:
            return np.zeros(0, np.int64), np.zeros(1)
        n_bins = int(np.clip(np.sqrt(values.size) * 2, 5, _MOST_BINS))
        counts, edges = np.histogram(values, n_bins)
        return counts, edges

    def _draw(self, *_: object) -> None:
        counts, edges = self._counted()
        width = float(edges[1] - edges[0]) if counts.size else 1.0
        self._bars.setOpts(x=edges[:-1] + width / 2, height=counts, width=width * 0.92)
        self._place.setVisible(False)
        self._plot.setAccessibleName(f"Histogram of {self.measure.currentText()}")
        if counts.size:
            self._plot.setXRange(float(edges[0]), float(edges[-1]), padding=0.02)
            self._plot.setYRange(0, float(counts.max()), padding=0.05)
