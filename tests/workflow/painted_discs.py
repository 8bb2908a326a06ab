"""Images of discs with their annotation."""

import numpy as np

from napari_unet.workflow import AnnotatedImage


def draw_discs(
    n: int = 4, pitch: int = 32, radius: float = 10, channels: int = 1, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return an image (C, Y, X) uint16 of n × n bright discs and their numbers (Y, X) int32."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((n * pitch, n * pitch))
    labels = np.zeros(y.shape, np.int32)
    for k in range(n * n):
        middle = (np.array(divmod(k, n)) + 0.5) * pitch + rng.uniform(-1, 1, 2)
        labels[(y - middle[0]) ** 2 + (x - middle[1]) ** 2 <= radius**2] = k + 1
    image = 200 + 600 * (labels > 0) + rng.normal(0, 40, (channels, *labels.shape))
    return image.astype(np.uint16), labels


def annotate(name: str = "discs", **drawn: int) -> AnnotatedImage:
    """Return an image of discs on which everything is annotated."""
    image, labels = draw_discs(**drawn)
    return AnnotatedImage(name, image, labels + 1)
