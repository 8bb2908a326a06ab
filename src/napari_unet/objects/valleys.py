"""Objects that touch are cut apart along the valleys between their peaks."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from napari_unet.objects.overlaps import BoolArray, Int32Array

Float32Array = npt.NDArray[np.float32]


class _Groups:
    """Numbers that are united step by step (union-find with path halving)."""

    def __init__(self, n: int) -> None:
        self.parent = list(range(n))

    def find(self, k: int) -> int:
        """Return the number that stands for the group of `k`."""
        while self.parent[k] != k:
            self.parent[k] = self.parent[self.parent[k]]
            k = self.parent[k]
        return k

    def table(self) -> Int32Array:
        """Return for every number the one that stands for its group."""
        return np.array([self.find(k) for k in range(len(self.parent))], np.int32)


def split_at_valleys(landscape: Float32Array, mask: BoolArray, depth: float) -> Int32Array:
    """Divide `mask` among the peaks of `landscape`, keeping only valleys that are deep enough.

    Every pixel belongs to the local maximum that the steepest climb leads to; then neighbouring basins are
    united from the highest pass to the lowest, unless the pass lies more than `depth` × the lower peak below
    that peak. This is a watershed from h-maxima with h relative to the peak, so that small and large objects
    are treated alike, in a small part of the time that flooding and morphological reconstruction take.

    Parameters
    ----------
    landscape : float32 array ([Z,] Y, X)
        Heights, at least 0; peaks are centres of objects.
    mask : bool array ([Z,] Y, X)
        What is divided.
    depth : float
        0: every valley cuts; 1: none does.

    Returns
    -------
    int32 array ([Z,] Y, X)
        Positive numbers inside `mask`, not consecutive.
    """
    seeds, basins = _ascend(landscape, mask)
    heights = np.zeros(int(basins.max(initial=0)) + 1)
    np.maximum.at(heights, seeds[seeds > 0], landscape[seeds > 0])
    first, second, passes = _passes(basins, landscape)
    groups = _unite_shallow(heights, first, second, passes, depth).table()
    labels: Int32Array = groups[basins]
    return labels


def _unite_shallow(
    heights: npt.NDArray[np.float64],
    first: Int32Array,
    second: Int32Array,
    passes: Float32Array,
    depth: float,
) -> _Groups:
    """Unite basins over passes that are not deep enough, from the highest pass to the lowest."""
    groups = _Groups(heights.size)
    peak = heights.tolist()
    order = np.argsort(-passes, kind="stable")
    for a, b, height in zip(*(column[order].tolist() for column in (first, second, passes)), strict=True):
        root, other = groups.find(a), groups.find(b)
        if root == other:
            continue
        if peak[root] < peak[other]:
            root, other = other, root
        if height >= (1 - depth) * peak[other]:
            groups.parent[other] = root
    return groups


def unite_fragments(labels: Int32Array, smallest: float) -> Int32Array:
    """Unite objects smaller than `smallest` px² (voxels) with the neighbour of the longest common border."""
    areas = np.bincount(labels.ravel())
    small = np.flatnonzero((areas < smallest) & (areas > 0))
    if not small.size:
        return labels
    first, second, lengths = _count_pairs(*_contacts(labels)[:2])
    neighbours: dict[int, list[tuple[int, int]]] = {}
    for a, b, length in zip(first.tolist(), second.tolist(), lengths.tolist(), strict=True):
        neighbours.setdefault(a, []).append((length, b))
        neighbours.setdefault(b, []).append((length, a))
    groups = _Groups(areas.size)
    area = areas.tolist()
    for k in sorted((k for k in small.tolist() if k in neighbours), key=lambda k: area[k]):
        root = groups.find(k)
        if area[root] >= smallest:
            continue
        other = groups.find(max(neighbours[k])[1])
        if other != root:
            groups.parent[root] = other
            area[other] += area[root]
    result: Int32Array = groups.table()[labels]
    return result


def _ascend(landscape: Float32Array, mask: BoolArray) -> tuple[Int32Array, Int32Array]:
    """Number the local maxima in `mask` and give every pixel the one that the steepest climb leads to.

    The neighbours are those that share a side, so that every connected piece of `mask` has a maximum of its own. A
    pixel that is no maximum has a higher neighbour: no climb ends on a plateau.
    """
    inside = np.pad(np.where(mask, landscape, np.float32(-1)), 1, constant_values=-1)
    target = np.arange(inside.size).reshape(inside.shape)
    core = (slice(1, -1),) * mask.ndim
    best, towards = inside[core].copy(), target[core].copy()
    axes = range(mask.ndim)
    for axis, start in [*((axis, 0) for axis in axes), *((axis, 2) for axis in reversed(axes))]:
        there = tuple(
            slice(start, start + n) if k == axis else slice(1, n + 1) for k, n in enumerate(mask.shape)
        )
        higher = inside[there] > best
        np.copyto(best, inside[there], where=higher)
        np.copyto(towards, target[there], where=higher)
    peaks = np.zeros(inside.shape, bool)
    peaks[core] = mask & (towards == target[core])
    seeds: Int32Array = ndi.label(peaks)[0].astype(np.int32, copy=False)
    target[core] = towards
    climb = target.ravel()
    while True:
        further = climb.take(climb, mode="clip")
        if np.array_equal(further, climb):
            break
        climb = further
    basins = np.where(mask, seeds.ravel()[climb].reshape(inside.shape)[core], 0)
    return seeds[core], basins


def _contacts(labels: Int32Array) -> tuple[Int32Array, Int32Array, npt.NDArray[Any], npt.NDArray[Any]]:
    """Return both labels and both flat places of every pair of neighbours by a side in two different objects."""
    places = np.arange(labels.size).reshape(labels.shape)
    parts: list[tuple[npt.NDArray[Any], ...]] = []
    for axis in range(labels.ndim):
        before = (slice(None),) * axis
        here, there = (*before, slice(1, None)), (*before, slice(None, -1))
        a, b = labels[here], labels[there]
        touch = (a != b) & (a > 0) & (b > 0)
        parts.append((a[touch], b[touch], places[here][touch], places[there][touch]))
    first, second, place, other = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return np.minimum(first, second), np.maximum(first, second), place, other


def _passes(basins: Int32Array, landscape: Float32Array) -> tuple[Int32Array, Int32Array, Float32Array]:
    """Return the highest place at which any two basins meet."""
    first, second, place, other = _contacts(basins)
    flat = landscape.ravel()
    height = np.minimum(flat[place], flat[other])
    order = np.lexsort((-height, second, first))
    first, second, height = first[order], second[order], height[order]
    new = np.ones(first.size, bool)
    new[1:] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    return first[new], second[new], height[new]


def _count_pairs(
    first: Int32Array, second: Int32Array
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    keys = (first.astype(np.int64) << 32) | second.astype(np.int64)
    pairs, counts = np.unique(keys, return_counts=True)
    return pairs >> 32, pairs & 0xFFFFFFFF, counts
