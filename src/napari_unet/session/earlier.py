"""What the round before had found, for comparing the last two."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.session.image import Plane

MOST_BYTES = 256 * 1024**2
"""Memory that it takes; of the planes segmented first nothing is kept then."""


class Earlier:
    """Per plane, the objects of the network in use and of the one before it; the planes segmented last."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.most_bytes = most_bytes
        self._now: dict[Plane, tuple[Any, NDArray[np.int32]]] = {}
        self._before: dict[Plane, NDArray[np.int32]] = {}

    def keep(self, plane: Plane, network: Any, labels: NDArray[np.int32]) -> None:
        """Take what a network found on a plane ``(Y, X)``; the array is not changed by anybody any more."""
        found = self._now.pop(plane, None)
        if found is not None and found[0] != network and found[1].shape == labels.shape:
            self._before[plane] = found[1]
        self._now[plane] = (network, labels)
        while len(self._now) > 1 and self._n_bytes() > self.most_bytes:
            oldest = next(iter(self._now))
            self._now.pop(oldest)
            self._before.pop(oldest, None)

    def before(self, plane: Plane) -> NDArray[np.int32] | None:
        """Return what another network than the one in use found last; ``None`` where only one has seen the plane."""
        return self._before.get(plane)

    def clear(self) -> None:
        """Forget everything."""
        self._now.clear()
        self._before.clear()

    def _n_bytes(self) -> int:
        kept = [labels for _, labels in self._now.values()] + list(self._before.values())
        return sum(labels.nbytes for labels in kept)
