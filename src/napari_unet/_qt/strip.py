"""Training patches as the network sees them: image, target and weights side by side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QImage, QPixmap, QResizeEvent
from qtpy.QtWidgets import QLabel, QSizePolicy


class Strip(QLabel):
    """Shows an RGB array as wide as the dock is."""

    def __init__(self) -> None:
        super().__init__()
        self._pixmap: QPixmap | None = None
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Training patches")
        self.setToolTip(
            "<p>Patches as the network gets them after augmentation. From top to bottom: image, target, "
            "weights. Black in the weights means: this pixel teaches nothing.</p>"
        )

    def set_rgb(self, rgb: NDArray[np.uint8]) -> None:
        """Show an array of shape ``(Y, X, 3)``."""
        rgb = np.ascontiguousarray(rgb)
        height, width, _ = rgb.shape
        image = QImage(rgb.data, width, height, 3 * width, QImage.Format.Format_RGB888)
        self._pixmap = QPixmap.fromImage(image.copy())  # the copy owns its pixels, `rgb` may go
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Scale to the new width."""
        super().resizeEvent(event)
        self._fit()

    def sizeHint(self) -> QSize:
        """Return a width that never widens the dock."""
        return QSize(100, super().sizeHint().height())

    def _fit(self) -> None:
        if self._pixmap is None or self.width() < 8:
            return
        scaled = self._pixmap.scaledToWidth(self.width(), Qt.TransformationMode.SmoothTransformation)
        if self.pixmap().size() != scaled.size() or self.height() != scaled.height():
            self.setFixedHeight(scaled.height())
        self.setPixmap(scaled)
