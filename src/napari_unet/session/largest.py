"""The largest number of a label array, known without looking through all of its planes again."""

from __future__ import annotations

import numpy as np

from napari_unet.objects.edit import Change
from napari_unet.session.canvas import Canvas
from napari_unet.session.history import Which
from napari_unet.session.image import Plane


class LargestNumber:
    """Follows the edits of one array of a canvas; only planes that changed are looked at."""

    def __init__(self, canvas: Canvas, which: Which) -> None:
        self._canvas = canvas
        self._which = which
        self._of_plane: dict[Plane, int] = {}
        canvas.edited.connect(self._forget_planes)
        canvas.array_replaced.connect(self._forget_all)

    def find(self) -> int:
        """Return the largest number that is anywhere in the array, 0 for none."""
        array = self._canvas.arrays.get(self._which)
        if array is None:
            return 0
        for plane in np.ndindex(*array.shape[:-2]):
            if plane not in self._of_plane:
                self._of_plane[plane] = int(array[plane].max(initial=0))
        return max(self._of_plane.values(), default=0)

    def _forget_planes(self, which: Which, change: Change) -> None:
        if which is self._which:
            ranges = (range(o, o + n) for o, n in zip(change.offset[:-2], change.new.shape[:-2], strict=True))
            first = tuple(change.offset[:-2])
            for step in np.ndindex(*(len(r) for r in ranges)):
                self._of_plane.pop(tuple(o + i for o, i in zip(first, step, strict=True)), None)

    def _forget_all(self, which: Which) -> None:
        if which is self._which:
            self._of_plane.clear()
