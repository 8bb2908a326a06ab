"""The training drawn live: the loss, and how good the network is in held-out places."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtGui import QPalette
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_unet.network.budget import SMOOTH_STEPS

_LOSS = "#e69f00"
_HELD_OUT = "#56b4e9"
_HEIGHT = 150
_MOST_POINTS = 400


class Curves(QWidget):
    """Loss over the steps on the left axis, held-out quality from 0 to 1 on the right one."""

    def __init__(self) -> None:
        super().__init__()
        self._loss: list[tuple[float, float]] = []
        self._quality: list[tuple[float, float]] = []
        # The colours belong to this plot: pyqtgraph's global ones are shared with other plugins.
        self._plot = pg.PlotWidget(background=None)
        self._plot.setFixedHeight(_HEIGHT)
        self._plot.setMenuEnabled(False)
        self._plot.setMouseEnabled(x=False, y=False)
        self._plot.hideButtons()
        self._plot.setAccessibleName("Curves of the training")
        item = self._plot.getPlotItem()
        item.setLabel("bottom", "step")
        item.setLabel("left", "loss", color=_LOSS)
        item.setLabel("right", "held out", color=_HELD_OUT)
        for side in ("left", "bottom"):  # the axes are numbers as they are, not thousandths
            item.getAxis(side).enableAutoSIPrefix(False)
        item.getAxis("left").setWidth(60)
        item.getAxis("right").setWidth(44)
        item.getAxis("bottom").setHeight(44)
        item.layout.setContentsMargins(6, 9, 6, 6)  # pyqtgraph lets the axes' names and numbers stand out
        self._loss_curve = item.plot(pen=pg.mkPen(_LOSS, width=2))
        self._quality_view = pg.ViewBox(enableMenu=False, enableMouse=False)
        item.scene().addItem(self._quality_view)
        item.getAxis("right").linkToView(self._quality_view)
        self._quality_view.setXLink(item.vb)
        self._quality_view.setYRange(0, 1, padding=0.05)
        self._quality_curve = pg.PlotDataItem(
            pen=pg.mkPen(_HELD_OUT, width=2, style=pg.QtCore.Qt.PenStyle.DashLine),
            symbol="o",
            symbolSize=5,
            symbolBrush=_HELD_OUT,
            symbolPen=None,
        )
        self._quality_view.addItem(self._quality_curve)
        item.vb.sigResized.connect(self._follow)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._plot)
        self.set_text_colour(self.palette().color(QPalette.ColorRole.WindowText).name())

    def clear(self) -> None:
        """Start a new training."""
        self._loss, self._quality = [], []
        self._draw()

    def add(self, reports: Iterable[Any]) -> None:
        """Draw more reports of a training: their ``step``, ``loss`` and ``held_out`` scores."""
        for report in reports:
            if report.loss is not None and np.isfinite(report.loss):
                self._loss.append((report.step, report.loss))
            quality = quality_of(report.held_out)
            if quality is not None:
                self._quality.append((report.step, quality))
        self._draw()

    def show_past(self, loss: Sequence[float], held_out: Iterable[tuple[int, dict[str, float]]]) -> None:
        """Draw a training that has ended: its loss of every step, and its held-out scores by step."""
        self._loss, smooth = [], 0.0
        for step, value in enumerate(loss, 1):
            if np.isfinite(value):
                smooth += (value - smooth) / min(step, SMOOTH_STEPS)
                self._loss.append((step, smooth))
        found = [(float(step), quality_of(scores)) for step, scores in held_out]
        self._quality = [(step, quality) for step, quality in found if quality is not None]
        self._draw()

    def n_points(self) -> tuple[int, int]:
        """Return how many losses and how many held-out scores are known."""
        return len(self._loss), len(self._quality)

    def set_colours(self, colour: str, background: str) -> None:
        """Follow the theme: axes and numbers in a colour that can be read on its background."""
        self._plot.setBackground(background)
        self.set_text_colour(colour)

    def set_text_colour(self, colour: str) -> None:
        """Draw axes and numbers in a colour."""
        for name in ("bottom", "left", "right"):
            axis = self._plot.getPlotItem().getAxis(name)
            axis.setPen(pg.mkPen(colour, width=1))
            axis.setTextPen(colour)

    def _draw(self) -> None:
        self._loss_curve.setData(*_columns(_thinned(self._loss)))
        self._quality_curve.setData(*_columns(self._quality))
        self._plot.getPlotItem().showAxis(
            "right", bool(self._quality)
        )  # an axis without a curve would puzzle

    def _follow(self) -> None:
        self._quality_view.setGeometry(self._plot.getPlotItem().vb.sceneBoundingRect())


def quality_of(held_out: dict[str, float] | None) -> float | None:
    """Return the held-out score that decides which weights are kept, 0 to 1."""
    score = (held_out or {}).get("score")
    return score if score is not None and np.isfinite(score) else None


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    # Means of neighbours: the trend stays, thousands of points never slow the window.
    if len(points) <= _MOST_POINTS:
        return points
    blocks = np.array_split(np.array(points), _MOST_POINTS)
    return [(float(block[:, 0].mean()), float(block[:, 1].mean())) for block in blocks]


def _columns(points: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]
