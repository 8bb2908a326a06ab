"""*Would more labels help?*: trainings on parts of the annotation, drawn beside one's own agreement."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QCheckBox, QProgressBar, QVBoxLayout, QWidget

from napari_unet._qt.job import Job, start_job
from napari_unet._qt.loop import Loop
from napari_unet._qt.rows import button, hint, row
from napari_unet.annotation.coding import LabelsAre
from napari_unet.session.blind import OWN_AGREEMENT, Agreement
from napari_unet.session.learning import prepare_learning_curve

IDLE_MS = 120_000
"""Time without a stroke, a training or a segmentation after which it begins by itself."""
_CURVE, _NEXT, _OWN = "#56b4e9", "#e69f00", "#009e73"
_HEIGHT = 150


class LearningPanel(QWidget):
    """A button, and the curve that came out."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self._job: Job | None = None
        self._curve: Any = None
        self._measured_at = -1  # edits of the canvas when it was last begun
        self.start = button(
            "Find out",
            "Train briefly on a quarter, a half and all of your objects, and see how good each becomes where none "
            "trained. Takes some minutes; go on working meanwhile.",
            self._press,
        )
        self.by_itself = QCheckBox("when idle")
        self.by_itself.setToolTip(
            "<p>Begin by itself after two minutes without work, once per round. It leaves a core free and makes way "
            "for a training.</p>"
        )
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.words = hint(
            "Not known yet: find out whether twenty more objects would make the network better."
        )
        self.plot = pg.PlotWidget(background=None)
        self.plot.setFixedHeight(_HEIGHT)
        self.plot.setMenuEnabled(False)
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.hideButtons()
        self.plot.setAccessibleName("F1 in held-out places against the number of objects trained on")
        self.plot.getPlotItem().setLabel("bottom", "objects trained on")
        self.plot.getPlotItem().setLabel("left", "F1 held out")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (row(self.start, self.by_itself), self.progress, self.words, self.plot):
            layout.addWidget(part)
        self.plot.setVisible(False)
        self._idle = QTimer(self)
        self._idle.setSingleShot(True)
        self._idle.setInterval(IDLE_MS)
        self._idle.timeout.connect(self.begin_if_idle)
        loop.edited.connect(self._idle.start)
        loop.round_done.connect(self._idle.start)
        loop.segmented.connect(self._idle.start)
        loop.training_run.changed.connect(self._make_way)
        loop.album.leaving.connect(self.stop)
        loop.ended.connect(self.stop)
        self.refresh()

    def set_colours(self, text: str, background: str) -> None:
        """Follow the theme."""
        self.plot.setBackground(background)
        for name in ("bottom", "left"):
            axis = self.plot.getPlotItem().getAxis(name)
            axis.setPen(pg.mkPen(text, width=1))
            axis.setTextPen(text)

    def refresh(self) -> None:
        """Show whether it runs."""
        session = self._loop.session
        running = self._job is not None
        self.start.setText("Stop" if running else "Find out")
        possible = session.annotation is not None and session.labels_are is LabelsAre.OBJECTS
        self.start.setEnabled(running or (possible and self._loop.training is None))
        self.progress.setVisible(running)

    def begin_if_idle(self) -> None:
        """Begin where the user wants it, a round was trained since the last time, and nothing runs."""
        loop, n = self._loop, len(self._loop.session.rounds.all)
        quiet = loop.training is None and loop.segmentation is None and self._job is None
        if self.by_itself.isChecked() and quiet and n and n != self._measured_at:
            self.begin(quietly=True)

    def begin(self, quietly: bool = False) -> None:
        """Begin; what keeps it from beginning is said, unless nobody asked."""
        self._measured_at = len(self._loop.session.rounds.all)
        with self._loop.telling("Finding out"):
            self._loop.layers.settle()
            task = prepare_learning_curve(self._loop.session.state, self._loop.keeping.companions())
            self._job = start_job(
                "finding out whether more labels would help",
                task.run,
                completed=self._take,
                failed=self._fail_quietly if quietly else self._loop.tell_failure,
                stopped=self._tell_stopped,
                finished=self._ended,
                progressed=self._show_progress,
                asks=False,
            )
        self.refresh()

    def stop(self, *_: object) -> None:
        """Ask for the end."""
        if self._job is not None:
            self._job.quit()

    def show_curve(self, curve: Any) -> None:
        """Draw a curve, and how well one agrees with oneself where that is known."""
        self._curve = curve
        self.words.setText(str(curve))
        self._draw()

    def redraw(self) -> None:
        """Draw again: one's own agreement is another one."""
        if self._curve is not None:
            self._draw()

    # ---- inside --------------------------------------------------------------------------------------------

    def _press(self) -> None:
        if self._job is not None:
            self.stop()
        else:
            self.begin()

    def _make_way(self) -> None:
        if self._loop.training is not None:
            self.stop()
        self.refresh()

    def _draw(self) -> None:
        curve, item = self._curve, self.plot.getPlotItem()
        item.clear()
        n = np.array([point.n for point in curve.points])
        f1 = np.array([point.f1.value for point in curve.points])
        low, high = (
            np.array([getattr(point.f1, side) for point in curve.points]) for side in ("low", "high")
        )
        item.addItem(
            pg.ErrorBarItem(x=n, y=f1, top=high - f1, bottom=f1 - low, beam=1.5, pen=pg.mkPen(_CURVE))
        )
        item.plot(
            n, f1, pen=pg.mkPen(_CURVE, width=2), symbol="o", symbolSize=7, symbolBrush=_CURVE, symbolPen=None
        )
        from napari_unet.workflow.learning_curve import NEXT

        x, y = np.array([n[-1] + NEXT]), np.clip(f1[-1:] + curve.gain, 0, 1)
        top, bottom = max(curve.high - curve.gain, 0.0), max(curve.gain - curve.low, 0.0)
        item.addItem(pg.ErrorBarItem(x=x, y=y, top=top, bottom=bottom, beam=1.5, pen=pg.mkPen(_NEXT)))
        item.plot(x, y, pen=None, symbol="d", symbolSize=9, symbolBrush=_NEXT, symbolPen=None)
        project = self._loop.keeping.project
        own = Agreement.read(project.notes.get(OWN_AGREEMENT)) if project is not None else None
        if own is not None and own.f1 is not None:
            pen = pg.mkPen(_OWN, width=2, style=pg.QtCore.Qt.PenStyle.DashLine)
            label = {"position": 0.06, "color": _OWN}
            item.addItem(pg.InfiniteLine(own.f1.value, angle=0, pen=pen, label="you", labelOpts=label))
        item.setYRange(0, 1, padding=0.05)
        self.plot.setVisible(True)

    def _take(self, curve: Any) -> None:
        self.show_curve(curve)
        self._loop.say("info", str(curve))

    def _fail_quietly(self, error: Exception) -> None:
        self.words.setText(str(error))

    def _tell_stopped(self) -> None:
        self.words.setText("It was stopped before it knew; begin again when there is time.")

    def _ended(self) -> None:
        self._job = None
        self.refresh()

    def _show_progress(self, reports: list[Any]) -> None:
        fraction, message = reports[-1]
        self.progress.setValue(round(1000 * fraction))
        if message:
            self.progress.setFormat(message)
