"""How objects are made of probabilities, and the probabilities that this can be tried on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_unet.objects.separate import SeparationSettings
from napari_unet.session.backdrop import Backdrop
from napari_unet.session.earlier import Earlier
from napari_unet.session.history import Which
from napari_unet.session.image import Plane
from napari_unet.session.mirrors import Mirrors
from napari_unet.session.separation_task import SeparationTask
from napari_unet.session.state import State
from napari_unet.session.stored import StoredProbabilities

if TYPE_CHECKING:
    from napari_unet.network.model_file import ModelDescription


SURE = 0.8
"""Probability from which on background around an accepted object is taken for it: in a driven loop whose network had
missed dim cells, the rings of the accepted ones beside them lay on these."""


class Separating:
    """The settings in use, which follow the scale, and what is stored of the planes segmented last.

    They are kept in px² of the network, so that an object that is too small for it stays so at every scale.

    Attributes
    ----------
    for_network
        The settings in px² of the network; ``None`` as long as nobody chose any: then those of the network in use.
    stored
        Probabilities of the planes.
    earlier
        What the network before the one in use found on them.
    mirrors
        What the network saw in their mirror images.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.for_network: SeparationSettings | None = None
        self.stored = StoredProbabilities()
        self.earlier = Earlier()
        self.mirrors = Mirrors(self.stored)
        self._scale = 1.0
        state.canvas.array_replaced.connect(self._forget)

    @property
    def settings(self) -> SeparationSettings:
        """The settings in px² of the image, at the scale at which it was seen last."""
        return scaled(self.for_network or SeparationSettings(), 1 / self._scale)

    @settings.setter
    def settings(self, settings: SeparationSettings) -> None:
        self.for_network = scaled(settings, self._scale)

    def take_fitted(self, description: ModelDescription, scale: float) -> None:
        """Use the settings that were fitted after a network's training."""
        self.for_network = SeparationSettings.model_validate(description.separation)
        self._scale = scale

    def follow_scale(self, scale: float) -> None:
        """Take note that images are seen at this scale from now on."""
        self._scale = scale

    def prepare(self, plane: Plane) -> SeparationTask | None:
        """Get ready to make a plane's objects anew with `settings`; ``None`` where nothing is stored of it.

        Objects in space are made when their stack is segmented: on a plane alone they would fall apart.
        """
        stored = self.stored.get(plane)
        if stored is None or stored.in_space:
            return None
        backdrop = Backdrop.of(self._state, plane)
        return SeparationTask(backdrop, stored, self.settings, self._state.labels_are)

    def sure_background(self, plane: Plane) -> NDArray[np.bool_] | None:
        """Return where the network is sure of background, bool (Y, X); ``None`` where nothing is stored."""
        stored = self.stored.get(plane)
        return None if stored is None else stored.probabilities[0] >= SURE

    def forget(self) -> None:
        """Forget what was found: it is of another image, or of other labels."""
        self.stored.clear()
        self.earlier.clear()
        self.mirrors.clear()

    def _forget(self, which: Which) -> None:
        if which is Which.ANNOTATION and self._state.segmentation is None:
            self.forget()  # a new annotation of objects or of classes: what is stored may be the other


def scaled(settings: SeparationSettings, scale: float) -> SeparationSettings:
    """Return settings for images that are so many times as large."""
    return settings.model_copy(update={"smallest": settings.smallest * scale**2})
