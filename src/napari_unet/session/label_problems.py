"""All that hinders a good training on one plane, with what could be done about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.boxes import values_present
from napari_unet.annotation.coding import BACKGROUND, LabelsAre
from napari_unet.annotation.problems import Problem, find_problems
from napari_unet.annotation.problems_of_shape import find_look_alikes, find_slivers, find_touching
from napari_unet.annotation.repairs import describe_repair
from napari_unet.objects.overlay import FIRST
from napari_unet.session.history import Action
from napari_unet.session.image import ImageSource, Plane
from napari_unet.session.measuring import Sizes
from napari_unet.session.painting import Painting
from napari_unet.session.problems_of_stack import as_part_of_stack
from napari_unet.session.state import State

SETTLED = ("class_unused", "scale")
"""Kinds that are not about pixels."""

DIFFERENT_SIZE = 1.5
"""From this ratio on, the size that was set does not fit the painted objects."""

Found = tuple[Problem, str | None]
"""A problem, and what a repair would do about it."""


@dataclass(frozen=True, eq=False)
class ProblemsTask:
    """A plane of the annotation that is ready to be looked through.

    Attributes
    ----------
    painting
        As it is now; its labels are the session's own and may be painted on meanwhile.
    painted
        The plane, copied when it runs; ``None`` where nothing can be painted yet. A stroke that comes meanwhile is half
        in it, and has all of it looked through again.
    found
        The plane of the segmentation, where there are regions and a segmentation.
    sizes
        The object size in px that was set, and that was measured.
    """

    plane: Plane
    painting: Painting | None
    painted: NDArray[np.int32] | None
    image: ImageSource | None
    channels: tuple[int, ...]
    found: NDArray[np.int32] | None
    sizes: tuple[float | None, float | None]
    n_images: int

    def run(self) -> list[Found]:
        """Return what hinders a good training, blocking ones first; safe in any thread."""
        painting = self.painting
        if painting is None or self.painted is None:
            return []
        painted = self.painted.copy()
        labels = replace(painting, labels=_at(self.plane, painted)).with_regions(self.plane)
        problems = find_problems(labels, painting.labels_are, painting.marked)
        if not any(problem.kind == "empty" for problem in problems):
            problems.extend(self._find_more(painting, painted, labels))
        problems = as_part_of_stack(problems, painting, self.plane)
        problems.sort(key=lambda problem: not problem.blocking)
        return [(problem, self._repair(problem, labels, painting)) for problem in problems]

    def _find_more(
        self, painting: Painting, painted: NDArray[np.int32], labels: NDArray[np.int32]
    ) -> Iterator[Problem]:
        if painting.labels_are is LabelsAre.OBJECTS:
            yield from find_touching(labels)
            yield from find_slivers(labels)
            if self.image is not None and painting.regions_of(self.plane):
                pixels = self.image.plane(self.plane, self.channels)
                yield from find_look_alikes(painted, labels, pixels, self.found)
        if self.n_images == 1:
            yield from find_unused_classes(painting)
        size, measured = self.sizes
        if size and measured and not 1 / DIFFERENT_SIZE <= size / measured <= DIFFERENT_SIZE:
            how = "small" if size > measured else "large"
            sentence = (
                f"The object size is set to {size:.0f} px, but your objects measure {measured:.0f} px: "
                f"the network would see them too {how}."
            )
            yield Problem(sentence, False, None, "scale")

    def _repair(self, problem: Problem, labels: NDArray[np.int32], painting: Painting) -> str | None:
        if problem.kind == "class_unused" and not _can_go(painting, problem.number):
            return None
        return describe_repair(problem, labels, painting.labels_are, painting.marked)


def prepare(state: State, sizes: Sizes, plane: Plane) -> ProblemsTask:
    """Get ready to look through a plane."""
    painting = state.painting
    with_regions = painting is not None and bool(painting.regions_of(plane))
    measured = None if painting is None else sizes.last
    return ProblemsTask(
        plane,
        None if painting is None else replace(painting, object_classes=dict(painting.object_classes)),
        None if painting is None else painting.labels[plane],
        state.image,
        state.channels,
        None if state.segmentation is None or not with_regions else state.segmentation[plane],
        (state.object_size_override, None if measured is None else measured.object_size),
        state.n_images,
    )


def find_unused_classes(painting: Painting) -> Iterator[Problem]:
    """Yield classes that were named and that nothing on the image has."""
    if not painting.class_names:
        return
    values = values_present(painting.labels, FIRST).tolist()
    if painting.labels_are is LabelsAre.OBJECTS:
        used = {painting.object_classes.get(value, 1) for value in values}
    else:
        used = {value - BACKGROUND for value in values}
    for number, name in enumerate(painting.class_names, start=1):
        if used and number not in used:
            sentence = f"Nothing is of class “{name}” yet: the network can't learn it. Use it, or remove it."
            yield Problem(sentence, False, None, "class_unused", number=number)


def settling(state: State, problem: Problem) -> Action | None:
    """Return what repairs a problem that is not about pixels; ``None`` where it is not there any more."""
    if problem.kind == "scale":
        size = state.object_size_override
        return None if size is None else Action("Object size", (), size=(size, None))
    painting = state.need_painting()
    if not _can_go(painting, problem.number):
        return None
    before = painting.notes
    if painting.labels_are is LabelsAre.CLASSES:
        after = replace(before, class_names=before.class_names[:-1])
    else:
        after = before.without_class(problem.number)
    return Action("Remove a class", (), notes=(before, after))


def _can_go(painting: Painting, number: int) -> bool:
    """Whether a class can be removed without changing what is painted: of painted classes only the last one."""
    n = len(painting.class_names)
    return number == n > 1 if painting.labels_are is LabelsAre.CLASSES else 1 <= number <= n


def _at(plane: Plane, painted: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return an array that holds the plane at its place, without room for the others."""
    return np.broadcast_to(painted, (*(i + 1 for i in plane), *painted.shape))
