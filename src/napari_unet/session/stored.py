"""Probabilities that are kept, so that objects can be made anew without running the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_unet.session.image import Plane

if TYPE_CHECKING:
    from napari_unet.workflow import Segmented


MOST_BYTES = 1024**3
"""Memory that probabilities take."""


@dataclass(frozen=True, eq=False)
class Stored:
    """What one plane's objects were made of, in half precision.

    Attributes
    ----------
    probabilities
        Shape ``(K, Y, X)``, class 0 is background.
    distance
        Shape ``(Y, X)``, where the network predicts it.
    scale
        Network px per image px that the network saw the plane at.
    typical_size
        Diameter in px of the image of the objects that the network is made for at this scale.
    in_space
        Its objects were made of the whole stack.
    """

    probabilities: NDArray[np.float16]
    distance: NDArray[np.float16] | None
    scale: float
    typical_size: float
    in_space: bool = False

    @property
    def n_bytes(self) -> int:
        """Memory that it takes."""
        return self.probabilities.nbytes + (0 if self.distance is None else self.distance.nbytes)


class StoredProbabilities:
    """Probabilities of the planes that were segmented or looked at last, bounded in memory."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.most_bytes = most_bytes
        self._kept: dict[Plane, Stored] = {}

    def keep(self, plane: Plane, segmented: Segmented, network_size: float) -> None:
        """Keep what a plane's segmentation was made of; the planes that were not asked for longest make room.

        Parameters
        ----------
        network_size
            Diameter in px at the network's scale of the objects that the network is made for.
        """
        self._kept.pop(plane, None)
        distance = None if segmented.distance is None else segmented.distance.astype(np.float16)
        probabilities = segmented.probabilities.astype(np.float16, copy=False)
        self._kept[plane] = Stored(
            probabilities, distance, segmented.scale, network_size / segmented.scale, segmented.in_space
        )
        while len(self._kept) > 1 and self._n_bytes() > self.most_bytes:
            self._kept.pop(next(iter(self._kept)))

    def get(self, plane: Plane) -> Stored | None:
        """Return what is kept of a plane; it goes last where room is needed."""
        stored = self._kept.pop(plane, None)
        if stored is not None:
            self._kept[plane] = stored
        return stored

    def probability(self, plane: Plane) -> NDArray[np.float32] | None:
        """Return the class probabilities ``(K, Y, X)`` of a plane, ``None`` if not kept."""
        stored = self.get(plane)
        return None if stored is None else stored.probabilities.astype(np.float32)

    def all_probabilities(self) -> dict[Plane, NDArray[np.float16]]:
        """Return the class probabilities ``(K, Y, X)`` of all planes that are kept."""
        return {plane: stored.probabilities for plane, stored in self._kept.items()}

    def entropy(self, plane: Plane) -> NDArray[np.float32] | None:
        """Return the entropy of a plane's class probabilities ``(Y, X)``, 0 (sure) to 1 (no idea)."""
        probabilities = self.probability(plane)
        if probabilities is None:
            return None
        p = np.clip(probabilities, 1e-6, 1.0)
        entropy: NDArray[np.float32] = -(p * np.log(p)).sum(axis=0) / np.log(p.shape[0])
        return entropy

    def put_back(self, plane: Plane, stored: Stored) -> None:
        """Take what was kept of a plane elsewhere."""
        self._kept[plane] = stored

    def all(self) -> dict[Plane, Stored]:
        """Return what is kept, by plane."""
        return dict(self._kept)

    def __contains__(self, plane: Plane) -> bool:
        return plane in self._kept

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()

    def _n_bytes(self) -> int:
        return sum(stored.n_bytes for stored in self._kept.values())
