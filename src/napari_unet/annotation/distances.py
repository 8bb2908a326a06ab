"""Distances to the nearest and to the second nearest object, as far as a reach.

The plain method takes one distance transform of the whole image per object. Here each object is looked at
only inside its bounding box grown by the reach, and there the squared Euclidean distance is taken apart into
rows and columns: first the distance along each row (two running extremes), then the minimum over row
offsets. The boxes of many objects are laid side by side into a strip, so that the few array operations per
offset are shared between them.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_unet.annotation.boxes import Box, bounding_boxes, grow

Spacing = tuple[float, float]
"""Size of one pixel along y and x, in the pixels that distances are told in."""

_STRIP_PIXELS = 1 << 16
"""A strip of about this size stays in the processor's cache while the row offsets pass over it."""

_NOWHERE = 1 << 24
"""A column farther away than any reach."""


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
    for strip in _fill_strips(bounding_boxes(crop), pixels):
        squared = _squared_distances(crop, strip, pixels, spacing)
        for (_, box), x in strip:
            near = _intersect(grow(box, pixels, crop.shape), inner)
            if near is None:
                continue
            found = squared[_move(near, pixels[0] - box[0].start, x - box[1].start)]
            place = _move(near, -inner[0].start, -inner[1].start)
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


def _fill_strips(
    boxes: dict[int, Box], pixels: tuple[int, int]
) -> Iterator[list[tuple[tuple[int, Box], int]]]:
    """Lay boxes side by side, each with the reach left and right of it: ((value, box), column where it
    starts).

    The boxes are sorted by height, because all of a strip share one height.
    """
    strip: list[tuple[tuple[int, Box], int]] = []
    end = 0
    for item in sorted(boxes.items(), key=lambda item: item[1][0].stop - item[1][0].start):
        y, x = item[1]
        if strip and (end + x.stop - x.start) * (y.stop - y.start) > _STRIP_PIXELS:
            yield strip
            strip, end = [], 0
        strip.append((item, end + pixels[1]))
        end += x.stop - x.start + 2 * pixels[1]
    if strip:
        yield strip


def _squared_distances(
    labels: NDArray[np.int32],
    strip: list[tuple[tuple[int, Box], int]],
    pixels: tuple[int, int],
    spacing: Spacing,
) -> NDArray[np.float32]:
    """Squared distance of every pixel of a strip, grown by the reach up and down, to its own object.

    In a neighbour's columns the nearest pixel of a row may be another box's, but then it is farther than the
    reach.
    """
    height = max(box[0].stop - box[0].start for (_, box), _ in strip)
    (_, last), x = strip[-1]
    mask = np.zeros((height, x + last[1].stop - last[1].start + pixels[1]), bool)
    for (value, box), x in strip:
        y_size, x_size = box[0].stop - box[0].start, box[1].stop - box[1].start
        np.equal(labels[box], value, out=mask[:y_size, x : x + x_size])

    in_rows = _distance_along_rows(mask)
    in_rows *= np.float32(spacing[1])
    np.square(in_rows, out=in_rows)

    reach = pixels[0]
    squared = np.full((height + 2 * reach, mask.shape[1]), np.inf, np.float32)
    squared[reach : reach + height] = in_rows
    shifted = np.empty_like(in_rows)
    for offset in range(1, reach + 1):
        np.add(in_rows, np.float32((offset * spacing[0]) ** 2), out=shifted)
        for start in (reach - offset, reach + offset):
            target = squared[start : start + height]
            np.minimum(target, shifted, out=target)
    return squared


def _distance_along_rows(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Columns to the nearest true pixel of the same row, float32 ``(Y, X)``; huge in a row without any."""
    # whole numbers, because running extremes of floats take twice as long
    columns = np.arange(mask.shape[1], dtype=np.int32)
    before = np.where(mask, columns, np.int32(-_NOWHERE))
    np.maximum.accumulate(before, axis=1, out=before)
    after = np.where(mask, columns, np.int32(_NOWHERE))[:, ::-1]
    np.minimum.accumulate(after, axis=1, out=after)
    np.subtract(columns, before, out=before)
    return np.minimum(before, after[:, ::-1] - columns, out=before).astype(np.float32)


def _intersect(a: Box, b: Box) -> Box | None:
    y = slice(max(a[0].start, b[0].start), min(a[0].stop, b[0].stop))
    x = slice(max(a[1].start, b[1].start), min(a[1].stop, b[1].stop))
    return (y, x) if y.start < y.stop and x.start < x.stop else None


def _move(box: Box, dy: int, dx: int) -> Box:
    return slice(box[0].start + dy, box[0].stop + dy), slice(box[1].start + dx, box[1].stop + dx)
