"""How good a network is without any training on the images."""

from pathlib import Path

import numpy as np

from napari_unet.network.model_file import Model
from napari_unet.network.prediction import predict
from napari_unet.network.scaling import (
    measure_normalisation,
    normalise,
    resample_image,
    resample_labels,
)
from napari_unet.objects.measures import match
from napari_unet.objects.separate import SeparationSettings, SplitMethod, separate
from napari_unet.workflow.segmentation import segment_image
from napari_unet.workflow.size import LARGEST_SCALE
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
    """Mean AP at IoU 0.5 per family, every image seen at the scale of its own objects, and at the one it finds."""
    scores: dict[str, list[float]] = {}
    for real in images:
        image = np.broadcast_to(real.image, (3, *real.labels.shape))
        for name, size in ((real.family, object_size(real)), (f"{real.family}, size found", None)):
            found = segment_image(model, image, object_size=size).labels
            scores.setdefault(name, []).append(match(found, real.labels).ap)
    return {name: round(float(np.nanmean(values)), 4) for name, values in scores.items()}


def fit(model: Model, images: list[RealImage]) -> SeparationSettings:
    """Choose how objects are made, by the mean AP at IoU 0.5 over families of images that did not train."""
    outputs = []
    for real in images:
        size = object_size(real)
        if size is not None:
            scale = min(model.description.object_size / size, LARGEST_SCALE)
            grey = normalise(real.image, measure_normalisation([real.image]))
            small = resample_image(np.broadcast_to(grey, (3, *real.labels.shape)), scale)
            truth = resample_labels(real.labels, (small.shape[1], small.shape[2]))
            outputs.append((real.family, predict(model.network, small), truth))

    def score(settings: SeparationSettings) -> float:
        scores: dict[str, list[float]] = {}
        for family, output, truth in outputs:
            found = separate(1 - output[0], settings, output[2], typical_size=model.description.object_size)
            scores.setdefault(family, []).append(match(found, truth).ap)
        return float(np.mean([np.mean(values) for values in scores.values()]))

    return max(
        (
            SeparationSettings(method=method, threshold=threshold, own_border=border, seed_depth=depth)
            for method in (SplitMethod.DISTANCE, SplitMethod.PROBABILITY, SplitMethod.LEARNED)
            for threshold in (0.5, 0.6, 0.7, 0.8)
            for border in (0.0, 0.5, 0.6, 0.7)
            for depth in (0.25, 0.4)
        ),
        key=score,
    )


def object_size(real: RealImage) -> float | None:
    """Median diameter in px of the objects, None without any."""
    areas = np.bincount(real.labels.ravel())[1:]
    return float(np.median(np.sqrt(areas[areas > 0] * 4 / np.pi))) if areas.any() else None
