"""One-to-one pairs out of many that are possible, the best first, all at once."""

import numpy as np
import numpy.typing as npt

from napari_unet.objects.overlaps import FloatArray, Int64Array


def match_best_first(first: Int64Array, second: Int64Array, weight: FloatArray) -> Int64Array:
    """Choose pairs from the heaviest to the lightest, so that nothing is in two of them.

    In every round all pairs are taken that are the heaviest one of both of their sides: that gives what taking one
    pair after the other gives, in a few rounds.

    Parameters
    ----------
    first, second : int64 arrays (P,)
        The two sides of every possible pair.
    weight : float array (P,)
        Equal weights go by the numbers of the sides, so that the choice never hangs on the order of the pairs.

    Returns
    -------
    int64 array
        Which pairs are chosen, in rising order.
    """
    left = np.lexsort((second, first, -weight))
    a = np.unique(first[left], return_inverse=True)[1]
    b = np.unique(second[left], return_inverse=True)[1]
    chosen = []
    while left.size:
        rank = np.arange(left.size)
        takes = (_earliest(a, rank) == rank) & (_earliest(b, rank) == rank)
        chosen.append(left[takes])
        free = ~(_holds(a, a[takes]) | _holds(b, b[takes]))
        left, a, b = left[free], a[free], b[free]
    return np.sort(np.concatenate(chosen)).astype(np.int64) if chosen else np.zeros(0, np.int64)


def _earliest(side: npt.NDArray[np.intp], rank: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Return for every pair the first rank at which its side occurs."""
    first = np.full(int(side.max()) + 1, side.size, np.intp)
    first[side[::-1]] = rank[::-1]  # the earliest is written last
    return first[side]


def _holds(side: npt.NDArray[np.intp], taken: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    used = np.zeros(int(side.max()) + 1, bool)
    used[taken] = True
    return used[side]
