"""The tool in hand: keys and mouse over the Segmentation layer, beside napari's own tools."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import QObject, Signal

from napari_unet._qt.correction.dot import Dot
from napari_unet._qt.correction.drawn_line import DrawnLine, canvas_under
from napari_unet._qt.correction.gestures import Gestures
from napari_unet._qt.correction.tools import TOOLS, Tool
from napari_unet._qt.correction.whole_run import WholeRun
from napari_unet._qt.layers.binding import Binding
from napari_unet._qt.words import Words
from napari_unet.errors import UserError
from napari_unet.session import Session, Which

_STILL = 4
"""Screen px that the mouse may move in a click."""

_UNDERNEATH = "pick"
"""napari's mode while a tool of ours is in hand: it neither paints nor moves the image, and has a cross as cursor."""


class Tools(QObject):
    """At most one of our tools is in hand; choosing one of napari's, another layer or Esc puts it down.

    Attributes
    ----------
    tool
        The one in hand.
    gestures
        What is done with it.

    Signals
    -------
    changed()
        Another tool, or none, is in hand.
    done()
        Something was corrected.
    """

    changed = Signal()
    done = Signal()

    def __init__(self, session: Session, layers: Binding, words: Words) -> None:
        super().__init__()
        self._session, self._layers, self._words = session, layers, words
        self.tool: Tool | None = None
        self._through = WholeRun(session, layers, words)
        self._through.done.connect(self.done)
        self.gestures = Gestures(session, self._through.start)
        self._line: DrawnLine | None = None
        self._dot = Dot(layers.viewer)
        self._dropped = False
        self._own = False
        self._bound: dict[Which, Labels] = {}
        layers.changed.connect(self._follow_layers)
        layers.viewer().layers.selection.events.active.connect(self._follow_active)

    def close(self) -> None:
        """Let the layers be ordinary ones."""
        self.put_down()
        for which in list(self._bound):
            self._release(which)
        viewer = self._layers.viewer()
        if viewer is not None:
            viewer.layers.selection.events.active.disconnect(self._follow_active)

    # Which tool

    def toggle(self, tool: Tool) -> None:
        """Take a tool, or put it down where it is in hand."""
        if tool == self.tool:
            self.put_down()
        else:
            self.take(tool)

    def take(self, tool: Tool) -> None:
        """Take a tool: the Segmentation layer is the active one from now on."""
        layer = self._layers.layer(Which.SEGMENTATION)
        if layer is None:
            return
        self._forget_first()
        with self._own_change():
            self._layers.edit(Which.SEGMENTATION, _UNDERNEATH)
        if self.tool is None:
            for key, do in self._keys_in_hand().items():
                layer.bind_key(key, do, overwrite=True)
        self.tool = tool
        self.changed.emit()

    def put_down(self, mode: str | None = "pan_zoom") -> None:
        """Put the tool down.

        Parameters
        ----------
        mode
            napari's tool instead, ``None`` where it has one already.
        """
        if self.tool is None:
            return
        self.tool = None
        self._drop_line()
        self._forget_first()
        layer = self._bound.get(Which.SEGMENTATION)
        if layer is not None:
            for key in self._keys_in_hand():
                layer.bind_key(key, None)
            if mode is not None:
                with self._own_change():
                    layer.mode = mode
        self.changed.emit()

    def _keys_in_hand(self) -> dict[str, Callable[[Labels], Any]]:
        me = weakref.ref(self)

        def hold(layer: Labels) -> Iterator[None]:
            """Move the image while the key is held, as napari lets one do with its own tools."""
            tools = me()
            if tools is None:
                return
            with tools._own_change():
                layer.mode = "pan_zoom"
            yield
            if tools.tool is not None:
                with tools._own_change():
                    layer.mode = _UNDERNEATH

        def pick(layer: Labels) -> None:
            tools = me()
            if tools is not None:
                tools.put_down(_UNDERNEATH)

        return {"Escape": lambda _: me() and me()._escape(), "Space": hold, "5": pick, "L": pick}

    def _escape(self) -> None:
        """Give up what was begun; put the tool down where nothing was."""
        if self._line is not None or self.gestures.first is not None:
            self._drop_line()
            self._forget_first()
            self._words.say("info", "Left as it was.")
        else:
            self.put_down()

    # The mouse

    def _follow_drag(self, layer: Labels, event: Any) -> Iterator[None]:
        if self.tool is None or event.button != 1 or layer.mode != _UNDERNEATH:
            return
        tool, before = self.tool, int(layer.selected_label)
        places, path = [np.array(event.pos, float)], [_point(layer, event)]
        self._dropped = False
        yield
        while event.type == "mouse_move":
            if not self._dropped:
                self._draw(tool, event, places[0])
            places.append(np.array(event.pos, float))
            path.append(_point(layer, event))
            yield
        dropped, moved = self._dropped, np.abs(np.array(places) - places[0]).max() > _STILL
        self._drop_line()
        if not dropped:
            self._use(tool, layer, np.array(path) if moved else path[0], before)
            if self.gestures.first is not None:
                self._dot.show(canvas_under(event), places[-1], event.position)

    def _use(self, tool: Tool, layer: Labels, where: Any, before: int) -> None:
        use = self.gestures.click if where.ndim == 1 else self.gestures.drag
        last = np.atleast_2d(where)[-1]
        self._dot.remove()
        with self._words.telling(tool.name):
            plane = self._layers.current_plane()
            if plane is None:
                raise UserError("Show rows and columns in 2D to correct what is on a plane.")
            try:
                self._words.say("info", use(tool, plane, last if where.ndim == 1 else where))
            except UserError as error:
                self._words.warn(str(error))
            # napari's picker is underneath: what lies under the mouse now is selected, but never the background.
            layer.selected_label = self._session.correcting.value_at(plane, last) or before
            self.done.emit()

    def _draw(self, tool: Tool, event: Any, start: Any) -> None:
        if self._line is None:
            canvas = canvas_under(event)
            if canvas is None:
                return
            self._line = DrawnLine(canvas, tool.draws_loop)
            self._line.add(*start)
        self._line.add(*event.pos)

    def _drop_line(self) -> None:
        self._dropped = True
        if self._line is not None:
            self._line.remove()
            self._line = None

    def _forget_first(self) -> None:
        self.gestures.first = None
        self._dot.remove()

    # The layers

    def _follow_layers(self) -> None:
        first = self.gestures.first
        moved = first is not None and first.plane != self._layers.current_plane()
        if first is not None and moved and not first.tool.across_planes:
            self._forget_first()
        for which in Which:
            layer = self._layers.layer(which)
            if layer is not self._bound.get(which):
                self._release(which)
                if layer is not None:
                    self._bind(which, layer)

    def _bind(self, which: Which, layer: Labels) -> None:
        me = weakref.ref(self)
        for tool in TOOLS:
            layer.bind_key(tool.key, lambda _, tool=tool: me() and me()._press(tool), overwrite=True)
        if which is Which.SEGMENTATION:
            layer.mouse_drag_callbacks.append(self._follow_drag)
            layer.events.mode.connect(self._follow_mode)
        self._bound[which] = layer

    def _release(self, which: Which) -> None:
        layer = self._bound.get(which)
        if layer is None:
            return
        if which is Which.SEGMENTATION:
            self.put_down()
            layer.events.mode.disconnect(self._follow_mode)
            if self._follow_drag in layer.mouse_drag_callbacks:
                layer.mouse_drag_callbacks.remove(self._follow_drag)
        for tool in TOOLS:
            layer.bind_key(tool.key, None)
        del self._bound[which]

    def _press(self, tool: Tool) -> None:
        if self._layers.layer(Which.SEGMENTATION) is None:
            self._words.warn("There are no objects to correct yet; segment first.")
        else:
            self.toggle(tool)

    def _follow_mode(self, event: Any = None) -> None:
        if not self._own:
            self.put_down(None)

    def _follow_active(self, event: Any = None) -> None:
        layer = self._bound.get(Which.SEGMENTATION)
        viewer = self._layers.viewer()
        if not self._own and viewer is not None and viewer.layers.selection.active != layer:
            self.put_down()

    @contextmanager
    def _own_change(self) -> Iterator[None]:
        """Let a change of the layer's mode not put the tool down."""
        before, self._own = self._own, True
        try:
            yield
        finally:
            self._own = before


def _point(layer: Labels, event: Any) -> Any:
    return np.asarray(layer.world_to_data(event.position), float)[-2:]
