"""What the network got wrong and a person put right: it counts more in the next training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.boxes import Box, bounding_boxes, grow, join
from napari_unet.annotation.coding import BACKGROUND, NOT_ANNOTATED, LabelsAre
from napari_unet.annotation.distances import Spacing, reach_in_pixels
from napari_unet.annotation.live import balance_term
from napari_unet.annotation.targets import Target
from napari_unet.annotation.terms import Floats, WeightMapSettings, border_term, compose

RIM = 3
"""Background this near (px) to a place that was corrected belongs to it: it says where the object ends."""

MOST_KEPT = 500
"""Corrections of one image that are kept; the oldest are forgotten, the network has seen them for rounds."""


@dataclass(frozen=True)
class Correction:
    """One place of a plane in which the network was wrong and is told so.

    Attributes
    ----------
    plane
        Index along the leading axes of the image.
    box
        Rows from and to, columns from and to, in px: where the segmentation was changed.
    values
        Objects of the annotation that came out of it; none where something was deleted.
    apart
        Pairs of them that the network held for one object.
    """

    plane: tuple[int, ...]
    box: tuple[int, int, int, int]
    values: tuple[int, ...] = ()
    apart: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, eq=False)
class Emphasis:
    """What counts more on one plane, or on a part of it.

    Attributes
    ----------
    mask
        bool ``(Y, X)``: annotated pixels of what was corrected.
    apart
        Pairs of objects that the network held for one.
    """

    mask: NDArray[np.bool_]
    apart: tuple[tuple[int, int], ...] = ()


def find_emphasis(
    labels: NDArray[np.int32],
    corrections: Sequence[Correction],
    labels_are: LabelsAre = LabelsAre.OBJECTS,
) -> Emphasis | None:
    """Return what the corrections of a plane emphasise on it as it is annotated now.

    Parameters
    ----------
    labels
        int32 ``(Y, X)``, project coding, regions applied.
    corrections
        Of this plane.

    Returns
    -------
    Emphasis or None
        ``None`` where nothing of what was corrected is annotated any more.
    """
    mask = np.zeros(labels.shape, bool)
    for done in corrections:
        box = grow(_slices(done.box), (RIM, RIM), (labels.shape[0], labels.shape[1]))
        seen = labels[box]
        if labels_are is LabelsAre.CLASSES:
            mask[box] |= seen != NOT_ANNOTATED
        else:
            mask[box] |= (seen == BACKGROUND) | np.isin(seen, done.values)
    apart = tuple(dict.fromkeys(pair for done in corrections for pair in done.apart))
    return Emphasis(mask, apart) if mask.any() else None


def extra_weight(
    target: Target,
    emphasis: Emphasis,
    settings: WeightMapSettings,
    spacing: Spacing = (1.0, 1.0),
    factors: Floats | None = None,
) -> Floats:
    """Return what corrections add to the weight map of `target`.

    The weight of its class is counted ``settings.corrections`` times at every pixel that was corrected, and so is the
    border weight between two objects that the network held for one. Objects that were merged have no border between
    them any more, and so no border weight.

    Parameters
    ----------
    target, spacing, factors
        As for `weight_map`.
    emphasis
        Of the target's shape and values.

    Returns
    -------
    float32 ``(Y, X)``, 0 where nothing is annotated.
    """
    more = np.float32(settings.corrections - 1)
    none = np.zeros(target.classes.shape, np.float32)
    balance = balance_term(target.objects, settings, spacing)
    plain = compose(target.classes, target.known, none, balance, factors, settings)
    extra: Floats = np.where(emphasis.mask, more * plain, none)
    border = _border_between(target.objects, emphasis.apart, settings, spacing)
    counts = target.known if settings.preset == "ronneberger2015" else target.known & (target.classes == 0)
    extra += np.where(counts, more * border, none)
    return extra


def _border_between(
    objects: NDArray[np.int32],
    pairs: Sequence[tuple[int, int]],
    settings: WeightMapSettings,
    spacing: Spacing,
) -> Floats:
    """Return the border term as if each pair were alone; the largest where several pairs meet."""
    border = np.zeros(objects.shape, np.float32)
    if not pairs:
        return border
    margin, boxes = reach_in_pixels(settings.border_reach, spacing), bounding_boxes(objects)
    for one, other in pairs:
        if one not in boxes or other not in boxes:  # merged, erased or not complete
            continue
        place = grow(join(boxes[one], boxes[other]), margin, (objects.shape[0], objects.shape[1]))
        seen = objects[place]
        alone = np.where((seen == one) | (seen == other), seen, 0).astype(np.int32)
        np.maximum(border[place], border_term(alone, settings, spacing), out=border[place])
    return border


def _slices(box: tuple[int, int, int, int]) -> Box:
    return slice(box[0], box[1]), slice(box[2], box[3])
