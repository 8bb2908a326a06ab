"""Training patches as a picture: what the network sees, what it shall learn, and how much pixels count."""

import colorsys

import numpy as np
from numpy.typing import NDArray

from napari_unet.network.sampling import Batch

GAP = 2
"""Width in px of the lines between patches."""
UNKNOWN = (90, 90, 90)
"""Colour of what is not annotated."""
CLASS_COLOURS = ((0, 0, 0), (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (204, 121, 167))
"""Background, then the colours of Okabe and Ito (2008) that colour-blind people can tell apart."""


def strip(batch: Batch, n: int | None = None) -> NDArray[np.uint8]:
    """Draw patches side by side: the image above, the target in the middle, the weights below.

    Parameters
    ----------
    batch : Batch
        As `PatchSampler.draw` gives it; of volumes the plane that weighs most is shown.
    n : int or None
        Number of patches; None: all.

    Returns
    -------
    (3·h + 2·GAP, n·w + (n - 1)·GAP, 3) uint8
        RGB. Images are cut to the part whose target is learnt. Weights are on one logarithmic scale.
    """
    batch = batch.of_planes()
    n = len(batch) if n is None else min(n, len(batch))
    size = batch.classes.shape[1]
    picture = np.full((3 * size + 2 * GAP, n * size + (n - 1) * GAP, 3), 255, np.uint8)
    brightest = float(batch.weights.max(initial=0)) or 1.0
    for number in range(n):
        rows = (
            _draw_image(batch.image[number], size),
            _draw_target(batch, number),
            _draw_weights(batch.weights[number], brightest),
        )
        left = number * (size + GAP)
        for row, drawn in enumerate(rows):
            top = row * (size + GAP)
            picture[top : top + size, left : left + size] = drawn
    return picture


def _draw_image(image: NDArray[np.float32], size: int) -> NDArray[np.uint8]:
    """Cut (C, H, W) to its centre: one channel in grey, two in magenta and green, else the first as RGB."""
    margin = (image.shape[1] - size) // 2
    inner = image[:, margin : margin + size, margin : margin + size]
    if len(inner) == 1:
        inner = np.repeat(inner, 3, axis=0)
    elif len(inner) == 2:  # magenta and green
        inner = inner[[0, 1, 0]]
    return (np.clip(np.moveaxis(inner[:3], 0, -1), 0, 1) * 255).astype(np.uint8)


def _draw_target(batch: Batch, number: int) -> NDArray[np.uint8]:
    """Colour the classes; objects are brighter where they are deeper; what is not annotated is grey."""
    classes = batch.classes[number]
    colours = np.array([class_colour(k) for k in range(int(classes.max()) + 1)], np.float32)[classes]
    depth = np.where(batch.distance_known[number] & (classes > 0), 0.5 + 0.5 * batch.distance[number], 1.0)
    picture = colours * depth[..., None]
    picture[batch.weights[number] == 0] = UNKNOWN
    return np.asarray(picture, dtype=np.uint8)


def _draw_weights(weights: NDArray[np.float32], brightest: float) -> NDArray[np.uint8]:
    shown = np.log1p(weights) / np.log1p(brightest)
    grey: NDArray[np.uint8] = np.asarray(np.clip(shown, 0, 1) * 255, dtype=np.uint8)
    return np.stack([grey, grey, grey], axis=-1)


def class_colour(number: int) -> tuple[int, int, int]:
    """Colour of a class, 0…255 per primary; beyond the named ones the hue goes round by the golden ratio."""
    if number < len(CLASS_COLOURS):
        return CLASS_COLOURS[number]
    red, green, blue = colorsys.hsv_to_rgb(number * 0.618 % 1, 0.6, 0.9)
    return round(red * 255), round(green * 255), round(blue * 255)
