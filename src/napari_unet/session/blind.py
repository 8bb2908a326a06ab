"""How good are people? Eight annotated objects are drawn again without seeing them, and compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue
from scipy import ndimage as ndi

from napari_unet.annotation.coding import LabelsAre
from napari_unet.errors import UserError
from napari_unet.objects.intervals import Interval, share_interval
from napari_unet.session.comparing import Truth, annotation_of
from napari_unet.session.image import Plane
from napari_unet.session.state import State

OWN_AGREEMENT = "own_agreement"
"""Name of the project's note."""
N_OBJECTS = 8
AROUND = 1.5
"""Of the object's size, shown around it on every side."""
LEAST_AROUND = 12


@dataclass(frozen=True, eq=False)
class Hidden:
    """An object to be drawn again.

    Attributes
    ----------
    plane
        Where it lies.
    box
        Rows and columns of the crop that is shown.
    shape
        Which pixels of the crop are the object's; bool.
    centre
        Row and column in the crop of a pixel in it.
    """

    plane: Plane
    box: tuple[slice, slice]
    shape: NDArray[np.bool_]
    centre: tuple[int, int]


@dataclass
class BlindTest:
    """The objects of one test, and how well each was drawn again."""

    objects: tuple[Hidden, ...]
    ious: list[float] = field(default_factory=list)

    @property
    def next(self) -> Hidden | None:
        """The object to draw now, ``None`` at the end."""
        return self.objects[len(self.ious)] if len(self.ious) < len(self.objects) else None

    def take(self, drawn: NDArray[np.bool_]) -> float:
        """Take what was drawn in the crop of the next object; return its IoU with the object.

        Raises
        ------
        UserError
            If nothing was drawn.
        """
        hidden = self.next
        assert hidden is not None
        if not drawn.any():
            raise UserError("Nothing is drawn yet: paint the object in the middle of the crop, then go on.")
        union = int(np.count_nonzero(drawn | hidden.shape))
        self.ious.append(int(np.count_nonzero(drawn & hidden.shape)) / union)
        return self.ious[-1]


@dataclass(frozen=True)
class Agreement:
    """How well one agrees with oneself.

    Attributes
    ----------
    ious
        One per object.
    """

    ious: tuple[float, ...]

    @property
    def f1(self) -> Interval | None:
        """Share of the objects that were found again at an IoU of 0.5: comparable with the network's F1."""
        hits = sum(iou >= 0.5 for iou in self.ious)
        return share_interval([hits], [len(self.ious)], len(self.ious))

    @property
    def iou(self) -> float:
        """Mean IoU."""
        return float(np.mean(self.ious)) if self.ious else float("nan")

    def __str__(self) -> str:
        hits = sum(iou >= 0.5 for iou in self.ious)
        return (
            f"You found {hits} of {len(self.ious)} objects again (IoU 0.5 or more; F1 {self.f1}), with a mean IoU of "
            f"{self.iou:.2f}. No network can be asked to agree with you better than you do yourself."
        )

    def as_json(self) -> JsonValue:
        """Return it as a project keeps it."""
        return [round(iou, 4) for iou in self.ious]

    @classmethod
    def read(cls, kept: JsonValue) -> Agreement | None:
        """Return what a project kept, ``None`` where nothing sound was."""
        if not isinstance(kept, list) or not kept:
            return None
        ious = [float(iou) for iou in kept if isinstance(iou, int | float) and 0 <= iou <= 1]
        return cls(tuple(ious)) if len(ious) == len(kept) else None


def begin_blind_test(state: State, planes: Sequence[Plane], rng: np.random.Generator) -> BlindTest:
    """Choose objects of these planes by chance.

    Raises
    ------
    UserError
        If fewer than eight complete objects are annotated on them.
    """
    state.need_image()
    if state.labels_are is LabelsAre.CLASSES:
        raise UserError("Objects are drawn again one by one; you paint classes.")
    state.need_painting()
    found = [hidden for plane in planes for hidden in _objects(state, plane)]
    if len(found) < N_OBJECTS:
        raise UserError(
            f"{len(found)} complete objects are annotated here; {N_OBJECTS} or more are needed to draw some again."
        )
    return BlindTest(tuple(found[i] for i in rng.permutation(len(found))[:N_OBJECTS]))


def _objects(state: State, plane: Plane) -> list[Hidden]:
    truth = Truth.of(*annotation_of(state, plane)).objects
    height, width = truth.shape
    found = []
    for value, box in enumerate(ndi.find_objects(truth), start=1):
        if box is None:
            continue
        reach = [max(round(AROUND * (side.stop - side.start)), LEAST_AROUND) for side in box]
        wide = (
            slice(max(box[0].start - reach[0], 0), min(box[0].stop + reach[0], height)),
            slice(max(box[1].start - reach[1], 0), min(box[1].stop + reach[1], width)),
        )
        shape = truth[wide] == value
        depth = ndi.distance_transform_edt(np.pad(shape, 1))[1:-1, 1:-1]
        y, x = np.unravel_index(int(np.argmax(depth)), depth.shape)
        found.append(Hidden(plane, wide, shape, (int(y), int(x))))
    return found
