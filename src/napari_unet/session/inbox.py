"""The inbox: what is most worth a look, what could be done about it, and where annotation would teach most."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.coding import BACKGROUND, NOT_ANNOTATED, LabelsAre
from napari_unet.callbacks import ShouldStop, never_stop
from napari_unet.errors import UserError
from napari_unet.objects.changes import change_place
from napari_unet.objects.doubts.doubt import Doubt, Kind, brought_up_to_date, still_holds
from napari_unet.objects.doubts.looks import Scene
from napari_unet.objects.doubts.ranking import rank_doubts
from napari_unet.objects.doubts.teaching import Part, entropy_of, most_unsure_part
from napari_unet.objects.overlaps import values_in
from napari_unet.session import actions
from napari_unet.session.annotating import Annotating
from napari_unet.session.canvas import on_plane
from napari_unet.session.history import Action, Which
from napari_unet.session.image import Plane
from napari_unet.session.measuring import Sizes
from napari_unet.session.mirrors import MirrorTask
from napari_unet.session.separating import Separating
from napari_unet.session.state import State
from napari_unet.session.stored import Stored

_GONE = "This has changed since it was looked at; go on to the next one."
_EVERY = 4
"""Of the rows and columns of other planes so many are left out when planes are compared."""


@dataclass(frozen=True, eq=False)
class Found:
    """What is in the inbox of a plane.

    Attributes
    ----------
    doubts
        The most doubtful first.
    part
        The part of the plane where annotation would teach most, ``None`` where all is annotated.
    next_plane
        Where on the stack it would teach more than here, ``None`` where nowhere is known.
    """

    plane: Plane
    doubts: tuple[Doubt, ...]
    part: Part | None
    next_plane: Plane | None = None


@dataclass(frozen=True, eq=False)
class InboxTask:
    """A plane that is ready to be looked through; the arrays are copies.

    Attributes
    ----------
    others
        Other planes: probability of background, and annotation.
    mirrored
        Probability of objects in the plane's mirror image, where that was looked at.
    """

    plane: Plane
    labels: NDArray[np.int32]
    background: NDArray[np.float16]
    annotation: NDArray[np.int32]
    before: NDArray[np.int32] | None
    typical_size: float
    skipped: frozenset[tuple[int, ...]]
    others: tuple[tuple[Plane, NDArray[np.float16], NDArray[np.int32]], ...] = ()
    objects: bool = True
    mirrored: NDArray[np.float16] | None = None

    def run(self, should_stop: ShouldStop = never_stop) -> Found:
        """Look through it; safe in any thread."""
        foreground = 1 - self.background.astype(np.float32)
        annotated = self.annotation != NOT_ANNOTATED
        doubts: list[Doubt] = []
        if self.objects:
            mirrored = None if self.mirrored is None else self.mirrored.astype(np.float32)
            scene = Scene(self.labels, foreground, annotated, self.before, mirrored)
            doubts = rank_doubts(scene, should_stop)
        kept = tuple(d for d in doubts if name_of(d) not in self.skipped)
        part = most_unsure_part(foreground, annotated, self.typical_size)
        return Found(self.plane, kept, part, self._next_plane(foreground, annotated))

    def _next_plane(self, foreground: NDArray[np.float32], annotated: NDArray[np.bool_]) -> Plane | None:
        unsure = {
            plane: _unsure(1 - background.astype(np.float32), annotation != NOT_ANNOTATED)
            for plane, background, annotation in self.others
        }
        thin = (slice(None, None, _EVERY), slice(None, None, _EVERY))
        here = _unsure(foreground[thin], annotated[thin])
        best = max(unsure, key=lambda plane: unsure[plane], default=None)
        return best if best is not None and unsure[best] > here else None


class Inbox:
    """Answers are annotation: each is one undo step.

    What is skipped is left aside until the plane is segmented anew.
    """

    def __init__(self, state: State, sizes: Sizes, separating: Separating, annotating: Annotating) -> None:
        self._state, self._sizes = state, sizes
        self._separating, self._annotating = separating, annotating
        self._answers = 0
        self._skipped: dict[Plane, tuple[Stored, set[tuple[int, ...]]]] = {}

    def prepare(self, plane: Plane) -> InboxTask | None:
        """Get ready to look through a plane; ``None`` where no network has segmented it."""
        state, stored = self._state, self._separating.stored.get(plane)
        if stored is None or state.segmentation is None:
            return None
        shown = state.canvas.plane(Which.SEGMENTATION, plane)
        if stored.probabilities.shape[1:] != shown.shape:
            return None
        thin = (slice(None, None, _EVERY), slice(None, None, _EVERY))
        others = tuple(
            (other, kept.probabilities[0][thin], self._painted(other)[thin].copy())
            for other, kept in self._separating.stored.all().items()
            if other != plane
        )
        return InboxTask(
            plane,
            shown.copy(),
            stored.probabilities[0],
            self._painted(plane).copy() if state.painting is None else state.painting.with_regions(plane),
            self._separating.earlier.before(plane),
            stored.typical_size,
            frozenset(self._skipped_on(plane)),
            others,
            state.labels_are is LabelsAre.OBJECTS,
            self._separating.mirrors.of(plane),
        )

    def prepare_mirror(self, plane: Plane) -> MirrorTask | None:
        """Get ready to look at the plane's mirror image, as `Mirrors.prepare`: what differs there is doubtful."""
        return self._separating.mirrors.prepare(plane, self._state.labels_are)

    def finish_mirror(self, task: MirrorTask, seen: NDArray[np.float16]) -> None:
        """Take what was seen in a mirror image; the next look through the plane uses it."""
        self._separating.mirrors.finish(task, seen)

    def look(self, plane: Plane) -> Found:
        """Look through a plane at once.

        Raises
        ------
        UserError
            Where no network has segmented it.
        """
        task = self.prepare(plane)
        if task is None:
            raise UserError("Segment this plane first; then there is something to look through.")
        return task.run()

    def is_open(self, plane: Plane, doubt: Doubt) -> bool:
        """Whether nobody has answered, or changed what it is about, in the meantime."""
        annotation = self._painted(plane)[doubt.box]
        if self._state.segmentation is None:
            return False
        shown = self._state.canvas.plane(Which.SEGMENTATION, plane)[doubt.box]
        if name_of(doubt) in self._skipped_on(plane):
            return False
        if doubt.kind is Kind.MISSED:
            assert doubt.fix is not None  # what was missed can be made
            wanted = doubt.fix.change.old != doubt.fix.change.new
            return not (shown[wanted] > 0).any() and not (annotation[wanted] != NOT_ANNOTATED).all()
        mine = np.isin(shown, doubt.values)
        present = len(np.unique(shown[mine])) == len(doubt.values)
        return present and bool((annotation[mine] == NOT_ANNOTATED).any())

    def take_fix(self, plane: Plane, doubt: Doubt) -> str:
        """Do what is proposed; what comes out of it is accepted, too. Returns what was done.

        Raises
        ------
        UserError
            If there is no fix, or what it is about was changed since.
        """
        if doubt.fix is None:
            raise UserError("Nothing is proposed here: correct it with a tool, accept it, or skip it.")
        shown = self._state.canvas.plane(Which.SEGMENTATION, plane)
        change = brought_up_to_date(shown, doubt.fix.change) if still_holds(shown, doubt.fix.change) else None
        if change is None:
            raise UserError(_GONE)
        self._annotating.begin_with_what_was_found()
        key = self._next_key()
        touched = values_in(change.new[change.old != change.new])
        values = set(touched[touched > 0].tolist())
        action = actions.correction(self._state, plane, change, doubt.fix.name)
        self._state.canvas.do(replace(action, key=key))
        if values:  # it was not deleted
            self._accept(plane, values | set(doubt.values), key, doubt.fix.name)
        return f"{doubt.fix.name}: done."

    def accept(self, plane: Plane, doubt: Doubt) -> str:
        """Say that it is right as it is: objects enter the annotation, an empty place becomes background.

        Raises
        ------
        UserError
            If what it is about is not there any more.
        """
        self._annotating.begin_with_what_was_found()
        if doubt.kind is Kind.MISSED:
            return self._leave_empty(plane, doubt)
        shown = self._state.canvas.plane(Which.SEGMENTATION, plane)[doubt.box]
        if not np.isin(doubt.values, shown).all():
            raise UserError(_GONE)
        self._accept(plane, set(doubt.values), self._next_key(), "Accept")
        return "Accepted as it is."

    def skip(self, plane: Plane, doubt: Doubt) -> None:
        """Leave it aside until the plane is segmented anew."""
        self._skipped_on(plane).add(name_of(doubt))

    # ---- inside --------------------------------------------------------------------------------------------

    def _skipped_on(self, plane: Plane) -> set[tuple[int, ...]]:
        stored, kept = self._separating.stored.get(plane), self._skipped.get(plane)
        if stored is None:
            return set()
        if kept is None or kept[0] is not stored:
            kept = self._skipped[plane] = (stored, set())
        return kept[1]

    def _painted(self, plane: Plane) -> NDArray[np.int32]:
        """Return a plane of the annotation, not to be changed; nothing where there is none yet."""
        if self._state.painting is None:
            return np.broadcast_to(np.int32(NOT_ANNOTATED), self._state.need_image().plane_shape)
        found: NDArray[np.int32] = self._state.painting.labels[plane]
        return found

    def _leave_empty(self, plane: Plane, doubt: Doubt) -> str:
        assert doubt.fix is not None  # what was missed can be made
        change = doubt.fix.change
        now = self._state.need_painting().labels[plane]
        free = (change.old != change.new) & (now[change.box] == NOT_ANNOTATED)
        done = change_place(now, change.box, np.where(free, BACKGROUND, now[change.box]))
        if done is None:
            raise UserError(_GONE)
        self._state.canvas.do(Action("Nothing here", ((Which.ANNOTATION, on_plane(plane, done)),)))
        return "Taken as background."

    def _accept(self, plane: Plane, values: set[int], key: str, name: str) -> None:
        sure, reach = self._separating.sure_background(plane), self._sizes.border_reach()
        action = actions.acceptance(self._state, plane, values, None, reach, sure)
        if action is not None:
            self._state.canvas.do(replace(action, key=key, name=name))

    def _next_key(self) -> str:
        """Return a key under which the steps of one answer become one."""
        self._answers += 1
        return f"inbox {self._answers}"


def name_of(doubt: Doubt) -> tuple[int, ...]:
    """Return what a doubt is known by: the objects it is about, or the place."""
    return doubt.values or (-1, *doubt.where)


def _unsure(foreground: NDArray[np.float32], annotated: NDArray[np.bool_]) -> float:
    return float(np.where(annotated, 0, entropy_of(foreground)).mean())
