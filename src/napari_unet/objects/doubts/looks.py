"""What every object of a plane looks like: sizes and shapes, and how sure the network is of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi
from skimage.measure import regionprops

from napari_unet.objects.changes import Box
from napari_unet.objects.overlaps import BoolArray, Int32Array

Floats = npt.NDArray[np.float64]

UNSURE = (0.2, 0.8)
"""Probabilities between which a pixel counts as unsure."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A plane whose objects are to be judged.

    Attributes
    ----------
    labels : int32 array (Y, X)
        Objects as they are shown.
    foreground : float32 array (Y, X)
        The network's probability of being in an object.
    annotated : bool array (Y, X)
        What a person has decided already.
    before : int32 array (Y, X) or None
        Objects as the round before found them.
    mirrored : float32 array (Y, X) or None
        The network's probability of being in an object, as it sees the mirror image.
    """

    labels: Int32Array
    foreground: npt.NDArray[np.float32]
    annotated: BoolArray
    before: Int32Array | None = None
    mirrored: npt.NDArray[np.float32] | None = None

    @cached_property
    def objects(self) -> list[Look]:
        """What the objects look like; those that the image's edge cuts are marked."""
        return look_at(self)

    @cached_property
    def typical_area(self) -> float:
        """Median area in px² of the objects that the edge does not cut; of all where it cuts all."""
        areas = [o.area for o in self.objects if not o.cut] or [o.area for o in self.objects]
        return float(np.median(areas)) if areas else 0.0


@dataclass(frozen=True, eq=False)
class Look:
    """One object.

    Attributes
    ----------
    decided
        Whether a person annotated most of it.
    cut
        Whether the image's edge cuts it.
    sure
        Mean probability of being in an object, over its pixels.
    fuzzy
        Unsure pixels in and right around it, over the length of its outline, in px.
    """

    value: int
    box: Box
    mask: BoolArray
    area: float
    solidity: float
    eccentricity: float
    sure: float
    fuzzy: float
    decided: bool
    cut: bool


def look_at(scene: Scene) -> list[Look]:
    """Look at every object of a plane."""
    labels, height, width = scene.labels, *scene.labels.shape
    looks = []
    for found in regionprops(labels):
        y0, x0, y1, x1 = found.bbox
        box = (slice(y0, y1), slice(x0, x1))
        around = (slice(max(y0 - 3, 0), min(y1 + 3, height)), slice(max(x0 - 3, 0), min(x1 + 3, width)))
        own = labels[around] == found.label
        near = ndi.binary_dilation(own, iterations=2)
        p = scene.foreground[around]
        unsure = near & (p > UNSURE[0]) & (p < UNSURE[1]) & ((labels[around] == 0) | own)
        looks.append(
            Look(
                int(found.label),
                box,
                found.image,
                float(found.area),
                float(found.solidity) if found.area > 8 else 1.0,
                float(found.eccentricity),
                float(p[own].mean()),
                float(np.count_nonzero(unsure)) / max(float(found.perimeter), 4.0),
                bool(2 * np.count_nonzero(scene.annotated[box] & found.image) > found.area),
                y0 == 0 or x0 == 0 or y1 == height or x1 == width,
            )
        )
    return looks
