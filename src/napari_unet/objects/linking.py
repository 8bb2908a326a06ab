"""Objects of single planes linked into 3D objects and into tracks, by how much neighbouring planes overlap.

Nothing but labels is needed, and never more than two planes of them at a time.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from napari_unet.callbacks import OnProgress, ShouldStop, never_stop, no_progress
from napari_unet.errors import Stopped
from napari_unet.objects.matching import match_best_first
from napari_unet.objects.numbering import free_numbers
from napari_unet.objects.overlaps import Int32Array, Int64Array, IntArray
from napari_unet.objects.plane_overlaps import Edges, Nodes, Plane, overlaps_between, pairs_of_planes

LIES_IN = 0.5
"""Part of a daughter that lies where its mother was."""
SMALLEST_DAUGHTER = 0.15
"""Area of a daughter over its mother's: what is smaller is a crumb beside a cell that goes on."""


class LinkSettings(BaseModel):
    """When objects of two planes are one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    least_overlap: float = Field(
        0.5,
        gt=0,
        le=1,
        title="Least overlap",
        description="Objects of neighbouring planes are one when they share at least this part of the smaller one. "
        "Lower: objects go on further; higher: fewer wrong links.",
    )
    least_overlap_in_time: float = Field(
        0.1,
        gt=0,
        le=1,
        title="Least overlap in time",
        description="The same from one time point to the next. Lower: for objects that move far.",
    )
    bridge_gaps: bool = Field(
        True,
        title="Bridge gaps",
        description="An object that is missing on a single plane goes on behind it under its number.",
    )


@dataclass(frozen=True, eq=False)
class Linked:
    """Which number every object of every plane has, and which tracks there are.

    Attributes
    ----------
    numbers : dict
        Plane → (values, numbers), int64 arrays: what an object is called on the plane, in rising order, and the number
        that it shares with the others it is linked to.
    n_objects : int
        How many numbers there are.
    tracks : int64 array (n, 4)
        Of objects that were linked through time: number, first and last time point, and the number of the object
        that it came from by a division, or 0. The columns of the Cell Tracking Challenge; empty without time.
    """

    numbers: dict[Plane, tuple[Int64Array, Int64Array]]
    n_objects: int
    tracks: Int64Array

    def apply(self, plane: Plane, labels: IntArray) -> Int32Array:
        """Return a plane's labels ``(Y, X)`` with the shared numbers."""
        values, numbers = self.numbers[plane]
        if not values.size:
            return np.zeros(labels.shape, np.int32)
        if int(values[-1]) <= 4 * labels.size + 1024:
            table = np.zeros(int(values[-1]) + 1, np.int32)
            table[values] = numbers
            by_table: Int32Array = table[labels]
            return by_table
        at = np.searchsorted(values, labels)
        return np.where(labels > 0, numbers[np.minimum(at, values.size - 1)], 0).astype(np.int32)


def link_planes(
    read: Callable[[Plane], IntArray],
    shape: Sequence[int],
    depth: int | None = None,
    time: int | None = None,
    settings: LinkSettings | None = None,
    on_progress: OnProgress = no_progress,
    should_stop: ShouldStop = never_stop,
) -> Linked:
    """Link the objects of all planes, and let them keep the numbers that most of them have.

    Along the depth, objects of neighbouring planes are paired one to one, the best overlap first; what has no partner
    looks one plane further. Through time it is the same with what came out of it, except that an object in whose place
    two lie has divided: both begin anew, and `Linked.tracks` names the one they came from.

    Parameters
    ----------
    read : callable
        Plane → its labels ``(Y, X)``, 0 background; asked again and again for the same planes.
    shape : sequence of int
        Sizes of the axes of the planes.
    depth, time : int, optional
        Which of these axes to link along. Planes that differ along another axis are never linked.

    Raises
    ------
    Stopped
        When asked to stop.
    """
    settings = settings or LinkSettings()
    steps = pairs_of_planes(shape, [axis for axis in (depth, time) if axis is not None], settings.bridge_gaps)
    planes = [tuple(index) for index in np.ndindex(*shape)]
    done, n = itertools.count(1), len(planes) + sum(len(pairs) for pairs in steps.values())

    def breathe() -> None:
        if should_stop():
            raise Stopped
        on_progress(next(done) / n, "Linking planes …")

    nodes = Nodes(read, planes, breathe)
    found = {step: overlaps_between(read, nodes, pairs, breathe) for step, pairs in steps.items()}
    group = np.arange(len(nodes.area))
    if depth is not None:
        edges = [found[depth, distance] for distance in (1, 2) if (depth, distance) in found]
        ends = _chain(edges, nodes.area, settings.least_overlap)
        group = _components(len(nodes.area), ends)
    if time is None:
        return _numbered(nodes, group, np.zeros((0, 2), np.int64), None)
    area = np.bincount(group, weights=nodes.area).astype(np.int64)
    edges = [found[time, d].between(group) for d in (1, 2) if (time, d) in found]
    births = find_divisions(edges[0], area) if edges else np.zeros((0, 2), np.int64)
    ends = _chain([edge.without(births) for edge in edges], area, settings.least_overlap_in_time)
    track = _components(len(area), ends)
    return _numbered(nodes, track[group], track[births], np.array([plane[time] for plane in planes]))


def _chain(edges: Sequence[Edges], area: Int64Array, least: float) -> Int64Array:
    """Return the pairs (n, 2) that are one: of neighbours first, then of those with one plane between them."""
    goes_on, came = np.zeros(len(area), bool), np.zeros(len(area), bool)
    ends = [np.zeros((0, 2), np.int64)]
    for some in edges:
        smaller = np.minimum(area[some.first], area[some.second])
        open_ = some.where((some.pixels >= least * smaller) & ~goes_on[some.first] & ~came[some.second])
        share = open_.pixels / (area[open_.first] + area[open_.second] - open_.pixels)
        chosen = match_best_first(open_.first, open_.second, share)
        ends.append(np.stack([open_.first[chosen], open_.second[chosen]], axis=1))
        goes_on[open_.first[chosen]] = True
        came[open_.second[chosen]] = True
    return np.concatenate(ends)


def find_divisions(edges: Edges, area: Int64Array) -> Int64Array:
    """Return mother and daughter (n, 2) of each object in whose place two or more lie.

    Parameters
    ----------
    edges : Edges
        What objects of one time point share with those of the next.
    area : int64 array
        Pixels of every object.
    """
    inside = edges.pixels >= LIES_IN * area[edges.second]
    large = area[edges.second] >= SMALLEST_DAUGHTER * area[edges.first]
    born = edges.where(inside & large)
    several = np.bincount(born.first, minlength=len(area))[born.first] > 1
    return np.stack([born.first[several], born.second[several]], axis=1)


def _components(n: int, ends: Int64Array) -> Int64Array:
    """Return for each of n things the group that the pairs unite it with."""
    graph = coo_array((np.ones(len(ends), bool), (ends[:, 0], ends[:, 1])), shape=(n, n))
    groups: Int64Array = connected_components(graph, directed=False)[1].astype(np.int64)
    return groups


def _numbered(nodes: Nodes, group: Int64Array, births: Int64Array, time: Int64Array | None) -> Linked:
    """Give every group the number that most of its pixels have, each number once."""
    n = int(group.max(initial=-1)) + 1
    claims = Edges(group, nodes.value, nodes.area)
    if n:
        pairs, inverse = np.unique(np.stack([group, nodes.value]), axis=1, return_inverse=True)
        pixels = np.bincount(inverse.ravel(), weights=nodes.area).astype(np.int64)
        claims = Edges(pairs[0], pairs[1], pixels)
    chosen = match_best_first(claims.first, claims.second, claims.pixels.astype(np.float64))
    number = np.zeros(n, np.int64)
    number[claims.first[chosen]] = claims.second[chosen]
    number[number == 0] = free_numbers(int(np.count_nonzero(number == 0)), 1, nodes.value)
    shared = number[group]
    numbers = {plane: (nodes.value[nodes.of(plane)], shared[nodes.of(plane)]) for plane in nodes.planes}
    tracks = np.zeros((0, 4), np.int64)
    if time is not None and n:
        when = time[nodes.plane_numbers()]
        first, last, parent = np.full(n, when.max()), np.zeros(n, np.int64), np.zeros(n, np.int64)
        np.minimum.at(first, group, when)
        np.maximum.at(last, group, when)
        parent[births[:, 1]] = number[births[:, 0]]
        tracks = np.stack([number, first, last, parent], axis=1)
        tracks = tracks[np.argsort(number)]
    return Linked(numbers, n, tracks)
