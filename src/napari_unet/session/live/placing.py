"""Objects of a part of a plane, put where they belong without tearing those that reach out of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.coding import LabelsAre
from napari_unet.session.live.view import Box


def put_into(
    before: NDArray[np.int32] | None,
    shape: tuple[int, int],
    box: Box,
    labels: NDArray[np.int32],
    labels_are: LabelsAre,
) -> NDArray[np.int32]:
    """Return a plane ``(Y, X)`` with other labels in a box.

    Objects get numbers that none outside has; one that goes on beyond the box's edge gets the number of what it goes on
    as.

    Parameters
    ----------
    before
        What the plane shows; ``None`` for nothing.
    labels
        Of the box, 0 background, objects or classes from 1.
    """
    plane = np.zeros(shape, np.int32) if before is None else before.copy()
    y0, y1, x0, x1 = box
    if labels_are is LabelsAre.CLASSES:
        plane[y0:y1, x0:x1] = labels
        return plane
    first = int(plane.max(initial=0))
    mine = np.where(labels > 0, labels + first, 0)
    joined = _that_go_on(plane, box, mine)
    if joined:
        numbers = np.arange(int(mine.max(initial=0)) + 1, dtype=np.int32)
        numbers[list(joined)] = list(joined.values())
        mine = numbers[mine]
    plane[y0:y1, x0:x1] = mine
    return plane


def _that_go_on(plane: NDArray[np.int32], box: Box, mine: NDArray[np.int32]) -> dict[int, int]:
    """Return objects of the box → the object outside that most of their pixels at the edge touch."""
    y0, y1, x0, x1 = box
    pairs = []
    for inner, outer in (
        (mine[0], plane[y0 - 1, x0:x1] if y0 > 0 else None),
        (mine[-1], plane[y1, x0:x1] if y1 < plane.shape[0] else None),
        (mine[:, 0], plane[y0:y1, x0 - 1] if x0 > 0 else None),
        (mine[:, -1], plane[y0:y1, x1] if x1 < plane.shape[1] else None),
    ):
        if outer is not None:
            both = (inner > 0) & (outer > 0)
            pairs.append(np.stack([inner[both], outer[both]], axis=1))
    if not pairs:
        return {}
    found, counts = np.unique(np.concatenate(pairs), axis=0, return_counts=True)
    order = np.argsort(counts, kind="stable")  # the most frequent one is written last
    return {int(inner): int(outer) for inner, outer in found[order]}
