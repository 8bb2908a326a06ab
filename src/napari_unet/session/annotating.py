"""What a person does to the annotation: begins it, says what its values mean, paints, corrects, accepts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_unet.annotation.coding import Coding, LabelsAre, check_size
from napari_unet.annotation.problems import Problem
from napari_unet.annotation.regions import Region
from napari_unet.annotation.targets import MOST_CLASSES
from napari_unet.errors import UserError
from napari_unet.objects.edit import Change
from napari_unet.session import actions, label_problems
from napari_unet.session.adopting import AdoptionTask
from napari_unet.session.described import regions_as_json
from napari_unet.session.history import Action, Which
from napari_unet.session.image import Plane
from napari_unet.session.measuring import Sizes
from napari_unet.session.notes import ObjectNotes
from napari_unet.session.painting import Painting
from napari_unet.session.separating import Separating
from napari_unet.session.state import State

CORRECTIONS_ANNOTATE = "What you correct or accept is your annotation: a layer was made for it."


class Annotating:
    """Every change of the annotation in a session goes through here.

    Signals
    -------
    said
        ``(level, sentence)`` for the user.
    """

    said = Signal(str, str)

    def __init__(self, state: State, sizes: Sizes, separating: Separating) -> None:
        self._state = state
        self._sizes = sizes
        self._separating = separating
        state.canvas.edited.connect(self._note_edit)
        state.canvas.notes_changed.connect(self._take_notes)
        state.canvas.regions_changed.connect(self.set_regions)

    def start(self, labels_are: LabelsAre, class_names: Sequence[str] = ()) -> NDArray[np.int32]:
        """Start an empty annotation of the image's shape; return the session's copy."""
        empty = np.zeros(self._state.need_image().spatial_shape, np.int32)
        self._adopt(empty, labels_are, class_names)
        return empty

    def adopt(
        self,
        labels: NDArray[Any],
        coding: Coding,
        labels_are: LabelsAre,
        class_names: Sequence[str] = (),
        background: int | None = None,
    ) -> None:
        """Take labels that were made elsewhere as the annotation, in the coding that the user named.

        Parameters
        ----------
        background
            As in `to_annotation`.

        Raises
        ------
        UserError
            When the labels are no labels or do not fit the image.
        """
        task = AdoptionTask.of(self._state, labels, coding, labels_are, class_names, background)
        task.finish(self._state, self, task.run())

    def take(self, painting: Painting) -> None:
        """Take an annotation of the image's shape; its array is the session's now."""
        # What a first segmentation found stays: it is of objects too, and nothing was annotated before.
        begins = self._state.painting is None and painting.labels_are is LabelsAre.OBJECTS
        self._state.painting = painting
        if begins:
            self._state.canvas.add(Which.ANNOTATION, painting.labels)
        else:
            self._state.canvas.clear()
            self._state.canvas.start(Which.ANNOTATION, painting.labels)
        self._state.changed.emit()

    def check_size(self, shape: Sequence[int]) -> None:
        """Raise a `UserError` where labels of this shape do not fit the image."""
        check_size(shape, self._state.need_image().spatial_shape)

    def restore(
        self,
        labels: NDArray[np.int32],
        labels_are: LabelsAre,
        regions: Sequence[Region],
        notes: ObjectNotes,
    ) -> None:
        """Take an annotation of the image's shape, and all that was said about it, as it was kept."""
        self._adopt(labels, labels_are, notes.class_names)
        painting = self._state.need_painting()
        painting.regions = tuple(regions)
        painting.take_notes(notes)
        self._state.changed.emit()

    def set_class_names(self, names: Sequence[str]) -> None:
        """Name the classes, the first name is that of class 1: one undo step."""
        notes = self._state.need_painting().notes
        name = "Add a class" if len(names) > len(notes.class_names) else "Name a class"
        self._note(name, replace(notes, class_names=tuple(names)))

    def remove_class(self, number: int) -> None:
        """Remove a class (1, 2, …) of objects, as `ObjectNotes.without_class`: one undo step.

        Raises
        ------
        UserError
            Where classes are painted: their pixels would have to become another class. Where there are other images,
            whose objects have their class by its number.
        """
        if self._state.n_images > 1:
            raise UserError("A class can't be removed in a project of several images; give it another name.")
        painting = self._state.need_painting()
        if painting.labels_are is LabelsAre.CLASSES:
            raise UserError("A class that is painted can't be removed; paint another one over it.")
        self._note("Remove a class", painting.notes.without_class(number))

    def set_regions(self, regions: Sequence[Region]) -> None:
        """Say inside which rectangles and polygons all is annotated."""
        painting = self._state.need_painting()
        painting.regions = tuple(regions)
        painting.changed()
        self._state.changed.emit()

    def draw_regions(self, regions: Sequence[Region]) -> None:
        """Take the regions as they are drawn now: one undo step, until there are more or fewer."""
        before = self._state.need_painting().regions
        self.set_regions(regions)
        if regions_as_json(before) != regions_as_json(regions):
            drawn = Action("Regions", (), key=f"regions {len(regions)}", regions=(before, tuple(regions)))
            self._state.canvas.note_done(drawn)

    def mark_complete(self, values: Collection[int], complete: bool = True) -> None:
        """Say that these objects are complete although nothing encloses them, or no longer: one undo step."""
        notes = self._state.need_painting().notes
        self._note("Complete" if complete else "Not complete", notes.with_complete(values, complete))

    def set_object_class(self, value: int, class_number: int) -> None:
        """Give an object a class (1, 2, …): one undo step."""
        if not 1 <= class_number <= MOST_CLASSES:
            raise UserError(f"There is no class {class_number}: classes go from 1 to {MOST_CLASSES}.")
        self._note("Class", self._state.need_painting().notes.with_class([value], class_number))

    def fix(self, plane: Plane, problem: Problem) -> str | None:
        """Repair a problem of a plane: one undo step.

        Returns
        -------
        str or None
            What was done; ``None`` where the problem is not there any more.
        """
        settles = problem.kind in label_problems.SETTLED
        action = (
            label_problems.settling(self._state, problem)
            if settles
            else actions.repairing(self._state, plane, problem)
        )
        if action is None:
            return None
        self._state.canvas.do(action)
        return action.name

    def record_stroke(
        self, which: Which, offset: Sequence[int], values: NDArray[Any], name: str = "Paint"
    ) -> Action | None:
        """Take what a layer now holds in a box: one undo step.

        An edit of the segmentation is a correction: every object that it touches enters the annotation whole,
        erased pixels become background.

        Parameters
        ----------
        offset
            First index of the box, one integer per axis of the array.
        values
            What the layer holds there, of the array's number of dimensions.

        Returns
        -------
        Action or None
            ``None`` when nothing differs from what the session knows.
        """
        if which is Which.SEGMENTATION:
            self.begin_with_what_was_found()
        action = actions.stroke(self._state, which, offset, values, name)
        if action is not None:
            self._state.canvas.do(action, shown=which)
        return action

    def correct(self, plane: Plane, change: Change, name: str) -> None:
        """Take a tool's change of a plane of the segmentation as a correction: one undo step, called `name`."""
        self.begin_with_what_was_found()
        self._state.canvas.do(actions.correction(self._state, plane, change, name))

    def accept(
        self,
        plane: Plane,
        values: Collection[int] | None = None,
        region: Region | NDArray[np.bool_] | None = None,
    ) -> int:
        """Take objects of the segmentation into the annotation, where nothing was annotated yet.

        Parameters
        ----------
        values
            The objects (or classes); all of the plane by default.
        region
            Instead of values: the objects that lie in it with at least half of their area.

        Returns
        -------
        int
            The number of pixels that were annotated by it.
        """
        if self._state.segmentation is not None:
            self.begin_with_what_was_found()
        reach = self._sizes.border_reach() if self._state.painting is not None else 0.0
        sure = self._separating.sure_background(plane)
        action = actions.acceptance(self._state, plane, values, region, reach, sure)
        if action is None:
            return 0
        self._state.canvas.do(action)
        return actions.n_changed(action)

    def begin_with_what_was_found(self) -> None:
        """Make an annotation of objects where there is none yet: correcting what was found is annotating."""
        if self._state.painting is None:
            self._adopt(np.zeros(self._state.need_image().spatial_shape, np.int32), LabelsAre.OBJECTS, ())
            self.said.emit("info", CORRECTIONS_ANNOTATE)

    def _adopt(self, labels: NDArray[np.int32], labels_are: LabelsAre, class_names: Sequence[str]) -> None:
        self.take(Painting(labels, labels_are, tuple(class_names)))

    def _note(self, name: str, notes: ObjectNotes) -> None:
        before = self._state.need_painting().notes
        if notes != before:
            self._state.canvas.do(Action(name, (), notes=(before, notes)))

    def _take_notes(self, notes: ObjectNotes) -> None:
        painting = self._state.need_painting()
        told = replace(painting.notes, corrections=notes.corrections)
        painting.take_notes(notes)
        if told != notes:  # nothing is shown of corrections, and they come with every stroke
            self._state.changed.emit()

    def _note_edit(self, which: Which, change: Change) -> None:
        if which is Which.ANNOTATION and self._state.painting is not None:
            self._state.painting.changed(change)
