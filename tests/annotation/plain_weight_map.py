"""The plain weight map, one distance transform of the whole image per object, and images to try it on."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage


def plain_distances(
    objects: NDArray[np.int32], spacing: tuple[float, float] = (1.0, 1.0)
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return d1 and d2 of every pixel, ``inf`` where there is no such object."""
    first = np.full(objects.shape, np.inf)
    second = first.copy()
    for value in np.unique(objects[objects > 0]):
        distance = ndimage.distance_transform_edt(objects != value, sampling=spacing)
        second = np.minimum(second, np.maximum(first, distance))
        first = np.minimum(first, distance)
    return first, second


def plain_border_term(
    objects: NDArray[np.int32], w0: float, sigma: float, spacing: tuple[float, float] = (1.0, 1.0)
) -> NDArray[np.float64]:
    """Return w0·exp(−(d1 + d2)²/(2σ²)) of every pixel."""
    d1, d2 = plain_distances(objects, spacing)
    return w0 * np.exp(-((d1 + d2) ** 2) / (2 * sigma**2))


def scatter_discs(
    size: int, n_objects: int, rng: np.random.Generator, first: int = 1, coverage: float = 0.45
) -> NDArray[np.int32]:
    """Return int32 ``(size, size)`` with discs of different sizes on a shaken grid, many of which touch."""
    labels = np.zeros((size, size), np.int32)
    side = int(np.ceil(np.sqrt(n_objects)))
    pitch = size / side
    for number in range(n_objects):
        centre = (np.array(divmod(number, side)) + 0.5) * pitch + rng.uniform(-0.12, 0.12, 2) * pitch
        radius = rng.uniform(0.8, 1.2) * coverage * pitch
        start = np.maximum(np.floor(centre - radius).astype(int), 0)
        stop = np.minimum(np.ceil(centre + radius).astype(int) + 1, size)
        box = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
        y, x = np.ogrid[box]
        inside = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2
        labels[box][inside & (labels[box] == 0)] = number + first
    return labels
