"""The annotation of an image as it was when a round was trained, put back in one step that Undo takes back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_unet.errors import UserError
from napari_unet.objects.edit import Change
from napari_unet.project import Project
from napari_unet.project.revisions import SIDE, KeptAnnotation, KeptPlane, Revision
from napari_unet.session.canvas import split_planes
from napari_unet.session.described import regions_from_json
from napari_unet.session.history import Action, Regions, Which
from napari_unet.session.image import Plane
from napari_unet.session.keeping import Keeper
from napari_unet.session.lessons import corrections_from_json
from napari_unet.session.notes import ObjectNotes
from napari_unet.session.painting import Painting
from napari_unet.session.rounds import Round
from napari_unet.session.session import Session

_PATIENCE = 60.0
"""Seconds to wait for what is on its way to the disk."""


@dataclass(frozen=True, eq=False)
class GoingBackTask:
    """An annotation that is ready to be compared with that of a round, of the image that is open.

    Attributes
    ----------
    number
        Of the round, in the project.
    painting
        What is annotated now, no copy.
    version
        Of the painting, when the task was prepared.
    """

    project: Project
    image_id: str
    image_name: str
    number: int
    round_name: str
    painting: Painting
    version: int

    @classmethod
    def prepare(cls, session: Session, keeper: Keeper, done: Round) -> GoingBackTask:
        """Get ready; raises `UserError` where nothing is annotated."""
        painting = session.state.need_painting()
        name = keeper.entry.description.name
        number = keeper.number_of(done)
        return cls(keeper.project, keeper.entry.id, name, number, done.name, painting, painting.version)

    def holds(self, session: Session) -> bool:
        """Whether nothing was annotated since: else the action is not of what there is now."""
        return session.painting is self.painting and self.painting.version == self.version

    def run(self) -> Action | None:
        """Read what was annotated then; safe in any thread.

        Returns
        -------
        Action or None
            ``None`` where nothing differs. It holds only if `holds` still.

        Raises
        ------
        UserError
            If it was not kept, or does not fit the image; the sentence says why.
        """
        revision, kept = self._kept()
        if revision.labels_are != self.painting.labels_are:
            raise UserError(
                f"“{self.round_name}” was trained on {revision.labels_are}, and {self.painting.labels_are} are "
                "annotated now: only its network can be used."
            )
        changes = tuple(self._changes(kept))
        regions = tuple(r for plane in kept.planes for r in regions_from_json(plane.regions))
        was, notes = self.painting.notes, self._notes(revision, kept)
        is_same_place = _told(regions) == _told(self.painting.regions)
        if not changes and is_same_place and notes == was:
            return None
        return Action(
            f"Go back to {self.round_name}",
            changes,
            notes=(was, notes),
            regions=None if is_same_place else (self.painting.regions, regions),
        )

    def _kept(self) -> tuple[Revision, KeptAnnotation]:
        self.project.flush(_PATIENCE)  # a round that has just been trained may be on its way
        rounds = {kept.document.number: kept.document for kept in self.project.rounds.all()[0]}
        if self.number not in rounds or not rounds[self.number].trained_on:
            raise UserError(
                f"The annotation that “{self.round_name}” was trained on was not kept: there was no project yet, or "
                "it learned while you painted. Only its network can be used."
            )
        revision = self.project.revisions.read(rounds[self.number].trained_on)
        for kept in revision.images:
            if kept.image == self.image_id:
                return revision, kept
        raise UserError(
            f"“{self.image_name}” was not annotated when “{self.round_name}” was trained: only its network can be "
            "used here."
        )

    def _changes(self, kept: KeptAnnotation) -> Iterator[tuple[Which, Change]]:
        then = {tuple(plane.plane): plane for plane in kept.planes}
        labels = self.painting.labels
        fits = all(
            plane.shape == labels.shape[-2:]
            and len(index) == labels.ndim - 2
            and all(0 <= i < n for i, n in zip(index, labels.shape, strict=False))
            for index, plane in then.items()
        )
        if not fits:
            raise UserError(f"“{self.image_name}” had another size when “{self.round_name}” was trained.")
        for index, _, now in split_planes((0,) * labels.ndim, labels):
            for change in self._changes_of(index, now, then.get(index)):
                yield Which.ANNOTATION, change

    def _changes_of(self, index: Plane, now: NDArray[np.int32], kept: KeptPlane | None) -> Iterator[Change]:
        """Yield what differs, tile by tile: Undo keeps no more than that."""
        before = (
            np.broadcast_to(np.int32(0), now.shape) if kept is None else self.project.revisions.labels(kept)
        )
        lead = (1,) * len(index)
        for y in range(0, now.shape[0], SIDE):
            for x in range(0, now.shape[1], SIDE):
                box = (slice(y, y + SIDE), slice(x, x + SIDE))
                if not np.array_equal(now[box], before[box]):
                    shape = (*lead, *now[box].shape)
                    old, new = now[box].reshape(shape).copy(), before[box].reshape(shape).copy()
                    yield Change((*index, y, x), old, new)

    def _notes(self, revision: Revision, kept: KeptAnnotation) -> ObjectNotes:
        """Return what was said about objects then; classes that have a name keep the newer one, and other images
        may use those that came later."""
        now = self.painting.notes
        return replace(
            now,
            classes={int(value): number for value, number in kept.object_classes.items()},
            complete=frozenset(kept.complete),
            class_names=(*now.class_names, *revision.class_names[len(now.class_names) :]),
            corrections=corrections_from_json(kept.corrections),
        )


def _told(regions: Regions) -> list[str]:
    return sorted(repr((one.kind, one.plane, np.asarray(one.vertices).tolist())) for one in regions)
