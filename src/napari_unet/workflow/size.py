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

SMALLEST_SCALE, LARGEST_SCALE = 0.02, 3.0
"""On 23 unseen images of nuclei of 7 to 14 px the bundled network's AP at IoU 0.5 was 0.767 with at most 2, 0.778 with
2.8 and 0.781 with 4, which costs twice as much as 2.8 again."""
FEWEST_MEASURED = 3
"""Complete objects from which on a picture has a typical size of its own."""
MOST_MEASURED = 40
"""Objects per image whose width is measured: a median needs no more."""


def measure_object_size(images: Sequence[AnnotatedImage]) -> float | None:
    """Return the median equivalent diameter (px) of the complete objects, ``None`` where there is none."""
    sizes = _sizes(images)
    return float(np.median(sizes)) if sizes.size else None


def measure_pictures(images: Sequence[AnnotatedImage]) -> dict[str, tuple[float, float, float]]:
    """Return the quartiles of the diameters (px) of the complete objects of each picture that has enough of them."""
    pictures: dict[str, list[AnnotatedImage]] = {}
    for image in images:
        pictures.setdefault(image.picture, []).append(image)
    measured = {}
    for name, planes in pictures.items():
        sizes = _sizes(planes)
        if sizes.size >= FEWEST_MEASURED:
            low, middle, high = (float(size) for size in np.percentile(sizes, [25, 50, 75]))
            measured[name] = (low, middle, high)
    return measured


def _sizes(images: Sequence[AnnotatedImage]) -> NDArray[np.float64]:
    """Diameters (px) of the complete objects; of those that the edge cuts only where there are few others."""
    whole, all_of_them = [np.empty(0)], [np.empty(0)]
    for image in images:
        labels = image.labels_with_regions()
        complete = complete_objects(labels, image.marked)
        whole.append(object_sizes(labels, complete))
        all_of_them.append(object_sizes(labels, complete, include_cut=True))
    sizes = np.concatenate(whole)
    return sizes if sizes.size >= FEWEST_MEASURED else np.concatenate(all_of_them)


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
    return choose_scale(object_size, thin)
