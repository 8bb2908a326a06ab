"""How objects are made of probabilities, and the probabilities that this can be tried on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_unet.objects.separate import SeparationSettings
from napari_unet.session.backdrop import Backdrop
from napari_unet.session.history import Which
from napari_unet.session.image import Plane
from napari_unet.session.state import State
from napari_unet.session.stored import StoredProbabilities
from napari_unet.session.tasks import SeparationTask

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

    def prepare(self, plane: Plane) -> SeparationTask | None:
        """Get ready to make a plane's objects anew with `settings`; ``None`` where nothing is stored of it."""
        stored, current = self.stored.get(plane), self._state.rounds.current
        if stored is None:
            return None
        typical = current.model.description.object_size / stored[2] if current else None
        backdrop = Backdrop.of(self._state, plane)
        return SeparationTask(backdrop, stored, self.settings, self._state.labels_are, typical)

    def _forget(self, which: Which) -> None:
        if which is Which.ANNOTATION:  # of objects or of classes: what is stored may be the other
            self.stored.clear()
