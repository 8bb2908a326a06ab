"""How objects are made of probabilities, and the probabilities that this can be tried on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_unet.objects.separate import SeparationSettings
from napari_unet.session.history import Which
from napari_unet.session.image import Plane
from napari_unet.session.state import State
from napari_unet.session.stored import StoredProbabilities

if TYPE_CHECKING:
    from napari_unet.session.rounds import Round


class Separating:
    """The settings in use, which follow the scale, and what is stored of the planes segmented last.

    Attributes
    ----------
    settings
        In px² of the image.
    stored
        Probabilities of the planes.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.settings = SeparationSettings()
        self.stored = StoredProbabilities()
        self._scale = 1.0
        state.canvas.array_replaced.connect(self._forget)

    def take_fitted(self, chosen: Round, scale: float) -> None:
        """Use the settings that were fitted after a round's training."""
        from napari_unet.workflow.segmentation import separation_of

        self._scale = scale
        self.settings = separation_of(chosen.model.description, scale)

    def follow_scale(self, scale: float) -> None:
        """Keep the smallest object the same to the network when images are seen at another scale from now on."""
        before, self._scale = self._scale, scale
        smallest = self.settings.smallest * (before / scale) ** 2
        self.settings = self.settings.model_copy(update={"smallest": smallest})

    def separate(self, plane: Plane) -> tuple[NDArray[np.int32], str | None] | None:
        """Make objects anew from a plane's stored probabilities.

        Returns
        -------
        tuple or None
            Labels ``(Y, X)`` and why there are none; ``None`` where no probabilities are stored.
        """
        stored = self.stored.get(plane)
        if stored is None:
            return None
        from napari_unet.objects.separate import why_empty
        from napari_unet.workflow.segmentation import foreground, separate_probabilities

        probabilities, distance, scale = stored
        current = self._state.rounds.current
        typical = current.model.description.object_size / scale if current else None
        labels = separate_probabilities(
            probabilities, distance, self.settings, self._state.labels_are, scale, typical
        )
        return labels, None if labels.any() else why_empty(foreground(probabilities), self.settings)

    def _forget(self, which: Which) -> None:
        if which is Which.ANNOTATION:  # of objects or of classes: what is stored may be the other
            self.stored.clear()
