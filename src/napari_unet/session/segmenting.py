"""What is shown as the network's objects: segmentations, proposals, objects made anew with other settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_unet.objects.edit import Change
from napari_unet.objects.separate import SeparationSettings
from napari_unet.session import actions
from napari_unet.session.backdrop import Backdrop
from napari_unet.session.history import Action, Which
from napari_unet.session.image import Plane
from napari_unet.session.linking import Linking
from napari_unet.session.measuring import Sizes
from napari_unet.session.plane_words import PlaneWords
from napari_unet.session.separating import Separating
from napari_unet.session.separation_task import Separated, SeparationTask
from napari_unet.session.state import State
from napari_unet.session.tasks import ProposalTask, SegmentationTask, ShowingTask

if TYPE_CHECKING:
    from napari_unet.workflow import Segmented


NOTHING_FOUND = (
    "The bundled network found nothing: if there are objects, say how large they are under Image and segment again, "
    "or paint a few and train."
)


class Segmenting:
    """Every change of the segmentation that is not the user's own goes through here.

    Attributes
    ----------
    linking
        Objects of planes as 3D objects and tracks.
    """

    def __init__(self, state: State, sizes: Sizes, separating: Separating) -> None:
        self._state = state
        self._sizes = sizes
        self._separating = separating
        self.linking = Linking(state)

    def prepare_showing(self, task: SegmentationTask, result: dict[Plane, Segmented]) -> ShowingTask:
        """Get ready to show a segmentation."""
        return ShowingTask(task, result, {plane: Backdrop.of(self._state, plane) for plane in result})

    def finish_showing(self, task: ShowingTask, settled: dict[Plane, NDArray[np.int32]]) -> list[str]:
        """Show a segmentation, the annotation on top, with the numbers that objects had before.

        Planes of one task that come one after the other are one undo step.

        Returns
        -------
        list of str
            What the user should know about it, also when the image was replaced in the meantime and nothing is
            shown.
        """
        state = self._state
        if task.task.generation != state.generation or state.image is None:
            return ["The image was replaced while it was segmented; segment again."]
        if not task.result:
            return []
        self._take_scale(task.task, task.result)
        words = PlaneWords()
        words.take(task.result)
        changes: list[tuple[Which, Change]] = []
        network_size = task.task.network.description.object_size
        for plane, segmented in task.result.items():
            self._separating.stored.keep(plane, segmented, network_size)
            self._separating.mirrors.note(plane, task.task)
            self._separating.earlier.keep(plane, _name_of(task.task), segmented.labels)
            backdrop, anew = task.backdrops[plane], segmented.in_space
            action = actions.showing(state, backdrop, settled[plane], segmented.labels, "Segment", anew=anew)
            changes.extend(action.changes if action is not None else ())
        if changes:
            state.canvas.do(Action("Segment", tuple(changes), key=f"segment {id(task.task)}"))
        state.changed.emit()
        return words.all()

    def last_words(self, task: SegmentationTask, found_any: bool) -> list[str]:
        """Return what there is to say when all planes of a task are shown."""
        nothing = [] if found_any or task.model is not None else [NOTHING_FOUND]
        return [*nothing, *task.sentences]

    def _take_scale(self, task: SegmentationTask, result: dict[Plane, Segmented]) -> None:
        """Note at which scale the network saw the image."""
        for segmented in result.values():
            if segmented.object_size is not None:
                self._sizes.take_found(segmented.object_size)
            self._separating.follow_scale(segmented.scale)
        if self._separating.for_network is None:
            last = next(reversed(result.values()))
            self._separating.take_fitted(task.network.description, last.scale)

    def finish(self, task: SegmentationTask, result: dict[Plane, Segmented]) -> list[str]:
        """Show a segmentation at once, as `finish_showing`."""
        showing = self.prepare_showing(task, result)
        sentences = self.finish_showing(showing, showing.run())
        if task.generation != self._state.generation:
            return sentences
        found = any(segmented.labels.any() for segmented in result.values())
        return [*self.last_words(task, found), *sentences]

    def prepare_separation(self, settings: SeparationSettings, plane: Plane) -> SeparationTask | None:
        """Use these settings from now on, and get ready to make a plane's objects with them, without the network.

        Returns
        -------
        SeparationTask or None
            ``None`` where no probabilities of the plane are stored.
        """
        self._separating.settings = settings
        return self._separating.prepare(plane)

    def finish_separation(self, task: SeparationTask, made: Separated) -> str | None:
        """Show objects that were made anew, unless the image was replaced; moving a slider stays one undo step.

        Returns
        -------
        str or None
            Why nothing was found, in one sentence.
        """
        plane = task.backdrop.plane
        if self._separating.stored.get(plane) is not task.stored:  # segmented anew, or another image
            return made.why_empty
        action = actions.showing(
            self._state, task.backdrop, made.settled, made.labels, "Objects", f"separation {plane}"
        )
        if action is not None:
            self._state.canvas.do(action)
        return made.why_empty

    def prepare_proposal(
        self, plane: Plane, threshold_shift: float = 0.0, splitting: float = 0.5, local: bool = False
    ) -> ProposalTask:
        """Get ready to propose objects on a plane by a classical method.

        Parameters
        ----------
        threshold_shift
            −1 (all) … 1 (nothing).
        splitting
            0 (never cut touching objects) … 1 (at every neck).
        local
            Compare with the surroundings instead of the whole image.
        """
        state = self._state
        return ProposalTask(
            state.need_image(), state.channels, plane, threshold_shift, splitting, local, state.generation
        )

    def finish_proposal(self, task: ProposalTask, labels: NDArray[np.int32]) -> int:
        """Fill the segmentation with what was proposed, never the annotation; return the number of objects.

        Moving a slider again and again stays one undo step.
        """
        if task.generation != self._state.generation:
            return 0
        self.show(task.plane, labels, "Propose", key=f"propose {task.plane}")
        return int(labels.max(initial=0))

    def propose(self, plane: Plane, threshold_shift: float = 0.0, splitting: float = 0.5) -> int:
        """Propose objects at once; return their number."""
        task = self.prepare_proposal(plane, threshold_shift, splitting)
        return self.finish_proposal(task, task.run())

    def show(self, plane: Plane, labels: NDArray[np.int32], name: str, key: str | None = None) -> None:
        """Show labels as a plane's segmentation: one undo step, `name` in words that fit behind "Undo"."""
        backdrop = Backdrop.of(self._state, plane)
        action = actions.showing(self._state, backdrop, backdrop.settle(labels), labels, name, key)
        if action is not None:
            self._state.canvas.do(action)


def _name_of(task: SegmentationTask) -> tuple[str, str]:
    """Return what the network is known by, also where it was read from the disk again meanwhile."""
    described = task.network.description
    return described.training.lineage, described.name
