"""One Labels layer and the array of the session that it mirrors, kept equal in both directions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet.session.history import Which

_FEW_PIXELS = 200_000
"""Up to here napari redraws only the box that changed; beyond, redrawing the plane at once is faster."""

_SETTLE_MS = 60

_SMALL = 2**26
"""Bytes of an array that is compared as a whole."""


class Mirror(QObject):
    """Watches a Labels layer for edits and writes the session's own changes into it.

    A stroke is known by its box (``labels_update``) and its end (``paint``). Undo and scripts tell only
    ``set_data``, which also comes when a slider moves: then the plane is compared with the session's.

    Signals
    -------
    edited(object, tuple, object)
        ``(which, offset, values)``: the layer holds other values in this box, from an edit of the user.
    misfit(str)
        The layer's data no longer fits the image; the sentence says so.
    stroke_begins(object, tuple)
        ``(layer, index)``: the mouse went down over this pixel, before napari's tool acts.
    value_chosen()
        Another label is selected.
    """

    edited = Signal(object, tuple, object)
    misfit = Signal(str)
    stroke_begins = Signal(object, tuple)
    value_chosen = Signal()

    def __init__(
        self,
        which: Which,
        layer: Labels,
        truth: Callable[[], NDArray[np.int32] | None],
        current_plane: Callable[[], tuple[int, ...] | None],
    ) -> None:
        super().__init__()
        self.which = which
        self.layer = layer
        self.dragging = False
        self._truth = truth
        self._current_plane = current_plane
        self._writing = False
        self._low: NDArray[np.int64] | None = None
        self._high: NDArray[np.int64] | None = None
        self._over = False
        self._in_depth = False
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self.check_plane)
        layer.events.labels_update.connect(self._note_box)
        layer.events.paint.connect(self._end_stroke)
        layer.events.set_data.connect(self._suspect)
        layer.events.data.connect(self._suspect)
        layer.events.selected_label.connect(self._tell_value)
        # First in the list: the tool that follows must find the label that this stroke shall have.
        layer.mouse_drag_callbacks.insert(0, self._follow_drag)

    def detach(self) -> None:
        """Let the layer be an ordinary one again."""
        self._settle.stop()
        self.layer.events.labels_update.disconnect(self._note_box)
        self.layer.events.paint.disconnect(self._end_stroke)
        self.layer.events.set_data.disconnect(self._suspect)
        self.layer.events.data.disconnect(self._suspect)
        self.layer.events.selected_label.disconnect(self._tell_value)
        if self._follow_drag in self.layer.mouse_drag_callbacks:
            self.layer.mouse_drag_callbacks.remove(self._follow_drag)

    # From the session into the layer

    def write(self, offset: tuple[int, ...], values: NDArray[np.int32]) -> None:
        """Write a box that the session changed."""
        if not self._fits():
            return
        box = tuple(slice(o, o + n) for o, n in zip(offset, values.shape, strict=True))
        plane = self._current_plane()
        if plane is not None and any(
            not o <= at < o + n for at, o, n in zip(plane, offset, values.shape, strict=False)
        ):
            self.layer.data[box] = values  # a plane that is not shown needs no drawing
            return
        with self._own_writing():
            different = np.asarray(self.layer.data[box]) != values
            if np.count_nonzero(different) <= _FEW_PIXELS:
                indices = tuple(i + o for i, o in zip(np.nonzero(different), offset, strict=True))
                if indices[0].size:
                    with self.layer.block_history():
                        self.layer.data_setitem(indices, values[different])
            else:
                self.layer.data[box] = values
                self.layer.refresh()

    def replace(self, values: NDArray[np.int32]) -> None:
        """Show a new array, which is the layer's own from now on."""
        with self._own_writing():
            self.layer.data = values

    # From the layer to the session

    def check_plane(self) -> None:
        """Compare the plane that is shown (all of a small array) with the session's; tell what differs."""
        if self.dragging:
            self._settle.start()
            return
        self._over = False
        truth = self._truth()
        if truth is None or not self._fits(tell=True):
            return
        plane = self._current_plane()
        in_depth, self._in_depth = self._in_depth, False
        if plane is None or truth.nbytes <= _SMALL or (in_depth and self.layer.n_edit_dimensions > 3):
            box = self._difference(truth, ())
        elif in_depth:
            box = self._difference_in_depth(truth, plane)
        else:
            box = self._difference(truth, plane)
        if box is not None:
            self._tell(box)

    def _difference(self, truth: NDArray[np.int32], index: tuple[int, ...]) -> tuple[slice, ...] | None:
        shown = np.asarray(self.layer.data[index])
        if shown.dtype.kind not in "bui":
            return None
        difference = shown != truth[index]
        if not difference.any():
            return None
        box = (_extent(difference, axis) for axis in range(difference.ndim))
        return (*(slice(i, i + 1) for i in index), *box)

    def _difference_in_depth(
        self, truth: NDArray[np.int32], plane: tuple[int, ...]
    ) -> tuple[slice, ...] | None:
        """Look at the planes above and below the one that is shown, too, as far as a brush or a fill has reached."""
        *lead, here = plane
        found = [self._difference(truth, plane)]
        for planes in (range(here + 1, truth.shape[-3]), range(here - 1, -1, -1)):
            for at in planes:
                box = self._difference(truth, (*lead, at))
                if box is None and self.layer.contiguous:
                    break
                found.append(box)
        return _around([box for box in found if box is not None])

    def _note_box(self, event: Any) -> None:
        if self._writing:
            return
        plane = self._current_plane()
        offset, shape = list(event.offset), list(np.shape(event.data))[:2]
        if plane is None or len(offset) != 2:
            self._suspect()
            return
        low = np.array([*plane, *offset], dtype=np.int64)
        high = np.array([*(p + 1 for p in plane), *(o + n for o, n in zip(offset, shape, strict=True))])
        self._low = low if self._low is None else np.minimum(self._low, low)
        self._high = high if self._high is None else np.maximum(self._high, high)
        if self._over:
            self._end_stroke()

    def _end_stroke(self, event: Any = None) -> None:
        if self._writing:
            return
        low, high, self._low, self._high = self._low, self._high, None, None
        # A script's single paint() tells the end before the box; a stroke of the mouse the other way round.
        self._over = low is None
        if self.layer.n_edit_dimensions > 2 and self.layer.ndim > 2:
            self._in_depth = True
            self._suspect()  # other planes than the shown one were painted too
        if low is None or high is None or not self._fits(tell=True):
            self._suspect()
            return
        high = np.minimum(high, self.layer.data.shape)
        self._tell(tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True)))

    def _tell(self, box: tuple[slice, ...]) -> None:
        values = np.array(self.layer.data[box], dtype=np.int32)
        self.edited.emit(self.which, tuple(s.start for s in box), values)

    def _tell_value(self, event: Any = None) -> None:
        self.value_chosen.emit()

    def _suspect(self, event: Any = None) -> None:
        if not self._writing:
            self._settle.start()

    def _follow_drag(self, layer: Labels, event: Any) -> Iterator[None]:
        index = layer.world_to_data(event.position)
        self.stroke_begins.emit(layer, tuple(round(float(i)) for i in index))
        self.dragging = True
        yield
        while event.type == "mouse_move":
            yield
        self.dragging = False

    def _fits(self, tell: bool = False) -> bool:
        truth = self._truth()
        shape = tuple(np.shape(self.layer.data))
        if truth is None or shape == truth.shape:
            return truth is not None
        if tell:
            is_size, needed = (" × ".join(str(n) for n in s) for s in (shape, truth.shape))
            self.misfit.emit(
                f"“{self.layer.name}” was given data of {is_size} px, the image is {needed}; what you "
                "painted is kept, press “Show it again” to go on with it."
            )
        return False

    @contextmanager
    def _own_writing(self) -> Iterator[None]:
        before, self._writing = self._writing, True
        try:
            yield
        finally:
            self._writing = before


def _around(boxes: list[tuple[slice, ...]]) -> tuple[slice, ...] | None:
    """Return the smallest box that holds all boxes."""
    if not boxes:
        return None
    axes = zip(*boxes, strict=True)
    return tuple(slice(min(s.start for s in axis), max(s.stop for s in axis)) for axis in axes)


def _extent(mask: NDArray[np.bool_], axis: int) -> slice:
    others = tuple(a for a in range(mask.ndim) if a != axis)
    where = np.flatnonzero(mask.any(axis=others))
    return slice(int(where[0]), int(where[-1]) + 1)
