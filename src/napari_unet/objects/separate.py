"""From what the network says about each pixel to objects, or to a class map.

Everything here works on stored probabilities at the resolution of the image and is fast enough for a slider.
"""

from collections.abc import Callable
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from scipy import ndimage as ndi

from napari_unet.errors import UserError
from napari_unet.objects.borders import draw_own_borders
from napari_unet.objects.gaps import fill_label_holes, grow_into_gaps
from napari_unet.objects.overlaps import BoolArray, FloatArray, Int32Array
from napari_unet.objects.valleys import split_at_valleys, unite_fragments


class SplitMethod(StrEnum):
    """Where objects that touch are cut apart."""

    COMPONENTS = "components"
    DISTANCE = "distance"
    PROBABILITY = "probability"
    LEARNED = "learned"


class SeparationSettings(BaseModel):
    """How objects are made from probabilities; all sizes refer to the image."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: float = Field(
        0.5,
        gt=0,
        lt=1,
        title="Threshold",
        description="Pixels with at least this probability belong to an object. "
        "Lower: larger and more objects.",
    )
    own_border: float = Field(
        0.0,
        ge=0,
        lt=1,
        title="Own border",
        description="Above 0, an object ends where the probability falls to this part of its own peak, and it is an "
        "object if its peak reaches the threshold: dim objects are found whole. At 0 the threshold is where all of "
        "them end.",
    )
    method: SplitMethod = Field(
        SplitMethod.DISTANCE,
        title="Cut touching objects",
        description="How touching objects are cut apart. not at all (components): only gaps separate; "
        "at necks (distance): where the outline is narrow; at faint seams (probability): along valleys of the "
        "probability; as learned: by the distance to the object's border that the network has learned.",
    )
    smallest: float = Field(
        16.0,
        ge=0,
        title="Smallest object (px²)",
        description="Objects with a smaller area are removed, or united with the object that they touch.",
    )
    fill_holes: bool = Field(
        True, title="Fill holes", description="Fill holes that lie inside of one object."
    )
    seed_depth: float = Field(
        0.25,
        ge=0,
        le=1,
        title="Depth of a cut",
        description="Objects are cut apart where the valley between two centres lies deeper than this part "
        "of the lower centre's height (for distance: a neck is this much narrower than the smaller side). "
        "0 cuts at every dent, 1 never.",
    )
    gap: int = Field(
        1,
        ge=0,
        le=8,
        title="Gap to close (px)",
        description="Width of the background that training put on each side of a contact between two "
        "objects, in pixels of the network. Objects grow back by it, only where they face another object "
        "across such a gap.",
    )


def separate(
    probability: FloatArray,
    settings: SeparationSettings,
    distance: FloatArray | None = None,
    scale: float = 1.0,
    typical_size: float | None = None,
    plane_step: float | None = None,
) -> Int32Array:
    """Make objects from the probability of being inside one, on a plane or in a volume.

    Threshold, split, end each object at its own border if asked for, grow into the gaps that the training target cut
    between touching objects, fill holes, remove what is too small. In a volume gaps and holes are those of its planes,
    as training sees them.

    Parameters
    ----------
    probability : float array ([Z,] Y, X)
        Probability that a pixel belongs to any object, 0–1; NaN counts as 0.
    settings : SeparationSettings
        Threshold, method and sizes; `smallest` is in voxels for a volume.
    distance : float array ([Z,] Y, X), optional
        Learned distance to the object's border, 1 at its centre; needed for the method "learned".
    scale : float
        Pixels of the network per pixel of the image (0.5: the network saw the image at half size).
    typical_size : float, optional
        Equivalent diameter of a typical object in px of the image; estimated when not given.
    plane_step : float, optional
        Distance of the planes of a volume in px of the plane; 1 by default.

    Returns
    -------
    int32 array ([Z,] Y, X)
        0 is background, objects are 1..n.

    Raises
    ------
    UserError
        If the method is "learned" and there is no learned distance.
    """
    if settings.method is SplitMethod.LEARNED and distance is None:
        raise UserError(
            "This network has not learned distances: choose another way to split, such as distance."
        )
    mask = probability >= settings.threshold * (settings.own_border or 1)
    if not mask.any():
        return np.zeros(mask.shape, np.int32)
    if settings.method is SplitMethod.COMPONENTS:
        labels = ndi.label(mask)[0].astype(np.int32, copy=False)
    else:
        spacing = (plane_step or 1.0,) * (mask.ndim - 2) + (1.0, 1.0)
        landscape = _landscape(mask, probability, distance, settings.method, typical_size, spacing)
        labels = split_at_valleys(landscape, mask, settings.seed_depth)
        labels = unite_fragments(labels, settings.smallest)
    if settings.own_border:
        labels = draw_own_borders(labels, probability, settings.threshold, settings.own_border)
    labels = _by_plane(labels, lambda plane: grow_into_gaps(plane, round(2 * settings.gap / scale)))
    if settings.fill_holes:
        labels = _by_plane(labels, fill_label_holes)
    return _remove_small(labels, settings.smallest)


def separate_classes(probabilities: FloatArray, smallest: float = 0.0) -> Int32Array:
    """Give every pixel its most probable class.

    Parameters
    ----------
    probabilities : float array (K, [Z,] Y, X)
        One map per class, background first; NaN counts as 0.
    smallest : float
        Connected pieces of a class with a smaller area (px²) take the class of the nearest larger piece.

    Returns
    -------
    int32 array (Y, X)
        0..K-1.
    """
    classes: Int32Array = np.nan_to_num(probabilities, nan=0.0).argmax(axis=0).astype(np.int32)
    if smallest <= 1:
        return classes
    small = np.zeros(classes.shape, bool)
    for value in range(probabilities.shape[0]):
        pieces, n = ndi.label(classes == value)
        areas = np.bincount(pieces.ravel(), minlength=n + 1)
        too_small = areas < smallest
        too_small[0] = False
        small |= too_small[pieces]
    if small.any() and not small.all():
        nearest = ndi.distance_transform_edt(small, return_distances=False, return_indices=True)
        classes = classes[tuple(nearest)]
    return classes


def why_empty(probability: FloatArray, settings: SeparationSettings) -> str:
    """Say in one sentence why no object was found and what would change it.

    Parameters
    ----------
    probability : float array (Y, X)
        The probability that gave no object.
    settings : SeparationSettings
        The settings that gave no object.

    Returns
    -------
    str
        One sentence; if there are objects after all, it says how many.
    """
    clean = np.nan_to_num(probability, nan=0.0)
    n, largest = _count_pieces(clean, settings)
    if n:
        return f"There {'is 1 object' if n == 1 else f'are {n} objects'} with these settings."
    if largest:
        return (
            f"The largest object found has {largest} px², less than the smallest allowed "
            f"({settings.smallest:g} px²): allow objects from {max(1, int(0.8 * largest))} px²."
        )
    top = float(clean.max(initial=0.0))
    short = "below" if top < settings.threshold else "but no object has a tenth of its pixels above"
    for threshold in (round(0.05 * k, 2) for k in range(18, 0, -1)):
        if threshold >= settings.threshold:
            continue
        n, _ = _count_pieces(clean, settings.model_copy(update={"threshold": threshold}))
        if n:
            return (
                f"The highest probability is {top:.2f}, {short} the threshold of {settings.threshold:.2f}: "
                f"a threshold of {threshold:.2f} would find {n} object{'s' if n > 1 else ''}."
            )
    return (
        f"The highest probability is {top:.2f}, so no threshold would find an object here: "
        "paint one or two objects of this image and train again."
    )


def _count_pieces(probability: FloatArray, settings: SeparationSettings) -> tuple[int, int]:
    """Return the number of connected pieces that are large enough, and the area of the largest of all."""
    pieces = ndi.label(probability >= settings.threshold * (settings.own_border or 1))[0]
    if settings.own_border:
        pieces = draw_own_borders(pieces, probability, settings.threshold, settings.own_border)
    areas = np.bincount(pieces.ravel())[1:]
    return int(np.count_nonzero(areas >= settings.smallest)), int(areas.max(initial=0))


def _landscape(
    mask: BoolArray,
    probability: FloatArray,
    distance: FloatArray | None,
    method: SplitMethod,
    typical_size: float | None,
    spacing: tuple[float, ...],
) -> npt.NDArray[np.float32]:
    """Return heights, at least 0, whose peaks are the objects' centres."""
    depths = None
    if method is SplitMethod.DISTANCE or typical_size is None:
        depths = ndi.distance_transform_edt(mask, sampling=spacing).astype(np.float32)
        typical_size = typical_size or estimate_width(depths[mask], mask.ndim)
    heights = depths
    if method is SplitMethod.PROBABILITY:
        heights = np.nan_to_num(probability.astype(np.float32), nan=0.0)
    elif method is SplitMethod.LEARNED and distance is not None:
        heights = np.nan_to_num(distance.astype(np.float32), nan=0.0)
    # Ripples much smaller than an object are noise; those of the outline sit in its distances, too.
    smooth: npt.NDArray[np.float32] = ndi.gaussian_filter(
        heights, [0.04 * typical_size / step for step in spacing], truncate=3
    )
    return np.maximum(smooth, 0)


def estimate_width(depths: npt.NDArray[np.float32], dimensions: int = 2) -> float:
    """Return the diameter (px) of discs, or balls, whose pixels lie so far from the outside on average.

    Inside a disc the mean distance to the border is a sixth of its diameter, and necks or chance contacts
    hardly change this mean; inside a long strip it is a quarter of the width. Inside a ball it is an eighth.
    """
    return max(1.0, 2 * (dimensions + 1) * (float(depths.mean()) - 0.5)) if depths.size else 1.0


def _by_plane(labels: Int32Array, change: Callable[[Int32Array], Int32Array]) -> Int32Array:
    return change(labels) if labels.ndim == 2 else np.stack([change(plane) for plane in labels])


def _remove_small(labels: Int32Array, smallest: float) -> Int32Array:
    areas = np.bincount(labels.ravel())
    keep = areas >= max(smallest, 1)
    keep[0] = False
    numbers = np.where(keep, np.cumsum(keep), 0).astype(np.int32)
    result: Int32Array = numbers[labels]
    return result
