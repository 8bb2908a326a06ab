"""Labels that other programs made come in: read for the image, and shown as if the network had found them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.coding import Coding, LabelsAre, check_size, from_annotation, to_annotation
from napari_unet.callbacks import ShouldStop, never_stop
from napari_unet.errors import Stopped, UserError
from napari_unet.objects.edit import Change
from napari_unet.session import actions
from napari_unet.session.backdrop import Backdrop, time_of
from napari_unet.session.canvas import plane_change, whole_plane
from napari_unet.session.history import Action, Which
from napari_unet.session.image import ImageSource, Plane
from napari_unet.session.state import State

REPLACED = "The image was replaced while the labels were read; take them again."
BRING_IN = "Bring in"
"""What the step of Undo is called."""


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
class Brought:
    """What a label image holds, and what it changes.

    Attributes
    ----------
    objects
        All of it as it is shown where nothing is annotated, int32.
    n_values
        How many objects, or classes, there are.
    changes
        Of the segmentation, one for each plane where it differs.
    """

    objects: NDArray[np.int32]
    n_values: int
    changes: tuple[Change, ...]


@dataclass(eq=False)
class BringingIn:
    """Labels that are ready to become the segmentation.

    Attributes
    ----------
    labels
        As they came; of the image's spatial shape.
    background
        As in `to_annotation`.
    backdrops
        Of the planes that they are brought to.
    taken_at
        The state of the canvas that they fit; moves on with what is shown of them.
    key
        Of the step of Undo.
    """

    labels: NDArray[Any]
    coding: Coding
    labels_are: LabelsAre
    background: int | None
    backdrops: dict[Plane, Backdrop]
    taken_at: tuple[int, ...]
    key: str

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
        now = time_of(state)
        return cls(
            labels, coding, labels_are, background, _backdrops(state, image.planes()), now, f"bring in {now}"
        )

    def run(self, should_stop: ShouldStop = never_stop) -> Brought:
        """Find out what each plane is to show, with the numbers that the labels came with.

        Safe in any thread.

        Raises
        ------
        UserError
            As `to_annotation`.
        Stopped
            When asked to stop.
        """
        whole = from_annotation(to_annotation(self.labels, self.coding, self.labels_are, self.background))
        changes = []
        for plane, backdrop in self.backdrops.items():
            if should_stop():
                raise Stopped
            before = np.zeros_like(whole[plane]) if backdrop.before is None else backdrop.before
            settled = backdrop.settle(whole[plane], anew=True)
            change = plane_change(plane, whole_plane(before), before, settled)
            changes += [change] if change is not None else []
        return Brought(whole, int(np.count_nonzero(np.unique(whole))), tuple(changes))

    def holds(self, state: State) -> bool:
        """Whether nothing was painted or shown since, but by this; else what is left has to be found out anew.

        Raises
        ------
        UserError
            If the image was replaced.
        """
        if self.taken_at[0] != state.generation:
            raise UserError(REPLACED)
        return self.taken_at == time_of(state)

    def again(self, state: State, brought: Brought, planes: Collection[Plane]) -> BringingIn:
        """Return what brings the same objects to these planes as they are now."""
        return BringingIn(
            brought.objects,
            Coding.MASKS,
            self.labels_are,
            None,
            _backdrops(state, planes),
            time_of(state),
            self.key,
        )

    def show(self, state: State, changes: Sequence[Change]) -> None:
        """Show what was found out for some of the planes, which `holds` still.

        What is shown without anything else in between is one undo step.
        """
        actions.begin_segmentation(state)
        if changes:
            found = tuple((Which.SEGMENTATION, change) for change in changes)
            state.canvas.do(Action(BRING_IN, found, self.key))
        self.taken_at = time_of(state)
        state.changed.emit()


def _backdrops(state: State, planes: Collection[Plane]) -> dict[Plane, Backdrop]:
    """Return the planes as they are now; there may be thousands, so they share what was painted and said."""
    shown = state.segmentation
    if not planes:
        return {}
    one = Backdrop.of(state, next(iter(planes)))
    return {
        plane: replace(one, plane=plane, before=None if shown is None else shown[plane]) for plane in planes
    }
