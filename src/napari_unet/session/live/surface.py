"""What Live has shown: written over the segmentation without a step of Undo, and kept by the project at rest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_unet.objects.edit import Change
from napari_unet.session import actions
from napari_unet.session.history import Action, Which
from napari_unet.session.image import Plane
from napari_unet.session.live.tasks import Overlay
from napari_unet.session.live.words import INSTEADS
from napari_unet.session.session import Session


class Surface:
    """Writes overlays into the session.

    Attributes
    ----------
    n_shown
        How many were shown so far.
    is_preview
        Whether the segmentation's newest part is one of them.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.n_shown = 0
        self.is_preview = False
        self._unkept: set[Plane] = set()
        self._entropy: tuple[Plane, NDArray[np.float32]] | None = None
        # for good: what is shown stays when Live is switched off
        session.canvas.applied.connect(self._note_action)

    def show(self, overlay: Overlay) -> None:
        """Show an overlay whose backdrop still holds; settings that nobody chose become those of its network."""
        session = self._session
        if session.separating.for_network is None:
            session.separating.take_fitted(*overlay.looked)
        action = actions.showing(session.state, overlay.backdrop, overlay.settled, overlay.labels, "Live")
        if action is not None:
            session.canvas.show(action)
            self._unkept.add(overlay.place.plane)
        known = self.entropy_of(overlay.place.plane)
        if known is None or known.shape != overlay.settled.shape:
            known = np.zeros(overlay.settled.shape, np.float32)
        y0, y1, x0, x1 = overlay.place.box
        known[y0:y1, x0:x1] = overlay.entropy
        self._entropy = overlay.place.plane, known
        self.n_shown, self.is_preview = self.n_shown + 1, True

    def entropy_of(self, plane: Plane) -> NDArray[np.float32] | None:
        """Return where it is not known what is what, float32 ``(Y, X)``; of the plane shown last only."""
        if self._entropy is None or self._entropy[0] != plane:
            return None
        return self._entropy[1]

    def keep(self) -> None:
        """Let the project keep what was shown since the last time."""
        canvas = self._session.canvas
        if not self._unkept or Which.SEGMENTATION not in canvas.arrays:
            return
        changes = []
        for plane in self._unkept:
            now = canvas.plane(Which.SEGMENTATION, plane)
            values = now.reshape((1,) * len(plane) + now.shape).copy()
            changes.append((Which.SEGMENTATION, Change((*plane, 0, 0), values, values)))
        self._unkept.clear()
        canvas.applied.emit(Action("Live", tuple(changes)), "do")

    def _note_action(self, action: Action, how: str) -> None:
        if action.name in INSTEADS and how == "do":
            self.is_preview = False

    def forget(self) -> None:
        """Forget all: another image comes."""
        self._unkept.clear()
        self._entropy, self.is_preview = None, False
