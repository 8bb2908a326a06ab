"""The network's objects with the annotation on top: what is shown, measured and exported."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from scipy import ndimage as ndi

from napari_unet.objects.numbering import free_numbers
from napari_unet.objects.overlaps import (
    BoolArray,
    Int32Array,
    IntArray,
    count_overlaps,
    replace_values,
    values_in,
)

# The coding of every annotation in this project; the room `annotation` builds on the same three numbers.
NOT_ANNOTATED, BACKGROUND, FIRST = 0, 1, 2

LabelsAre = Literal["objects", "classes"]


@dataclass
class _Network:
    """One object of the network, as far as the annotation covers it."""

    area: int = 0  # without what is annotated as background
    complete: int = 0  # pixels under complete annotated objects
    joined_by: list[int] = field(default_factory=list)  # incomplete annotated objects that it belongs to

    @property
    def replaced(self) -> bool:
        """Whether complete annotated objects cover most of it."""
        return 2 * self.complete > self.area


def overlay_annotation(
    segmentation: IntArray,
    annotation: IntArray,
    labels_are: LabelsAre = "objects",
    marked: Collection[int] = (),
) -> Int32Array:
    """Return the segmentation with the annotation on top.

    *Objects.* Annotated pixels show what they say. An object of the network is

    - replaced where complete annotated objects cover most of it: what is left of it goes away;
    - united with an incomplete annotated object (a scribble, say) that lies mostly in it or covers most of
    it;
      several such objects share it, every pixel to the nearest;
    - otherwise kept, without its annotated pixels.

    An annotated object that replaces or joins an object of the network shows that one's number (the largest
    does if there are several); all others get fresh numbers. Doing it twice changes nothing.

    *Classes.* Annotated pixels show their class.

    Parameters
    ----------
    segmentation : integer array (Y, X)
        0 is background; objects or classes from 1.
    annotation : integer array (Y, X)
        0 not annotated, 1 background, from 2 objects, or class + 1.
    labels_are : {"objects", "classes"}
        What the numbers mean.
    marked : collection of int
        Annotated objects that the user said are complete. Others are when no not annotated pixel touches
        them; training overlooks narrow gaps, but here what the network sees in a gap joins the object.

    Returns
    -------
    int32 array (Y, X)
        A new array, 0 background.
    """
    unknown = annotation == NOT_ANNOTATED
    if labels_are == "classes":
        return np.where(unknown, segmentation, annotation.astype(np.int32) - 1).astype(np.int32)
    complete = find_complete(annotation) | set(marked)
    numbers, leftovers, shared = _plan(segmentation, annotation, complete)
    rest = replace_values(segmentation, leftovers)
    for number, partners in shared.items():
        _share(rest, segmentation, annotation, number, partners, numbers)
    return np.where(unknown, rest, replace_values(annotation, numbers | {NOT_ANNOTATED: 0, BACKGROUND: 0}))


def find_complete(annotation: IntArray) -> set[int]:
    """Return the annotated objects that no not annotated pixel touches (8 neighbours; the edge encloses)."""
    values = {value for value in values_in(annotation).tolist() if value >= FIRST}
    open_ = annotation == NOT_ANNOTATED
    if not values or not open_.any():
        return values
    beside = open_.copy()
    beside[1:] |= open_[:-1]
    beside[:-1] |= open_[1:]
    rows = beside.copy()
    beside[:, 1:] |= rows[:, :-1]
    beside[:, :-1] |= rows[:, 1:]
    return values - set(values_in(annotation[beside & ~open_]).tolist())


def _plan(
    segmentation: IntArray, annotation: IntArray, complete: set[int]
) -> tuple[dict[int, int], dict[int, int], dict[int, list[int]]]:
    """Decide who shows which number.

    Returns the number of every annotated object; the new number of what is left of an object of the network
    (only where it changes); and the objects of the network that several annotated objects share.
    """
    overlaps = count_overlaps(segmentation, annotation)
    annotated_areas = {v: n for v, n in overlaps.areas_of_second().items() if v >= FIRST}
    network: dict[int, _Network] = {}
    covers: dict[int, list[tuple[int, int]]] = {
        v: [] for v in annotated_areas
    }  # (pixels, object of the network)
    for k, v, pixels in zip(
        overlaps.first.tolist(), overlaps.second.tolist(), overlaps.pixels.tolist(), strict=True
    ):
        if k == 0:
            continue
        one = network.setdefault(k, _Network())
        one.area += pixels if v != BACKGROUND else 0
        one.complete += pixels if v in complete else 0
        if v >= FIRST:
            covers[v].append((pixels, k))
    claims = [
        claim
        for v, found in covers.items()
        if found
        for claim in _claim(v, found, annotated_areas[v], network, v in complete)
    ]
    numbers: dict[int, int] = {}
    taken: set[int] = set()
    for _, v, k in sorted(claims, key=lambda claim: (-claim[0], claim[1:])):
        if v not in numbers and k not in taken:
            numbers[v] = k
            taken.add(k)
    others = sorted(annotated_areas.keys() - numbers.keys())
    free = free_numbers(len(others), 1, np.array(sorted(network), np.int64))
    numbers |= dict(zip(others, free, strict=True))
    leftovers = {k: numbers[one.joined_by[0]] for k, one in network.items() if one.joined_by}
    leftovers |= {k: 0 for k, one in network.items() if one.replaced and not one.joined_by}
    return numbers, leftovers, {k: one.joined_by for k, one in network.items() if len(one.joined_by) > 1}


def _claim(
    v: int, found: list[tuple[int, int]], area: int, network: dict[int, _Network], complete: bool
) -> list[tuple[int, int, int]]:
    """Return (pixels, v, k) for every number k that the annotated object v could show; note whom it joins."""
    if complete:
        pixels, k = max(found)
        return [(pixels, v, k)] if network[k].replaced else []
    claims = []
    on_objects = sum(pixels for pixels, _ in found)
    for pixels, k in found:
        covers_it = 2 * pixels > network[k].area
        lies_in_it = 2 * pixels > on_objects and 4 * pixels >= area
        if covers_it or lies_in_it:
            network[k].joined_by.append(v)
            claims.append((pixels, v, k))
    return claims


def _share(
    rest: Int32Array,
    segmentation: IntArray,
    annotation: IntArray,
    number: int,
    partners: list[int],
    numbers: dict[int, int],
) -> None:
    """Give every pixel of one object of the network to the nearest of several annotated objects, in place."""
    whole = segmentation == number
    box = ndi.find_objects(whole.astype(np.uint8))[0]
    inside: BoolArray = whole[box]
    owned = inside & np.isin(annotation[box], partners)
    nearest = ndi.distance_transform_edt(~owned, return_distances=False, return_indices=True)
    owner = replace_values(annotation[box], numbers)[tuple(nearest)]
    rest[box][inside] = owner[inside]
