"""The preview: what a few strokes say about a field, from features that a network saw in it before.

A field is a part of a plane, at the image's resolution or reduced. What the network and the filters see in it is
computed once; after each stroke a head is fitted on the annotated pixels and gives every pixel its probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.coding import LabelsAre
from napari_unet.annotation.targets import make_target
from napari_unet.callbacks import ShouldStop, never_stop
from napari_unet.network.features import see
from napari_unet.network.filters import filter_bank
from napari_unet.network.head import Head, fit_head, softmax
from napari_unet.network.model_file import Model
from napari_unet.network.scaling import (
    Normalisation,
    measure_normalisation,
    normalise,
    resample_image,
    resample_labels,
    resample_probability,
    scaled_shape,
)
from napari_unet.objects.separate import SeparationSettings, SplitMethod
from napari_unet.workflow.segmentation import separate_probabilities

MOST_PIXELS = 3000
"""Annotated pixels that a head is fitted on: more make it slower and hardly better."""
CONTEXT = 32
"""Pixels at the network's scale around a field that the network sees."""

Box = tuple[int, int, int, int]
"""y0, y1, x0, x1 in px of the plane, half open."""


@dataclass(frozen=True, eq=False)
class Field:
    """What was seen in a part of a plane.

    Attributes
    ----------
    plane
        Index along the image's leading axes.
    box
        In px of the plane.
    reduction
        Pixels of the field per pixel of the image, at most 1.
    features
        float16 ``(F, y, x)``: the network's maps and logits, then filter responses.
    own
        Which of the features are the network's own logits; the distance's is the last of them if it has one.
    has_distance
        Whether it has one.
    """

    plane: tuple[int, ...]
    box: Box
    reduction: float
    features: NDArray[np.float16]
    own: slice
    has_distance: bool

    @property
    def n_bytes(self) -> int:
        """Memory that it takes."""
        return self.features.nbytes

    @property
    def logits(self) -> NDArray[np.float16]:
        """The network's logits of its classes against background, ``(K − 1, y, x)``."""
        return self.features[self.own][: -1 if self.has_distance else None]

    @property
    def distance(self) -> NDArray[np.float32] | None:
        """The network's distance to the object's border, 0–1, ``None`` where it has none."""
        if not self.has_distance:
            return None
        logit = self.features[self.own][-1].astype(np.float32)
        result: NDArray[np.float32] = 1 / (1 + np.exp(-logit))
        return result

    def covers(self, plane: tuple[int, ...], box: Box, reduction: float) -> bool:
        """Whether it shows all of a box at this resolution at least."""
        y0, y1, x0, x1 = self.box
        inside = y0 <= box[0] and box[1] <= y1 and x0 <= box[2] and box[3] <= x1
        return self.plane == plane and inside and self.reduction >= 0.95 * reduction


def grey_range_of(model: Model, plane: NDArray[Any]) -> Normalisation:
    """Return the grey range in which a network sees a plane (C, Y, X), also where only a part of it is read."""
    known = model.description.normalisation
    return measure_normalisation([plane], "as in training") if known.mode == "per image" else known


def see_field(
    model: Model,
    pixels: NDArray[Any],
    plane: tuple[int, ...],
    box: Box,
    reduction: float,
    scale: float,
    grey_range: Normalisation,
    device: str = "auto",
    should_stop: ShouldStop = never_stop,
) -> Field:
    """Let a network and the filters look at a part of a plane.

    Parameters
    ----------
    pixels
        The whole plane ``(C, Y, X)``, any numeric dtype.
    box, reduction
        As in `Field`.
    scale
        Network px per image px.
    grey_range
        As `grey_range_of` returns it.

    Raises
    ------
    Stopped
    """
    y0, y1, x0, x1 = box
    margin = int(np.ceil(CONTEXT / scale))
    top, left = max(y0 - margin, 0), max(x0 - margin, 0)
    bottom, right = min(y1 + margin, pixels.shape[1]), min(x1 + margin, pixels.shape[2])
    grey = normalise(pixels[:, top:bottom, left:right], grey_range)
    shape = scaled_shape((bottom - top, right - left), reduction)
    seen = see(model.network, resample_image(grey, scale), device, should_stop)
    maps = seen.features
    if maps.shape[1:] != shape:
        maps = resample_probability(maps.astype(np.float32), shape).astype(np.float16)
    responses = filter_bank(resample_image(grey, reduction) if reduction != 1 else grey)
    height, width = scaled_shape((y1 - y0, x1 - x0), reduction)
    up, aside = round((y0 - top) * reduction), round((x0 - left) * reduction)
    up, aside = min(up, shape[0] - height), min(aside, shape[1] - width)
    inner = (slice(None), slice(up, up + height), slice(aside, aside + width))
    features = np.concatenate([maps[inner], responses[inner]])
    own = slice(len(maps) - seen.n_own, len(maps))
    return Field(plane, box, reduction, features, own, model.description.network.distance)


@dataclass(frozen=True, eq=False)
class Annotated:
    """Annotated pixels of a field and what was seen in them.

    Attributes
    ----------
    features
        float32 ``(n, F)``.
    base
        float32 ``(n, K' − 1)``: the network's own logits.
    classes
        ``(n,)``; 0 is background, also between objects that touch.
    values
        ``(n,)``: as painted, to balance objects.
    """

    features: NDArray[np.float32]
    base: NDArray[np.float32]
    classes: NDArray[np.uint8]
    values: NDArray[np.int32]


def annotated_pixels(
    seen: Field,
    labels: NDArray[np.int32],
    labels_are: LabelsAre,
    object_classes: dict[int, int] | None = None,
) -> Annotated:
    """Take what was seen where a field is annotated, a part of it where much is.

    Parameters
    ----------
    labels
        Of the field's box, project coding, regions applied, ``(Y, X)`` in px of the image.
    """
    labels = resample_labels(labels, (seen.features.shape[1], seen.features.shape[2]))
    # That objects are complete matters for distances only, which a preview does not learn.
    target = make_target(
        labels, labels_are, object_classes or None, marked=np.unique(labels[labels > 1]).tolist()
    )
    known = np.flatnonzero(target.known)
    known = known[_even_choice(labels.ravel()[known])]
    flat = seen.features.reshape(len(seen.features), -1)
    base = seen.logits.reshape(-1, flat.shape[1])
    return Annotated(
        flat[:, known].T.astype(np.float32),
        base[:, known].T.astype(np.float32),
        target.classes.ravel()[known],
        labels.ravel()[known],
    )


def _even_choice(values: NDArray[np.int32]) -> NDArray[np.intp]:
    """Return places of at most `MOST_PIXELS` pixels, as many of every value as possible."""
    if values.size <= MOST_PIXELS:
        return np.arange(values.size)
    rng = np.random.default_rng(values.size)
    order = rng.permutation(values.size)
    order = order[np.argsort(values[order], kind="stable")]
    starts = np.flatnonzero(np.diff(values[order], prepend=values[order[0]] - 1))
    rank = np.arange(values.size) - np.repeat(starts, np.diff(np.append(starts, values.size)))
    return np.sort(order[np.argsort(rank, kind="stable")[:MOST_PIXELS]])


@dataclass(frozen=True, eq=False)
class Preview:
    """A fitted head, or the network alone.

    Attributes
    ----------
    head
        ``None``: the network's own probabilities.
    anchored
        The head corrects the network's own logits instead of deciding alone.
    agreement
        Mean probability that it gives to what was painted, every class counting the same.
    """

    head: Head | None = None
    anchored: bool = False
    agreement: float = 0.0

    def probabilities(self, seen: Field) -> NDArray[np.float32]:
        """Return class probabilities ``(K, y, x)`` of a field, at its resolution."""
        if self.head is None:
            return softmax(seen.logits.astype(np.float32))
        return self.head.probabilities(seen.features, seen.logits if self.anchored else None)


def fit_preview(
    annotated: Sequence[Annotated], n_classes: int, trained: bool, last: Preview | None = None
) -> Preview | None:
    """Fit a head on what is annotated in several fields.

    Classes count equally, and in each of them objects by the root of what is painted of them.

    Parameters
    ----------
    trained
        Whether the network was trained on this annotation: then the head only corrects it.
    last
        Where to begin.

    Returns
    -------
    Preview or None
        ``None`` as long as only one class is painted: nothing can be told from it.
    """
    if not annotated:
        return None
    classes = np.concatenate([one.classes for one in annotated])
    if np.unique(classes).size < 2:
        return None
    values = np.concatenate([one.values for one in annotated])
    features = np.concatenate([one.features for one in annotated])
    base = np.concatenate([one.base for one in annotated])
    chosen = _even_choice(values)
    anchored = trained and base.shape[1] == n_classes - 1
    start = last.head if last is not None and last.anchored == anchored else None
    if start is not None and start.coefficients.shape != (n_classes - 1, features.shape[1]):
        start = None
    weights = balanced_weights(classes[chosen], values[chosen])
    under = base[chosen] if anchored else None
    head = fit_head(features[chosen], classes[chosen], weights, n_classes, start, under)
    found = head.probabilities(features[chosen].T[:, :, None], None if under is None else under.T[:, :, None])
    right = found[classes[chosen], np.arange(chosen.size), 0]
    means = [right[classes[chosen] == value].mean() for value in np.unique(classes[chosen])]
    return Preview(head, anchored, float(np.mean(means)))


def balanced_weights(classes: NDArray[np.uint8], values: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return weights (n,) by which every class counts the same, and each of its objects by the root of its pixels."""
    weights = np.zeros(classes.size, np.float32)
    for value in np.unique(classes):
        mine = classes == value
        _, which, counts = np.unique(values[mine], return_inverse=True, return_counts=True)
        of_mine = 1 / np.sqrt(counts[which])
        weights[mine] = of_mine / of_mine.sum()
    return weights


def preview_labels(
    probabilities: NDArray[np.float32],
    seen: Field,
    settings: SeparationSettings,
    labels_are: LabelsAre,
    typical_size: float | None = None,
) -> NDArray[np.int32]:
    """Make objects or classes of a field's probabilities, ``(Y, X)`` in px of the image.

    Parameters
    ----------
    settings
        In px² of the image.
    typical_size
        Diameter of an object in px of the image.
    """
    r = seen.reduction
    distance = seen.distance
    if settings.method is SplitMethod.LEARNED and distance is None:
        settings = settings.model_copy(update={"method": SplitMethod.DISTANCE})
    settings = settings.model_copy(update={"smallest": settings.smallest * r**2})
    typical = typical_size * r if typical_size else None
    labels = separate_probabilities(probabilities, distance, settings, labels_are, 1.0, typical)
    y0, y1, x0, x1 = seen.box
    result: NDArray[np.int32] = resample_labels(labels, (y1 - y0, x1 - x0))
    return result
