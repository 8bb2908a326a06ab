"""How large objects are, and at which scale a first network should look at them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_unet.annotation.coding import FIRST, LabelsAre
from napari_unet.annotation.targets import complete_objects, object_sizes
from napari_unet.network.scaling import choose_scale, thin_structure_width
from napari_unet.workflow.annotated import AnnotatedImage

SMALLEST_SCALE, LARGEST_SCALE = 0.02, 2.0


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


def initial_scale(
    images: Sequence[AnnotatedImage], labels_are: LabelsAre, object_size: float | None
) -> float:
    """Return the scale of a lineage that begins with these images.

    Parameters
    ----------
    object_size
        Typical diameter of an object in px, ``None`` where there is none (scribbles, classes).
    """
    thin = class_width(images) if labels_are is LabelsAre.CLASSES or object_size is None else None
    return float(np.clip(choose_scale(object_size, thin), SMALLEST_SCALE, LARGEST_SCALE))
