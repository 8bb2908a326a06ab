"""What a brush stroke changes, recomputed only around the stroke.

`LiveObjects` follows which objects are complete, `LiveWeightMap` the local terms of the weight map. A stroke
goes through both::

    box, area = live_objects.update(stroke_labels, offset)
    changed = live_map.update(box, (area[0].start, area[1].start))
    layer_data[changed] = live_map.weights(target.classes[changed], target.known[changed], factors, changed)
"""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.boxes import Box, bounding_boxes, box_of, grow, join, keep_values, values_present
from napari_unet.annotation.distances import Spacing, nearest, reach_in_pixels
from napari_unet.annotation.targets import WIDEST_GAP, complete_objects
from napari_unet.annotation.terms import (
    Floats,
    WeightMapSettings,
    balance_of,
    border_term,
    check_spacing,
    compose,
)


class LiveWeightMap:
    """The local terms of the weight map, kept up to date while objects change.

    Parameters
    ----------
    objects
        int32 ``(Y, X)``: complete objects before the gap is cut, 0 elsewhere. A copy is kept.
    settings
        Formula and parameters.
    spacing
        Pixels of the network per pixel of ``objects`` along y and x.

    Attributes
    ----------
    border
        float32 ``(Y, X)``: ``border_term`` of the objects as they are now.
    balance
        float32 ``(Y, X)``: Falk's (1 − v)·exp(−d1²/(2σ_bal²)); ``None`` for Ronneberger.
    """

    def __init__(
        self, objects: NDArray[np.int32], settings: WeightMapSettings, spacing: Spacing = (1.0, 1.0)
    ) -> None:
        check_spacing(spacing)
        self.settings = settings
        self.spacing = spacing
        self.objects = objects.copy()
        self.border: Floats = border_term(self.objects, settings, spacing)
        self.balance = balance_term(self.objects, settings, spacing)

    def update(self, objects_box: NDArray[np.int32], offset: tuple[int, int]) -> tuple[slice, slice]:
        """Put new objects into a box and recompute what they change.

        Parameters
        ----------
        objects_box
            int32 ``(y, x)``: the complete objects inside the box as they are now.
        offset
            Where the box lies in the image.

        Returns
        -------
        The box of the image in which `border` and `balance` may have changed; empty when no object changed.
        """
        y, x = offset
        place = (slice(y, y + objects_box.shape[0]), slice(x, x + objects_box.shape[1]))
        changed = box_of(self.objects[place] != objects_box)
        if changed is None:
            return slice(y, y), slice(x, x)
        self.objects[place] = objects_box
        changed = (
            slice(changed[0].start + y, changed[0].stop + y),
            slice(changed[1].start + x, changed[1].stop + x),
        )
        # a pixel farther than the reach from all that changed has no changed distance within the reach
        area = self._grow(changed, self.settings.border_reach)
        self.border[area] = border_term(self.objects, self.settings, self.spacing, area)
        if self.balance is not None:
            wide = self._grow(changed, self.settings.balance_reach)
            part = balance_term(self.objects, self.settings, self.spacing, wide)
            assert part is not None
            self.balance[wide] = part
            area = join(area, wide)
        return area

    def weights(
        self,
        classes: NDArray[np.uint8],
        known: NDArray[np.bool_],
        factors: Floats | None = None,
        area: Box | None = None,
    ) -> Floats:
        """Return the weight map of a box of the image (the whole by default), given its target there."""
        whole = (slice(None), slice(None))
        box = whole if area is None else area
        balance = None if self.balance is None else self.balance[box]
        return compose(classes, known, self.border[box], balance, factors, self.settings)

    def _grow(self, box: Box, reach: float) -> Box:
        height, width = self.objects.shape
        return grow(box, reach_in_pixels(reach, self.spacing), (height, width))


def balance_term(
    objects: NDArray[np.int32],
    settings: WeightMapSettings,
    spacing: Spacing = (1.0, 1.0),
    area: Box | None = None,
) -> Floats | None:
    """Falk's (1 − v)·exp(−d1²/(2σ_bal²)) of an area, float32; ``None`` for Ronneberger, who has no such
    term."""
    if settings.preset != "falk2019":
        return None
    return balance_of(nearest(objects, settings.balance_reach, spacing, area), settings)


class LiveObjects:
    """The complete objects of an annotation, kept up to date while it is painted.

    Parameters
    ----------
    labels
        int32 ``(Y, X)`` in the project's coding, regions applied. A copy is kept.
    marked
        Values of objects that the user said are complete.

    Attributes
    ----------
    objects
        int32 ``(Y, X)``: the complete objects, 0 elsewhere.
    """

    def __init__(self, labels: NDArray[np.int32], marked: Collection[int] = ()) -> None:
        self.labels = labels.copy()
        self.marked = frozenset(marked)
        self._boxes = {value: box for value, box in bounding_boxes(self.labels).items() if value >= 2}
        complete = complete_objects(self.labels, self.marked)
        self._complete = {int(value) for value in complete}
        self.objects = keep_values(self.labels, complete)

    def update(self, labels_box: NDArray[np.int32], offset: tuple[int, int]) -> tuple[NDArray[np.int32], Box]:
        """Put new labels into a box; return the complete objects of the box that this changes, and that box.

        A stroke of background can close in an object that reaches far out of the stroke: then the returned
        box holds all of that object.
        """
        height, width = self.labels.shape
        y, x = offset
        place = (slice(y, y + labels_box.shape[0]), slice(x, x + labels_box.shape[1]))
        reach = (
            WIDEST_GAP + 1,
            WIDEST_GAP + 1,
        )  # a stroke can close or open the gap around an object this far away
        around = grow(place, reach, (height, width))
        touched = {int(value) for value in values_present(self.labels[around])}
        self.labels[place] = labels_box
        touched |= {int(value) for value in values_present(labels_box)}
        for value, box in bounding_boxes(labels_box).items():
            moved = (slice(box[0].start + y, box[0].stop + y), slice(box[1].start + x, box[1].stop + x))
            self._boxes[value] = join(self._boxes[value], moved) if value in self._boxes else moved

        area = place
        for value in touched:
            box = self._boxes[value]
            seen = grow(box, reach, (height, width))
            complete = value in complete_objects(self.labels[seen], self.marked & {value})
            if complete != (value in self._complete):
                self._complete ^= {value}
                area = join(area, box)
        known = np.array(sorted(self._complete), np.int32)
        self.objects[area] = keep_values(self.labels[area], known)
        return self.objects[area], area
