"""The weight map of one plane, as training would use it, following every stroke."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.coding import LabelsAre
from napari_unet.annotation.corrections import Correction, extra_weight, find_emphasis
from napari_unet.annotation.live import LiveObjects, LiveWeightMap
from napari_unet.annotation.targets import Target, make_target
from napari_unet.annotation.weight_map import WeightMapSettings, class_factors
from napari_unet.session.canvas import Box
from napari_unet.session.image import Plane

AROUND = 2
"""Pixels around a changed area in which the gap between touching objects can change with it."""


@dataclass(frozen=True, eq=False)
class WeightMapTask:
    """The weight map of a plane, ready to be made from what was painted when it was asked for.

    Attributes
    ----------
    labels
        int32 ``(Y, X)``, a copy in the project's coding, regions applied.
    scale
        Network px per image px: distances are those that the network sees.
    corrections
        What was corrected on the plane.
    """

    plane: Plane
    labels: NDArray[np.int32]
    labels_are: LabelsAre
    object_classes: dict[int, int]
    marked: frozenset[int]
    settings: WeightMapSettings
    scale: float
    corrections: tuple[Correction, ...] = ()

    def run(self) -> PlaneWeights:
        """Make it; safe in any thread. 2048² with 500 objects takes about a second."""
        return PlaneWeights(self)


class PlaneWeights:
    """The weight map of a plane on the image's grid; belongs to one thread at a time.

    The factors per class are those of the annotation at the time when the map was made: they are global and
    change slowly.

    Attributes
    ----------
    weights
        float32, shape ``(Y, X)``; 0 where nothing is annotated.
    """

    def __init__(self, task: WeightMapTask) -> None:
        self._task = task
        self._objects = LiveObjects(task.labels, task.marked)
        self._map = LiveWeightMap(self._objects.objects, task.settings, (task.scale, task.scale))
        target = self._target_of(task.labels)
        n_classes = max(int(target.classes.max(initial=0)) + 1, 2)
        self._factors = class_factors(target.classes, target.known, n_classes)
        self.weights: NDArray[np.float32] = self._map.weights(target.classes, target.known, self._factors)
        self._extra = self._extra_of(target)
        if self._extra is not None:
            self.weights += self._extra

    def follow(self, labels: NDArray[np.int32], box: Box) -> Box:
        """Recompute what new labels of a box change; return where that is."""
        objects, area = self._objects.update(labels, (box[0].start, box[1].start))
        changed = self._map.update(objects, (area[0].start, area[1].start))
        shown = _join(_join(box, area), changed)
        around = _grow(shown, self.weights.shape)
        target = self._target_of(self._objects.labels[around])
        inner = tuple(slice(s.start - a.start, s.stop - a.start) for s, a in zip(shown, around, strict=True))
        classes, known = target.classes[inner], target.known[inner]
        factors = self._factors_for(int(classes.max(initial=0)) + 1)
        self.weights[shown] = self._map.weights(classes, known, factors, shown)
        if self._extra is not None:  # as it was: a correction makes the map anew
            self.weights[shown] += np.where(known, self._extra[shown], 0)
        return shown

    def _target_of(self, labels: NDArray[np.int32]) -> Target:
        return make_target(
            labels, self._task.labels_are, self._task.object_classes or None, self._task.marked
        )

    def _extra_of(self, target: Target) -> NDArray[np.float32] | None:
        task = self._task
        emphasis = find_emphasis(task.labels, task.corrections, task.labels_are)
        if emphasis is None or task.settings.corrections == 1:
            return None
        return extra_weight(target, emphasis, task.settings, (task.scale, task.scale), self._factors)

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
