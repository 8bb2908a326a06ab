"""All objects of all planes, and what those of two planes share; never more than two planes are in memory."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from napari_unet.objects.overlaps import BoolArray, Int64Array, IntArray, count_overlaps

Plane = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Edges:
    """Pairs of objects that share pixels, by their places in `Nodes`, or by their groups."""

    first: Int64Array
    second: Int64Array
    pixels: Int64Array

    def between(self, group: Int64Array) -> Edges:
        """Return the same between the groups that the objects belong to."""
        if not self.first.size:
            return self
        pairs, inverse = np.unique(
            np.stack([group[self.first], group[self.second]]), axis=1, return_inverse=True
        )
        pixels = np.bincount(inverse.ravel(), weights=self.pixels).astype(np.int64)
        return Edges(pairs[0], pairs[1], pixels)

    def without(self, births: Int64Array) -> Edges:
        """Leave out what begins or ends in a division."""
        return self.where(~(np.isin(self.first, births[:, 0]) | np.isin(self.second, births[:, 1])))

    def where(self, keep: BoolArray) -> Edges:
        """Return only the pairs for which `keep` is true."""
        return Edges(self.first[keep], self.second[keep], self.pixels[keep])


class Nodes:
    """All objects of all planes in one row: plane after plane, values rising."""

    def __init__(
        self, read: Callable[[Plane], IntArray], planes: Sequence[Plane], breathe: Callable[[], None]
    ) -> None:
        found = []
        for plane in planes:
            breathe()
            labels = read(plane)
            same = count_overlaps(labels, labels).of_objects()
            found.append((same.first, same.pixels))
        self.planes = list(planes)
        self.start = np.concatenate([[0], np.cumsum([len(values) for values, _ in found])]).astype(np.int64)
        self.value = np.concatenate([np.zeros(0, np.int64), *(values for values, _ in found)])
        self.area = np.concatenate([np.zeros(0, np.int64), *(area for _, area in found)])
        self._index = {plane: i for i, plane in enumerate(self.planes)}

    def of(self, plane: Plane) -> slice:
        """Return where the objects of a plane stand."""
        i = self._index[plane]
        return slice(int(self.start[i]), int(self.start[i + 1]))

    def plane_numbers(self) -> Int64Array:
        """Return which plane, counted from 0, each object is on."""
        return np.repeat(np.arange(len(self.planes)), np.diff(self.start)).astype(np.int64)


def pairs_of_planes(
    shape: Sequence[int], axes: Sequence[int], bridge: bool
) -> dict[tuple[int, int], list[tuple[Plane, Plane]]]:
    """Return the pairs of planes to compare, by axis and distance."""
    steps = {}
    for axis, distance in itertools.product(axes, (1, 2) if bridge else (1,)):
        if shape[axis] > distance:
            inner = [n - distance * (k == axis) for k, n in enumerate(shape)]
            steps[axis, distance] = [
                (tuple(at), tuple(i + distance * (k == axis) for k, i in enumerate(at)))
                for at in np.ndindex(*inner)
            ]
    return steps


def overlaps_between(
    read: Callable[[Plane], IntArray],
    nodes: Nodes,
    pairs: Sequence[tuple[Plane, Plane]],
    breathe: Callable[[], None],
) -> Edges:
    """Count what the objects of pairs of planes share."""
    found: list[tuple[Int64Array, Int64Array, Int64Array]] = [(np.zeros(0, np.int64),) * 3]
    for plane, other in pairs:
        breathe()
        here, there = nodes.of(plane), nodes.of(other)
        if here.start == here.stop or there.start == there.stop:
            continue
        both = count_overlaps(read(plane), read(other)).of_objects()
        first = here.start + np.searchsorted(nodes.value[here], both.first)
        second = there.start + np.searchsorted(nodes.value[there], both.second)
        found.append((first, second, both.pixels))
    return Edges(*(np.concatenate(parts) for parts in zip(*found, strict=True)))
