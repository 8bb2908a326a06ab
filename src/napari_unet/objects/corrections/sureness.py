"""How sure the network is of each object."""

import numpy as np

from napari_unet.objects.overlaps import FloatArray, IntArray


def find_sure(labels: IntArray, background: FloatArray, least: float) -> list[int]:
    """Return the objects whose pixels are, on average, no background with at least the probability `least`.

    Parameters
    ----------
    background : float array (Y, X)
        The network's probability of background.
    """
    inside = labels > 0
    numbers, rows = np.unique(labels[inside], return_inverse=True)
    sums = np.bincount(rows, weights=background[inside].astype(np.float64), minlength=numbers.size)
    means = 1 - sums / np.maximum(np.bincount(rows, minlength=numbers.size), 1)
    return [int(k) for k in numbers[means >= least]]
