"""The preview: what a few strokes say about fields, from what was seen in them before.

After each stroke a head is fitted on the annotated pixels and gives every pixel its probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.coding import LabelsAre
from napari_unet.annotation.targets import make_target
from napari_unet.network.head import Head, fit_head, softmax
from napari_unet.network.scaling import resample_labels
from napari_unet.objects.separate import SeparationSettings, SplitMethod
from napari_unet.workflow.fields import Field
from napari_unet.workflow.segmentation import separate_probabilities

MOST_PIXELS = 3000
"""Annotated pixels that a head is fitted on: more make it slower and hardly better."""
TRUSTED = 0.75
"""Mean probability that a network gives to what is painted of each class, from which on a head only corrects it. On
nuclei of known kinds networks had 0.80 to 1.00, where strokes alone made the overlay worse than none; on kinds where
it finds something else than what is painted, 0.01 to 0.67 after ten strokes."""


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
        Whether the network was trained on this annotation: then the head only corrects it, as it does
        where what is painted agrees with the network anyway (`TRUSTED`).
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
    weights = balanced_weights(classes[chosen], values[chosen])
    anchored = base.shape[1] == n_classes - 1 and (trained or _agrees(base[chosen], classes[chosen], weights))
    start = last.head if last is not None and last.anchored == anchored else None
    if start is not None and start.coefficients.shape != (n_classes - 1, features.shape[1]):
        start = None
    under = base[chosen] if anchored else None
    head = fit_head(features[chosen], classes[chosen], weights, n_classes, start, under)
    found = head.probabilities(features[chosen].T[:, :, None], None if under is None else under.T[:, :, None])
    right = found[classes[chosen], np.arange(chosen.size), 0]
    means = [right[classes[chosen] == value].mean() for value in np.unique(classes[chosen])]
    return Preview(head, anchored, float(np.mean(means)))


def _agrees(base: NDArray[np.float32], classes: NDArray[np.uint8], weights: NDArray[np.float32]) -> bool:
    """Tell whether a network's logits (n, K − 1) fit what is painted of every class."""
    painted = softmax(base.T)[classes, np.arange(classes.size)]
    shares = [
        np.average(painted[classes == value], weights=weights[classes == value])
        for value in np.unique(classes)
    ]
    return bool(min(shares) >= TRUSTED)


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
