"""At which resolution and in which grey range the network sees an image.

The scale is the largest speed lever there is: cells of 100 px cost ten times the pixels of cells of 30 px for
no gain. But what is thin (membranes, vessels, myelin) or small is lost when an image is reduced too far.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from skimage.morphology import skeletonize
from torch.nn import functional as F

TARGET_SIZE = 28.0
"""Equivalent diameter in px that a typical object has at the network's scale."""
LEAST_THIN_WIDTH = 5.0
"""Width in px that thin structures keep at the network's scale."""
UNCHANGED = (0.8, 1.5)
"""Object sizes within these multiples of the target stay: resampling costs detail, and gains little there."""
SMALLEST_SCALE = 1 / 16
LOW_PERCENTILE, HIGH_PERCENTILE = 0.5, 99.8
CLIPPED = (-1.0, 3.0)
"""Range that normalised values are clipped to: a hot pixel must not outshine a whole image."""


GreyMode = Literal["as in training", "per image"]
"""Whether images are shown in the grey range of the training images, or each in its own."""


class Normalisation(BaseModel):
    """Grey range that becomes 0…1, per channel, and where it comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: GreyMode = Field(
        default="per image",
        title="Grey range",
        description="As in training: every image is shown with the grey range of the training images. "
        "Per image: each image with its own range, for images of differing brightness.",
    )
    low: tuple[float, ...] = Field(description="Grey value per channel that becomes 0.")
    high: tuple[float, ...] = Field(description="Grey value per channel that becomes 1.")

    @model_validator(mode="after")
    def _as_many_lows_as_highs(self) -> "Normalisation":
        if len(self.low) != len(self.high) or not self.low:
            raise ValueError("low and high need one value per channel")
        if not np.isfinite([*self.low, *self.high]).all():
            raise ValueError("low and high must be finite")
        return self

    def in_mode(self, mode: GreyMode | None) -> "Normalisation":
        """Return it with another mode; ``None`` leaves it as it is."""
        return self if mode is None else self.model_copy(update={"mode": mode})


def measure_normalisation(images: Sequence[NDArray[Any]], mode: GreyMode = "per image") -> Normalisation:
    """Measure the grey range of images: their 0.5 and 99.8 percentiles per channel, averaged over images.

    Parameters
    ----------
    images : sequence of arrays of shape (C, [Z,] Y, X), any number type
        All with the same number of channels. Values that are not finite are left out.
    mode : "as in training" or "per image"
        How the range will be used.
    """
    ranges = np.array([_grey_range(image) for image in images])  # (images, 2, C)
    low, high = ranges.mean(axis=0)
    return Normalisation(mode=mode, low=tuple(map(float, low)), high=tuple(map(float, high)))


def normalise(image: NDArray[Any], normalisation: Normalisation) -> NDArray[np.float32]:
    """Bring the grey values of an image (C, [Z,] Y, X) of any number type to about 0…1, always finite.

    A constant channel becomes 0 (*per image*); values that are not finite take the lowest value of the range.
    """
    low, high = np.asarray(normalisation.low), np.asarray(normalisation.high)
    if normalisation.mode == "per image":
        low, high = _grey_range(image)
    low, high = (ends.reshape(-1, *(1,) * (image.ndim - 1)) for ends in (low, high))
    span = np.where(high > low, high - low, np.inf)
    values = image.astype(np.float64 if image.dtype.itemsize > 4 else np.float32, copy=True)
    values[~np.isfinite(values)] = np.nan
    values = np.nan_to_num((values - low) / span, nan=0.0)
    result: NDArray[np.float32] = np.clip(values, *CLIPPED).astype(np.float32)
    return result


def _grey_range(image: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Low and high grey value per channel of (C, [Z,] Y, X), from at most some 500,000 evenly spread pixels."""
    pixels = image.reshape(image.shape[0], -1)
    pixels = pixels[:, :: max(1, pixels.shape[1] // 500_000)].astype(np.float64)
    ranges = []
    for channel in pixels:
        finite = channel[np.isfinite(channel)]
        ranges.append(
            np.percentile(finite, [LOW_PERCENTILE, HIGH_PERCENTILE]) if finite.size else np.zeros(2)
        )
        if ranges[-1][0] == ranges[-1][1] and finite.size:  # few bright pixels on a constant ground
            ranges[-1] = np.array([finite.min(), finite.max()])
    low, high = np.array(ranges).T
    return low, high


def brightness_warning(image: NDArray[Any], normalisation: Normalisation) -> str | None:
    """Name a strong difference in brightness or contrast from the training images, or return None.

    Parameters
    ----------
    image : array (C, [Z,] Y, X), any number type
    normalisation : Normalisation
        With the range of the training images.
    """
    low, high = _grey_range(image)
    trained_low, trained_high = np.asarray(normalisation.low), np.asarray(normalisation.high)
    if (high <= low).all():
        return "This image has one grey value everywhere: there is nothing to find in it."
    span = np.maximum(trained_high - trained_low, 1e-12)
    contrast = (high - low) / span
    shift = np.abs((low + high) / 2 - (trained_low + trained_high) / 2) / span
    if normalisation.mode == "per image":
        return None  # brightness and contrast of the whole image are taken out
    found = []
    for channel in range(len(low)):
        name = f"channel {channel + 1}: " if len(low) > 1 else ""
        if contrast[channel] > 2.5 or contrast[channel] < 0.4:
            found.append(f"{name}its contrast is {contrast[channel]:.2g} times that of the training images")
        elif shift[channel] > 0.75:
            brighter = low[channel] + high[channel] > trained_low[channel] + trained_high[channel]
            found.append(f"{name}it is much {'brighter' if brighter else 'darker'} than the training images")
    if not found:
        return None
    return (
        f"This image differs from those the network was trained on ({'; '.join(found)}): "
        "look twice at its result, or set the grey range to 'per image'."
    )


def choose_scale(
    object_size_px: float | None,
    thin_width_px: float | None = None,
    max_up: float = 2.0,
) -> float:
    """Choose how many px per image px the network sees: typical objects at `TARGET_SIZE`.

    Objects of nearly that size stay as they are: resampling takes detail from what separates them.
    Larger ones are reduced, but not so far that thin structures fall below `LEAST_THIN_WIDTH`; small ones are
    enlarged. Without objects (Classes) the thinnest structure alone decides, and nothing is enlarged.

    Parameters
    ----------
    object_size_px : float or None
        Equivalent diameter of a typical object in px of the image.
    thin_width_px : float or None
        Width in px of the thinnest structure that matters, see `thin_structure_width`.
    max_up : float
        Largest scale.
    """
    thin = thin_width_px if thin_width_px and np.isfinite(thin_width_px) and thin_width_px > 0 else None
    if object_size_px is None or not np.isfinite(object_size_px) or object_size_px <= 0:
        scale = min(LEAST_THIN_WIDTH / thin, 1.0) if thin else 1.0
    else:
        relative = object_size_px / TARGET_SIZE
        if UNCHANGED[0] <= relative <= UNCHANGED[1]:
            scale = 1.0
        else:  # only to the nearer end of what stays unchanged when reducing: separation needs detail
            scale = UNCHANGED[1] / 1.25 / relative if relative > 1 else 1 / relative
        if thin and scale < 1:
            scale = max(scale, min(1.0, LEAST_THIN_WIDTH / thin))
    return float(np.clip(scale, SMALLEST_SCALE, max_up))


def thin_structure_width(mask: NDArray[np.bool_]) -> float:
    """Measure how wide the structures of a mask (Y, X) are: their area over the length of their skeleton.

    A membrane gives its thickness in px; a compact object, whose skeleton is short, more than its radius. An
    empty mask gives infinity.
    """
    if not mask.any():
        return float("inf")
    skeleton = skeletonize(mask)
    # a diagonal step is √2 long: count the pairs of neighbours instead of the pixels
    straight = np.count_nonzero(skeleton[1:] & skeleton[:-1]) + np.count_nonzero(
        skeleton[:, 1:] & skeleton[:, :-1]
    )
    pixels = np.count_nonzero(skeleton)
    length = straight + np.sqrt(2) * max(0, pixels - straight - 1) + 1
    return float(np.count_nonzero(mask) / max(length, 1.0))


def resample_image(image: NDArray[np.floating[Any]], scale: float) -> NDArray[np.float32]:
    """Resample an image (C, Y, X) to `scale` times its size: linear, and smoothed first when reduced."""
    height, width = scaled_shape((image.shape[1], image.shape[2]), scale)
    return _interpolate(image, (height, width), antialias=scale < 1)


def resample_probability(
    probability: NDArray[np.floating[Any]], shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Resample probabilities (K, Y, X) linearly to (K, *shape)."""
    return _interpolate(probability, shape, antialias=shape[0] < probability.shape[1])


def resample_volume(volume: NDArray[np.floating[Any]], scale: float, stretch: float) -> NDArray[np.float32]:
    """Resample a volume (C, Z, Y, X): its planes to `scale` times their size, their number to `stretch` times."""
    shape = scaled_shape((volume.shape[2], volume.shape[3]), scale)
    return resize_volume(volume, (max(1, round(volume.shape[1] * stretch)), *shape))


def resize_volume(volume: NDArray[np.floating[Any]], shape: tuple[int, int, int]) -> NDArray[np.float32]:
    """Resample a volume (K, Z, Y, X) linearly to (K, *shape), smoothed first along axes that are reduced."""
    n_channels, n_planes = volume.shape[:2]
    planes = volume.reshape(-1, *volume.shape[2:])
    resized = np.concatenate(
        [_interpolate(plane[None], shape[1:], antialias=shape[1] < volume.shape[2]) for plane in planes]
    ).reshape(n_channels, n_planes, *shape[1:])
    if shape[0] == n_planes:
        return resized
    reach = max(1.0, n_planes / shape[0])  # of a triangle around every new plane, in old ones
    at = (np.arange(shape[0]) + 0.5) * n_planes / shape[0] - 0.5
    at = np.clip(at, 0, n_planes - 1)
    weights = np.maximum(0, 1 - np.abs(at[:, None] - np.arange(n_planes)) / reach)
    weights = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    result: NDArray[np.float32] = np.einsum("nz,czyx->cnyx", weights, resized)
    return np.ascontiguousarray(result)


def resample_labels(labels: NDArray[Any], shape: tuple[int, int]) -> NDArray[Any]:
    """Resample labels (Y, X) to `shape`, each pixel taking the value under its centre."""
    rows, columns = (
        np.minimum(((np.arange(new) + 0.5) * old / new).astype(np.intp), old - 1)
        for old, new in zip(labels.shape, shape, strict=True)
    )
    resampled: NDArray[Any] = labels[rows[:, None], columns]
    return resampled


def scaled_shape(shape: tuple[int, int], scale: float) -> tuple[int, int]:
    """Shape in px of an image of `shape` at `scale`, at least one pixel."""
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def _interpolate(planes: NDArray[Any], shape: tuple[int, int], antialias: bool) -> NDArray[np.float32]:
    planes = np.ascontiguousarray(planes, dtype=np.float32)
    if planes.shape[1:] == shape:
        return planes.copy()
    if shape[1] == 1 < shape[0]:  # PyTorch 2.13 gives every row of a single column the first row's value
        return np.ascontiguousarray(
            _interpolate(planes.swapaxes(1, 2), shape[::-1], antialias).swapaxes(1, 2)
        )
    resampled = F.interpolate(
        torch.from_numpy(planes)[None], size=shape, mode="bilinear", align_corners=False, antialias=antialias
    )
    result: NDArray[np.float32] = resampled[0].numpy()
    return result
