"""At which scale the network looks at an image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_unet.annotation.coding import FIRST, LabelsAre
from napari_unet.annotation.targets import complete_objects, object_sizes
from napari_unet.network.model_file import ModelDescription
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


def scale_of(description: ModelDescription, object_size: float | None, pixel_size_um: float | None) -> float:
    """Return the scale (network px per image px) at which a model sees an image.

    Parameters
    ----------
    object_size
        Typical object's diameter in this image in px, where the user gave it.
    pixel_size_um
        Width of this image's pixels in µm, where known: images of another magnification follow by themselves.
    """
    if object_size is not None and object_size > 0 and description.object_size:
        return float(np.clip(description.object_size / object_size, SMALLEST_SCALE, LARGEST_SCALE))
    if description.object_size_um and pixel_size_um and description.object_size:
        return float(np.clip(description.object_size / (description.object_size_um / pixel_size_um), SMALLEST_SCALE, LARGEST_SCALE))
    return float(description.scale)


