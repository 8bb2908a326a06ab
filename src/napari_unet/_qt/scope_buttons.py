"""The buttons that say how much of an image is segmented."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QWidget

from napari_unet._qt.rows import button
from napari_unet.session.image import ImageSource
from napari_unet.session.scope import Scope, scopes_of

_TOOLTIPS = {
    Scope.PLANE: "Segment the plane that is shown.",
    Scope.STACK: "Segment all planes of the time point that is shown, first the one you look at.",
    Scope.ALL: "Segment every plane, first the one you look at and those beside it. You can go on painting.",
}


class ScopeButtons(QWidget):
    """One button per scope that differs from the others for the image."""

    pressed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        self.buttons = {
            scope: button("", tooltip, lambda scope=scope: self.pressed.emit(scope), strong=True)
            for scope, tooltip in _TOOLTIPS.items()
        }
        for made in self.buttons.values():
            layout.addWidget(made)
        layout.addStretch(1)

    def show_for(self, image: ImageSource | None, possible: bool) -> None:
        """Show the scopes of an image, pressable or not."""
        offered = [Scope.PLANE] if image is None else scopes_of(image)
        words = {
            Scope.PLANE: "This plane" if len(offered) > 1 else "Segment",
            Scope.STACK: "This stack",
            Scope.ALL: _all_of(image, len(offered)),
        }
        for scope, made in self.buttons.items():
            made.setText(words[scope])
            made.setMinimumWidth(made.fontMetrics().horizontalAdvance(words[scope]) + 22)
            made.setVisible(scope in offered)
            made.setEnabled(possible)


def _all_of(image: ImageSource | None, n_scopes: int) -> str:
    if image is None or n_scopes > 2:
        return "Everything"
    leading = {axis for axis, n in zip(image.axes, image.spatial_shape[:-2], strict=False) if n > 1}
    return {"Z": "Whole stack", "T": "All time points"}.get("".join(leading), "Everything")
