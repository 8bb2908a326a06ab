"""Measures of the ISBI 2012 challenge, for cells that fill the image with only membranes between them.

All are restricted to the foreground of the truth: pixels where it is 0 (membrane) do not count. Pixels there
that the prediction gives to no object count as one object each.

References
----------
Arganda-Carreras et al. 2015, Crowdsourcing the creation of image segmentation algorithms for connectomics,
Frontiers in Neuroanatomy 9:142, equations 1 to 6.
"""

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from napari_unet.objects.overlaps import BoolArray, IntArray, count_overlaps


def rand_error(pred: IntArray, truth: IntArray, valid: BoolArray | None = None) -> float:
    """Return the Rand error of the ISBI 2012 challenge: 1 - F-score of the foreground-restricted Rand index.

    The F-score is the harmonic mean of precision and recall over pairs of pixels that are in one object;
    borders are taken as predicted, with their width. The challenge took the best over all thresholds.

    Parameters
    ----------
    pred, truth : integer arrays of one shape
        0 is membrane, every cell has a number.
    valid : bool array, optional
        Where the truth is known.

    Returns
    -------
    float
        0 (perfect) to 1; NaN if the truth has no cell.
    """
    return 1 - _rand(_Shares(pred, truth, valid), 0.5)


def foreground_restricted_rand(
    pred: IntArray, truth: IntArray, valid: BoolArray | None = None, alpha: float = 0.5
) -> float:
    """Return V_Rand after border thinning, the score by which the challenge is ranked since 2015.

    Parameters
    ----------
    pred, truth : integer arrays of one shape
        0 is membrane, every cell has a number.
    valid : bool array, optional
        Where the truth is known.
    alpha : float
        0.5 for the F-score; 0 counts splits only, 1 merges only.

    Returns
    -------
    float
        0 to 1 (perfect); NaN if the truth has no cell.
    """
    return _rand(_Shares(thin_borders(pred), truth, valid), alpha)


def foreground_restricted_information(
    pred: IntArray, truth: IntArray, valid: BoolArray | None = None, alpha: float = 0.5
) -> float:
    """Return V_Info after border thinning: mutual information over the mean of both entropies.

    Parameters and result are those of `foreground_restricted_rand`.
    """
    shares = _Shares(thin_borders(pred), truth, valid)
    if not shares.n:
        return float("nan")
    of_pred, of_truth = _entropy(shares.pred, shares.n), _entropy(shares.truth, shares.n)
    information = of_pred + of_truth - _entropy(shares.both, shares.n)
    mean = (1 - alpha) * of_pred + alpha * of_truth
    return information / mean if mean > 0 else 1.0


def thin_borders(labels: IntArray) -> IntArray:
    """Grow all objects until they meet: every pixel of the border goes to the nearest object."""
    if not labels.any():
        return labels
    nearest = ndi.distance_transform_edt(labels == 0, return_distances=False, return_indices=True)
    thinned: IntArray = labels[tuple(nearest)]
    return thinned


class _Shares:
    """Pixels of the objects of both images and of their overlaps, on the foreground of the truth."""

    def __init__(self, pred: IntArray, truth: IntArray, valid: BoolArray | None) -> None:
        counted = truth > 0 if valid is None else (truth > 0) & valid
        overlaps = count_overlaps(pred[counted], truth[counted])
        alone = int(overlaps.pixels[overlaps.first == 0].sum())
        inside = overlaps.where(overlaps.first > 0)
        singles = np.ones(alone)
        self.n = int(np.count_nonzero(counted))
        self.truth = _sums(overlaps.second, overlaps.pixels)
        self.pred = np.concatenate([_sums(inside.first, inside.pixels), singles])
        self.both = np.concatenate([inside.pixels.astype(np.float64), singles])


def _sums(values: npt.NDArray[np.int64], pixels: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    _, inverse = np.unique(values, return_inverse=True)
    return np.bincount(inverse, weights=pixels).astype(np.float64)


def _rand(shares: _Shares, alpha: float) -> float:
    if not shares.n:
        return float("nan")
    together = alpha * np.sum(shares.pred**2) + (1 - alpha) * np.sum(shares.truth**2)
    return float(np.sum(shares.both**2) / together)


def _entropy(pixels: npt.NDArray[np.float64], n: int) -> float:
    shares = pixels / n
    return float(-np.sum(shares * np.log(shares)))
