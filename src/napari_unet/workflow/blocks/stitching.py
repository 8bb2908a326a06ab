"""Objects that lie on a seam get one number, whichever of their blocks comes first.

Neighbouring blocks see the same surroundings of their seam, and so make the same objects there. The second of them
looks at what the first has written, and calls an object by the number that its other part has already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_unet.objects.numbering import SHARED_PART
from napari_unet.objects.overlaps import count_overlaps, replace_values
from napari_unet.workflow.blocks.compute import Made
from napari_unet.workflow.blocks.grid import Box, cut, overlap

Labels = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Settled:
    """A block as it is written.

    Attributes
    ----------
    labels
        int32, of the block alone.
    next_number
        The first number that is free now.
    same
        Pairs of numbers that are one object, which no earlier block could see.
    """

    labels: Labels
    next_number: int
    same: list[tuple[int, int]]


def settle(
    made: Made, region: Box, core: Box, written: Labels, neighbours: Sequence[Box], next_number: int
) -> Settled:
    """Number a block's objects: as its neighbours have, where they know them, and anew elsewhere.

    Parameters
    ----------
    made
        What the block has made of its region.
    region, core
        Where that is, and which part of it is the block.
    written
        What is on disk of the region.
    neighbours
        The blocks that are done.
    """
    labels = made.labels
    known = np.zeros(labels.shape, bool)
    for box in neighbours:
        shared_box = overlap(box, region)
        if shared_box is not None:
            known[cut(shared_box, region)] = True
    overlaps = count_overlaps(np.where(known, labels, 0), np.where(known, written, 0))
    areas, other_areas = overlaps.areas_of_first(), overlaps.areas_of_second()
    inside = labels[cut(core, region)]
    here = set(np.unique(inside[inside > 0]).tolist())
    numbers: dict[int, int] = {}
    same: list[tuple[int, int]] = []
    taken: set[int] = set()
    pairs = overlaps.of_objects()
    for at in np.argsort(-pairs.pixels, kind="stable"):
        a, b, shared = int(pairs.first[at]), int(pairs.second[at]), int(pairs.pixels[at])
        if b in taken or shared < SHARED_PART * min(areas[a], other_areas[b]):
            continue
        if a not in numbers:
            numbers[a] = b
        elif a in here and a in made.cut_off:  # no block has seen it whole: what two saw apart may be one
            same.append((numbers[a], b))
        else:
            continue
        taken.add(b)
    for a in sorted(here - numbers.keys()):
        numbers[a], next_number = next_number, next_number + 1
    return Settled(replace_values(inside, {a: numbers[a] for a in here}), next_number, same)


def one_number_each(same: Sequence[tuple[int, int]]) -> dict[int, int]:
    """Return which numbers are replaced, when pairs are one: by the lowest of all that belong together."""
    parent: dict[int, int] = {}

    def find(number: int) -> int:
        while parent.get(number, number) != number:
            number = parent[number]
        return number

    for a, b in same:
        low, high = sorted((find(a), find(b)))
        if low != high:
            parent[high] = low
    return {number: find(number) for number in parent}
