"""How large the painted objects are, measured where it disturbs nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_unet.annotation.coding import LabelsAre

if TYPE_CHECKING:
    from napari_unet.session.painting import Painting


@dataclass(frozen=True)
class Measured:
    """What an annotation says about sizes.

    Attributes
    ----------
    object_size
        Median diameter (px) of the complete objects, ``None`` as long as there is none.
    scale
        Network px per image px that a first training would choose.
    """

    object_size: float | None
    scale: float


@dataclass(frozen=True, eq=False)
class MeasuringTask:
    """A measurement that is ready to run; a plane of 2048² with 500 objects takes a good tenth of a second.

    Attributes
    ----------
    painting
        A copy that shares the pixels: a stroke that comes meanwhile is half in it, and makes it out of date.
    object_size
        Diameter (px) that the user gave, ``None`` where it is to be measured.
    """

    painting: Painting
    object_size: float | None

    def run(self) -> Measured:
        """Measure; safe in any thread."""
        from napari_unet.workflow.size import initial_scale, measure_object_size

        images = self.painting.snapshot(None, ())
        labels_are = self.painting.labels_are
        measured = measure_object_size(images) if labels_are is LabelsAre.OBJECTS else None
        return Measured(measured, initial_scale(images, labels_are, self.object_size or measured))
