"""From painted images to what the network trains on: grey range, targets and weights at its scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.coding import NOT_ANNOTATED, LabelsAre
from napari_unet.annotation.corrections import Emphasis, find_emphasis
from napari_unet.annotation.targets import Target, complete_objects, make_target
from napari_unet.annotation.weight_map import WeightMapSettings, class_factors, weight_map
from napari_unet.network.model_file import ModelDescription
from napari_unet.network.sampling import TrainingImage
from napari_unet.network.scaling import (
    Normalisation,
    measure_normalisation,
    normalise,
    resample_image,
    resample_labels,
)
from napari_unet.workflow.annotated import AnnotatedImage
from napari_unet.workflow.columns import Neighbours, find_neighbours
from napari_unet.workflow.frame import Frame
from napari_unet.workflow.measured import Magnification, measure

GreyRange = Literal["auto", "as in training", "per image"]
DIFFERENT_CONTRAST = 1.5

CONTEXT = 64
"""Pixels at network scale kept around the annotated part of an image, so that the network sees where it is."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """What one training needs, all at the network's scale."""

    images: list[TrainingImage]
    frames: list[Frame]
    normalisation: Normalisation
    scale: float
    own_size: bool  # every picture is seen at the scale of its own objects
    object_size: float | None
    pixel_size_um: float | None
    n_classes: int
    n_complete: int
    plane_step: float | None = None  # px of the network from one plane of a volume to the next
    neighbours: Neighbours = field(default_factory=dict)  # of planes that are images of their own


def prepare(
    images: Sequence[AnnotatedImage],
    labels_are: LabelsAre,
    class_names: Sequence[str],
    weights: WeightMapSettings,
    *,
    start: ModelDescription | None = None,
    object_size: float | None = None,
    grey_range: GreyRange = "auto",
    magnification: Magnification = "auto",
) -> Prepared:
    """Measure sizes and grey range, bring everything to the network's scale, make targets and weight maps.

    Parameters
    ----------
    start
        The model that the training starts from: its scale is kept, so that a lineage stays comparable.
    object_size
        Typical diameter in px that the user set; measured on complete objects otherwise.
    grey_range
        See `choose_grey_range`.
    magnification
        See `is_magnified_apart`.

    Raises
    ------
    UserError
        When the annotation can't teach anything, or images do not fit each other.
    """
    measured = measure(images, labels_are, class_names, start, object_size, magnification)
    images, n_classes = measured.images, measured.n_classes
    normalisation = choose_grey_range(images, grey_range, start)
    frames = [frame_of(image, each) for image, each in zip(images, measured.scales, strict=True)]
    targets = [target_of(image, frame, labels_are) for image, frame in zip(images, frames, strict=True)]
    factors = class_factors([t.classes for t in targets], [t.known for t in targets], n_classes)
    stresses = [_emphasis(image, frame, labels_are) for image, frame in zip(images, frames, strict=True)]
    training = [
        TrainingImage(
            name=image.name,
            image=_pixels(image, frame, normalisation),
            classes=target.classes,
            weights=weight_map(target, weights, factors=factors, emphasis=emphasis),
            distance=target.distance,
            distance_known=target.distance_known,
            objects=_number_from_one(target.objects),
            emphasis=_how_often(emphasis, weights.corrections),
        )
        for image, frame, target, emphasis in zip(images, frames, targets, stresses, strict=True)
    ]
    n_complete = sum(int(np.unique(t.objects[t.objects > 0]).size) for t in targets)
    return Prepared(
        training,
        frames,
        normalisation,
        measured.scale,
        measured.own_size,
        measured.object_size,
        measured.pixel_size_um,
        n_classes,
        n_complete,
        neighbours=find_neighbours(images, measured.object_size),
    )


def choose_grey_range(
    images: Sequence[AnnotatedImage], grey_range: GreyRange, start: ModelDescription | None = None
) -> Normalisation:
    """Decide how grey values reach the network.

    *As in training* keeps brightness as a clue (an empty plane of a stack stays empty), *per image* makes images of
    different exposure alike. "auto" takes the second for several pictures, and where planes of one differ in contrast
    by more than `DIFFERENT_CONTRAST`. A lineage keeps what it began with.
    """
    if start is not None and len(start.normalisation.low) == images[0].image.shape[0]:
        return start.normalisation
    if grey_range != "auto":
        return measure_normalisation([image.image for image in images], grey_range)
    each = [measure_normalisation([image.image]) for image in images]
    spans = np.array([np.subtract(n.high, n.low) for n in each])  # (images, channels)
    spans = np.maximum(spans, 1e-12)
    differ = bool((spans.max(axis=0) > DIFFERENT_CONTRAST * spans.min(axis=0)).any())
    differ = differ or len({image.picture for image in images}) > 1
    return measure_normalisation(
        [image.image for image in images], "per image" if differ else "as in training"
    )


def frame_of(image: AnnotatedImage, scale: float) -> Frame:
    """Return the annotated part of the image with some context around it."""
    height, width = image.labels.shape
    known = image.labels_with_regions() != NOT_ANNOTATED
    rows, columns = np.flatnonzero(known.any(axis=1)), np.flatnonzero(known.any(axis=0))
    margin = int(np.ceil(CONTEXT / scale))
    y0, y1 = max(int(rows[0]) - margin, 0), min(int(rows[-1]) + 1 + margin, height)
    x0, x1 = max(int(columns[0]) - margin, 0), min(int(columns[-1]) + 1 + margin, width)
    return Frame(image.name, (y0, y1, x0, x1), scale)


def target_of(image: AnnotatedImage, frame: Frame, labels_are: LabelsAre) -> Target:
    y0, y1, x0, x1 = frame.box
    labels = image.labels_with_regions()
    # Completeness is judged at full resolution: resampled, a thin gap of not-annotated pixels may vanish.
    complete = complete_objects(labels, image.marked) if labels_are is LabelsAre.OBJECTS else ()
    small = resample_labels(labels[y0:y1, x0:x1], frame.shape)
    return make_target(small, labels_are, image.object_classes or None, marked=[int(v) for v in complete])


def _emphasis(image: AnnotatedImage, frame: Frame, labels_are: LabelsAre) -> Emphasis | None:
    """Return what counts more in a training image."""
    if not image.corrections:
        return None
    found = find_emphasis(image.labels_with_regions(), image.corrections, labels_are)
    if found is None:
        return None
    y0, y1, x0, x1 = frame.box
    return replace(found, mask=resample_labels(found.mask[y0:y1, x0:x1], frame.shape))


def _how_often(emphasis: Emphasis | None, times: float) -> NDArray[np.float32] | None:
    return (
        None if emphasis is None or times == 1 else np.where(emphasis.mask, np.float32(times), np.float32(1))
    )


def _number_from_one(objects: NDArray[np.int32]) -> NDArray[np.int32]:
    """Number objects without gaps: what counts them takes memory for the largest number."""
    values = np.unique(objects[objects > 0])
    return np.where(objects > 0, np.searchsorted(values, objects) + 1, 0).astype(np.int32)


def _pixels(image: AnnotatedImage, frame: Frame, normalisation: Normalisation) -> NDArray[Any]:
    y0, y1, x0, x1 = frame.box
    if normalisation.mode == "per image":
        # The range is that of the whole image, as in prediction, not that of the annotated part.
        normalisation = measure_normalisation([image.image])
    return resample_image(normalise(image.image[:, y0:y1, x0:x1], normalisation), frame.scale)
