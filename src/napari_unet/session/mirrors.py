"""What the network sees in the mirror image of a plane: for the one that is looked at, when all is quiet."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.coding import LabelsAre
from napari_unet.callbacks import ShouldStop, never_stop
from napari_unet.session.image import Plane
from napari_unet.session.stored import Stored, StoredProbabilities
from napari_unet.session.tasks import SegmentationTask

MOST_PIXELS = 2048**2
"""Px of the network that a plane may have: larger ones would keep the computer busy for minutes, unasked."""
MOST_BYTES = 64 * 1024**2
"""Memory that all of it takes; of the planes looked at first nothing is kept then."""

Seen = NDArray[np.float16]


@dataclass(frozen=True, eq=False)
class MirrorTask:
    """A plane whose mirror image is to be looked at.

    Attributes
    ----------
    stored
        What the network said of the plane itself.
    made_by
        The segmentation that said it.
    """

    plane: Plane
    stored: Stored
    made_by: SegmentationTask

    def run(self, should_stop: ShouldStop = never_stop) -> Seen:
        """Return the probability of being in an object, float16 ``(Y, X)`` as the image lies; safe in any thread."""
        from napari_unet.workflow.mirrored import mirrored_foreground

        by = self.made_by
        pixels = by.image.plane(self.plane, by.channels)
        return mirrored_foreground(by.network, pixels, self.stored.scale, by.device, should_stop)


class Mirrors:
    """Mirror images of planes that were segmented as they lie; those looked at last."""

    def __init__(self, stored: StoredProbabilities, most_bytes: int = MOST_BYTES) -> None:
        self.most_bytes = most_bytes
        self._stored = stored
        # Weakly: what the stored probabilities let go must not stay in memory here.
        self._made_by: weakref.WeakKeyDictionary[Stored, SegmentationTask] = weakref.WeakKeyDictionary()
        self._seen: dict[Plane, tuple[weakref.ref[Stored], Seen]] = {}

    def note(self, plane: Plane, made_by: SegmentationTask) -> None:
        """Note what has just segmented a plane."""
        stored = self._stored.get(plane)
        if stored is not None:
            # Without its results: those of a whole stack would stay in memory.
            self._made_by[stored] = replace(made_by, done={}, sentences=[])

    def prepare(self, plane: Plane, labels_are: LabelsAre) -> MirrorTask | None:
        """Get ready to look at a plane's mirror image.

        Returns
        -------
        MirrorTask or None
            ``None`` where that was done, where the plane is too large, or where its probabilities are means over flips
            already, of a volume, or of classes.
        """
        stored = self._stored.get(plane)
        made_by = None if stored is None else self._made_by.get(stored)
        if stored is None or made_by is None or self.of(plane) is not None:
            return None
        height, width = stored.probabilities.shape[1:]
        too_large = height * width * stored.scale**2 > MOST_PIXELS
        if too_large or stored.in_space or made_by.averaging != "none" or labels_are is LabelsAre.CLASSES:
            return None
        return MirrorTask(plane, stored, made_by)

    def finish(self, task: MirrorTask, seen: Seen) -> None:
        """Take what was seen, unless the plane was segmented anew meanwhile."""
        if self._stored.get(task.plane) is not task.stored:
            return
        self._seen.pop(task.plane, None)
        self._seen[task.plane] = weakref.ref(task.stored), seen
        while len(self._seen) > 1 and sum(seen.nbytes for _, seen in self._seen.values()) > self.most_bytes:
            self._seen.pop(next(iter(self._seen)))

    def of(self, plane: Plane) -> Seen | None:
        """Return what was seen in a plane's mirror image; ``None`` where nobody looked."""
        seen = self._seen.get(plane)
        stored = self._stored.get(plane)
        return seen[1] if seen is not None and stored is not None and seen[0]() is stored else None

    def clear(self) -> None:
        """Forget everything."""
        self._made_by.clear()
        self._seen.clear()
