"""How large objects are, and at which scale a first network should look at them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from napari_unet.annotation.coding import FIRST, LabelsAre
from napari_unet.annotation.targets import complete_objects, object_sizes
from napari_unet.network.scaling import choose_scale, thin_structure_width
from napari_unet.workflow.annotated import AnnotatedImage

SMALLEST_SCALE, LARGEST_SCALE = 0.02, 2.0
MOST_MEASURED = 40
"""Objects per image whose width is measured: a median needs no more."""


def measure_object_size(images: Sequence[AnnotatedImage]) -> float | None:
    """Return the median equivalent diameter (px) of the complete objects, ``None`` where there is none."""
    sizes: list[float] = []
    cut: list[float] = []
    for image in images:
        labels = image.labels_with_regions()
        complete = complete_objects(labels, image.marked)
        sizes.extend(object_sizes(labels, complete))
        cut.extend(object_sizes(labels, complete, include_cut=True))
    chosen = sizes if len(sizes) >= 3 else cut
    return float(np.median(chosen)) if chosen else None


def class_width(images: Sequence[AnnotatedImage]) -> float | None:
    """Return the width (px) of the thinnest annotated class, ``None`` where nothing is annotated."""
    widths: list[float] = []
    for image in images:
        labels = image.labels_with_regions()
        for value in np.unique(labels):
            if value >= FIRST:
                widths.append(float(thin_structure_width(labels == value)))
    return min(widths) if widths else None


def object_width(images: Sequence[AnnotatedImage]) -> float | None:
    """Return the median width (px) of the complete objects: that of fibres and vessels is far below their size."""
    widths: list[float] = []
    for image in images:
        labels = image.labels_with_regions()
        boxes = ndimage.find_objects(labels)
        for value in complete_objects(labels, image.marked)[:MOST_MEASURED]:
            box = boxes[int(value) - 1]
            widths.append(thin_structure_width(np.pad(labels[box] == value, 1)))
    return float(np.median(widths)) if widths else None


def initial_scale(
    images: Sequence[AnnotatedImage], labels_are: LabelsAre, object_size: float | None
) -> float:
    """Return the scale of a lineage that begins with these images.

    Parameters
    ----------
    object_size
        Typical diameter of an object in px, ``None`` where there is none (scribbles, classes).
    """
    by_class = labels_are is LabelsAre.CLASSES or object_size is None
    thin = class_width(images) if by_class else object_width(images)
    return float(np.clip(choose_scale(object_size, thin), SMALLEST_SCALE, LARGEST_SCALE))
