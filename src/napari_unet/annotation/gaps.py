"""The background gap between touching objects, from which a network learns to separate them.

Ronneberger et al. 2015 and Falk et al. 2019 put background pixels wherever two different objects are
adjacent; the Fiji plugin cuts 1 px, the script of 2016 about 2 px. Here it is one pixel on each side of a
contact at most.
"""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.boxes import values_present
from napari_unet.annotation.coding import BACKGROUND, FIRST


def cut_gaps(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Turn pixels between adjacent objects into background, one on each side of a contact at most.

    Both sides of a contact across a pixel's edge are cut. Where objects then still touch, at corners or
    because an object so thin that it would vanish was left whole, one side more is cut. No two objects are
    8-neighbours after it, and every pixel that was cut had another object among its 8 neighbours.
    """
    if not _contacts(labels, _HALF_OF_8).any():
        return labels.copy()
    cut = np.where(_contacts(labels, _HALF_OF_8[:2]), BACKGROUND, labels).astype(np.int32)
    vanished = np.setdiff1d(values_present(labels, FIRST), values_present(cut, FIRST), assume_unique=True)
    thin = np.isin(labels, vanished) if vanished.size else np.zeros(labels.shape, bool)
    cut[thin] = labels[thin]
    # of two that still touch, thin objects stay, and otherwise the one with the lower value
    order = np.where(thin, -1, 1) * (np.int64(1) << 32) + cut
    cut[_contacts(cut, _HALF_OF_8, order)] = BACKGROUND
    return cut


_HALF_OF_8 = ((0, 1), (1, 0), (1, 1), (1, -1))
"""Each pair of 8-neighbours once; the first two are the pairs that share an edge."""


def _contacts(
    labels: NDArray[np.int32],
    directions: Collection[tuple[int, int]],
    order: NDArray[np.int64] | None = None,
) -> NDArray[np.bool_]:
    """Pixels that have another object for a neighbour; with ``order`` only the later one of each pair."""
    found = np.zeros(labels.shape, bool)
    height, width = labels.shape
    for dy, dx in directions:
        here = (slice(0, height - dy), slice(max(-dx, 0), width - max(dx, 0)))
        there = (slice(dy, height), slice(max(dx, 0), width - max(-dx, 0)))
        a, b = labels[here], labels[there]
        touching = (a != b) & (a >= FIRST) & (b >= FIRST)
        if order is None:
            found[here] |= touching
            found[there] |= touching
        else:
            found[here] |= touching & (order[here] > order[there])
            found[there] |= touching & (order[here] < order[there])
    return found
