"""Make two objects of one: along a line, or around two points."""

import math

import numpy as np
from scipy import ndimage as ndi
from skimage.segmentation import watershed

from napari_unet.errors import UserError
from napari_unet.objects.changes import Box, Change, change_box
from napari_unet.objects.corrections.places import (
    Path,
    Point,
    box_of,
    pixel_of,
    pixels_along,
    value_at,
    values_along,
)
from napari_unet.objects.numbering import free_numbers
from napari_unet.objects.overlaps import BoolArray, FloatArray, Int32Array, IntArray

CRUMB = 0.05
"""A part smaller than this, over the whole, goes to its neighbour where there are two larger ones."""

SLIVER = 0.02
"""A line that cuts off less than this only brushed an object, where it cuts another one."""

_Parts = tuple[Box, Int32Array]
"""Where an object lies, and the parts 1, 2, … that it is cut into; 0 is not the object."""

_NOTHING_CUT = "The line does not go across an object: draw it from one side to the other."


def split_along(labels: IntArray, path: Path) -> Change:
    """Cut the objects that a path ``(N, 2)`` crosses; the largest part keeps the number.

    The path's pixels go to the nearer part. A path that ends inside an object is drawn on straight.

    Raises
    ------
    UserError
        If it crosses no object.
    """
    values = values_along(labels, path)
    place = box_of(labels, values)
    if place is None:
        raise UserError("The line meets no object: draw it across the one that is two.")
    seen = labels[place]
    corner = np.array([s.start for s in place], float)
    for drawn in (path, _drawn_on(path)):
        line = np.zeros(seen.shape, bool)
        line[pixels_along(drawn - corner, seen.shape)] = True
        crossed: list[_Parts] = []
        for value in values:
            box = box_of(seen, [value])
            assert box is not None  # the path meets it
            parts = _cut(seen[box] == value, line[box])
            if parts is not None:
                crossed.append((_within(place, box), parts))
        if crossed:
            return _renumbered(labels, place, _without_brushed(crossed))
    raise UserError(_NOTHING_CUT)


def split_at(labels: IntArray, first: Point, second: Point, background: FloatArray | None = None) -> Change:
    """Divide an object between two points in it: at the neck, or where the network saw background.

    Parameters
    ----------
    background : float array (Y, X), optional
        The network's probability of background.

    Raises
    ------
    UserError
        If the points do not lie on two pixels of one object.
    """
    value = value_at(labels, first)
    pixels = [pixel_of(first), pixel_of(second)]
    if value == 0 or value_at(labels, second) != value or pixels[0] == pixels[1]:
        raise UserError("Both clicks must lie in the same object, in the two that it is made of.")
    place = box_of(labels, [value])
    assert place is not None
    mask = labels[place] == value
    depth = ndi.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    barrier = 1 - depth / depth.max()
    if background is not None:
        barrier = barrier / 2 + np.asarray(background[place], np.float32)
    seeds = np.zeros(mask.shape, np.int32)
    for number, pixel in enumerate(pixels, start=1):
        seeds[pixel[0] - place[0].start, pixel[1] - place[1].start] = number
    apart = math.dist(*pixels)
    # Where no neck shows, the nearer point takes a pixel: the compact watershed weighs both.
    parts = watershed(barrier, seeds, connectivity=2, mask=mask, compactness=0.5 / apart)
    if (mask & (parts == 0)).any():  # pieces that lie apart
        parts = np.where(mask, _nearest(parts, [1, 2]), 0)
    return _renumbered(labels, place, [(place, parts)])


def _drawn_on(path: Path) -> Path:
    """Return a path that goes on straight at both ends, by as much as it is long."""
    ends = np.asarray(path, float)[[0, -1]]
    middle = np.asarray(path, float)[len(path) // 2] if len(path) > 2 else ends.mean(axis=0)
    onward = ends + 2 * (ends - middle)
    return np.vstack([onward[:1], path, onward[1:]])


def _cut(mask: BoolArray, line: BoolArray) -> Int32Array | None:
    """Return the parts 1, 2, … of an object that a line of pixels leaves; ``None`` where it leaves one."""
    pieces, n = ndi.label(mask)
    rest, _ = ndi.label(mask & ~line)
    parts = np.zeros(mask.shape, np.int32)
    for piece in range(1, n + 1):
        here = pieces == piece
        kept = _large_parts(rest[here], int(np.count_nonzero(here)))
        if len(kept) > 1:
            parts[here] = _nearest(rest, kept)[here] + int(parts.max())
    if not parts.any():
        return None
    parts[mask & (parts == 0)] = np.bincount(parts[parts > 0]).argmax()
    return parts


def _nearest(labels: Int32Array, values: list[int]) -> Int32Array:
    """Return for every pixel which of the rising values, 1, 2, …, is nearest."""
    nearest = ndi.distance_transform_edt(
        ~np.isin(labels, values), return_distances=False, return_indices=True
    )
    owner: Int32Array = (np.searchsorted(values, labels[tuple(nearest)]) + 1).astype(np.int32)
    return owner


def _large_parts(parts: Int32Array, area: int) -> list[int]:
    """Return which parts, in rising order, are more than crumbs; the two largest always are."""
    areas = np.bincount(parts)
    areas[0] = 0
    order = np.argsort(-areas, kind="stable")
    return sorted(int(k) for i, k in enumerate(order) if areas[k] and (i < 2 or areas[k] >= CRUMB * area))


def _without_brushed(crossed: list[_Parts]) -> list[_Parts]:
    """Leave out objects of which only a sliver would go, unless there are no others."""

    def second(parts: Int32Array) -> float:
        areas = np.sort(np.bincount(parts.ravel())[1:])
        return float(areas[-2] / areas.sum())

    shares = [second(parts) for _, parts in crossed]
    least = min(SLIVER, max(shares))
    return [cut for cut, share in zip(crossed, shares, strict=True) if share >= least]


def _renumbered(labels: IntArray, place: Box, cut: list[_Parts]) -> Change:
    """Give all parts but the largest of each object numbers of their own."""
    new = labels[place].copy()
    free = iter(free_numbers(sum(int(parts.max()) for _, parts in cut), 1, labels))
    for box, parts in cut:
        inner = tuple(slice(b.start - p.start, b.stop - p.start) for b, p in zip(box, place, strict=True))
        areas = np.bincount(parts.ravel())
        areas[0] = 0
        for part in np.flatnonzero(areas):
            if part != areas.argmax():
                new[inner][parts == part] = next(free)
    change = change_box(labels, place, new)
    assert change is not None  # there are two parts
    return change


def _within(place: Box, box: Box) -> Box:
    """Return a box of a part of the plane in the plane's coordinates."""
    return tuple(slice(p.start + b.start, p.start + b.stop) for p, b in zip(place, box, strict=True))
