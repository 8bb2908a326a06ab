"""What a correction tells about the network: which objects it got wrong, and which it held for one."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
from pydantic import JsonValue

from napari_unet.annotation.coding import FIRST, LabelsAre
from napari_unet.annotation.corrections import MOST_KEPT, Correction
from napari_unet.objects.changes import Change
from napari_unet.objects.overlaps import Int32Array, count_overlaps
from napari_unet.session.image import Plane
from napari_unet.session.painting import Painting

_MOST_PAIRS = 20
"""Of one correction; a brush that cuts an object into more pieces is not about borders."""


def describe_correction(painting: Painting, plane: Plane, edit: Change, corrected: Change) -> Correction:
    """Describe an edit of the network's objects.

    Parameters
    ----------
    edit
        Of the plane of the segmentation.
    corrected
        What it changes on the plane of the annotation; not applied yet.
    """
    (y, x), (height, width) = edit.offset, edit.new.shape
    box = (int(y), int(y) + height, int(x), int(x) + width)
    if painting.labels_are is LabelsAre.CLASSES:
        return Correction(tuple(plane), box)
    annotation = painting.labels[plane][edit.box].copy()
    _put(annotation, (int(y), int(x)), corrected)
    touched = np.unique(edit.old[edit.old != edit.new])
    pairs = count_overlaps(edit.old, edit.new).of_objects()
    parts = {int(k): pairs.second[pairs.first == k] for k in touched if k > 0}
    new = np.unique(np.concatenate([edit.new[edit.old != edit.new], *parts.values()]))
    values = _values_of(edit.new, annotation, new[new > 0])
    apart = [
        (min(a, b), max(a, b))
        for found in parts.values()
        for a, b in combinations(sorted(values[int(k)] for k in found if int(k) in values), 2)
        if a != b
    ]
    return Correction(
        tuple(plane), box, tuple(sorted(set(values.values()))), tuple(dict.fromkeys(apart[:_MOST_PAIRS]))
    )


def _put(array: Int32Array, corner: tuple[int, int], change: Change) -> None:
    """Apply the part of a change that lies in an array whose first pixel is at `corner`."""
    here, there = [], []
    for start, offset, size, length in zip(corner, change.offset, array.shape, change.new.shape, strict=True):
        first, last = max(start, int(offset)), min(start + size, int(offset) + length)
        here.append(slice(max(first - start, 0), max(last - start, 0)))
        there.append(slice(first - int(offset), max(last, first) - int(offset)))
    if all(side.stop > side.start for side in here):
        array[tuple(here)] = change.new[tuple(there)]


def _values_of(shown: Any, annotation: Int32Array, numbers: Any) -> Mapping[int, int]:
    """Return the annotated value that each object has with most of its pixels."""
    found = count_overlaps(np.where(np.isin(shown, numbers), shown, 0), annotation)
    found = found.where((found.first > 0) & (found.second >= FIRST))
    order = np.argsort(found.pixels, kind="stable")  # the largest is the last one, and stays
    return dict(zip(found.first[order].tolist(), found.second[order].tolist(), strict=True))


def corrections_as_json(corrections: tuple[Correction, ...]) -> JsonValue:
    """Return corrections as a project keeps them: plane, box, objects, pairs."""
    return [
        [list(done.plane), list(done.box), list(done.values), [list(pair) for pair in done.apart]]
        for done in corrections
    ]


def corrections_from_json(kept: Any) -> tuple[Correction, ...]:
    """Return the corrections; what is none any more (a file that somebody changed) is left out."""
    found = []
    for one in kept if isinstance(kept, list) else ():
        try:
            plane, box, values, apart = one
            y0, y1, x0, x1 = _whole(box)
            pairs = tuple((a, b) for a, b in map(_whole, apart))
            if 0 <= y0 < y1 and 0 <= x0 < x1:
                found.append(Correction(_whole(plane), (y0, y1, x0, x1), _whole(values), pairs))
        except (TypeError, ValueError):
            continue
    return tuple(found[-MOST_KEPT:])


def _whole(numbers: Any) -> tuple[int, ...]:
    if any(not isinstance(n, int) or not 0 <= n < 2**31 for n in numbers):
        raise ValueError("no index or value")
    return tuple(numbers)
