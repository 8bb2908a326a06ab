"""What the numbers of a label image mean, in this project and in files that come from elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from napari_unet.errors import UserError

NOT_ANNOTATED = 0
BACKGROUND = 1
FIRST = 2
"""The first value of an object or a class."""

_LARGEST = int(np.iinfo(np.int32).max)


class LabelsAre(StrEnum):
    """What a value >= 2 of an annotation stands for."""

    OBJECTS = "objects"
    CLASSES = "classes"


class Coding(StrEnum):
    """How a label image says background, not annotated and objects."""

    PROJECT = "project"
    """0 not annotated, 1 background, >= 2 objects or classes; the Fiji U-Net plugin has the same."""
    MASKS = "masks"
    """0 background, >= 1 objects or classes, all annotated: Cellpose, StarDist, Cell Tracking Challenge."""
    MATLAB2016 = "matlab2016"
    """0 background, 1 not annotated, >= 2 objects: the authors' fine-tuning script of 2016."""
    BINARY = "binary"
    """0 background, one other value (1, 255 or True) foreground, all annotated."""
    ILASTIK = "ilastik"
    """0 not annotated, the value that is named is background, the others objects or classes: ilastik, Labkit."""


@dataclass(frozen=True)
class CodingPreview:
    """What a label image would mean under a coding, to show before it is used."""

    n_objects: int
    """Objects, or classes other than background."""
    background_fraction: float
    not_annotated_fraction: float
    sentence: str


def check_labels(labels: ArrayLike) -> None:
    """Raise `UserError` unless the values can be labels: whole numbers from 0 to 2³¹ − 1 (or booleans)."""
    array = np.asarray(labels)
    if array.dtype == bool:
        return
    if not np.issubdtype(array.dtype, np.integer):
        raise UserError(
            f"Labels must be whole numbers, but these are of type {array.dtype}: "
            "convert them to an integer type, or choose the file with the labels instead of the image."
        )
    if array.size == 0:
        return
    if int(array.min()) < 0:
        raise UserError(
            f"The labels hold the negative value {int(array.min())}: use 0 and positive numbers only."
        )
    if int(array.max()) > _LARGEST:
        raise UserError(
            f"The labels hold the value {int(array.max())}, beyond the largest of {_LARGEST}: "
            "renumber the objects."
        )


def check_size(labels: Sequence[int], image: Sequence[int]) -> None:
    """Raise `UserError`, width × height first as the dock tells sizes, unless labels have an image's spatial shape."""
    if tuple(labels) != tuple(image):
        sizes = [" × ".join(str(n) for n in reversed(shape)) for shape in (labels, image)]
        raise UserError(
            f"These labels are {sizes[0]} px and the image is {sizes[1]} px; choose labels of the image's size."
        )


def to_annotation(
    labels: ArrayLike,
    coding: Coding,
    labels_are: LabelsAre = LabelsAre.OBJECTS,
    background: int | None = None,
) -> NDArray[np.int32]:
    """Return a label image in the project's coding, as a new array.

    Parameters
    ----------
    labels
        Integers or booleans of any width and byte order, any shape.
    coding
        What the numbers mean.
    labels_are
        Binary masks of objects are taken apart into connected components (pixels that touch at a corner
        belong together); of classes they become one class. So is the foreground of ``Coding.ILASTIK`` where all of it
        has one value.
    background
        The value that is background; what ``Coding.ILASTIK`` needs and no other coding takes. Where it is 0, nothing
        is left that would not be annotated.

    Returns
    -------
    int32 of the same shape: 0 not annotated, 1 background, >= 2 objects or classes.

    Raises
    ------
    UserError
        For what `check_labels` refuses, for a binary mask with more than one value beside 0, and where the background
        is not named or can't be.
    """
    check_labels(labels)
    check_background(coding, background)
    array = np.asarray(labels).astype(np.int32)
    if coding == Coding.PROJECT:
        return array
    if coding == Coding.MATLAB2016:
        swap = np.array([BACKGROUND, NOT_ANNOTATED], np.int32)
        return np.where(array < FIRST, swap[np.minimum(array, 1)], array)
    if background:
        return _with_background(array, background, labels_are)
    if coding == Coding.BINARY or (coding == Coding.ILASTIK and _is_one_mask(array, labels_are)):
        array = _label_binary(array, labels_are)
    elif array.size and int(array.max()) == _LARGEST:
        raise UserError(
            f"The labels hold the value {_LARGEST}, which leaves none free: renumber the objects."
        )
    return array + np.int32(BACKGROUND)


def check_background(coding: Coding, background: int | None) -> None:
    """Raise `UserError` unless a background is named where the coding needs one, and only there."""
    if coding == Coding.ILASTIK and background is None:
        raise UserError(
            "Say which value is background: in the coding 'ilastik' it is whichever was painted so."
        )
    if coding != Coding.ILASTIK and background is not None:
        raise UserError(
            f"In the coding '{coding}' the background has its value; name one with 'ilastik' only."
        )
    if background is not None and not 0 <= background <= _LARGEST:
        raise UserError(f"Labels go from 0 to {_LARGEST}, so {background} can't be their background.")


def _with_background(array: NDArray[np.int32], background: int, labels_are: LabelsAre) -> NDArray[np.int32]:
    """Return labels of which one value is background; the values below it move up by one to make room for it."""
    found = (array != NOT_ANNOTATED) & (array != background)
    moved = np.where(array < background, array + 1, array)
    if _is_one_mask(np.where(found, array, 0), labels_are):
        moved = _label_binary(found.astype(np.int32), labels_are) + BACKGROUND
    known = np.where(array == background, np.int32(BACKGROUND), np.int32(NOT_ANNOTATED))
    return np.where(found, moved, known).astype(np.int32)


def _is_one_mask(array: NDArray[np.int32], labels_are: LabelsAre) -> bool:
    """Tell whether all objects have one value, so that only what lies between them tells them apart."""
    values = array[array != 0]
    return labels_are == LabelsAre.OBJECTS and values.size > 0 and bool((values == values[0]).all())


def without_background(labels: NDArray[Any], background: int | None) -> NDArray[Any]:
    """Return masks in which a value that is background is 0, as 0 itself; all others keep their numbers."""
    return labels if not background else np.where(labels == background, 0, labels).astype(labels.dtype)


def from_annotation(annotation: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return an annotation as masks: background and not annotated 0, objects or classes from 1 on."""
    return np.maximum(annotation - BACKGROUND, 0).astype(np.int32)


def describe_coding(
    labels: ArrayLike,
    coding: Coding,
    labels_are: LabelsAre = LabelsAre.OBJECTS,
    background: int | None = None,
) -> CodingPreview:
    """Say what a label image would mean under a coding, with a warning when that looks wrong.

    Raises
    ------
    UserError
        As `to_annotation`.
    """
    annotation = to_annotation(labels, coding, labels_are, background)
    values, counts = np.unique(annotation, return_counts=True)
    pixels = max(annotation.size, 1)
    n_objects = int(np.count_nonzero(values >= FIRST))
    fraction = float(counts[values == BACKGROUND].sum() / pixels)
    unknown = float(counts[values == NOT_ANNOTATED].sum() / pixels)
    thing = "object" if labels_are == LabelsAre.OBJECTS else "class"
    plural = "objects" if labels_are == LabelsAre.OBJECTS else "classes"
    sentence = (
        f"{n_objects} {thing if n_objects == 1 else plural}, {_percent(fraction)} background, "
        f"{_percent(unknown)} not annotated."
    )
    doubt = _doubt(annotation, coding, labels_are, n_objects, fraction, unknown)
    return CodingPreview(n_objects, fraction, unknown, f"{sentence} {doubt}" if doubt else sentence)


def _label_binary(array: NDArray[np.int32], labels_are: LabelsAre) -> NDArray[np.int32]:
    values = np.unique(array)
    values = values[values > 0]
    if values.size > 1:
        raise UserError(
            f"A binary mask holds 0 and one other value, but this one holds {values.size} others "
            f"({', '.join(map(str, values[:3]))}{' …' if values.size > 3 else ''}): "
            "choose the coding 'masks'."
        )
    if labels_are == LabelsAre.CLASSES:
        return (array > 0).astype(np.int32)
    components = np.empty(array.shape, np.int32)
    ndimage.label(array > 0, structure=np.ones((3,) * array.ndim), output=components)
    return components


def _doubt(
    annotation: NDArray[np.int32],
    coding: Coding,
    labels_are: LabelsAre,
    n_objects: int,
    background: float,
    unknown: float,
) -> str:
    """Return a sentence when the numbers speak against the coding."""
    if n_objects == 0:
        return "Nothing would be left to learn from: is this the right coding?"
    if coding == Coding.ILASTIK and background == 0:
        return "No pixel has this value, so there would be no background: which value is it?"
    if background == 0 and unknown > 0:
        return "There would be no background: if 0 is background in this file, choose 'masks'."
    if coding == Coding.MASKS and labels_are == LabelsAre.OBJECTS and n_objects == 1:
        pieces = _n_pieces(annotation)
        if pieces > 1:
            return f"The one object is in {pieces} pieces: if these are {pieces} objects, choose 'binary'."
    if coding == Coding.ILASTIK and labels_are == LabelsAre.OBJECTS and n_objects > 1:
        pieces = _n_pieces(annotation)
        if pieces > 2 * n_objects:
            return f"They are in {pieces} pieces: if their values are kinds of pixels, choose classes, not objects."
    return ""


def _n_pieces(annotation: NDArray[np.int32]) -> int:
    return int(ndimage.label(annotation >= FIRST, structure=np.ones((3,) * annotation.ndim))[1])


def _percent(fraction: float) -> str:
    if 0 < fraction < 0.01:
        return "under 1 %"
    if 0.99 < fraction < 1:
        return "over 99 %"
    return f"{fraction:.0%}".replace("%", " %")
