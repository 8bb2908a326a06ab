"""A crowded image that takes several blocks, and what is needed to segment it in one piece and in blocks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import psutil

from napari_unet.formats.lazy import LazyImage
from napari_unet.network.model_file import Model
from napari_unet.objects.overlaps import count_overlaps
from napari_unet.workflow.blocks.segmentation import SegmentedBlocks, segment_blocks

SIZE = 28.0
"""Taken for the objects' diameter: the network sees the image as it is."""


def crowd(height: int = 570, width: int = 1100, seed: int = 0) -> np.ndarray:
    """Return an image (1, Y, X) uint16 of discs of 20 px, many of which touch."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    nearest = np.full(y.shape, np.inf)
    for row in range(11, height, 22):
        for column in range(11, width, 22):
            cy, cx = np.array([row, column]) + rng.uniform(-2, 2, 2)
            box = np.s_[max(row - 22, 0) : row + 22, max(column - 22, 0) : column + 22]
            here = np.hypot(y[box] - cy, x[box] - cx)
            nearest[box] = np.minimum(nearest[box], here)
    image = 200 + 600 * (nearest <= 10) + rng.normal(0, 40, y.shape)
    return image.clip(0)[None].astype(np.uint16)


def lazy(image: np.ndarray, name: str = "crowd") -> LazyImage:
    """Return an array (C, Y, X) as an image that is read box by box."""
    return LazyImage(name, image, "CYX")


def little_memory() -> float:
    """Return so few bytes that blocks are as small as they can be, whatever this process has taken already."""
    return psutil.Process().memory_info().rss + 0.26e9


def in_blocks(
    model: Model, image: np.ndarray | LazyImage, output: Path, **settings: object
) -> SegmentedBlocks:
    """Segment an array, or what is read lazily, in blocks of 512 px and small tiles."""
    settings = {"memory": little_memory(), "tile": 200, "device": "cpu", "object_size": SIZE, **settings}
    return segment_blocks(model, lazy(image) if isinstance(image, np.ndarray) else image, output, **settings)


def matched(one: np.ndarray, other: np.ndarray, least: float = 0.99) -> tuple[int, int]:
    """Return how many objects of one label image have their equal in the other, and how many there are."""
    overlaps = count_overlaps(one, other)
    areas, other_areas, pairs = overlaps.areas_of_first(), overlaps.areas_of_second(), overlaps.of_objects()
    equal = sum(
        shared / (areas[a] + other_areas[b] - shared) >= least
        for a, b, shared in zip(
            *(column.tolist() for column in (pairs.first, pairs.second, pairs.pixels)), strict=True
        )
    )
    return equal, sum(value > 0 for value in areas)
