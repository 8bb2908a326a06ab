"""How good a network is without any training on the images, given their objects' size."""

from pathlib import Path

import numpy as np

from napari_unet.network.model_file import Model
from napari_unet.objects.measures import match
from napari_unet.workflow.segmentation import segment_image
from real_sets import RealImage, read_real

LARGEST_SIDE = 520
MOST = 60


def read_validation(data: Path) -> list[RealImage]:
    """Read the validation images, large ones cut to their middle."""
    images = []
    for real in list(read_real(data, validation=True))[:MOST]:
        starts = [max(n - LARGEST_SIDE, 0) // 2 for n in real.labels.shape]
        box = tuple(slice(start, start + LARGEST_SIDE) for start in starts)
        images.append(RealImage(real.family, real.name, real.image[(slice(None), *box)], real.labels[box]))
    return images


def validate(model: Model, images: list[RealImage]) -> dict[str, float]:
    """Mean AP at IoU 0.5 per family, every image seen at the scale of its own objects."""
    scores: dict[str, list[float]] = {}
    for real in images:
        sizes = np.sqrt(np.bincount(real.labels.ravel())[1:] * 4 / np.pi)
        size = float(np.median(sizes[sizes > 0])) if (sizes > 0).any() else None
        image = np.broadcast_to(real.image, (3, *real.labels.shape))
        found = segment_image(model, image, object_size=size).labels
        scores.setdefault(real.family, []).append(match(found, real.labels).ap)
    return {name: round(float(np.nanmean(values)), 4) for name, values in scores.items()}
