"""Where new annotation would teach most: parts of a plane in which the network is unsure and nobody has painted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_unet.objects.changes import Box
from napari_unet.objects.overlaps import BoolArray

PART = 4.0
"""Side of a part over the diameter of an object: a few objects, as one paints them in one go."""


@dataclass(frozen=True)
class Part:
    """A part of a plane.

    Attributes
    ----------
    box
        Where it is.
    unsure
        Mean entropy (0–1) of its pixels that nobody has annotated, counted over the whole part.
    """

    box: Box
    unsure: float

    @property
    def where(self) -> tuple[int, int]:
        """Its middle."""
        return (self.box[0].start + self.box[0].stop) // 2, (self.box[1].start + self.box[1].stop) // 2


def entropy_of(foreground: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Return how unsure a probability is, 0 (sure) to 1 (no idea), float32."""
    p = np.clip(np.asarray(foreground, np.float32), 1e-6, 1 - 1e-6)
    entropy: npt.NDArray[np.float32] = (-(p * np.log2(p) + (1 - p) * np.log2(1 - p))).astype(np.float32)
    return entropy


def most_unsure_part(
    foreground: npt.NDArray[np.floating], annotated: BoolArray, object_size: float
) -> Part | None:
    """Return the part of a plane that would teach most, ``None`` where all is annotated.

    Parameters
    ----------
    foreground : float array (Y, X)
        The network's probability of being in an object.
    annotated : bool array (Y, X)
    object_size : float
        Diameter of a typical object in px.
    """
    height, width = foreground.shape
    side = int(np.clip(PART * object_size, 16, min(height, width)))
    unsure = np.where(annotated, 0, entropy_of(foreground)).astype(np.float64)
    sums = np.pad(unsure.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    step = max(side // 4, 1)
    y, x = np.arange(0, height - side + 1, step), np.arange(0, width - side + 1, step)
    total = (
        sums[np.ix_(y + side, x + side)]
        - sums[np.ix_(y, x + side)]
        - sums[np.ix_(y + side, x)]
        + sums[np.ix_(y, x)]
    )
    best = np.unravel_index(int(total.argmax()), total.shape)
    mean = float(total[best]) / side**2
    if mean <= 0:
        return None
    top, left = int(y[best[0]]), int(x[best[1]])
    return Part((slice(top, top + side), slice(left, left + side)), mean)
