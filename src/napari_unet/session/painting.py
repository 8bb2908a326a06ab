"""What a person said about the image besides the pixels they painted, and the snapshot that trains."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.coding import FIRST, LabelsAre
from napari_unet.annotation.problems import Problem, find_problems
from napari_unet.annotation.regions import Region, apply_regions
from napari_unet.session.image import ImageSource, Plane

if TYPE_CHECKING:
    from napari_unet.workflow import AnnotatedImage

ASSUMED_OBJECT_SIZE = 28.0
"""Diameter in px that is assumed as long as no complete object was painted and none was given."""


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
    """

    labels: NDArray[np.int32]
    labels_are: LabelsAre = LabelsAre.OBJECTS
    class_names: tuple[str, ...] = ()
    regions: tuple[Region, ...] = ()
    marked: frozenset[int] = frozenset()
    object_classes: dict[int, int] = field(default_factory=dict)
    _measured: float | None = None
    _stale: bool = True

    def changed(self) -> None:
        """Note that pixels, regions or completeness changed: sizes are measured anew when asked for."""
        self._stale = True

    def mark_complete(self, values: Collection[int]) -> None:
        """Say that these objects are complete."""
        self.marked = self.marked | frozenset(int(v) for v in values)
        self.changed()

    def next_value(self) -> int:
        """Return a value for a new object."""
        return max(FIRST, int(self.labels.max(initial=0)) + 1)

    def annotated_planes(self) -> list[Plane]:
        """Return the planes on which something was painted or a region lies."""
        with_region = {tuple(region.plane) for region in self.regions}
        planes = [tuple(int(i) for i in index) for index in np.ndindex(*self.labels.shape[:-2])]
        return [plane for plane in planes if plane in with_region or self.labels[plane].any()]

    def regions_of(self, plane: Plane) -> tuple[Region, ...]:
        """Return the regions that lie on a plane."""
        return tuple(region for region in self.regions if tuple(region.plane) == tuple(plane))

    def with_regions(self, plane: Plane) -> NDArray[np.int32]:
        """Return a plane in which the not-annotated rest of the regions is background."""
        return apply_regions(self.labels[plane], self.regions_of(plane))

    def problems(self, plane: Plane) -> list[Problem]:
        """Return what hinders a good training on this plane, blocking ones first."""
        found = find_problems(self.with_regions(plane), self.labels_are)
        return sorted(found, key=lambda problem: not problem.blocking)

    def object_size(self) -> float | None:
        """Return the median diameter (px) of the complete objects, ``None`` as long as there is none."""
        if self._stale:
            from napari_unet.workflow.size import measure_object_size

            objects = self.labels_are is LabelsAre.OBJECTS
            self._measured = measure_object_size(self.snapshot(None, ())) if objects else None
            self._stale = False
        return self._measured

    def first_scale(self, object_size: float | None) -> float:
        """Return the network px per image px that a first training would choose."""
        from napari_unet.workflow.size import initial_scale

        return initial_scale(self.snapshot(None, ()), self.labels_are, object_size or self.object_size())

    def snapshot(self, image: ImageSource | None, channels: tuple[int, ...]) -> list[AnnotatedImage]:
        """Return all annotated planes; without an image only the labels are meant to be used."""
        from napari_unet.workflow.annotated import AnnotatedImage

        images = []
        for plane in self.annotated_planes():
            labels = self.labels[plane]
            if image is None:
                name, pixels, pixel_size = "", np.broadcast_to(np.float32(0), (1, *labels.shape)), None
            else:
                name = " ".join([image.name, *(str(i) for i in plane)])
                pixels, pixel_size = image.plane(plane, channels), image.pixel_size_um
                labels = labels.copy()
            images.append(
                AnnotatedImage(
                    name,
                    pixels,
                    labels,
                    self.regions_of(plane),
                    dict(self.object_classes),
                    self.marked,
                    pixel_size,
                )
            )
        return images
