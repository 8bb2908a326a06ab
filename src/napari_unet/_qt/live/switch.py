"""The switch for live work, and what it says."""

from __future__ import annotations

from qtpy.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from napari_unet._qt.loop import Loop
from napari_unet._qt.rows import hint

TOOLTIP = (
    "<p>From the first strokes on, without pressing Train: after every stroke the Segmentation layer shows what your "
    "strokes say about all that you see. Correct it or accept objects as after a training.</p>"
)


class LiveSwitch(QWidget):
    """Turns live work on and off, and says what is shown."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self.live = QCheckBox("Live: the overlay follows the brush")
        self.live.setToolTip(TOOLTIP)
        self.live.toggled.connect(loop.live_run.switch)
        self.status = hint()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.live)
        layout.addWidget(self.status)
        loop.live_run.changed.connect(self.refresh)

    def refresh(self) -> None:
        """Show whether it is on, and what it says."""
        run = self._loop.live_run
        self.live.blockSignals(True)
        self.live.setChecked(run.is_on)
        self.live.blockSignals(False)
        self.status.setText(run.live.status)
        self.status.setVisible(run.is_on and bool(run.live.status))
