"""Objects that lie on a seam get one number, whichever of their blocks comes first.

Neighbouring blocks see the same surroundings of their seam, and so make the same objects there. The second of them
looks at what the first has written, and calls an object by the number that its other part has already.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.objects.numbering import SHARED_PART
from napari_unet.objects.overlaps import count_overlaps, replace_values

Labels = NDArray[np.int32]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Matched:
    """A block whose objects are told apart, and those that its neighbours know are called as they call them.

    Attributes
    ----------
    labels
        Of the block alone: 0, or which of `numbers` it is, counted from 1.
    numbers
        What the neighbours call each object; 0 where none knows it.
    same
        Pairs of numbers that are one object, which no earlier block could see.
    """

    labels: NDArray[Any]
    numbers: Numbers
    same: list[tuple[int, int]]


def match(
    inside: Labels, seen: Sequence[Labels], written: Sequence[Labels], cut_off: Collection[int]
) -> Matched:
    """Look which objects of a block its neighbours know.

    Parameters
    ----------
    inside
        The block alone, as it was made.
    seen
        What it has made of each part of a neighbour that it sees.
    written
        What that neighbour has written there.
    cut_off
        Objects of the block that reach so far that no block has seen them whole.
    """
    nothing = [np.zeros(0, np.int32)]
    overlaps = count_overlaps(
        *(np.concatenate(nothing + [part.ravel() for part in parts]) for parts in (seen, written))
    )
    areas, other_areas = overlaps.areas_of_first(), overlaps.areas_of_second()
    here = np.unique(inside[inside > 0]).tolist()
    belongs, known = set(here), dict[int, int]()
    same: list[tuple[int, int]] = []
    taken: set[int] = set()
    pairs = overlaps.of_objects()
    for at in np.argsort(-pairs.pixels, kind="stable"):
        a, b, shared = int(pairs.first[at]), int(pairs.second[at]), int(pairs.pixels[at])
        if shared < SHARED_PART * min(areas[a], other_areas[b]):
            continue
        whole = (
            a not in cut_off
        )  # of others no block has seen all: what is apart in one may be one in the next
        if a not in known and (b not in taken or not whole):
            known[a] = b
        elif a in known and known[a] != b and a in belongs and not whole:
            same.append((known[a], b))
        else:
            continue
        taken.add(b)
    labels = replace_values(inside, {a: k for k, a in enumerate(here, 1)})
    small = labels.astype(np.uint16) if len(here) < 2**16 else labels
    return Matched(small, np.array([known.get(a, 0) for a in here], np.int64), same)


def numbered(labels: NDArray[Any], numbers: Numbers, next_number: int) -> tuple[Labels, int]:
    """Return the labels of a block with their numbers, new ones where no neighbour knew any, and the next free one.

    Parameters
    ----------
    labels, numbers
        As `match` returns them.
    """
    new = np.flatnonzero(numbers == 0)
    table = np.concatenate([[0], numbers]).astype(np.int32)
    table[1 + new] = next_number + np.arange(new.size)
    return table[labels], next_number + int(new.size)


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
