"""With which network live work looks at the image, and how large it sees it."""

from __future__ import annotations

import math
from typing import Any

from napari_unet.annotation.coding import LabelsAre
from napari_unet.session.live.meanwhile import Meanwhile, network_of_planes
from napari_unet.session.live.tasks import Eye
from napari_unet.session.live.view import View, area_of
from napari_unet.session.round_network import RoundNetwork
from napari_unet.session.session import Session

SAME_SIZE = 1.3
"""Factor by which an object size must differ from the one before for the network to look again."""


class Sight:
    """How a session's image is seen now."""

    def __init__(self, session: Session, meanwhile: Meanwhile) -> None:
        self._session, self._meanwhile = session, meanwhile
        self._measured_of: object = None

    def weights(self) -> RoundNetwork | None:
        """Return the network that is shown, ``None`` for the bundled one."""
        return self._meanwhile.weights or network_of_planes(self._session.current)

    def eye(self) -> Eye:
        """Return all that looking takes, as it is now."""
        state, sizes = self._session.state, self._session.sizes
        return Eye(
            state.need_image(),
            state.channels,
            self.weights(),
            state.object_size_override,
            self.measured() or sizes.found,
            state.device,
        )

    def measured(self) -> float | None:
        """Return the object size (px) that was measured last on what is painted."""
        last = self._session.sizes.last
        return last.object_size if last is not None else None

    def holds(self, view: View) -> bool:
        """Whether what is looked at lies in the image; if not, it is of another one."""
        image = self._session.state.need_image()
        height, width = image.plane_shape
        fits = len(view.plane) == len(image.spatial_shape) - 2
        return fits and view.box[1] <= height and view.box[3] <= width and area_of(view.box) > 0

    def wants_size(self, eye: Eye) -> bool:
        """Whether to look how large objects are: once per image, and where nobody said it. Asking counts as looking."""
        which = (id(eye.image.data), eye.channels)
        known = eye.given or eye.known or self._session.labels_are is LabelsAre.CLASSES
        if known or eye.weights is not None or self._measured_of == which:
            return False
        self._measured_of = which
        return True

    def forget_size(self) -> None:
        """Let it be looked for again."""
        self._measured_of = None


def what_sees(eye: Eye) -> tuple[Any, ...]:
    """Return what must be the same for fields to stay; sizes that are nearly so see nearly the same."""
    size = eye.given or eye.known
    steps = round(math.log(size, SAME_SIZE)) if size else None
    return (id(eye.image.data), eye.channels, id(eye.weights), steps)


def what_matters(session: Session) -> tuple[Any, ...]:
    """Return all that an overlay depends on."""
    state = session.state
    said = (state.painting.version, state.painting.notes) if state.painting is not None else None
    return (
        state.generation,
        state.channels,
        state.object_size_override,
        said,
        session.separating.settings,
        state.rounds.current,
    )
