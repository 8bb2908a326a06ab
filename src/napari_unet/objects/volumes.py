"""Numbers of objects that go through several planes, as columns; one plane is in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from napari_unet.objects.overlaps import Int64Array, IntArray, values_in
from napari_unet.objects.tables import Columns


def measure_volumes(
    labels: IntArray | Sequence[IntArray],
    image_of: Callable[[int], npt.NDArray[np.generic] | None],
    spacing_um: tuple[float, float, float] | None = None,
) -> Columns:
    """Measure every object of a stack.

    Parameters
    ----------
    labels : integer array (Z, Y, X), or sequence of planes
        Read twice, plane by plane. 0 is background; an object has one number on all planes.
    image_of : callable
        Returns the grey values (C, Y, X) of a plane, or None; not finite ones are left out.
    spacing_um : (float, float, float), optional
        Distance of planes, height and width of a pixel.

    Returns
    -------
    dict
        One row per object in the order of their numbers: ``label``, ``volume`` (voxels), ``n_planes``, ``first_plane``,
        ``last_plane``, ``largest_area`` (px² of the largest section), ``centroid-z``, ``centroid-y``, ``centroid-x``,
        ``cut_by_edge`` (bool: the edge of the planes cuts it), ``cut_in_depth`` (bool: it reaches the first or last
        plane), per channel ``intensity_mean-0``, ``intensity_std-0``, ``intensity_min-0``, ``intensity_max-0``,
        ``intensity_sum-0``; with a spacing also ``volume_um3``, ``equivalent_diameter_um``, ``centroid-z_um``,
        ``centroid-y_um``, ``centroid-x_um``.
    """
    numbers = _numbers_in(labels)
    n = numbers.size
    volume, planes, largest = np.zeros(n), np.zeros(n, np.int64), np.zeros(n)
    first, last = np.full(n, len(labels)), np.zeros(n, np.int64)
    sums = np.zeros((3, n))
    cut = np.zeros(n, bool)
    bright = _Brightness(n)
    for z, plane in enumerate(labels):
        rows, columns = np.nonzero(plane)
        if not rows.size:
            continue
        at = np.searchsorted(numbers, plane[rows, columns])
        area = np.bincount(at, minlength=n)
        here = area > 0
        volume += area
        planes += here
        largest = np.maximum(largest, area)
        first[here] = np.minimum(first[here], z)
        last[here] = z
        sums[0] += z * area
        sums[1] += np.bincount(at, weights=rows, minlength=n)
        sums[2] += np.bincount(at, weights=columns, minlength=n)
        edge = (rows == 0) | (columns == 0) | (rows == plane.shape[0] - 1) | (columns == plane.shape[1] - 1)
        cut[at[edge]] = True
        grey = image_of(z)
        if grey is not None:
            bright.take(at, grey[:, rows, columns].astype(np.float64))
    centre = sums / np.maximum(volume, 1)
    found: Columns = {
        "label": numbers,
        "volume": volume.astype(np.int64),
        "n_planes": planes,
        "first_plane": first,
        "last_plane": last,
        "largest_area": largest.astype(np.int64),
        "centroid-z": centre[0],
        "centroid-y": centre[1],
        "centroid-x": centre[2],
        "cut_by_edge": cut,
        "cut_in_depth": (first == 0) | (last == len(labels) - 1),
        **bright.columns(),
    }
    if spacing_um is not None:
        size = volume * float(np.prod(spacing_um))
        found["volume_um3"] = size
        found["equivalent_diameter_um"] = np.cbrt(6 * size / np.pi)
        for axis, step, values in zip("zyx", spacing_um, centre, strict=True):
            found[f"centroid-{axis}_um"] = values * step
    return found


class _Brightness:
    """Sums over the voxels of every object and channel, as planes come."""

    def __init__(self, n: int) -> None:
        self._n = n
        self._of_channel: list[dict[str, npt.NDArray[np.float64]]] = []

    def take(self, at: npt.NDArray[np.intp], values: npt.NDArray[np.float64]) -> None:
        """Take the values (C, N) of pixels that lie in the objects `at`."""
        n = self._n
        for channel, all_of_them in enumerate(values):
            if channel == len(self._of_channel):
                low, high = np.full(n, np.inf), np.full(n, -np.inf)
                zero = {name: np.zeros(n) for name in ("count", "sum", "squares")}
                self._of_channel.append({**zero, "low": low, "high": high})
            known = np.isfinite(all_of_them)
            where, grey, sums = at[known], all_of_them[known], self._of_channel[channel]
            sums["count"] += np.bincount(where, minlength=n)
            sums["sum"] += np.bincount(where, weights=grey, minlength=n)
            sums["squares"] += np.bincount(where, weights=grey**2, minlength=n)
            np.minimum.at(sums["low"], where, grey)
            np.maximum.at(sums["high"], where, grey)

    def columns(self) -> Columns:
        """Return what all planes gave; nan where an object has no finite value."""
        found: Columns = {}
        for channel, sums in enumerate(self._of_channel):
            nothing = sums["count"] == 0
            count = np.where(nothing, np.nan, sums["count"])
            mean = sums["sum"] / count
            found |= {
                f"intensity_mean-{channel}": mean,
                f"intensity_std-{channel}": np.sqrt(np.maximum(sums["squares"] / count - mean**2, 0)),
                f"intensity_min-{channel}": np.where(nothing, np.nan, sums["low"]),
                f"intensity_max-{channel}": np.where(nothing, np.nan, sums["high"]),
                f"intensity_sum-{channel}": np.where(nothing, np.nan, sums["sum"]),
            }
        return found


def _numbers_in(labels: Iterable[IntArray]) -> Int64Array:
    found = [values_in(plane) for plane in labels]
    numbers = np.unique(np.concatenate([np.zeros(1, np.int64), *found]))
    return numbers[numbers > 0]
