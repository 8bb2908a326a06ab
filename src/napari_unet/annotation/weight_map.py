"""The weight map of the loss: how much each pixel counts, with extra weight between touching objects.

The formulas and settings are in ``terms``, their incremental form in ``live``; all of it can be imported
from here.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.corrections import Emphasis, extra_weight
from napari_unet.annotation.distances import Spacing
from napari_unet.annotation.live import LiveObjects, LiveWeightMap, balance_term
from napari_unet.annotation.targets import Target
from napari_unet.annotation.terms import (
    Floats,
    WeightMapSettings,
    balance_of,
    border_of,
    border_term,
    compose,
)

__all__ = [
    "LiveObjects",
    "LiveWeightMap",
    "WeightMapSettings",
    "balance_of",
    "balance_term",
    "border_of",
    "border_term",
    "class_factors",
    "compose",
    "weight_map",
]


def class_factors(
    classes: NDArray[np.uint8] | Sequence[NDArray[np.uint8]],
    known: NDArray[np.bool_] | Sequence[NDArray[np.bool_]],
    n_classes: int,
) -> Floats:
    """Return w_c of Ronneberger et al. 2015, one factor per class.

    The paper gives no formula. This is the inverse frequency over the annotated pixels of all images, scaled
    so that the mean over those pixels is 1: N / (K·n_c), with N annotated pixels, n_c of them of class c,
    and K classes that occur. A class that does not occur gets 1.

    Parameters
    ----------
    classes, known
        uint8 and bool ``(Y, X)``, of one image or of several.
    n_classes
        Number of classes, background included.

    Returns
    -------
    float32 ``(n_classes,)``.
    """
    if isinstance(classes, np.ndarray):
        classes = [classes]
    if isinstance(known, np.ndarray):
        known = [known]
    counts = np.zeros(n_classes, np.int64)
    for numbers, there in zip(classes, known, strict=True):
        counts += np.bincount(numbers[there], minlength=n_classes)
    occurs = counts > 0
    factors = np.ones(n_classes, np.float32)
    factors[occurs] = counts.sum() / (np.count_nonzero(occurs) * counts[occurs])
    return factors


def weight_map(
    target: Target,
    settings: WeightMapSettings,
    spacing: Spacing = (1.0, 1.0),
    factors: Floats | None = None,
    emphasis: Emphasis | None = None,
) -> Floats:
    """Return the weight of every pixel in the loss.

    Ronneberger 2015, at every annotated pixel: ``w = w_c + w0·exp(−(d1 + d2)²/(2σ²))``. As in the paper's
    formula, the border term is not limited to background: on an object's pixels d1 = 0, so that the object's
    side of a narrow gap weighs about as much as the gap itself. Falk 2019: object pixels 1; background,
    which includes the gap that was cut between touching objects, ``v + λ·exp(−(d1 + d2)²/(2σ²)) + (1 −
    v)·exp(−d1²/(2σ_bal²))``.

    d1 and d2 are measured to *complete* objects before the gap is cut (``target.objects``), whatever lies
    between; a scribble has no border weight of its own. With fewer than two objects the border term is 0.

    Parameters
    ----------
    target
        From `make_target`.
    settings
        Formula and parameters.
    spacing
        Pixels of the network per pixel of the target along y and x.
    factors
        w_c per class, from `class_factors` over all images that are trained on together. By default those of
        this image alone, or all 1 when ``settings.balance_classes`` is off. Falk 2019 has none.
    emphasis
        What was corrected and therefore counts more, as `extra_weight`.

    Returns
    -------
    float32 ``(Y, X)``, exact to 1e-3; 0 where nothing is annotated.
    """
    if factors is None and settings.balance_classes:
        n_classes = int(target.classes.max(initial=0)) + 1
        factors = class_factors(target.classes, target.known, n_classes)
    border = border_term(target.objects, settings, spacing)
    balance = balance_term(target.objects, settings, spacing)
    weights = compose(target.classes, target.known, border, balance, factors, settings)
    if emphasis is not None and settings.corrections > 1:
        weights += extra_weight(target, emphasis, settings, spacing, factors)
    return weights
