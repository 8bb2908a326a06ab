"""How large objects are in annotated planes, and so at which scale the network sees each plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from napari_unet.annotation.coding import NOT_ANNOTATED, LabelsAre
from napari_unet.errors import UserError
from napari_unet.network.model_file import ModelDescription
from napari_unet.network.scaling import TARGET_SIZE
from napari_unet.workflow.annotated import AnnotatedImage, check_trainable
from napari_unet.workflow.scale import scale_of
from napari_unet.workflow.size import (
    LARGEST_SCALE,
    SMALLEST_SCALE,
    initial_scale,
    measure_object_size,
    measure_pictures,
)

Magnification = Literal["auto", "as in training", "per image"]
DIFFERENT_SIZE = 1.5


@dataclass(frozen=True, eq=False)
class Measured:
    """At which scales annotated planes are seen, and what they hold."""

    images: list[AnnotatedImage]  # those with any annotation
    scale: float
    scales: list[float]  # one per plane
    own_size: bool
    object_size: float | None
    pixel_size_um: float | None
    n_classes: int


def measure(
    images: Sequence[AnnotatedImage],
    labels_are: LabelsAre,
    class_names: Sequence[str],
    start: ModelDescription | None = None,
    object_size: float | None = None,
    magnification: Magnification = "auto",
) -> Measured:
    """Choose the scale of every annotated plane; see `prepare`."""
    images = [image for image in images if np.any(image.labels_with_regions() != NOT_ANNOTATED)]
    check_trainable(images, labels_are)
    _check_names(images)
    _check_channels(images)
    found = measure_object_size(images) if labels_are is LabelsAre.OBJECTS else None
    pixel_sizes = [image.pixel_size_um for image in images if image.pixel_size_um]
    pixel_size = float(np.median(pixel_sizes)) if pixel_sizes else None
    if start is not None:
        scale = scale_of(start, object_size, pixel_size)
    else:
        scale = initial_scale(images, labels_are, object_size or found)
    own_size = object_size is None and is_magnified_apart(images, labels_are, magnification, start)
    scales = picture_scales(images, start, scale) if own_size else [scale] * len(images)
    n_classes = count_classes(images, labels_are, class_names)
    size = object_size or found
    return Measured(images, scale, scales, own_size, size, pixel_size, n_classes)


def is_magnified_apart(
    images: Sequence[AnnotatedImage],
    labels_are: LabelsAre,
    magnification: Magnification = "auto",
    start: ModelDescription | None = None,
) -> bool:
    """Decide whether every picture is seen at the scale of its own objects.

    "auto" does where the typical sizes of two pictures differ by more than `DIFFERENT_SIZE` and their middle halves
    do not overlap: those of different magnifications do, those of cells of all sizes do not. A lineage keeps what it
    began with.
    """
    if labels_are is not LabelsAre.OBJECTS:
        return False
    if start is not None:
        return start.magnification == "per image"
    if magnification != "auto":
        return magnification == "per image"
    sizes = measure_pictures(images).values()
    return any(
        smaller[1] * DIFFERENT_SIZE < larger[1] and smaller[2] < larger[0]
        for smaller in sizes
        for larger in sizes
    )


def picture_scales(
    images: Sequence[AnnotatedImage], start: ModelDescription | None, otherwise: float
) -> list[float]:
    """Return one scale per plane: that at which its picture's objects have the network's size."""
    target = start.object_size if start is not None else TARGET_SIZE
    sizes = measure_pictures(images)
    return [
        float(np.clip(target / sizes[image.picture][1], SMALLEST_SCALE, LARGEST_SCALE))
        if image.picture in sizes
        else otherwise
        for image in images
    ]


def count_classes(images: Sequence[AnnotatedImage], labels_are: LabelsAre, class_names: Sequence[str]) -> int:
    """Return the number of classes that the network tells apart, background included."""
    if labels_are is LabelsAre.OBJECTS:
        used = [value for image in images for value in image.object_classes.values()]
        return max([1, *used, len(class_names)]) + 1
    largest = max(int(image.labels.max(initial=0)) for image in images)
    return max(largest, len(class_names) + 1, 2)


def _check_names(images: Sequence[AnnotatedImage]) -> None:
    names = [image.name for image in images]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"Two images are called “{name}”; give every image a name of its own.")


def _check_channels(images: Sequence[AnnotatedImage]) -> None:
    channels = sorted({image.image.shape[0] for image in images})
    if len(channels) > 1:
        raise UserError(
            f"The images have different numbers of channels ({', '.join(map(str, channels))}); "
            "train on images of one kind."
        )
