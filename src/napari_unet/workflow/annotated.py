"""What a person painted on one plane, and whether it can teach anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.boxes import values_present
from napari_unet.annotation.coding import BACKGROUND, FIRST, LabelsAre
from napari_unet.annotation.corrections import Correction
from napari_unet.annotation.problems import find_blocking
from napari_unet.annotation.regions import Region, apply_regions
from napari_unet.errors import UserError


@dataclass(frozen=True, eq=False)
class Stack:
    """The stack that a plane is of, for a network that sees more than the plane.

    Attributes
    ----------
    name
        Names the stack in held-out places; unique in one training.
    number
        Which of its planes this one is, from 0 on.
    n
        How many planes it has.
    read
        First plane and last but one → their pixels ``(C, planes, Y, X)``.
    step
        Distance of the planes in px of the plane, ``None`` where nobody knows: then as far as pixels.
    axis
        Which of the image's leading axes the planes follow.
    """

    name: str
    number: int
    n: int
    read: Callable[[int, int], NDArray[Any]]
    step: float | None = None
    axis: int = 0


@dataclass(frozen=True, eq=False)
class AnnotatedImage:
    """One plane with what was painted on it.

    Attributes
    ----------
    name
        Names the image in held-out places and messages; unique in one training.
    image
        Shape ``(C, Y, X)``, any numeric dtype.
    labels
        Shape ``(Y, X)``, the project's coding: 0 not annotated, 1 background, ≥ 2 objects or classes.
    regions
        Inside these, 0 counts as background.
    object_classes
        Class (1, 2, …) of an object; objects not named are of class 1.
    marked
        Objects that the user says are complete.
    pixel_size_um
        Width of a pixel in µm, where known.
    picture
        What the plane is a part of: planes of one picture have one magnification.
    plane
        Index along the leading axes of the image that it was taken from.
    stack
        The stack that it is a plane of, where it is one.
    image_id
        Which image of a project that is; empty for the one that the session works on.
    corrections
        What was corrected on the plane: it counts more.
    """

    name: str
    image: NDArray[Any]
    labels: NDArray[np.int32]
    regions: tuple[Region, ...] = ()
    object_classes: Mapping[int, int] = field(default_factory=dict)
    marked: frozenset[int] = frozenset()
    pixel_size_um: float | None = None
    picture: str = ""
    plane: tuple[int, ...] = ()
    image_id: str = ""
    corrections: tuple[Correction, ...] = ()
    stack: Stack | None = None

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[1:] != self.labels.shape:
            raise UserError(
                f"The image “{self.name}” is {_shape(self.image.shape[-2:])} px and its labels are "
                f"{_shape(self.labels.shape)} px; they must be of one size."
            )

    def labels_with_regions(self) -> NDArray[np.int32]:
        """Return the labels in which the not-annotated rest of the regions is background."""
        return apply_regions(self.labels, self.regions) if self.regions else self.labels


def count_annotation(images: Sequence[AnnotatedImage], labels_are: LabelsAre) -> dict[str, int]:
    """Return how much is annotated: images (or planes), objects on them (or classes), regions, pixels."""
    known = [image.labels_with_regions() for image in images]
    annotated = [(image, labels) for image, labels in zip(images, known, strict=True) if labels.any()]
    counts = {
        "images": len(annotated),
        "regions": sum(len(image.regions) for image, _ in annotated),
        "pixels": sum(int(np.count_nonzero(labels)) for _, labels in annotated),
    }
    values = [values_present(image.labels, FIRST) for image, _ in annotated]
    if labels_are is LabelsAre.OBJECTS:
        return {**counts, "objects": sum(len(found) for found in values)}
    return {**counts, "classes": len(set().union(*(map(int, found) for found in values)))}


def check_trainable(images: Sequence[AnnotatedImage], labels_are: LabelsAre) -> None:
    """Raise `UserError` when the annotation of all images together can't teach anything."""
    if not images:
        raise UserError("Nothing is annotated yet; paint a few objects and some background, then train.")
    values = np.unique(np.concatenate([values_present(im.labels_with_regions(), 1) for im in images]))
    if not values.size:
        raise UserError("Nothing is annotated yet; paint a few objects and some background, then train.")
    if len(images) == 1:
        blocking = find_blocking(images[0].labels_with_regions(), labels_are)
        if blocking:
            raise UserError(blocking[0].sentence)
    foreground = values[values >= FIRST]
    if labels_are is LabelsAre.OBJECTS:
        if BACKGROUND not in values:
            raise UserError(
                "No background is annotated yet; paint some background between and around objects."
            )
        if not foreground.size:
            raise UserError("Only background is annotated yet; paint a few objects as well.")
    elif foreground.size + (BACKGROUND in values) < 2:
        raise UserError("Only one class is annotated yet; paint at least two, or one and some background.")


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(str(n) for n in shape)
