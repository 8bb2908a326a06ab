"""The largest value of an array that is painted on, without a search of the whole: that takes long on 8192²."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_SIDE = 512


class LargestValue:
    """The maxima of an array's tiles; after a change only those that it touched are searched again.

    Parameters
    ----------
    labels
        int32 ``(…, Y, X)``, not negative. Whoever changes it calls `follow`.
    """

    def __init__(self, labels: NDArray[np.int32]) -> None:
        self._labels = labels
        *lead, height, width = labels.shape
        self._tiles = np.zeros((*lead, -(-height // _SIDE), -(-width // _SIDE)), np.int32)
        self.follow(tuple(slice(0, n) for n in labels.shape))

    @property
    def now(self) -> int:
        """The largest value, 0 where there is none."""
        return int(self._tiles.max(initial=0))

    def holds(self, plane: Sequence[int], value: int) -> bool:
        """Tell whether a plane holds a value; only tiles that may are searched."""
        for i, j in np.argwhere(self._tiles[tuple(plane)] >= value):
            tile: tuple[int | slice, ...] = (*plane, _part(int(i)), _part(int(j)))
            if (self._labels[tile] == value).any():
                return True
        return False

    def follow(self, box: Sequence[slice]) -> None:
        """Take note that a box of the array holds other values."""
        *lead, rows, columns = box
        for i in range(rows.start // _SIDE, -(-rows.stop // _SIDE)):
            for j in range(columns.start // _SIDE, -(-columns.stop // _SIDE)):
                place: tuple[slice | int, ...] = (*lead, i, j)
                tile: tuple[slice, ...] = (*lead, _part(i), _part(j))
                self._tiles[place] = self._labels[tile].max(axis=(-2, -1), initial=0)


def _part(i: int) -> slice:
    return slice(i * _SIDE, (i + 1) * _SIDE)
