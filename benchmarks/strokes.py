"""Strokes as a person draws them, simulated on images whose truth is known.

A stroke wanders about inside one object, or in the background between them, with a brush about a quarter as wide as an
object. It never leaves what it is painted on, as a person takes care not to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from napari_unet.annotation.coding import BACKGROUND, LabelsAre

STEP = 2.0
"""Distance in px from point to point."""
LARGEST_BRUSH = 6.0
"""Radius in px."""


@dataclass(frozen=True)
class Stroke:
    """What one stroke paints: a value of the project's coding, and where, bool (Y, X)."""

    value: int
    mask: np.ndarray


def draw_strokes(truth: np.ndarray, labels_are: LabelsAre, n: int, seed: int) -> list[Stroke]:
    """Draw strokes in turn: an object, background, another object … or one class after the other.

    Parameters
    ----------
    truth
        int (Y, X): 0 background, objects or classes from 1.
    """
    rng = np.random.default_rng(seed)
    radius = _brush_radius(truth, labels_are)
    kinds = [int(v) for v in np.unique(truth)] if labels_are is LabelsAre.CLASSES else [1, 0]
    painted: set[int] = set()
    strokes = []
    for i in range(n):
        kind = kinds[i % len(kinds)]
        if labels_are is LabelsAre.CLASSES:
            place, value = truth == kind, kind + 1
        elif kind:
            chosen = _another_object(truth, painted, rng)
            painted.add(chosen)
            place, value = truth == chosen, chosen + 1
        else:
            place, value = truth == 0, BACKGROUND
        strokes.append(Stroke(value, _wander(place, radius, rng)))
    return strokes


def annotate(strokes: list[Stroke]) -> np.ndarray:
    """Return the annotation, int32 (Y, X) in the project's coding, after these strokes."""
    annotation = np.zeros(strokes[0].mask.shape, np.int32)
    for stroke in strokes:
        annotation[stroke.mask] = stroke.value
    return annotation


def _brush_radius(truth: np.ndarray, labels_are: LabelsAre) -> float:
    if labels_are is LabelsAre.CLASSES:
        return 3.0
    areas = np.bincount(truth.ravel())[1:]
    width = 2 * np.sqrt(np.median(areas[areas > 0]) / np.pi)
    return float(np.clip(width / 8, 1.0, LARGEST_BRUSH))


def _another_object(truth: np.ndarray, painted: set[int], rng: np.random.Generator) -> int:
    areas = np.bincount(truth.ravel())
    areas[0] = 0
    large = np.flatnonzero(areas >= 0.3 * np.median(areas[areas > 0]))
    fresh = [int(v) for v in large if int(v) not in painted]
    return int(rng.choice(fresh or large))


def _wander(place: np.ndarray, radius: float, rng: np.random.Generator) -> np.ndarray:
    """Walk inside a place, turning a little at every step and keeping off its border where there is room."""
    depth = ndi.distance_transform_edt(np.pad(place, 1))[1:-1, 1:-1]
    inside = np.flatnonzero(depth >= min(radius, 0.7 * depth.max()))
    y, x = np.unravel_index(int(rng.choice(inside)), place.shape)
    at, angle = np.array([y, x], float), rng.uniform(0, 2 * np.pi)
    path = [at]
    for _ in range(int(rng.integers(8, 20))):
        turns = angle + np.linspace(-1.2, 1.2, 7)
        ahead = at + STEP * np.stack([np.sin(turns), np.cos(turns)], axis=1)
        rows, columns = np.round(ahead).astype(int).T
        here = (rows >= 0) & (columns >= 0) & (rows < place.shape[0]) & (columns < place.shape[1])
        room = np.zeros(len(turns))
        room[here] = np.minimum(depth[rows[here], columns[here]], radius) + rng.uniform(0, 0.5, here.sum())
        room[here] *= place[rows[here], columns[here]]
        best = int(room.argmax())
        if room[best] == 0:
            break
        at, angle = ahead[best], turns[best]
        path.append(at)
    drawn = np.ones(place.shape, bool)
    rows, columns = np.round(path).astype(int).T
    drawn[rows, columns] = False
    return (ndi.distance_transform_edt(drawn) <= radius) & place
