"""From an annotation to what the network is taught: classes, complete objects, distances."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_unet.annotation.boxes import Box, bounding_boxes, count_pixels, grow, keep_values, values_present
from napari_unet.annotation.coding import BACKGROUND, FIRST, NOT_ANNOTATED, LabelsAre
from napari_unet.annotation.gaps import cut_gaps
from napari_unet.errors import UserError

MOST_CLASSES = 255
"""As many classes as a target can hold beside background."""

WIDEST_GAP = 8
"""Widest not annotated gap (px) between an object and the annotation that closes it in."""

_EIGHT = np.ones((3, 3), bool)


@dataclass(frozen=True)
class Target:
    """What every pixel of one image teaches.

    Attributes
    ----------
    classes
        uint8 ``(Y, X)``: 0 background (the gap between touching objects included), 1 and up the classes.
    known
        bool ``(Y, X)``: annotated; elsewhere ``classes`` is 0 and means nothing.
    objects
        int32 ``(Y, X)``: complete objects before the gap is cut, 0 elsewhere; all 0 for classes.
    distance
        float32 ``(Y, X)``: distance to the border of the object as it is after the gap is cut, over its
        largest within the object, 0–1; 0 in background. The image's edge is no border.
    distance_known
        bool ``(Y, X)``: where ``distance`` may be taught: annotated background and complete objects.
    """

    classes: NDArray[np.uint8]
    known: NDArray[np.bool_]
    objects: NDArray[np.int32]
    distance: NDArray[np.float32]
    distance_known: NDArray[np.bool_]


def complete_objects(labels: NDArray[np.int32], marked: Collection[int] = ()) -> NDArray[np.int32]:
    """Return the values of the objects that annotation closes in, or that the user said are complete.

    A brush leaves narrow gaps between an object and the background painted around it. They do not open the
    object: it is closed in when the not annotated pixels that touch it end within `gap_tolerance` of it on
    every side.

    Parameters
    ----------
    labels
        int32 ``(Y, X)``, project coding, regions applied.
    marked
        Values of objects that the user said are complete. Values that are not in ``labels`` are left out.

    Returns
    -------
    int32 ``(n,)``, sorted values >= 2. The image's edge closes in an object like annotation does.
    """
    values = values_present(labels, FIRST)
    doubtful = values_present(np.where(_near_unknown(labels), labels, 0), FIRST)
    doubtful = np.setdiff1d(doubtful, np.fromiter(marked, np.int32, len(marked)))
    if not doubtful.size:
        return values
    boxes = bounding_boxes(keep_values(labels, doubtful))
    open_values = [value for value in doubtful.tolist() if _is_open(labels, value, boxes[value])]
    return np.setdiff1d(values, open_values, assume_unique=True).astype(np.int32)


def gap_tolerance(area: int) -> int:
    """Return how wide (px) a not annotated gap around an object may be: 12 % of the diameter for its area (px²)."""
    return int(np.clip(round(0.12 * 2 * np.sqrt(area / np.pi)), 1, WIDEST_GAP))


def _is_open(labels: NDArray[np.int32], value: int, box: Box) -> bool:
    """Whether one can walk away from an object, over not annotated pixels, farther than a gap is wide."""
    height, width = labels.shape
    seen = grow(box, (WIDEST_GAP + 1, WIDEST_GAP + 1), (height, width))
    around = labels[seen]
    front = around == value
    unknown = around == NOT_ANNOTATED
    for _ in range(gap_tolerance(int(np.count_nonzero(front))) + 1):
        front = ndimage.binary_dilation(front, _EIGHT) & unknown
        if not front.any():
            return False
        unknown &= ~front
    return True


def object_sizes(
    labels: NDArray[np.int32], values: NDArray[np.int32], include_cut: bool = False
) -> NDArray[np.float64]:
    """Return the diameters in pixels of the discs that are as large as the objects.

    Parameters
    ----------
    labels
        int32 ``(Y, X)``.
    values
        The objects to measure, such as `complete_objects` returns.
    include_cut
        Measure objects that touch the image's edge, too; else they are left out of the result.

    Returns
    -------
    float64 ``(n,)``, in the order of ``values``.
    """
    values = np.asarray(values, np.int32)
    if not include_cut:
        values = values[~touches_edge(labels, values)]
    diameters: NDArray[np.float64] = 2 * np.sqrt(count_pixels(labels, values) / np.pi)
    return diameters


def touches_edge(labels: NDArray[np.int32], values: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return for each value whether the object has a pixel in the outermost rows or columns of the image."""
    edge = np.concatenate(
        [labels[:1].ravel(), labels[-1:].ravel(), labels[:, :1].ravel(), labels[:, -1:].ravel()]
    )
    return np.isin(values, edge)


def make_target(
    labels: NDArray[np.int32],
    labels_are: LabelsAre = LabelsAre.OBJECTS,
    object_classes: Mapping[int, int] | None = None,
    marked: Collection[int] = (),
) -> Target:
    """Turn an annotation into what the network is taught.

    Incomplete objects teach their pixels (``known``, ``classes``) and are cut apart from their neighbours,
    but are absent from ``objects`` and ``distance_known``.

    Parameters
    ----------
    labels
        int32 ``(Y, X)``, project coding, regions applied.
    labels_are
        Objects: one value per object, class 1 unless ``object_classes`` says otherwise. Classes: value − 1
        is the class, nothing is cut, no objects.
    object_classes
        Value of an object → its class, 1–255.
    marked
        Values of objects that the user said are complete.

    Raises
    ------
    UserError
        A class beyond 255.
    """
    known = labels != NOT_ANNOTATED
    if labels_are == LabelsAre.CLASSES:
        if labels.size and int(labels.max()) - BACKGROUND > MOST_CLASSES:
            raise UserError(
                f"The labels hold the value {int(labels.max())}, but classes go up to "
                f"{MOST_CLASSES + BACKGROUND}: are these objects rather than classes?"
            )
        return Target(
            classes=np.maximum(labels - BACKGROUND, 0).astype(np.uint8),
            known=known,
            objects=np.zeros(labels.shape, np.int32),
            distance=np.zeros(labels.shape, np.float32),
            distance_known=labels == BACKGROUND,
        )
    cut = cut_gaps(labels)
    objects = keep_values(labels, complete_objects(labels, marked))
    return Target(
        classes=_class_of_objects(cut, object_classes or {}),
        known=known,
        objects=objects,
        distance=_relative_distance(np.where((objects > 0) & (cut >= FIRST), cut, 0)),
        distance_known=(labels == BACKGROUND) | (objects > 0),
    )


def _near_unknown(labels: NDArray[np.int32]) -> NDArray[np.bool_]:
    unknown: NDArray[np.bool_] = labels == NOT_ANNOTATED
    if unknown.any():
        unknown = ndimage.binary_dilation(unknown, np.ones((3, 3), bool))
    return unknown


def _class_of_objects(cut: NDArray[np.int32], object_classes: Mapping[int, int]) -> NDArray[np.uint8]:
    classes = (cut >= FIRST).astype(np.uint8)
    for value, number in object_classes.items():
        if not 1 <= number <= MOST_CLASSES:
            raise UserError(f"Object {value} has the class {number}: classes go from 1 to {MOST_CLASSES}.")
    special = {value: number for value, number in object_classes.items() if number != 1 and value >= FIRST}
    if special:
        values = np.array(sorted(special), np.int32)
        numbers = np.array([special[int(value)] for value in values], np.uint8)
        found = np.isin(cut, values)
        classes[found] = numbers[np.searchsorted(values, cut[found])]
    return classes


def _relative_distance(objects: NDArray[np.int32]) -> NDArray[np.float32]:
    """Distance to the border over its largest within each object."""
    distance = np.zeros(objects.shape, np.float32)
    for value, box in bounding_boxes(objects).items():
        around = grow(box, (1, 1), objects.shape)
        own = objects[around] == value
        if own.all():  # it fills the image: no border anywhere
            distance[around] = 1
            continue
        inside = ndimage.distance_transform_edt(own)
        distance[around][own] = inside[own] / inside.max()
    return distance
