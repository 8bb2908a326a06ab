"""The background gap between touching objects, from which a network learns to separate them.

Ronneberger et al. 2015 and Falk et al. 2019 put background pixels wherever two different objects are
adjacent; the Fiji plugin cuts 1 px, the script of 2016 about 2 px. Here it is one pixel on each side of a
contact at most.
"""

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
    flat = labels.ravel()
    contacts = [_pairs(labels, direction) for direction in _HALF_OF_8]
    cut = flat.copy()
    for pair in contacts[:2]:
        for side in pair:
            cut[side] = BACKGROUND
    thin = np.setdiff1d(values_present(labels), values_present(cut), assume_unique=True)
    if thin.size:
        whole = np.isin(flat, thin)
        cut[whole] = flat[whole]

    a, b = (np.concatenate(side) for side in zip(*contacts, strict=True))
    touching = (cut[a] >= FIRST) & (cut[b] >= FIRST)
    a, b = a[touching], b[touching]
    # of two that still touch, thin objects stay, and otherwise the one with the lower value
    keep_a, keep_b = np.isin(cut[a], thin), np.isin(cut[b], thin)
    cut_a = np.where(keep_a == keep_b, cut[a] > cut[b], keep_b)
    cut[np.where(cut_a, a, b)] = BACKGROUND
    return cut.reshape(labels.shape)


_HALF_OF_8 = ((0, 1), (1, 0), (1, 1), (1, -1))
"""Each pair of 8-neighbours once; the first two are the pairs that share an edge."""


def _pairs(
    labels: NDArray[np.int32], direction: tuple[int, int]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Flat positions of the neighbours in one direction that belong to different objects."""
    dy, dx = direction
    height, width = labels.shape
    left, right = max(-dx, 0), max(dx, 0)
    a = labels[: height - dy, left : width - right]
    b = labels[dy:, right : width - left]
    different = a != b
    different &= a >= FIRST
    different &= b >= FIRST
    rows, columns = np.nonzero(different)
    first = rows * width + columns + left
    return first, first + dy * width + dx
