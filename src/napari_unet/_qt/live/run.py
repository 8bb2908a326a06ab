"""Live work in the window: what the canvas shows goes in, overlays come out between two strokes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, Qt, QTimer, Signal

from napari_unet._qt.layers.binding import Binding
from napari_unet._qt.project.keeping import Keeping
from napari_unet._qt.training_run import TrainingRun
from napari_unet._qt.words import Words
from napari_unet.session import Session, Which
from napari_unet.session.live.live import Live
from napari_unet.session.live.view import View

_TICK_MS = 100
_REST = 1.0
"""Seconds without news after which the project keeps the overlay."""
_PATIENCE = 2.0
"""Seconds for which the end of the window waits for the threads."""


class LiveRun(QObject):
    """Owns a `Live` on the window's thread.

    Signals
    -------
    changed()
        It was switched, or says something else.
    shown()
        An overlay is shown.
    """

    changed = Signal()
    shown = Signal()
    _posted = Signal(object)

    def __init__(
        self, session: Session, layers: Binding, words: Words, training_run: TrainingRun, keeping: Keeping
    ) -> None:
        super().__init__()
        self._session, self._layers = session, layers
        self._training_run, self._keeping = training_run, keeping
        self._posted.connect(self._call, Qt.ConnectionType.QueuedConnection)
        self.live = Live(session, self._post, words.tell_failure, self._may_show)
        self.live.meanwhile.called = self._called
        self.live.changed.connect(self._tell_change)
        self.live.shown.connect(self._tell_shown)
        self._last_shown = 0.0
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self._look)

    @property
    def is_on(self) -> bool:
        """Whether the overlay follows the brush."""
        return self.live.is_on

    def switch(self, on: bool) -> None:
        """Begin or end to follow."""
        if on == self.live.is_on:
            return
        if on:
            self._look()
            self.live.switch_on()
            self._tick.start()
        else:
            self._tick.stop()
            self.live.switch_off()
        self.changed.emit()

    def end(self) -> None:
        """Stop everything: the window goes."""
        self._tick.stop()
        self.live.switch_off(_PATIENCE)

    def _look(self) -> None:
        view = view_of(self._layers, self._session)
        if view is not None:
            self.live.look(view)
        self.live.hold_training(self._training_run.job is not None)
        self.live.show_held()
        rests = not self.live.scheduler.is_busy() and time.monotonic() - self._last_shown > _REST
        if rests and self._may_show():
            self.live.keep()

    def _called(self) -> str:
        """Return what the image is called in trainings, so that held-out places are known again."""
        companions = self._keeping.companions()
        return "" if companions is None else companions.names[companions.current]

    def _may_show(self) -> bool:
        return not self._layers.dragging()

    def _post(self, call: Callable[[], None]) -> None:
        try:
            self._posted.emit(call)
        except RuntimeError as error:
            if "deleted" not in str(error):  # PyQt's and PySide's word for signals that went with the window
                raise

    def _call(self, call: Any) -> None:
        call()

    def _tell_change(self) -> None:
        self.changed.emit()

    def _tell_shown(self, overlay: Any) -> None:
        self._last_shown = time.monotonic()
        self.shown.emit()


def view_of(layers: Binding, session: Session) -> View | None:
    """Return what the canvas shows of the image; all of the plane where napari can't tell."""
    plane, image = layers.current_plane(), session.image
    layer = layers.layer(Which.ANNOTATION) or (layers.images[0] if layers.images else None)
    if plane is None or image is None or layer is None:
        return None
    height, width = image.plane_shape
    corners = layer.corner_pixels[:, -2:] if not getattr(layer, "rgb", False) else layer.corner_pixels[:, :2]
    (y0, x0), (y1, x1) = ((int(a), int(b)) for a, b in corners)
    y0, y1, x0, x1 = max(y0, 0), min(y1 + 1, height), max(x0, 0), min(x1 + 1, width)
    if y1 - y0 < 2 or x1 - x0 < 2:  # not drawn yet, or without a canvas
        y0, y1, x0, x1 = 0, height, 0, width
    viewer = layers.viewer()
    camera = viewer.scene.camera if hasattr(viewer, "scene") else viewer.camera
    return View(plane, (y0, y1, x0, x1), float(camera.zoom) * abs(float(layer.scale[-1])))
