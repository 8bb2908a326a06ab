"""Who came from whom, read from labels whose numbers persist through time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from napari_unet.objects.linking import find_divisions
from napari_unet.objects.overlaps import Int64Array, IntArray
from napari_unet.objects.plane_overlaps import Nodes, Plane, overlaps_between, pairs_of_planes


def read_tracks(read: Callable[[Plane], IntArray], shape: Sequence[int], time: int) -> Int64Array:
    """Return the tracks of labels that were linked, and perhaps corrected since.

    Parameters
    ----------
    read : callable
        Plane → its labels ``(Y, X)``, 0 background.
    shape : sequence of int
        Sizes of the axes of the planes.
    time : int
        Which of them is time; objects of one number at one time are one, on whichever planes.

    Returns
    -------
    int64 array (n, 4)
        Number, first and last time point, and the number of the mother or 0, in the order of the numbers. A mother is
        who was seen last where two or more that are seen first lie.
    """
    planes = [tuple(index) for index in np.ndindex(*shape)]
    nodes = Nodes(read, planes, lambda: None)
    if not nodes.value.size:
        return np.zeros((0, 4), np.int64)
    when = np.array([plane[time] for plane in planes], np.int64)[nodes.plane_numbers()]
    numbers, number = np.unique(nodes.value, return_inverse=True)
    first, last = np.full(numbers.size, when.max()), np.zeros(numbers.size, np.int64)
    np.minimum.at(first, number, when)
    np.maximum.at(last, number, when)
    mother = np.zeros(numbers.size, np.int64)
    steps = pairs_of_planes(shape, [time], bridge=False)
    if steps:
        seen, place = np.unique(np.stack([when, number]), axis=1, return_inverse=True)
        place = place.ravel().astype(np.int64)
        area = np.bincount(place, weights=nodes.area).astype(np.int64)
        edges = overlaps_between(read, nodes, steps[time, 1], lambda: None).between(place)
        ends, begins = last[seen[1]] == seen[0], first[seen[1]] == seen[0]
        born = find_divisions(edges.where(ends[edges.first] & begins[edges.second]), area)
        mother[seen[1][born[:, 1]]] = numbers[seen[1][born[:, 0]]]
    return np.stack([numbers, first, last, mother], axis=1)
