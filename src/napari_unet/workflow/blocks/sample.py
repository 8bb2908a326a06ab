"""What holds for the whole of a large image, measured once and on a bounded part of it: grey range, object size."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.callbacks import ShouldStop, never_stop
from napari_unet.errors import Stopped
from napari_unet.formats.lazy import LazyImage
from napari_unet.network.model_file import Model
from napari_unet.network.scaling import Normalisation, measure_normalisation, normalise
from napari_unet.workflow.magnification import estimate_object_size

WHOLE = 2048**2
"""Pixels up to which an image is looked at whole."""
WINDOWS, SIDE = 6, 256
"""Along each side of the image so many windows of so many px are looked at."""
COMPARED = 64
"""Side in px of the corner and the middle by which an image is known again."""
BUSY = 2048
"""Side in px of the part in which objects are measured."""


def sample_of(
    image: LazyImage, n_channels: int, should_stop: ShouldStop = never_stop
) -> tuple[NDArray[Any], tuple[int, int]]:
    """Return pixels from all over an image and where most happens in it.

    Returns
    -------
    pixels
        Shape ``(C, Y, X)``: the image, or windows one below the other.
    middle : tuple of int
        Row and column in px around which grey values change most.

    Raises
    ------
    Stopped
    """
    _, height, width = image.shape
    if height * width <= WHOLE:
        return image.read(0, height, 0, width, n_channels), (height // 2, width // 2)
    side_y, side_x = min(SIDE, height), min(SIDE, width)
    windows, busy = [], []
    for y in np.linspace(0, height - side_y, WINDOWS).astype(int).tolist():
        for x in np.linspace(0, width - side_x, WINDOWS).astype(int).tolist():
            if should_stop():
                raise Stopped
            window = image.read(y, y + side_y, x, x + side_x, n_channels)
            windows.append(window)
            change = np.abs(np.diff(window.astype(np.float64), axis=2)).mean()
            busy.append((float(np.nan_to_num(change)), y + side_y // 2, x + side_x // 2))
    _, y, x = max(busy)
    return np.concatenate(windows, axis=1), (y, x)


def fixed(normalisation: Normalisation, sample: NDArray[Any]) -> Normalisation:
    """Return the grey range that all blocks are seen in: of training, or of the sample."""
    if normalisation.mode == "per image":
        normalisation = measure_normalisation([sample])
    return normalisation.in_mode("as in training")


def measure_size(
    model: Model,
    image: LazyImage,
    normalisation: Normalisation,
    middle: tuple[int, int],
    device: str,
    should_stop: ShouldStop = never_stop,
) -> float | None:
    """Return the typical diameter (px) of the objects in the busiest part of the image, ``None`` without any."""
    _, height, width = image.shape
    y0, x0 = (
        max(0, min(at - BUSY // 2, size - BUSY)) for at, size in zip(middle, (height, width), strict=True)
    )
    n_channels = model.description.network.in_channels
    box = image.read(y0, min(y0 + BUSY, height), x0, min(x0 + BUSY, width), n_channels)
    return estimate_object_size(model, normalise(box, normalisation), device, should_stop)


def sight_of(image: LazyImage, n_channels: int) -> str:
    """Return what tells images apart without reading them whole."""
    _, height, width = image.shape
    digest = hashlib.sha256(f"{image.shape} {image.dtype}".encode())
    for y, x in ((0, 0), (height // 2, width // 2)):
        box = image.read(y, min(y + COMPARED, height), x, min(x + COMPARED, width), n_channels)
        digest.update(np.ascontiguousarray(box).tobytes())
    return digest.hexdigest()
