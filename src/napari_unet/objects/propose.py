"""A first segmentation without any network, by a threshold and a distance watershed."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi
from skimage.filters import threshold_otsu

from napari_unet.objects.overlaps import BoolArray, Int32Array, IntArray
from napari_unet.objects.separate import SeparationSettings, SplitMethod, estimate_width, separate

Float32Array = npt.NDArray[np.float32]
DEEPEST_CUT = 0.4  # at no splitting short of none
COARSE = 400  # a side of this many pixels is enough to see how wide objects are
LARGEST_FLOAT = 1e30  # grey values beyond overflow in float32
NOISE = 1.0  # σ (px) of the smoothing before the threshold


def propose(
    image: npt.NDArray[Any],
    threshold_shift: float = 0.0,
    splitting: float = 0.5,
    local: bool = False,
) -> Int32Array:
    """Propose objects that a person can correct.

    Parameters
    ----------
    image : real array (Y, X)
        Any grey values; not finite ones count as the median.
    threshold_shift : float
        -1 (all is object) to 1 (nothing is), 0 the automatic threshold (Otsu 1979).
    splitting : float
        0 (what touches is one object) to 1 (every dent in an outline is a cut).
    local : bool
        Compare with the surroundings instead of one value for the whole image, for uneven light.

    Returns
    -------
    int32 array (Y, X)
        0 is background, objects are 1..n.
    """
    smooth = _smooth(image)
    if not np.ptp(smooth):
        return np.zeros(image.shape, np.int32)
    bright = _are_objects_bright(_flatten(smooth) if local else smooth)
    heights = smooth if bright else -smooth
    if local:
        heights = _flatten(heights)
    mask = heights > _shifted_threshold(heights, threshold_shift)
    mask = _tidy(mask)
    if not mask.any() or mask.all():
        return mask.astype(np.int32)
    size = _estimate_width(mask)
    method = SplitMethod.DISTANCE if splitting > 0 else SplitMethod.COMPONENTS
    settings = SeparationSettings(
        method=method,
        seed_depth=DEEPEST_CUT * (1 - splitting) + 0.02,
        smallest=max(4.0, 0.05 * size**2),
        gap=0,
    )
    return separate(mask.astype(np.float32), settings, typical_size=size)


def estimate_object_size(labels: IntArray) -> float | None:
    """Return the median equivalent diameter (px) of the objects that the image's edge does not cut.

    If it cuts all of them, the median of all; None if there are none.
    """
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    whole = areas.copy()
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        whole[np.unique(edge)] = 0
    chosen = whole if whole.any() else areas
    chosen = chosen[chosen > 0]
    return float(np.median(np.sqrt(4 * chosen / np.pi))) if chosen.size else None


def _smooth(image: npt.NDArray[Any]) -> Float32Array:
    values = np.asarray(image)
    largest = np.abs(values[np.isfinite(values)], dtype=np.float64).max(initial=0)
    if largest > LARGEST_FLOAT:
        values = values / largest
    values = values.astype(np.float32)
    finite = np.isfinite(values)
    if not finite.all():
        values = np.where(finite, values, np.median(values[finite]) if finite.any() else np.float32(0))
    smooth: Float32Array = ndi.gaussian_filter(values, NOISE)
    return smooth


def _are_objects_bright(smooth: Float32Array) -> bool:
    """Guess from the background: there is more of it, so that the mean lies off it, towards the objects."""
    values = smooth.ravel()[:: max(1, smooth.size // 2**17)]
    values = np.clip(values, *np.percentile(values, [0.5, 99.5]))
    return bool(values.mean() >= np.median(values))


def _flatten(heights: Float32Array) -> Float32Array:
    """Subtract the local mean of the pixels that are lower than their surroundings: the background."""
    sigma = float(np.clip(min(heights.shape) / 8, 8, 100))
    lower = (heights < _blur(heights, sigma)).astype(np.float32)
    background = _blur(heights * lower, sigma) / np.maximum(_blur(lower, sigma), 1e-3)
    flat: Float32Array = (heights - background).astype(np.float32)
    return flat


def _tidy(mask: BoolArray) -> BoolArray:
    """Smooth outlines and fill holes much smaller than an object: texture, which would look like necks."""
    mask = ndi.gaussian_filter(mask.astype(np.float32), 0.04 * _estimate_width(mask)) > 0.5
    holes, n = ndi.label(~mask)
    small = np.bincount(holes.ravel(), minlength=n + 1) < (_estimate_width(mask) / 2) ** 2
    tidy: BoolArray = mask | small[holes]
    return tidy


def _estimate_width(mask: BoolArray) -> float:
    step = max(1, min(mask.shape) // COARSE)
    coarse = mask[::step, ::step]
    width: float = step * estimate_width(ndi.distance_transform_edt(coarse)[coarse])
    return width


def _blur(values: Float32Array, sigma: float) -> Float32Array:
    """Blur widely: on a reduced image, as nothing is left of details anyway."""
    step = max(1, int(sigma / 4))
    height, width = values.shape
    padded = np.pad(values, ((0, -height % step), (0, -width % step)), mode="edge")
    coarse = padded.reshape(padded.shape[0] // step, step, padded.shape[1] // step, step).mean(axis=(1, 3))
    blurred = ndi.gaussian_filter(coarse, sigma / step)
    rows, columns = (
        _interpolation(height, coarse.shape[0], step),
        _interpolation(width, coarse.shape[1], step),
    )
    result: Float32Array = rows @ blurred @ columns.T
    return result


def _interpolation(n: int, n_coarse: int, step: int) -> Float32Array:
    """Return the matrix (n, n_coarse) that interpolates linearly between the middles of blocks of `step`."""
    at = np.clip((np.arange(n) - (step - 1) / 2) / step, 0, n_coarse - 1)
    weights: Float32Array = np.maximum(0, 1 - np.abs(at[:, None] - np.arange(n_coarse))).astype(np.float32)
    return weights


def _shifted_threshold(heights: Float32Array, shift: float) -> float:
    if abs(shift) >= 1:
        return float(heights.max() if shift > 0 else heights.min())
    values = heights.ravel()[:: max(1, heights.size // 2**17)]
    low, high = np.percentile(values, [0.1, 99.9])  # a few extreme pixels should not use up the slider
    clipped = np.clip(values, low, high).astype(np.float64)  # their squares may be too large for float32
    automatic = float(threshold_otsu(clipped))
    return automatic + abs(shift) * (float(high if shift > 0 else low) - automatic)
