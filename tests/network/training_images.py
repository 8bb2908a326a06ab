"""Small annotated images for the tests of training."""

import numpy as np
from scipy import ndimage

from napari_unet.network.sampling import TrainingImage


def disc_image(
    seed: int = 0, shape: tuple[int, int] = (96, 96), n: int = 16, channels: int = 1, name: str = "discs"
) -> TrainingImage:
    """Bright discs on a lattice, on a darker ground, with noise; everything is annotated."""
    rng = np.random.default_rng(seed)
    side = int(np.ceil(np.sqrt(n)))
    pitch = np.array(shape) / side
    radius = 0.32 * pitch.min()
    objects = np.zeros(shape, np.int32)
    for k in range(n):
        y, x = (np.array(divmod(k, side)) + 0.5) * pitch + rng.uniform(-1, 1, 2)
        top, left = (max(int(centre - radius), 0) for centre in (y, x))
        box = np.s_[top : int(y + radius) + 2, left : int(x + radius) + 2]
        yy, xx = np.indices(objects[box].shape)
        objects[box][(yy + top - y) ** 2 + (xx + left - x) ** 2 <= radius**2] = k + 1
    image = (objects > 0) + 0.15 * rng.normal(size=(channels, *shape))
    depth = ndimage.distance_transform_edt(objects > 0)
    return TrainingImage(
        name=name,
        image=image.astype(np.float32),
        classes=(objects > 0).astype(np.uint8),
        weights=np.ones(shape, np.float32),
        distance=(depth / max(depth.max(), 1)).astype(np.float32),
        distance_known=np.ones(shape, bool),
        objects=objects,
    )
