"""Labels that were made elsewhere on their way to be the annotation: read and counted in any thread, then taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_unet.annotation.coding import Coding, LabelsAre, check_size, to_annotation
from napari_unet.errors import UserError
from napari_unet.formats.room import check_room
from napari_unet.session.bringing_in import REPLACED
from napari_unet.session.painting import Painting
from napari_unet.session.state import State

if TYPE_CHECKING:
    from napari_unet.session.annotating import Annotating

_TIMES = 4
"""Arrays of the annotation's size that are in memory at once: two on the way, the session's and the layer's."""


@dataclass(frozen=True, eq=False)
class AdoptionTask:
    """Labels that are ready to become the annotation.

    Attributes
    ----------
    labels
        As they came, of the image's spatial shape: of numpy, or of dask, which are computed when it runs.
    background
        As in `to_annotation`.
    """

    labels: Any
    coding: Coding
    labels_are: LabelsAre
    class_names: tuple[str, ...]
    background: int | None
    generation: int

    @classmethod
    def of(
        cls,
        state: State,
        labels: Any,
        coding: Coding,
        labels_are: LabelsAre,
        class_names: Sequence[str] = (),
        background: int | None = None,
    ) -> AdoptionTask:
        """Get ready; costs nothing.

        Raises
        ------
        UserError
            If there is no image, or the labels have another size.
        """
        check_size(labels.shape, state.need_image().spatial_shape)
        names = tuple(class_names)
        return cls(labels, coding, labels_are, names, background, state.generation)

    def run(self) -> Painting:
        """Return an annotation with a new array, whose next free number is known; safe in any thread.

        Raises
        ------
        UserError
            As `to_annotation`, and where memory does not hold it.
        """
        n_bytes = 4 * int(np.prod(self.labels.shape, dtype=np.int64))
        check_room("An annotation of this size", _TIMES * n_bytes)
        labels = to_annotation(self.labels, self.coding, self.labels_are, self.background)
        painting = Painting(labels, self.labels_are, self.class_names)
        painting.next_value()  # found by a search of all of it, here once
        return painting

    def finish(self, state: State, annotating: Annotating, painting: Painting) -> None:
        """Take what `run` returned as the annotation.

        Raises
        ------
        UserError
            If the image was replaced meanwhile.
        """
        if state.generation != self.generation:
            raise UserError(REPLACED)
        annotating.take(painting)
