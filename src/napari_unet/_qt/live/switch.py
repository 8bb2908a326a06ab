"""The switch for live work, and what it says."""

from __future__ import annotations

from qtpy.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from napari_unet._qt.loop import Loop
from napari_unet._qt.rows import combo, hint, row
from napari_unet.session.live.meanwhile import Effort

TOOLTIP = (
    "<p>From the first strokes on, without pressing Train: after every stroke the Segmentation layer shows what your "
    "strokes say about all that you see, and the network learns from them meanwhile. Correct it or accept objects as "
    "after a training.</p>"
)


class LiveSwitch(QWidget):
    """Turns live work on and off, and says what is shown."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self.live = QCheckBox("Live: the overlay follows the brush")
        self.live.setToolTip(TOOLTIP)
        self.live.toggled.connect(loop.live_run.switch)
        self.effort = combo(
            [
                ("the network learns", Effort.TRAIN),
                ("it learns quietly", Effort.QUIET),
                ("preview only", Effort.PREVIEW),
            ],
            "What goes on while you paint. The network learns from your strokes with all cores but one, and is shown "
            "as soon as it is better than the preview. Quietly: half of one core, for a laptop on battery.",
        )
        self.effort.currentIndexChanged.connect(self._set_effort)
        self._meanwhile = row("Meanwhile", self.effort, stretch=1)
        self.status = hint()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.live)
        layout.addWidget(self._meanwhile)
        layout.addWidget(self.status)
        loop.live_run.changed.connect(self.refresh)

    def _set_effort(self, *_: object) -> None:
        self._loop.live_run.live.set_effort(self.effort.currentData())

    def refresh(self) -> None:
        """Show whether it is on, and what it says."""
        run = self._loop.live_run
        self.live.blockSignals(True)
        self.live.setChecked(run.is_on)
        self.live.blockSignals(False)
        self._meanwhile.setVisible(run.is_on)
        self.status.setText(run.live.status)
        self.status.setVisible(run.is_on and bool(run.live.status))
