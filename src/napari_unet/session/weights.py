"""The weight map of one plane, as training would use it, following every stroke."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.live import LiveObjects, LiveWeightMap
from napari_unet.annotation.targets import make_target
from napari_unet.annotation.weight_map import WeightMapSettings, class_factors
from napari_unet.session.canvas import Box
from napari_unet.session.image import Plane
from napari_unet.session.painting import Painting

AROUND = 2
"""Pixels around a changed area in which the gap between touching objects can change with it."""


class PlaneWeights:
    """The weight map of a plane on the image's grid.

    The network sees the image at another scale; distances are therefore taken in its px. The factors per class are
    those of the annotation at the time when the map was made: they are global and change slowly.

    Attributes
    ----------
    weights
        float32, shape ``(Y, X)``; 0 where nothing is annotated.
    """

    def __init__(self, painting: Painting, plane: Plane, settings: WeightMapSettings, scale: float) -> None:
        self.painting, self.plane = painting, plane
        labels = painting.with_regions(plane)
        self._objects = LiveObjects(labels, painting.marked)
        self._map = LiveWeightMap(self._objects.objects, settings, (scale, scale))
        target = make_target(labels, painting.labels_are, painting.object_classes or None, painting.marked)
        n_classes = max(int(target.classes.max(initial=0)) + 1, 2)
        self._factors = class_factors(target.classes, target.known, n_classes)
        self.weights: NDArray[np.float32] = self._map.weights(target.classes, target.known, self._factors)

    def follow(self, box: Box) -> Box:
        """Recompute what a change of the annotation inside a box changes; return where that is."""
        labels = self.painting.with_regions(self.plane)
        objects, area = self._objects.update(labels[box], (box[0].start, box[1].start))
        changed = self._map.update(objects, (area[0].start, area[1].start))
        shown = _join(_join(box, area), changed)
        around = _grow(shown, labels.shape)
        target = make_target(
            labels[around],
            self.painting.labels_are,
            self.painting.object_classes or None,
            self.painting.marked,
        )
        inner = tuple(slice(s.start - a.start, s.stop - a.start) for s, a in zip(shown, around, strict=True))
        classes, known = target.classes[inner], target.known[inner]
        factors = self._factors_for(int(classes.max(initial=0)) + 1)
        self.weights[shown] = self._map.weights(classes, known, factors, shown)
        return shown

    def _factors_for(self, n_classes: int) -> NDArray[np.float32]:
        """Return one factor per class; a class that was just painted for the first time counts plainly."""
        missing = n_classes - self._factors.size
        return np.pad(self._factors, (0, missing), constant_values=1.0) if missing > 0 else self._factors


def _join(a: Box, b: Box) -> Box:
    if b[0].stop <= b[0].start or b[1].stop <= b[1].start:
        return a
    return (
        slice(min(a[0].start, b[0].start), max(a[0].stop, b[0].stop)),
        slice(min(a[1].start, b[1].start), max(a[1].stop, b[1].stop)),
    )


def _grow(box: Box, shape: tuple[int, ...]) -> Box:
    return (
        slice(max(box[0].start - AROUND, 0), min(box[0].stop + AROUND, shape[0])),
        slice(max(box[1].start - AROUND, 0), min(box[1].stop + AROUND, shape[1])),
    )
