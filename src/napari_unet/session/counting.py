"""How many objects a plane has, without a search of the whole plane after every stroke: that takes long on 8192²."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.boxes import values_present
from napari_unet.callbacks import ShouldStop, never_stop
from napari_unet.errors import Stopped
from napari_unet.objects.edit import Change
from napari_unet.session.canvas import Canvas
from napari_unet.session.history import Which
from napari_unet.session.image import Plane

SIDE = 512
"""Side of a tile in px: the values of one are found in about a millisecond."""
AT_ONCE = 4
"""So many tiles are searched while one waits; a stroke seldom touches more."""

Tile = tuple[int, int]
Values = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class CountTask:
    """Tiles whose values are to be found, in any thread; the plane may go on changing meanwhile.

    Attributes
    ----------
    labels
        int32 ``(Y, X)``, the plane itself, no copy.
    tiles
        Those to search, with the number of times that each had changed before.
    since
        When this plane began to be followed, in numbers of planes.
    """

    labels: NDArray[np.int32]
    tiles: Mapping[Tile, int]
    since: int

    def run(self, should_stop: ShouldStop = never_stop) -> dict[Tile, Values]:
        """Find the values of every tile; raises `Stopped` when asked to stop."""
        found = {}
        for tile in self.tiles:
            if should_stop():
                raise Stopped
            found[tile] = _values_of(self.labels, tile)
        return found


class ObjectCount:
    """Counts the objects of the plane of the segmentation that is looked at; follows the edits tile by tile."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self._plane: Plane | None = None
        self._values: dict[Tile, Values] = {}
        self._stale: set[Tile] = set()
        self._times: dict[Tile, int] = {}
        self._last: int | None = None
        self._since = 0
        canvas.edited.connect(self._note_edit)
        canvas.array_replaced.connect(self._forget)

    def count(self, plane: Plane) -> int | None:
        """Return how many objects a plane has; ``None`` where too much of it changed to look while one waits."""
        labels = self._labels_of(plane)
        if labels is None:
            return 0
        if len(self._stale) > AT_ONCE:
            return None
        if self._stale or self._last is None:
            for tile in self._stale:
                self._values[tile] = _values_of(labels, tile)
            self._stale.clear()
            found = list(self._values.values())
            self._last = int(np.unique(np.concatenate(found)).size) if found else 0
        return self._last

    def prepare(self, plane: Plane) -> CountTask | None:
        """Get ready to search what changed of a plane; ``None`` where nothing did."""
        labels = self._labels_of(plane)
        if labels is None or not self._stale:
            return None
        return CountTask(
            labels, {tile: self._times.get(tile, 0) for tile in sorted(self._stale)}, self._since
        )

    def finish(self, task: CountTask, found: Mapping[Tile, Values]) -> None:
        """Take what was found, but for tiles that changed meanwhile, and for another plane's."""
        if task.since != self._since:
            return
        for tile, values in found.items():
            if self._times.get(tile, 0) == task.tiles[tile]:
                self._values[tile] = values
                self._stale.discard(tile)
        self._last = None

    def _labels_of(self, plane: Plane) -> NDArray[np.int32] | None:
        """Return a plane and begin to follow it; ``None`` where there is no segmentation."""
        array = self._canvas.arrays.get(Which.SEGMENTATION)
        if array is None:
            return None
        labels: NDArray[np.int32] = array[plane]
        if plane != self._plane:
            self._forget(Which.SEGMENTATION)
            self._plane = plane
            height, width = labels.shape
            self._stale = {(i, j) for i in range(-(-height // SIDE)) for j in range(-(-width // SIDE))}
        return labels

    def _note_edit(self, which: Which, change: Change) -> None:
        if which is not Which.SEGMENTATION or self._plane is None:
            return
        *lead, rows, columns = change.box
        if not all(i in range(part.start, part.stop) for i, part in zip(self._plane, lead, strict=True)):
            return
        for i in range(rows.start // SIDE, -(-rows.stop // SIDE)):
            for j in range(columns.start // SIDE, -(-columns.stop // SIDE)):
                self._stale.add((i, j))
                self._times[i, j] = self._times.get((i, j), 0) + 1

    def _forget(self, which: Which) -> None:
        if which is Which.SEGMENTATION:
            self._plane, self._last = None, None
            self._since += 1
            self._values.clear()
            self._times.clear()
            self._stale.clear()


def _values_of(labels: NDArray[np.int32], tile: Tile) -> Values:
    i, j = tile
    return values_present(labels[i * SIDE : (i + 1) * SIDE, j * SIDE : (j + 1) * SIDE], 1)
