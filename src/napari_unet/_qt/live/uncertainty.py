"""Where the preview does not know: shown faintly with live work, until the user hides it."""

from __future__ import annotations

from qtpy.QtCore import QObject

from napari_unet._qt.loop import Loop
from napari_unet._qt.views import Views

KIND = "Uncertainty"
FAINT = 0.3
"""Opacity of the layer where nobody asked for it: objects and strokes stay readable under it."""
MOST_PIXELS = 2048**2
"""Larger planes take the window longer to draw than a stroke may; there it comes only when asked for."""


class UncertaintyWithLive(QObject):
    """Shows the layer when live work begins and takes it away at its end; a user who hides it is not asked again."""

    def __init__(self, loop: Loop, views: Views) -> None:
        super().__init__()
        self._loop, self._views = loop, views
        self._was_on, self._ours, self._unwanted = loop.live_run.is_on, False, False
        loop.live_run.changed.connect(self._follow)

    def _follow(self) -> None:
        on = self._loop.live_run.is_on
        if on == self._was_on:
            return
        self._was_on = on
        if on:
            self._begin()
        elif self._ours:
            self._ours = False
            self._unwanted = not self._views.wants(KIND)
            self._views.want(KIND, False)

    def _begin(self) -> None:
        image = self._loop.session.image
        small = image is not None and image.plane_shape[0] * image.plane_shape[1] <= MOST_PIXELS
        if small and not self._unwanted and not self._views.wants(KIND):
            self._ours = True
            self._views.want(KIND, True, opacity=FAINT)
