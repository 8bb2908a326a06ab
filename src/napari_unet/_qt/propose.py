"""A first segmentation without any network: threshold and watershed, with two sliders."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QCheckBox, QFormLayout, QVBoxLayout, QWidget
from superqt import QLabeledDoubleSlider

from napari_unet._qt.job import Job, start_job
from napari_unet._qt.loop import Loop
from napari_unet._qt.rows import button, hint, row

_QUIET_MS = 120


class Propose(QWidget):
    """Fills the Segmentation layer, never the annotation."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self._job: Job | None = None
        self._task: Any = None
        self._again = False
        self.threshold = _slider(
            -1.0, 1.0, 0.0, "Lower finds more and larger objects, higher fewer and smaller ones."
        )
        self.splitting = _slider(0.0, 1.0, 0.5, "Higher cuts touching objects into more pieces.")
        self.local = QCheckBox("Uneven light: a local threshold")
        self.local.setToolTip("<p>Threshold each place against the brightness around it.</p>")
        self.sentence = hint("Move a slider to see a proposal. It fills the Segmentation layer.")
        self.accept = button(
            "Accept all of it",
            "Take the proposed objects into your annotation; undo takes it back.",
            self._accept,
        )
        self.accept.setEnabled(False)
        self._quiet = QTimer(self)
        self._quiet.setSingleShot(True)
        self._quiet.setInterval(_QUIET_MS)
        self._quiet.timeout.connect(self.propose)
        for slider in (self.threshold, self.splitting):
            slider.valueChanged.connect(self._quiet.start)
        self.local.toggled.connect(self._quiet.start)
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Threshold", self.threshold)
        form.addRow("Splitting", self.splitting)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(form)
        layout.addWidget(self.local)
        layout.addWidget(self.sentence)
        layout.addWidget(row(button("Propose", "Propose with these sliders.", self.propose), self.accept))

    def propose(self) -> None:
        """Show what the sliders give; while a proposal is made, only the newest wish waits."""
        if self._job is not None:
            self._again = True
            return
        with self._loop.telling("Proposing"):
            self._task = self._loop.session.segmenting.prepare_proposal(
                self._loop.plane(), self.threshold.value(), self.splitting.value(), self.local.isChecked()
            )
            run = self._task.run
            self._job = start_job(
                "proposal",
                lambda on_report, should_stop: run(),
                completed=self._show,
                failed=self._loop.tell_failure,
                finished=self._end,
                asks=False,
            )

    def _show(self, labels: Any) -> None:
        if (
            self._again or self._loop.layers.dragging()
        ):  # a newer one follows; nothing changes under the brush
            self._again = True
            return
        with self._loop.telling("Proposing"):
            n = self._loop.session.segmenting.finish_proposal(self._task, labels)
            has_annotation = self._loop.session.annotation is not None
            self.sentence.setText(
                f"{n} objects proposed. Correct the Segmentation layer, or accept what is right."
                if has_annotation
                else f"{n} objects proposed. Make an annotation layer above to accept what is right."
            )
            self.accept.setEnabled(n > 0 and has_annotation)
            self._loop.segmented.emit()

    def _end(self) -> None:
        self._job = None
        if self._again:
            self._again = False
            self._quiet.start()

    def _accept(self) -> None:
        self._loop.accepting.accept()


def _slider(low: float, high: float, value: float, tooltip: str) -> QLabeledDoubleSlider:
    slider = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
    slider.setRange(low, high)
    slider.setValue(value)
    slider.setDecimals(2)
    slider.setToolTip(f"<p>{tooltip}</p>")
    return slider
