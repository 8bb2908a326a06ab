"""Outlines and cuts as lines that can be drawn on an image."""

from __future__ import annotations

import numpy as np
from skimage.measure import approximate_polygon, find_contours

from napari_unet.objects.changes import Box
from napari_unet.objects.doubts.doubt import Line
from napari_unet.objects.overlaps import BoolArray, Int32Array

_TOLERANCE = 0.4
"""Pixels by which a drawn line may leave the outline: fewer corners are drawn faster."""


def outlines_of(mask: BoolArray, box: Box) -> tuple[Line, ...]:
    """Return the outlines of a mask that lies at `box` of the plane, the longest first."""
    padded = np.pad(mask, 1).astype(np.float32)
    corner = np.array([box[0].start - 1, box[1].start - 1], float)
    found = [approximate_polygon(line, _TOLERANCE) + corner for line in find_contours(padded, 0.5)]
    return tuple(sorted(found, key=len, reverse=True)[:8])


def cut_between(parts: Int32Array, box: Box) -> tuple[Line, ...]:
    """Return the line along which parts, numbered 1 and 2, of an object touch."""
    places = []
    for axis in (0, 1):
        here = [slice(None), slice(None)]
        there = [slice(None), slice(None)]
        here[axis], there[axis] = slice(1, None), slice(None, -1)
        a, b = parts[tuple(here)], parts[tuple(there)]
        met = np.argwhere((a != b) & (a > 0) & (b > 0)).astype(float)
        met[:, axis] += 0.5  # between the two pixels
        places.append(met)
    points = np.concatenate(places)
    if len(points) < 2:
        return ()
    along = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[2][0]
    order = np.argsort((points - points.mean(axis=0)) @ along)
    line = points[order] + np.array([box[0].start, box[1].start], float)
    # Neighbours in this order jump to and fro by a pixel: the mean of a few is the line that the eye sees.
    width = min(5, len(line))
    kernel = np.ones(width) / width
    smooth = np.stack([np.convolve(line[:, k], kernel, "valid") for k in (0, 1)], axis=1)
    return (np.vstack([line[:1], smooth, line[-1:]]),)
