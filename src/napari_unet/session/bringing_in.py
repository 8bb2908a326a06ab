"""Labels that other programs made come in: read for the image, and shown as if the network had found them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.coding import Coding, LabelsAre, check_size, from_annotation, to_annotation
from napari_unet.errors import UserError
from napari_unet.session import actions
from napari_unet.session.backdrop import Backdrop
from napari_unet.session.history import Action
from napari_unet.session.image import ImageSource, Plane
from napari_unet.session.state import State

REPLACED = "The image was replaced while the labels were read; take them again."

Found = dict[Plane, tuple[NDArray[np.int32], NDArray[np.int32]]]
"""By plane: objects, and how they are shown."""


def read_for(path: Path, image: ImageSource) -> tuple[NDArray[Any], str]:
    """Read a label image or regions of ImageJ for an image; safe in any thread.

    Returns
    -------
    labels : array
        Of the image's spatial shape. Regions are numbered from 2 on, so that 0 may stand for background or for not
        annotated.
    sentence : str
        What the user should know of it, or nothing.

    Raises
    ------
    UserError
        If the file can't be read or does not fit the image.
    """
    from napari_unet.formats.annotations import arrange_labels, read_foreign_labels

    labels, sentence = read_foreign_labels(path, image.spatial_shape, image.axes, Coding.PROJECT)
    return arrange_labels(labels, image.spatial_shape, image.axes), sentence


@dataclass(frozen=True, eq=False)
class BringingIn:
    """Labels that are ready to become the segmentation.

    Attributes
    ----------
    labels
        As they came; of the image's spatial shape.
    background
        As in `to_annotation`.
    """

    labels: NDArray[Any]
    coding: Coding
    labels_are: LabelsAre
    background: int | None
    backdrops: dict[Plane, Backdrop]
    generation: int

    @classmethod
    def of(
        cls,
        state: State,
        labels: NDArray[Any],
        coding: Coding,
        labels_are: LabelsAre,
        background: int | None = None,
    ) -> BringingIn:
        """Get ready; costs nothing.

        Raises
        ------
        UserError
            If there is no image, the labels have another size, or are of another kind than the annotation.
        """
        image = state.need_image()
        check_size(labels.shape, image.spatial_shape)
        if labels_are is not state.labels_are:
            kind = "an annotation" if state.painting is None else "another annotation"
            raise UserError(
                f"Here {state.labels_are.value} are segmented, and these labels are of {labels_are.value}; begin "
                f"{kind} of {labels_are.value} first."
            )
        backdrops = {plane: Backdrop.of(state, plane) for plane in image.planes()}
        return cls(labels, coding, labels_are, background, backdrops, state.generation)

    def run(self) -> tuple[Found, int]:
        """Return what each plane holds, with the numbers that the labels came with, and how many these are.

        Safe in any thread.

        Raises
        ------
        UserError
            As `to_annotation`.
        """
        whole = from_annotation(to_annotation(self.labels, self.coding, self.labels_are, self.background))
        found = {
            plane: (whole[plane], backdrop.settle(whole[plane], anew=True))
            for plane, backdrop in self.backdrops.items()
        }
        return found, int(np.count_nonzero(np.unique(whole)))

    def finish(self, state: State, found: Found) -> None:
        """Show them, the annotation on top: one undo step.

        Raises
        ------
        UserError
            If the image was replaced meanwhile.
        """
        if self.generation != state.generation:
            raise UserError(REPLACED)
        done = [
            actions.showing(state, self.backdrops[plane], settled, labels, "Bring in")
            for plane, (labels, settled) in found.items()
        ]
        changes = tuple(change for action in done if action is not None for change in action.changes)
        if changes:
            state.canvas.do(Action("Bring in", changes))
        state.changed.emit()
