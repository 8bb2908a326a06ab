"""Objects of a label image that memory does not hold: found part by part, then each measured and outlined in one piece.

The labels are read twice: once to see where each object lies, once more to look at the objects of each part.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_unet.callbacks import OnProgress, ShouldStop, never_stop, no_progress
from napari_unet.errors import Stopped
from napari_unet.formats.lazy import LazyImage
from napari_unet.objects.outlines import Outline, outline_of
from napari_unet.objects.tables import Columns, measure_objects
from napari_unet.workflow.blocks.grid import Box, Grid

SIDE = 1024
"""Of a part in px; an object is looked at with the part in which it begins."""
WIDEST = 4096
"""Height and width in px up to which an object is looked at: it has to be held in one piece."""
STOPPED = "Stopped; the labels are done and kept, their table and outlines are not."

Numbers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class FoundObjects:
    """Where the objects of a label image lie.

    Attributes
    ----------
    labels
        One channel of integers; 0 is background.
    numbers
        Of the objects, rising, shape ``(n,)``.
    boxes
        ``(n, 4)``: top, bottom, left, right in px, half open.
    on_progress, should_stop
        Asked at every part.
    """

    labels: LazyImage
    numbers: Numbers
    boxes: Numbers
    on_progress: OnProgress = no_progress
    should_stop: ShouldStop = never_stop

    @classmethod
    def find(
        cls, labels: LazyImage, on_progress: OnProgress = no_progress, should_stop: ShouldStop = never_stop
    ) -> FoundObjects:
        """Read the labels once, part by part.

        Raises
        ------
        Stopped
            When asked to stop.
        """
        _, height, width = labels.shape
        grid, found = Grid(height, width, SIDE), [np.zeros((0, 5), np.int64)]
        for k, index in enumerate(grid):
            _ask(should_stop)
            on_progress(0.5 * k / len(grid), "Looking for the objects")
            box = grid.box(index)
            found.append(_boxes_in(labels.read(*box, 1)[0], box))
        rows = np.concatenate(found)
        rows = rows[np.argsort(rows[:, 0], kind="stable")]
        numbers, begins = np.unique(rows[:, 0], return_index=True)
        if not numbers.size:
            return cls(labels, numbers, rows[:, 1:], on_progress, should_stop)
        low = np.minimum.reduceat(rows[:, [1, 3]], begins)
        high = np.maximum.reduceat(rows[:, [2, 4]], begins)
        boxes = np.stack([low[:, 0], high[:, 0], low[:, 1], high[:, 1]], axis=1)
        return cls(labels, numbers, boxes, on_progress, should_stop)

    @property
    def n_too_large(self) -> int:
        """How many objects are wider or higher than `WIDEST`: they are neither measured nor outlined."""
        return int(np.count_nonzero(_sides(self.boxes) > WIDEST))

    def whole(self) -> FoundObjects:
        """Return only the objects that no edge of the image cuts."""
        kept = ~self._cut(np.arange(self.numbers.size))
        return replace(self, numbers=self.numbers[kept], boxes=self.boxes[kept])

    def parts(self) -> Iterator[tuple[NDArray[np.int32], Numbers, Box]]:
        """Go through the objects, some at a time.

        Yields
        ------
        labels : int32 array (Y, X)
            1, 2, … for these objects, 0 elsewhere.
        rows : int array
            Which of `numbers` these are.
        box : tuple of int
            Top, bottom, left, right in px.
        """
        sides = _sides(self.boxes)
        home = self.boxes[:, 0] // SIDE * (self.labels.shape[2] // SIDE + 1) + self.boxes[:, 2] // SIDE
        small = np.flatnonzero(sides <= SIDE)
        small = small[np.argsort(home[small], kind="stable")]
        groups = np.split(small, np.flatnonzero(np.diff(home[small])) + 1) if small.size else []
        groups += [np.array([row]) for row in np.flatnonzero((sides > SIDE) & (sides <= WIDEST))]
        for k, rows in enumerate(groups):
            _ask(self.should_stop)
            self.on_progress(0.5 + 0.5 * k / len(groups), "Measuring the objects")
            low, high = self.boxes[rows].min(axis=0), self.boxes[rows].max(axis=0)
            box = int(low[0]), int(high[1]), int(low[2]), int(high[3])
            yield _only(self.labels.read(*box, 1)[0], self.numbers[rows]), rows, box

    def table(self, image: LazyImage | None = None) -> Columns:
        """Measure the objects, as `measure_objects` does in one piece; empty where there is none.

        Parameters
        ----------
        image
            For intensities, and the size of a pixel; of the size of the labels.
        """
        tables, order = list[Columns](), list[Numbers]()
        for labels, rows, box in self.parts():
            grey = None if image is None else image.read(*box, image.shape[0])
            size = (self.labels if image is None else image).pixel_size_um
            table = measure_objects(labels, grey, size)
            for axis, begin in (("y", box[0]), ("x", box[2])):
                table[f"centroid-{axis}"] = table[f"centroid-{axis}"] + begin
                if size is not None:
                    table[f"centroid-{axis}_um"] = table[f"centroid-{axis}"] * size
            tables.append({**table, "label": self.numbers[rows], "cut_by_edge": self._cut(rows)})
            order.append(rows)
        if not tables:
            return {}
        by_number = np.argsort(np.concatenate(order))
        return {name: np.concatenate([table[name] for table in tables])[by_number] for name in tables[0]}

    def outlines(self) -> Iterator[Outline]:
        """Go through the outlines of the objects, part by part."""
        for labels, rows, (top, _, left, _) in self.parts():
            for k, place in enumerate(ndimage.find_objects(labels)):
                corner = top + place[0].start, left + place[1].start
                yield Outline(int(self.numbers[rows[k]]), (), outline_of(labels[place] == k + 1, corner))

    def _cut(self, rows: Numbers) -> NDArray[np.bool_]:
        _, height, width = self.labels.shape
        top, bottom, left, right = self.boxes[rows].T
        cut: NDArray[np.bool_] = (top == 0) | (left == 0) | (bottom == height) | (right == width)
        return cut


def _boxes_in(labels: NDArray[np.integer], box: Box) -> Numbers:
    """Return number, top, bottom, left, right of what a part holds of each object."""
    numbers, compact = np.unique(labels, return_inverse=True)
    compact = compact.reshape(labels.shape) + (1 if numbers.size and numbers[0] > 0 else 0)
    numbers, places = numbers[numbers > 0], ndimage.find_objects(compact)
    y, x = box[0], box[2]
    rows = [
        (number, y + p[0].start, y + p[0].stop, x + p[1].start, x + p[1].stop)
        for number, p in zip(numbers.tolist(), places, strict=True)
    ]
    return np.array(rows, np.int64).reshape(-1, 5)


def _only(labels: NDArray[np.integer], numbers: Numbers) -> NDArray[np.int32]:
    """Return labels in which these numbers, which rise, are 1, 2, … and all others 0."""
    at = np.searchsorted(numbers, labels).clip(max=numbers.size - 1)
    return np.where(numbers[at] == labels, at + 1, 0).astype(np.int32)


def _sides(boxes: Numbers) -> Numbers:
    sides: Numbers = np.maximum(boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 2])
    return sides


def _ask(should_stop: ShouldStop) -> None:
    if should_stop():
        raise Stopped(STOPPED)
