"""Distances to the nearest and to the second nearest object, as far as a reach.

The plain method takes one distance transform of the whole image per object. Here each object is looked at
only inside its bounding box grown by the reach, and there the squared Euclidean distance is taken apart into
rows and columns: first the distance along each row (two running extremes), then the minimum over row
offsets. The boxes of many objects are laid side by side into a strip, so that the few array operations per
offset are shared between them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_unet.annotation.boxes import Box, bounding_boxes, grow

Spacing = tuple[float, float]
"""Size of one pixel along y and x, in the pixels that distances are told in."""

_STRIP_PIXELS = 1 << 16
"""A strip of about this size stays in the processor's cache while the row offsets pass over it."""

_HUGE = 1 << 20
"""More columns than any image has."""

_MOST_SLOTS = 1000
"""Objects in one strip at most: the columns of all are numbered `_HUGE` apart, and the numbers must fit
int32."""


def reach_in_pixels(reach: float, spacing: Spacing) -> tuple[int, int]:
    """Return how many image pixels along y and x a distance of ``reach`` covers, rounded up."""
    return int(np.ceil(reach / spacing[0])), int(np.ceil(reach / spacing[1]))


def two_nearest(
    objects: NDArray[np.int32], reach: float, spacing: Spacing = (1.0, 1.0), area: Box | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Distances between pixel centres to the nearest (d1) and the second nearest (d2) different object.

    Parameters
    ----------
    objects
        int32 ``(Y, X)``; 0 is no object, every other value is one object (in however many pieces).
    reach
        Distances up to here are exact. Longer ones are longer than this, or ``inf``, but not exact.
    spacing
        Size of a pixel along y and x.
    area
        Box of the image in which distances are wanted; the whole image by default. Objects outside it count.

    Returns
    -------
    d1, d2
        float32 of the area's shape. 0 on an object's own pixels (d1); ``inf`` where there is no such object.
    """
    height, width = objects.shape
    wanted = (slice(0, height), slice(0, width)) if area is None else area
    pixels = reach_in_pixels(reach, spacing)
    seen = grow(wanted, pixels, (height, width))
    crop = objects[seen]
    inner = _move(wanted, -seen[0].start, -seen[1].start)

    first = np.full((inner[0].stop - inner[0].start, inner[1].stop - inner[1].start), np.inf, np.float32)
    second = first.copy()
    for strip in _fill_strips(crop, inner, pixels):
        squared = _squared_distances(crop, strip, pixels[0], spacing)
        column = 0
        for slot in strip:
            width = slot.near[1].stop - slot.near[1].start
            top = pixels[0] - slot.box[0].start
            rows = slice(slot.near[0].start + top, slot.near[0].stop + top)
            found = squared[rows, column : column + width]
            column += width
            place = _move(slot.near, -inner[0].start, -inner[1].start)
            d1, d2 = first[place], second[place]
            np.minimum(d2, np.maximum(d1, found), out=d2)
            np.minimum(d1, found, out=d1)
    return np.sqrt(first, out=first), np.sqrt(second, out=second)


def nearest(
    objects: NDArray[np.int32], reach: float, spacing: Spacing = (1.0, 1.0), area: Box | None = None
) -> NDArray[np.float32]:
    """Distance to the nearest object, float32 of the area's shape; ``inf`` beyond the reach. See
    `two_nearest`."""
    height, width = objects.shape
    wanted = (slice(0, height), slice(0, width)) if area is None else area
    seen = grow(wanted, reach_in_pixels(reach, spacing), (height, width))
    outside = objects[seen] == 0
    if outside.all():
        return np.full(
            (wanted[0].stop - wanted[0].start, wanted[1].stop - wanted[1].start), np.inf, np.float32
        )
    distance = ndimage.distance_transform_edt(outside, sampling=spacing)
    inner: NDArray[np.float32] = distance[_move(wanted, -seen[0].start, -seen[1].start)].astype(np.float32)
    inner[inner > reach] = np.inf
    return inner


@dataclass(frozen=True)
class _Slot:
    """One object in a strip."""

    value: int
    box: Box
    """Tight box of the object."""
    near: Box
    """The wanted pixels within the reach of the box."""


def _fill_strips(labels: NDArray[np.int32], wanted: Box, pixels: tuple[int, int]) -> Iterator[list[_Slot]]:
    """Take the objects in bunches of about `_STRIP_PIXELS`, of about one height, because a strip has one."""
    slots = []
    for value, box in bounding_boxes(labels).items():
        near = _intersect(grow(box, pixels, labels.shape), wanted)
        if near is not None:
            slots.append(_Slot(value, box, near))
    strip: list[_Slot] = []
    width = 0
    for slot in sorted(slots, key=lambda slot: slot.box[0].stop - slot.box[0].start):
        rows, columns = slot.box[0].stop - slot.box[0].start, slot.near[1].stop - slot.near[1].start
        if strip and ((width + columns) * rows > _STRIP_PIXELS or len(strip) == _MOST_SLOTS):
            yield strip
            strip, width = [], 0
        strip.append(slot)
        width += columns
    if strip:
        yield strip


def _squared_distances(
    labels: NDArray[np.int32], strip: list[_Slot], reach: int, spacing: Spacing
) -> NDArray[np.float32]:
    """Squared distances of the columns near each object, side by side, to the object.

    Returns float32: the rows of the tallest box and ``reach`` more above and below, the columns of all
    `near`.
    """
    in_rows = _distances_along_rows(labels, strip)
    in_rows *= np.float32(spacing[1])
    np.square(in_rows, out=in_rows)

    height = in_rows.shape[0]
    squared = np.full((height + 2 * reach, in_rows.shape[1]), np.inf, np.float32)
    squared[reach : reach + height] = in_rows
    shifted = np.empty_like(in_rows)
    for offset in range(1, reach + 1):
        np.add(in_rows, np.float32((offset * spacing[0]) ** 2), out=shifted)
        for start in (reach - offset, reach + offset):
            target = squared[start : start + height]
            np.minimum(target, shifted, out=target)
    return squared


def _distances_along_rows(labels: NDArray[np.int32], strip: list[_Slot]) -> NDArray[np.float32]:
    """Columns to the nearest pixel of the object in the same row, huge in a row without any.

    First inside the boxes, laid side by side and numbered so that the next box is huge columns away. Outside
    its box the nearest pixel lies in the direction of the box: the distance at the box's edge and the way to
    there.
    """
    height = max(slot.box[0].stop - slot.box[0].start for slot in strip)
    widths = [slot.box[1].stop - slot.box[1].start for slot in strip]
    starts = np.cumsum([0, *widths])
    mask = np.zeros((height, starts[-1]), bool)
    sources, ways = [], []
    for slot, start, width in zip(strip, starts.tolist(), widths, strict=False):
        box, near = slot.box, slot.near[1]
        np.equal(labels[box], slot.value, out=mask[: box[0].stop - box[0].start, start : start + width])
        columns = np.arange(near.start - box[1].start, near.stop - box[1].start)
        source = np.minimum(np.maximum(columns, 0), width - 1)
        ways.append(np.abs(columns - source))
        sources.append(source + start)

    # whole numbers, because running extremes of floats take twice as long
    position = np.arange(starts[-1], dtype=np.int32) + np.repeat(
        np.arange(len(strip), dtype=np.int32) * _HUGE, widths
    )
    before = np.where(mask, position, np.int32(-_HUGE))
    np.maximum.accumulate(before, axis=1, out=before)
    np.subtract(position, before, out=before)
    after = np.where(mask, position, np.int32(_MOST_SLOTS * _HUGE))[:, ::-1]
    np.minimum.accumulate(after, axis=1, out=after)
    inside = np.minimum(before, after[:, ::-1] - position, out=before).astype(np.float32)
    distance: NDArray[np.float32] = np.take(inside, np.concatenate(sources), axis=1)
    distance += np.concatenate(ways).astype(np.float32)
    return distance


def _intersect(a: Box, b: Box) -> Box | None:
    y = slice(max(a[0].start, b[0].start), min(a[0].stop, b[0].stop))
    x = slice(max(a[1].start, b[1].start), min(a[1].stop, b[1].stop))
    return (y, x) if y.start < y.stop and x.start < x.stop else None


def _move(box: Box, dy: int, dx: int) -> Box:
    return slice(box[0].start + dy, box[0].stop + dy), slice(box[1].start + dx, box[1].stop + dx)
