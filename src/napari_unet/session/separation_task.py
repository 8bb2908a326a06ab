"""Objects that are made anew from stored probabilities: a snapshot, run in any thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.coding import LabelsAre
from napari_unet.session.backdrop import Backdrop
from napari_unet.session.stored import Stored

if TYPE_CHECKING:
    from napari_unet.objects.separate import SeparationSettings


@dataclass(frozen=True, eq=False)
class SeparationTask:
    """Objects that are ready to be made anew from a plane's stored probabilities.

    Attributes
    ----------
    settings
        In px² of the image.
    """

    backdrop: Backdrop
    stored: Stored
    settings: SeparationSettings
    labels_are: LabelsAre

    def run(self) -> Separated:
        """Make them; safe in any thread. 2048² takes one to three seconds."""
        from napari_unet.objects.separate import why_empty
        from napari_unet.workflow.segmentation import foreground, separate_probabilities

        stored = self.stored
        probabilities = stored.probabilities.astype(np.float32)
        distance = None if stored.distance is None else stored.distance.astype(np.float32)
        labels = separate_probabilities(
            probabilities, distance, self.settings, self.labels_are, stored.scale, stored.typical_size
        )
        sentence = None if labels.any() else why_empty(foreground(probabilities), self.settings)
        return Separated(labels, self.backdrop.settle(labels), sentence)


@dataclass(frozen=True, eq=False)
class Separated:
    """Objects, how they are shown, and why there are none."""

    labels: NDArray[np.int32]
    settled: NDArray[np.int32]
    why_empty: str | None
