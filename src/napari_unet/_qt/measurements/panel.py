"""Measure, look at the numbers, and go from a number to its object and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import QItemSelectionModel, QSignalBlocker, Qt
from qtpy.QtWidgets import QAbstractItemView, QTableView, QVBoxLayout, QWidget

from napari_unet._qt.job import Job, start_job
from napari_unet._qt.layers.features import measured_features
from napari_unet._qt.loop import Loop
from napari_unet._qt.measurements.clicks import ObjectClicks
from napari_unet._qt.measurements.histogram import Histogram
from napari_unet._qt.measurements.table_model import TableModel
from napari_unet._qt.rows import button, hint, row
from napari_unet.objects.tables import Columns
from napari_unet.session import Which

_HEIGHT = 170
_CHANGED = "The objects changed since they were measured: measure again."


class Measurements(QWidget):
    """A table with one row per object, and two histograms; all of it follows the object that is chosen."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self._job: Job | None = None
        self._whole_only = False
        self._changed_at = self._measured_at = 0
        self._clicks = ObjectClicks()
        self._clicks.clicked.connect(self._choose_number)
        self.measure = button(
            "Measure",
            "Size, shape, place and brightness of every object; painting goes on meanwhile.",
            self._measure,
        )
        self.sentence = hint()
        self.model = TableModel()
        self.table = QTableView()
        self.table.setModel(self.model)
        self.table.setFixedHeight(_HEIGHT)
        self.table.setSortingEnabled(True)
        self.table.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.table.verticalHeader().hide()
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.selectionModel().currentRowChanged.connect(self._go_to_row)
        self.sizes = Histogram(("area_um2", "area"))
        self.intensities = Histogram(("intensity_mean-0",))
        self._shown = QWidget()
        inner = QVBoxLayout(self._shown)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addWidget(self.table)
        both = row(self.sizes, self.intensities, stretch=0)
        both.layout().setStretch(1, 1)
        inner.addWidget(both)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(row(self.measure, self.sentence, stretch=1))
        layout.addWidget(self._shown)
        loop.session.canvas.edited.connect(self._note_change)
        loop.session.canvas.array_replaced.connect(self._note_change)
        loop.layers.changed.connect(self._describe_plane)
        self.refresh()

    def refresh(self) -> None:
        """Show the session's state."""
        session = self._loop.session
        self.measure.setEnabled(self._job is None and session.segmentation is not None)
        self._shown.setVisible(self.model.rowCount() > 0)
        self._clicks.follow(self._loop.layers.layer(Which.SEGMENTATION))
        n = self.model.rowCount()
        if self._job is not None:
            self.sentence.setText("Measuring …")
        elif n and self._changed_at != self._measured_at:
            self.sentence.setText(_CHANGED)
        else:
            self.sentence.setText(
                f"{n:,} objects. A click on a row shows the object, a click on one in the layer Segmentation its row."
                if n
                else ""
            )

    def set_whole_only(self, whole_only: bool) -> None:
        """Leave out objects that the image's edge cuts, from the next measurement on."""
        self._whole_only = whole_only

    def set_colours(self, colour: str, background: str) -> None:
        """Follow the theme."""
        for histogram in (self.sizes, self.intensities):
            histogram.set_colours(colour, background)

    def _measure(self) -> None:
        with self._loop.telling("Measuring"):
            self._loop.layers.settle()
            taken, whole_only = self._loop.session.prepare_saving(), self._whole_only
            self._measured_at = self._changed_at
            self._job = start_job(
                "measuring",
                lambda on_report, should_stop: taken.table(whole_only),
                completed=self._take,
                failed=self._fail,
                finished=self._end,
            )
        self.refresh()

    def _take(self, table: Columns) -> None:
        self._show(table)

    def _fail(self, error: Exception) -> None:
        self._show({})
        self._loop.tell_failure(error)

    def _end(self) -> None:
        self._job = None
        self.refresh()

    def _show(self, table: Columns) -> None:
        with QSignalBlocker(self.table.selectionModel()):
            self.model.show(table)
        self.table.resizeColumnsToContents()
        for histogram in (self.sizes, self.intensities):
            histogram.show_columns(table)
        self._describe_plane()

    def _describe_plane(self) -> None:
        """Give the layer's features table the objects of the plane that is shown."""
        layer, table = self._loop.layers.layer(Which.SEGMENTATION), self.model.columns
        plane = self._loop.layers.current_plane()
        if layer is not None and table and plane is not None and self._changed_at == self._measured_at:
            layer.features = measured_features(table, plane)

    def _note_change(self, which: Which, *_: Any) -> None:
        self._changed_at += 1
        layer = self._loop.layers.layer(Which.SEGMENTATION)
        if self.model.rowCount() and layer is not None and len(layer.features):
            layer.features = {}  # numbers of objects that are other ones by now
            self._loop.refresh_soon()

    def _go_to_row(self, current: Any, previous: Any = None) -> None:
        if not current.isValid():
            return
        entry, table = self.model.entry(current.row()), self.model.columns
        self._mark(entry)
        where = [int(table[name][entry]) for name in table if name.startswith("plane-")]
        where += [round(float(table[name][entry])) for name in ("centroid-y", "centroid-x")]
        with self._loop.telling("Showing the object"):
            self._loop.layers.go_to(where)
            layer = self._loop.layers.layer(Which.SEGMENTATION)
            if layer is not None:
                layer.selected_label = int(table["label"][entry])

    def _choose_number(self, number: int) -> None:
        """Select the row of an object that was clicked on."""
        entry = self._entry_of(number)
        if entry is None:
            return
        index = self.model.index(self.model.row_of(entry), 0)
        with QSignalBlocker(self.table.selectionModel()):  # the object is in sight already
            flags = QItemSelectionModel.SelectionFlag
            self.table.selectionModel().setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
        self.table.viewport().update()
        self.table.scrollTo(index)
        self._mark(entry)

    def _entry_of(self, number: int) -> int | None:
        table, plane = self.model.columns, self._loop.layers.current_plane()
        if not table or plane is None:
            return None
        here = table["label"] == number
        for axis, at in enumerate(plane):
            here = here & (table[f"plane-{axis}"] == at)
        found = np.flatnonzero(here)
        return int(found[0]) if found.size else None

    def _mark(self, entry: int) -> None:
        for histogram in (self.sizes, self.intensities):
            histogram.mark(entry)
