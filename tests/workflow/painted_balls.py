"""Stacks of balls of which some planes are annotated."""

from collections.abc import Sequence

import numpy as np

from napari_unet.workflow import AnnotatedImage, Stack

STEP = 4.0


def draw_balls(
    shape: tuple[int, int, int] = (16, 96, 96), radius: float = 11, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return a stack (C, Z, Y, X) uint16 of bright balls in rows that touch above one another, and their numbers."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.int32)
    z, y, x = np.ogrid[tuple(slice(0, n) for n in shape)]
    number = 0
    for b in range(16, shape[1], 32):
        for c in range(16, shape[2], 32):
            for a in range(int(rng.integers(1, 4)), shape[0], 6):
                number += 1
                labels[((z - a) * STEP) ** 2 + (y - b) ** 2 + (x - c) ** 2 <= radius**2] = number
    image = 200 + 600 * (labels > 0) + rng.normal(0, 40, shape)
    return image.astype(np.uint16)[None], labels


def annotate_planes(
    numbers: Sequence[int] = (3, 7, 11), name: str = "balls", step: float | None = STEP, seed: int = 0
) -> list[AnnotatedImage]:
    """Return some planes of a stack on which everything is annotated."""
    image, labels = draw_balls(seed=seed)

    def read(first: int, end: int) -> np.ndarray:
        return image[:, first:end]

    return [
        AnnotatedImage(
            f"{name} {z}",
            image[:, z],
            labels[z] + 1,
            picture=name,
            plane=(z,),
            stack=Stack(name, z, image.shape[1], read, step),
            pixel_size_um=0.5,
        )
        for z in numbers
    ]
