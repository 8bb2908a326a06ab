"""What an edit of the segmentation, or its acceptance, means for the annotation."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.coding import BACKGROUND, NOT_ANNOTATED, LabelsAre
from napari_unet.objects.edit import correct
from napari_unet.session.canvas import Box


def correction(
    before: NDArray[np.int32],
    box: Box,
    painted: NDArray[Any],
    annotation: NDArray[np.int32],
    labels_are: LabelsAre,
) -> NDArray[np.int32]:
    """Return the annotation of a plane after an edit of its segmentation.

    Parameters
    ----------
    before
        The segmentation before the edit, shape ``(Y, X)``.
    box, painted
        Where it was edited, and what it holds there now.
    """
    after = before.copy()
    after[box] = painted
    if labels_are is LabelsAre.CLASSES:
        return np.where(before != after, after + BACKGROUND, annotation).astype(np.int32)
    return correct(before, after, annotation)


def accept_classes(
    shown: NDArray[np.int32],
    annotation: NDArray[np.int32],
    classes: Collection[int] | None,
    mask: NDArray[np.bool_] | None,
) -> NDArray[np.int32]:
    """Return the annotation with a class map's pixels where nothing was annotated.

    Parameters
    ----------
    classes
        Only these classes (0 is background); all by default.
    mask
        Only inside; everywhere by default.
    """
    fill = annotation == NOT_ANNOTATED
    if mask is not None:
        fill &= mask
    if classes is not None:
        fill &= np.isin(shown, list(classes))
    return np.where(fill, shown + BACKGROUND, annotation).astype(np.int32)
