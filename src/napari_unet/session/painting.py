"""What a person said about the image besides the pixels they painted, and the snapshot that trains."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.boxes import box_of, grow
from napari_unet.annotation.coding import FIRST, LabelsAre
from napari_unet.annotation.corrections import Correction
from napari_unet.annotation.problems_of_object import MARGIN, Completeness, judge_object
from napari_unet.annotation.regions import Region, apply_regions
from napari_unet.annotation.targets import complete_objects
from napari_unet.objects.edit import Change, correct
from napari_unet.objects.overlay import overlay_annotation
from napari_unet.session.canvas import Box
from napari_unet.session.depth import stack_of
from napari_unet.session.image import ImageSource, Plane
from napari_unet.session.largest_value import LargestValue
from napari_unet.session.notes import ObjectNotes

if TYPE_CHECKING:
    from napari_unet.workflow import AnnotatedImage


@dataclass
class Painting:
    """An annotation and what belongs to it.

    Attributes
    ----------
    labels
        The annotation in the project's coding, of the image's spatial shape.
    marked
        Objects that the user says are complete although nothing encloses them.
    object_classes
        Class (1, 2, …) of the objects that have one.
    corrections
        What of the network's objects was put right.
    version
        Counts the changes of pixels, regions and completeness.
    """

    labels: NDArray[np.int32]
    labels_are: LabelsAre = LabelsAre.OBJECTS
    class_names: tuple[str, ...] = ()
    regions: tuple[Region, ...] = ()
    marked: frozenset[int] = frozenset()
    object_classes: dict[int, int] = field(default_factory=dict)
    corrections: tuple[Correction, ...] = ()
    version: int = 0

    def changed(self, change: Change | None = None) -> None:
        """Note that pixels, regions or completeness changed: sizes are measured anew when asked for.

        Parameters
        ----------
        change
            Which pixels.
        """
        self.version += 1
        if change is not None and "_largest" in vars(self):  # else it was never asked for
            self._largest.follow(change.box)

    @cached_property
    def _largest(self) -> LargestValue:
        return LargestValue(self.labels)

    @property
    def notes(self) -> ObjectNotes:
        """What is said about single objects."""
        return ObjectNotes(dict(self.object_classes), self.marked, self.class_names, self.corrections)

    def take_notes(self, notes: ObjectNotes) -> None:
        """Let this be what is said about single objects."""
        self.object_classes, self.marked = dict(notes.classes), notes.complete
        self.class_names, self.corrections = notes.class_names, notes.corrections
        self.changed()

    def next_value(self) -> int:
        """Return a value for a new object: above all others, or else the first free one."""
        largest = self._largest.now
        if largest < np.iinfo(np.int32).max:
            return max(FIRST, largest + 1)
        used = np.unique(self.labels[self.labels >= FIRST])
        gaps = np.flatnonzero(used != np.arange(FIRST, FIRST + used.size))
        return FIRST + int(gaps[0])

    def holds(self, plane: Plane, value: int) -> bool:
        """Tell whether a plane of the annotation holds a value."""
        return self._largest.holds(plane, value)

    def annotated_planes(self) -> list[Plane]:
        """Return the planes on which something was painted or a region lies."""
        with_region = {tuple(region.plane) for region in self.regions}
        planes = [tuple(int(i) for i in index) for index in np.ndindex(*self.labels.shape[:-2])]
        return [plane for plane in planes if plane in with_region or self.labels[plane].any()]

    def regions_of(self, plane: Plane) -> tuple[Region, ...]:
        """Return the regions that lie on a plane."""
        return tuple(region for region in self.regions if tuple(region.plane) == tuple(plane))

    def corrections_of(self, plane: Plane) -> tuple[Correction, ...]:
        """Return what was corrected on a plane."""
        return tuple(done for done in self.corrections if done.plane == tuple(plane))

    def with_regions(self, plane: Plane, box: Box | None = None) -> NDArray[np.int32]:
        """Return a copy of a plane, or of a box of it, in which the rest of the regions is background."""
        if box is None:
            return apply_regions(self.labels[plane], self.regions_of(plane))
        corner = np.array([box[0].start, box[1].start], float)
        moved = [replace(region, vertices=region.vertices - corner) for region in self.regions_of(plane)]
        return apply_regions(self.labels[plane][box], moved)

    def correction(
        self, plane: Plane, shown: NDArray[np.int32], box: Box, painted: NDArray[Any], whole: bool = False
    ) -> Change | None:
        """Return what an edit of the segmentation changes on a plane of the annotation.

        Parameters
        ----------
        shown
            The segmentation of the plane before the edit, shape ``(Y, X)``.
        box, painted
            Where it was edited, and what it holds there now.
        whole
            The box holds all of the objects that were touched.
        """
        after = shown.copy()
        after[box] = painted
        return correct(shown, after, self.labels[plane], self.labels_are.value, box, self.next_value(), whole)

    def on_top(self, plane: Plane, labels: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return a plane of the network's objects with the annotation on top."""
        complete = complete_objects(self.with_regions(plane), self.marked)
        return overlay_annotation(labels, self.labels[plane], self.labels_are.value, complete.tolist())

    def completeness(self, plane: Plane, value: int) -> Completeness:
        """Return whether an object counts as complete, and why."""
        labels = self.labels[plane]
        tight = box_of(labels == value)
        around = None if tight is None else grow(tight, (MARGIN, MARGIN), (labels.shape[0], labels.shape[1]))
        return judge_object(self.with_regions(plane, around), value, self.marked)

    def snapshot(
        self, image: ImageSource | None, channels: tuple[int, ...], called: str = ""
    ) -> list[AnnotatedImage]:
        """Return all annotated planes; without an image only the labels are meant to be used.

        Pixels that are not in memory are not read yet, as `ImageSource.plane_later`.

        Parameters
        ----------
        called
            What the image is called in trainings; its own name by default.
        """
        from napari_unet.workflow.annotated import AnnotatedImage

        images = []
        for plane in self.annotated_planes():
            labels = self.labels[plane].copy()
            if image is None:
                name, pixels, pixel_size = "", np.broadcast_to(np.float32(0), (1, *labels.shape)), None
                stack = None
            else:
                name = " ".join([called or image.name, *(str(i) for i in plane)])
                pixels, pixel_size = image.plane_later(plane, channels), image.pixel_size_um
                stack = stack_of(image, plane, channels, called or image.name)
            images.append(
                AnnotatedImage(
                    name,
                    pixels,
                    labels,
                    self.regions_of(plane),
                    dict(self.object_classes),
                    self.marked,
                    pixel_size,
                    called,
                    plane,
                    corrections=self.corrections_of(plane),
                    stack=stack,
                )
            )
        return images
