"""A click on an object of the Segmentation layer, whatever tool is in hand."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any

from napari.layers import Labels
from qtpy.QtCore import QObject, Signal


class ObjectClicks(QObject):
    """Follows one Labels layer at a time.

    Signals
    -------
    clicked(int)
        The number under the mouse when it was pressed and let go without being moved, or that napari's picker took.
    """

    clicked = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._layer: weakref.ref[Labels] | None = None
        me = weakref.ref(self)

        def watch(layer: Labels, event: Any) -> Iterator[None]:
            yield
            if event.type == "mouse_move":
                return
            value = layer.get_value(event.position, view_direction=None, world=True)
            this = me()
            if this is not None and value:
                this.clicked.emit(int(value))

        self._watch = watch

    def follow(self, layer: Labels | None) -> None:
        """Hear of clicks on this layer from now on."""
        old = self._layer() if self._layer is not None else None
        if old is not None and old == layer:
            return
        self.leave()
        if layer is not None:
            layer.mouse_drag_callbacks.append(self._watch)
            layer.events.selected_label.connect(self._take_picked)
            self._layer = weakref.ref(layer)

    def leave(self) -> None:
        """Let go of the layer."""
        old = self._layer() if self._layer is not None else None
        if old is not None and self._watch in old.mouse_drag_callbacks:
            old.mouse_drag_callbacks.remove(self._watch)
            old.events.selected_label.disconnect(self._take_picked)
        self._layer = None

    def _take_picked(self, event: Any) -> None:
        layer = self._layer() if self._layer is not None else None
        if layer is not None and layer.mode == "pick":
            self.clicked.emit(int(layer.selected_label))
