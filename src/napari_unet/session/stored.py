"""Probabilities that are kept, so that objects can be made anew without running the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_unet.session.image import Plane

if TYPE_CHECKING:
    from napari_unet.workflow import Segmented


class StoredProbabilities:
    """Probabilities of the planes segmented last, in half precision, bounded in memory."""

    def __init__(self, most_bytes: int = 1024**3) -> None:
        self.most_bytes = most_bytes
        self._kept: dict[Plane, tuple[NDArray[np.float16], NDArray[np.float16] | None, float]] = {}

    def keep(self, plane: Plane, segmented: Segmented) -> None:
        """Keep what a plane's segmentation was made of; the oldest planes make room."""
        self._kept.pop(plane, None)
        distance = None if segmented.distance is None else segmented.distance.astype(np.float16)
        self._kept[plane] = (segmented.probabilities.astype(np.float16), distance, segmented.scale)
        while len(self._kept) > 1 and self._n_bytes() > self.most_bytes:
            self._kept.pop(next(iter(self._kept)))

    def get(self, plane: Plane) -> tuple[NDArray[np.float32], NDArray[np.float32] | None, float] | None:
        """Return probabilities ``(K, Y, X)``, distance and scale of a plane, ``None`` if not kept."""
        if plane not in self._kept:
            return None
        probabilities, distance, scale = self._kept[plane]
        return (
            probabilities.astype(np.float32),
            None if distance is None else distance.astype(np.float32),
            scale,
        )

    def probability(self, plane: Plane) -> NDArray[np.float32] | None:
        """Return the class probabilities ``(K, Y, X)`` of a plane, ``None`` if not kept."""
        stored = self.get(plane)
        return None if stored is None else stored[0]

    def entropy(self, plane: Plane) -> NDArray[np.float32] | None:
        """Return the entropy of a plane's class probabilities ``(Y, X)``, 0 (sure) to 1 (no idea)."""
        stored = self.get(plane)
        if stored is None:
            return None
        p = np.clip(stored[0], 1e-6, 1.0)
        entropy: NDArray[np.float32] = -(p * np.log(p)).sum(axis=0) / np.log(p.shape[0])
        return entropy

    def put_back(
        self,
        plane: Plane,
        probabilities: NDArray[np.float16],
        distance: NDArray[np.float16] | None,
        scale: float,
    ) -> None:
        """Take what was kept of a plane elsewhere."""
        self._kept[plane] = (probabilities, distance, scale)

    def all(self) -> dict[Plane, tuple[NDArray[np.float16], NDArray[np.float16] | None, float]]:
        """Return what is kept, by plane."""
        return dict(self._kept)

    def __contains__(self, plane: Plane) -> bool:
        return plane in self._kept

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()

    def _n_bytes(self) -> int:
        return sum(p.nbytes + (0 if d is None else d.nbytes) for p, d, _ in self._kept.values())
