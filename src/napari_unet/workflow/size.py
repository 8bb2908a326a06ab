"""How large objects are, and at which scale a first network should look at them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_unet.annotation.boxes import bounding_boxes
from napari_unet.annotation.coding import FIRST, LabelsAre
from napari_unet.annotation.targets import complete_objects, object_sizes
from napari_unet.network.scaling import choose_scale, thin_structure_width
from napari_unet.workflow.annotated import AnnotatedImage

SMALLEST_SCALE, LARGEST_SCALE = 0.02, 2.0
FEWEST_MEASURED = 3
"""Complete objects from which on a picture has a typical size of its own."""
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


def measure_pictures(images: Sequence[AnnotatedImage]) -> dict[str, float]:
    """Return the median diameter (px) of the complete objects of each picture that has enough of them to tell."""
    pictures: dict[str, list[AnnotatedImage]] = {}
    for image in images:
        pictures.setdefault(image.picture, []).append(image)
    sizes = {name: measure_object_size(planes) for name, planes in pictures.items()}
    return {
        name: size
        for name, size in sizes.items()
        if size is not None and sum(_count_complete(image) for image in pictures[name]) >= FEWEST_MEASURED
    }


def _count_complete(image: AnnotatedImage) -> int:
    return int(complete_objects(image.labels_with_regions(), image.marked).size)


def class_scale(images: Sequence[AnnotatedImage], labels_are: LabelsAre) -> float:
    """Return the scale, at most 1, that the finest class needs; painted strokes of objects are one class.

    A structure (membrane, vessel, stroke) is as fine as it is wide. Where a class consists of pieces that
    are as wide as long, such as cells, its skeleton says nothing and the pieces' size decides.
    """
    scales: list[float] = []
    for image in images:
        labels = image.labels_with_regions()
        if labels_are is LabelsAre.OBJECTS:
            labels = np.minimum(labels, FIRST)
        for value in np.unique(labels[labels >= FIRST]):
            mask = labels == value
            width, size = thin_structure_width(mask), _size_of_pieces(mask)
            scales.append(choose_scale(size, None) if width > size else choose_scale(None, width))
    return min(max(scales, default=1.0), 1.0)


def _size_of_pieces(mask: NDArray[np.bool_]) -> float:
    areas = np.bincount(ndimage.label(mask)[0].ravel())[1:]
    return float(2 * np.sqrt(np.median(areas) / np.pi))


def object_width(images: Sequence[AnnotatedImage]) -> float | None:
    """Return the median width (px) of the complete objects: that of fibres is far below their size."""
    widths: list[float] = []
    for image in images:
        labels = image.labels_with_regions()
        boxes = bounding_boxes(labels)
        for value in complete_objects(labels, image.marked)[:MOST_MEASURED]:
            box = boxes[int(value)]
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
    if object_size is None:
        return float(np.clip(class_scale(images, labels_are), SMALLEST_SCALE, LARGEST_SCALE))
    thin = None if labels_are is LabelsAre.CLASSES else object_width(images)
    return float(np.clip(choose_scale(object_size, thin), SMALLEST_SCALE, LARGEST_SCALE))
