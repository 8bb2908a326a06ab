"""Objects of planes as 3D objects and tracks: a choice that acts on the labels there are, without the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue, ValidationError

from napari_unet.annotation.coding import LabelsAre
from napari_unet.callbacks import OnProgress, ShouldStop
from napari_unet.objects.edit import Change
from napari_unet.objects.linking import Linked, LinkSettings, link_planes
from napari_unet.objects.overlaps import values_in
from napari_unet.session.canvas import plane_change, whole_plane
from napari_unet.session.history import Action, Which
from napari_unet.session.image import Plane
from napari_unet.session.largest import LargestNumber
from napari_unet.session.state import State
from napari_unet.session.through import Through, axes_of, choices_for


@dataclass(frozen=True, eq=False)
class LinkTask:
    """The labels of all planes, ready to be linked.

    It shares them with the session: what is edited meanwhile is noticed when the result is shown.

    Attributes
    ----------
    labels
        Of the image's spatial shape.
    depth, time
        Axes to link along.
    """

    labels: NDArray[np.int32]
    depth: int | None
    time: int | None
    settings: LinkSettings
    generation: int
    number: int

    def run(self, on_progress: OnProgress, should_stop: ShouldStop) -> LinkedPlanes:
        """Link; safe in any thread. 100 planes of 1024² take some seconds.

        Raises
        ------
        Stopped
            When asked to stop.
        """
        shape = self.labels.shape[:-2]
        linked = link_planes(
            self.labels.__getitem__, shape, self.depth, self.time, self.settings, on_progress, should_stop
        )
        changes, complete = [], True
        for plane in np.ndindex(*shape):
            before = self.labels[plane].copy()
            if not _knows(linked, plane, before):
                complete = False
                continue
            change = plane_change(plane, whole_plane(before), before, linked.apply(plane, before))
            if change is not None:
                changes.append(change)
        return LinkedPlanes(linked, tuple(changes), complete)


@dataclass(frozen=True, eq=False)
class LinkedPlanes:
    """What linking found, and what it changes on every plane.

    Attributes
    ----------
    complete
        No plane was painted on while it was linked.
    """

    linked: Linked
    changes: tuple[Change, ...]
    complete: bool


class Linking:
    """The choice, and the numbers that follow it.

    Attributes
    ----------
    settings
        When two objects are one.
    n_objects
        How many objects the last linking found, ``None`` where it is not known.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.settings = LinkSettings()
        self.n_objects: int | None = None
        self._largest = LargestNumber(state.canvas, Which.SEGMENTATION)
        self._n_runs = 0
        state.canvas.array_replaced.connect(self._forget)

    @property
    def through(self) -> Through:
        """What was chosen; `Through.NOTHING` leaves the numbers as they are."""
        return self._state.through

    def choices(self) -> list[Through]:
        """Return what the axes of the image allow."""
        image = self._state.image
        if image is None or self._state.labels_are is LabelsAre.CLASSES:
            return [Through.NOTHING]
        return choices_for(image)

    def choose(self, through: Through, settings: LinkSettings) -> None:
        """Link like this from now on."""
        self._state.through, self.settings = through, settings
        self._state.changed.emit()

    def prepare(self) -> LinkTask | None:
        """Get ready to link what is segmented; ``None`` where nothing is to be linked."""
        labels, image = self._state.segmentation, self._state.image
        if labels is None or image is None or self.through not in self.choices():
            return None
        depth, time = axes_of(self.through, image)
        if depth is None and time is None:
            return None
        self._n_runs += 1
        return LinkTask(labels, depth, time, self.settings, self._state.generation, self._n_runs)

    def show(self, task: LinkTask, changes: Sequence[Change]) -> bool:
        """Show some planes of a result: all of one task is one undo step.

        Returns
        -------
        bool
            Whether all fit; a plane that was edited since stays as it is, and it is to be linked anew.
        """
        if task.generation != self._state.generation or task.labels is not self._state.segmentation:
            return True  # another image is open
        fitting = [change for change in changes if np.array_equal(task.labels[change.box], change.old)]
        if fitting:
            changed = tuple((Which.SEGMENTATION, change) for change in fitting)
            self._state.canvas.do(Action("Link planes", changed, key=f"link {task.number}"))
        return len(fitting) == len(changes)

    def finish(self, task: LinkTask, result: LinkedPlanes) -> None:
        """Take note that a result is shown."""
        if task.generation == self._state.generation:
            self.n_objects = result.linked.n_objects
            self._state.changed.emit()

    def _forget(self, which: Which) -> None:
        if which is Which.SEGMENTATION:  # what was found of the old one is out of date
            self.n_objects = None

    def with_numbers_of_their_own(self, plane: Plane, change: Change) -> Change:
        """Return a tool's change of a plane in which new objects have numbers that no other plane uses.

        Where planes are not linked, a number means something on its own plane only, and all stays.
        """
        if self.through is Through.NOTHING or self._state.segmentation is None:
            return change
        new = np.setdiff1d(change.new, self._state.canvas.plane(Which.SEGMENTATION, plane))
        new = new[new > 0]
        if not new.size:
            return change
        first = self._largest.find() + 1
        numbers = np.arange(first, first + new.size, dtype=np.int32)
        at = np.minimum(np.searchsorted(new, change.new), new.size - 1)
        return Change(change.offset, change.old, np.where(new[at] == change.new, numbers[at], change.new))

    # ---- what a project keeps ------------------------------------------------------------------------------

    def as_json(self) -> JsonValue:
        """Return the choice as a project keeps it."""
        return {"through": str(self.through), **self.settings.model_dump(mode="json")}

    def restore(self, kept: JsonValue) -> None:
        """Take a choice that was kept; anything else is none."""
        self._state.through, self.settings, self.n_objects = Through.NOTHING, LinkSettings(), None
        if isinstance(kept, dict):
            said = dict(kept)
            try:
                through = Through(str(said.pop("through", "")))
                self.settings = LinkSettings.model_validate(said)
            except (ValueError, ValidationError):
                return
            self._state.through = through


def _knows(linked: Linked, plane: Plane, labels: NDArray[np.int32]) -> bool:
    """Whether a plane holds no other objects than those that were linked."""
    values, _ = linked.numbers[plane]
    present = values_in(labels)
    return bool(np.isin(present[present > 0], values).all())
