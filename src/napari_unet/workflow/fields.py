"""What a network and the filters see in a part of a plane; it is computed once, for all strokes that follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.callbacks import ShouldStop, never_stop
from napari_unet.network.features import see
from napari_unet.network.filters import filter_bank
from napari_unet.network.model_file import Model
from napari_unet.network.scaling import (
    Normalisation,
    measure_normalisation,
    normalise,
    resample_image,
    resample_probability,
    scaled_shape,
)

CONTEXT = 32
"""Pixels at the network's scale around a field that the network sees."""

Box = tuple[int, int, int, int]
"""y0, y1, x0, x1 in px of the plane, half open."""


@dataclass(frozen=True, eq=False)
class Field:
    """What was seen in a part of a plane.

    Attributes
    ----------
    plane
        Index along the image's leading axes.
    box
        In px of the plane.
    reduction
        Pixels of the field per pixel of the image, at most 1.
    features
        float16 ``(F, y, x)``: the network's maps and logits, then filter responses.
    own
        Which of the features are the network's own logits; the distance's is the last of them if it has one.
    has_distance
        Whether it has one.
    """

    plane: tuple[int, ...]
    box: Box
    reduction: float
    features: NDArray[np.float16]
    own: slice
    has_distance: bool

    @property
    def n_bytes(self) -> int:
        """Memory that it takes."""
        return self.features.nbytes

    @property
    def logits(self) -> NDArray[np.float16]:
        """The network's logits of its classes against background, ``(K − 1, y, x)``."""
        return self.features[self.own][: -1 if self.has_distance else None]

    @property
    def distance(self) -> NDArray[np.float32] | None:
        """The network's distance to the object's border, 0–1, ``None`` where it has none."""
        if not self.has_distance:
            return None
        logit = self.features[self.own][-1].astype(np.float32)
        result: NDArray[np.float32] = 1 / (1 + np.exp(-logit))
        return result

    def covers(self, plane: tuple[int, ...], box: Box, reduction: float) -> bool:
        """Whether it shows all of a box at this resolution at least."""
        y0, y1, x0, x1 = self.box
        inside = y0 <= box[0] and box[1] <= y1 and x0 <= box[2] and box[3] <= x1
        return self.plane == plane and inside and self.reduction >= 0.95 * reduction


def grey_range_of(model: Model, plane: NDArray[Any]) -> Normalisation:
    """Return the grey range in which a network sees a plane (C, Y, X), also where only a part of it is read."""
    known = model.description.normalisation
    return measure_normalisation([plane], "as in training") if known.mode == "per image" else known


def see_field(
    model: Model,
    pixels: NDArray[Any],
    plane: tuple[int, ...],
    box: Box,
    reduction: float,
    scale: float,
    grey_range: Normalisation,
    device: str = "auto",
    should_stop: ShouldStop = never_stop,
) -> Field:
    """Let a network and the filters look at a part of a plane.

    Parameters
    ----------
    pixels
        The whole plane ``(C, Y, X)``, any numeric dtype.
    box, reduction
        As in `Field`.
    scale
        Network px per image px.
    grey_range
        As `grey_range_of` returns it.

    Raises
    ------
    Stopped
    """
    y0, y1, x0, x1 = box
    margin = int(np.ceil(CONTEXT / scale))
    top, left = max(y0 - margin, 0), max(x0 - margin, 0)
    bottom, right = min(y1 + margin, pixels.shape[1]), min(x1 + margin, pixels.shape[2])
    grey = normalise(pixels[:, top:bottom, left:right], grey_range)
    shape = scaled_shape((bottom - top, right - left), reduction)
    seen = see(model.network, resample_image(grey, scale), device, should_stop)
    maps = seen.features
    if maps.shape[1:] != shape:
        maps = resample_probability(maps.astype(np.float32), shape).astype(np.float16)
    responses = filter_bank(resample_image(grey, reduction) if reduction != 1 else grey)
    height, width = scaled_shape((y1 - y0, x1 - x0), reduction)
    up, aside = round((y0 - top) * reduction), round((x0 - left) * reduction)
    up, aside = min(up, shape[0] - height), min(aside, shape[1] - width)
    inner = (slice(None), slice(up, up + height), slice(aside, aside + width))
    features = np.concatenate([maps[inner], responses[inner]])
    own = slice(len(maps) - seen.n_own, len(maps))
    return Field(plane, box, reduction, features, own, model.description.network.distance)
