"""The weight map of a volume of which some planes are annotated: the formulas of `terms`, distances in space.

Distances are measured between voxel centres with the planes as far apart as they are, so that an object above weighs
as much as one beside that is as near.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_unet.annotation.terms import Floats, WeightMapSettings, balance_of, border_of, compose

Spacing3 = tuple[float, float, float]
"""Size of a voxel along z, y and x, in px of the network."""


def two_nearest_in_space(
    objects: NDArray[np.int32], reach: float, spacing: Spacing3
) -> tuple[Floats, Floats]:
    """Distances to the nearest (d1) and the second nearest (d2) different object of a volume.

    Each object is looked at in its bounding box grown by the reach, and there by a Euclidean distance transform.

    Parameters
    ----------
    objects
        int32 ``(Z, Y, X)``; 0 is no object, every other value is one object, in however many planes.
    reach
        Distances up to here are exact. Longer ones are longer than this, or ``inf``, but not exact.

    Returns
    -------
    d1, d2
        float32 ``(Z, Y, X)``; 0 on an object's own voxels (d1), ``inf`` where there is no such object.
    """
    first = np.full(objects.shape, np.inf, np.float32)
    second = first.copy()
    pixels = [int(np.ceil(reach / step)) for step in spacing]
    values, dense = np.unique(objects, return_inverse=True)
    boxes = ndimage.find_objects(dense.reshape(objects.shape).astype(np.int32) + 1)
    for value, box in zip(values, boxes, strict=True):
        if value == 0 or box is None:
            continue
        near = tuple(
            slice(max(side.start - by, 0), min(side.stop + by, n))
            for side, by, n in zip(box, pixels, objects.shape, strict=True)
        )
        away = ndimage.distance_transform_edt(objects[near] != value, sampling=spacing).astype(np.float32)
        d1, d2 = first[near], second[near]
        np.minimum(d2, np.maximum(d1, away), out=d2)
        np.minimum(d1, away, out=d1)
    return first, second


def volume_weight_map(
    classes: NDArray[np.uint8],
    known: NDArray[np.bool_],
    objects: NDArray[np.int32],
    settings: WeightMapSettings,
    spacing: Spacing3,
    factors: Floats | None = None,
) -> Floats:
    """Return the weight of every voxel in the loss: `weight_map` with distances in space.

    Parameters
    ----------
    classes, known
        uint8 and bool ``(Z, Y, X)``: the targets of the planes; planes without annotation are known nowhere.
    objects
        int32 ``(Z, Y, X)``: complete objects before the gaps are cut. What belongs to one object has one value on all
        planes.
    spacing
        Size of a voxel in px of the network.
    factors
        w_c per class (Ronneberger 2015 only); all 1 by default.

    Returns
    -------
    float32 ``(Z, Y, X)``, 0 where nothing is known.
    """
    reach = max(settings.border_reach, settings.balance_reach)
    if reach == 0:
        border = np.zeros(objects.shape, np.float32)
        return compose(classes, known, border, None, factors, settings)
    d1, d2 = two_nearest_in_space(objects, reach, spacing)
    balance = balance_of(d1, settings) if settings.preset == "falk2019" else None
    d2[np.add(d1, d2) > settings.border_reach] = np.inf  # a clean end, as in planes
    border = border_of(d1, d2, settings)
    return compose(classes, known, border, balance, factors, settings)
