"""Neighbouring planes look nearly the same: what is held out on one of them is not learned from the next one either."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.network.held_out import HeldOutPlace
from napari_unet.network.sampling import TrainingImage
from napari_unet.workflow.annotated import AnnotatedImage
from napari_unet.workflow.frame import Frame

if TYPE_CHECKING:
    from napari_unet.workflow.preparation import Prepared

SAME_OBJECTS = 0.5
"""Planes that lie closer than this part of a typical diameter show the same objects."""
THROUGH_PLANES = "On planes next to one another the same places are held out."

Neighbours = Mapping[str, tuple[str, ...]]
"""Name of a plane → names of the other annotated planes that look nearly the same."""


def find_neighbours(images: Sequence[AnnotatedImage], object_size: float | None) -> Neighbours:
    """Tell which planes are next to one another: in depth, in time, or wherever one index differs by one.

    Parameters
    ----------
    object_size
        Typical diameter in px: where the distance of planes is known, more than the next one may be as near.
    """
    found = {
        image.name: tuple(o.name for o in images if o is not image and _near(image, o, object_size))
        for image in images
    }
    return {name: others for name, others in found.items() if others}


def _near(one: AnnotatedImage, other: AnnotatedImage, object_size: float | None) -> bool:
    a, b = one.stack, other.stack
    if a is not None and b is not None and a.name == b.name:
        apart = abs(a.number - b.number)
        return apart <= 1 or bool(object_size and a.step and apart * a.step < SAME_OBJECTS * object_size)
    same = (one.image_id, one.picture) == (other.image_id, other.picture)
    if not same or not one.plane or len(one.plane) != len(other.plane):
        return False
    return max(abs(i - k) for i, k in zip(one.plane, other.plane, strict=True)) <= 1


def spared_at_network_scale(prepared: Prepared, held_out: Sequence[HeldOutPlace]) -> list[HeldOutPlace]:
    """Return, in px of the prepared images, held-out places of whole images and the same spots of neighbouring planes.

    Nothing is learned there. Scores are only taken in the places themselves.
    """
    frames = {frame.name: frame for frame in prepared.frames}
    spots = [
        replace(place, image=name)
        for place in held_out
        for name in (place.image, *prepared.neighbours.get(place.image, ()))
    ]
    inside = [frames[spot.image].from_image(spot) for spot in dict.fromkeys(spots) if spot.image in frames]
    return [spot for spot in inside if spot is not None]


@dataclass(frozen=True, eq=False)
class Columns:
    """Planes that are next to one another as one image each, so that places are chosen through all of them.

    Attributes
    ----------
    images
        Planes without a neighbour as they are, the others (Z, Y, X) and without grey values.
    frames
        By the name of an image, where it lies.
    members
        By the name of an image, the planes that it is made of.
    """

    images: list[TrainingImage]
    frames: dict[str, Frame]
    members: dict[str, tuple[str, ...]]

    @classmethod
    def of(cls, prepared: Prepared, images: Sequence[TrainingImage]) -> Columns:
        """Put neighbours of the prepared images together; `images` are these, with what is left to choose from."""
        by_name = {image.name: image for image in images}
        frames = {frame.name: frame for frame in prepared.frames}
        columns, where, members = list[TrainingImage](), dict[str, Frame](), dict[str, tuple[str, ...]]()
        for run in _runs(list(by_name), prepared.neighbours):
            frame = frames[run[0]] if len(run) == 1 else _around([frames[name] for name in run])
            planes = [by_name[name] for name in run]
            columns.append(planes[0] if len(run) == 1 else _stacked(planes, [frames[n] for n in run], frame))
            where[run[0]], members[run[0]] = frame, run
        return cls(columns, where, members)

    def holding(self, prepared: Prepared, places: Sequence[HeldOutPlace]) -> list[HeldOutPlace]:
        """Return places of planes, in px of the prepared ones, as places of these images."""
        frames = {frame.name: frame for frame in prepared.frames}
        column = {name: first for first, run in self.members.items() for name in run}
        found = []
        for place in places:
            first = column[place.image]
            if len(self.members[first]) > 1:
                whole = replace(frames[place.image].to_image(place), image=first)
                found.append(self.frames[first].from_image(whole))
            else:
                found.append(place)
        return [place for place in found if place is not None]

    def in_planes(self, places: Sequence[HeldOutPlace]) -> tuple[HeldOutPlace, ...]:
        """Return places of these images as places of all their planes, in px of the whole ones."""
        return tuple(
            replace(self.frames[place.image].to_image(place), image=name)
            for place in places
            for name in self.members[place.image]
        )


def _runs(names: Sequence[str], neighbours: Neighbours) -> list[tuple[str, ...]]:
    """Group planes that are next to one another, directly or through others; in the order of `names`."""
    run_of: dict[str, set[str]] = {name: {name} for name in names}
    for name in names:
        for other in neighbours.get(name, ()):
            if other in run_of and run_of[other] is not run_of[name]:
                run_of[name] |= run_of[other]
                for member in run_of[other]:
                    run_of[member] = run_of[name]
    runs = {id(run): run for run in run_of.values()}
    return [tuple(name for name in names if name in run) for run in runs.values()]


def _around(frames: Sequence[Frame]) -> Frame:
    tops, bottoms, lefts, rights = zip(*(frame.box for frame in frames), strict=True)
    return Frame(frames[0].name, (min(tops), max(bottoms), min(lefts), max(rights)), frames[0].scale)


def _stacked(planes: Sequence[TrainingImage], frames: Sequence[Frame], whole: Frame) -> TrainingImage:
    """Lay planes over one another; only what places are chosen by is filled in."""
    shape = len(planes), *whole.shape
    classes, weights = np.zeros(shape, np.uint8), np.zeros(shape, np.float32)
    objects, n = np.zeros(shape, np.int32), 0
    for z, (plane, frame) in enumerate(zip(planes, frames, strict=True)):
        there = whole.from_image(HeldOutPlace(whole.name, frame.box))
        assert there is not None
        y, x = there.box[0], there.box[2]
        _lay(classes[z], plane.classes, y, x)
        _lay(weights[z], plane.weights, y, x)
        _lay(objects[z], np.where(plane.objects > 0, plane.objects + n, 0), y, x)
        n += int(plane.objects.max(initial=0))
    nothing = np.broadcast_to(np.float32(0), shape)
    return TrainingImage(
        whole.name, nothing[None], classes, weights, nothing, np.broadcast_to(np.bool_(False), shape), objects
    )


def _lay(into: NDArray[Any], part: NDArray[Any], y: int, x: int) -> None:
    room = into[y : y + part.shape[0], x : x + part.shape[1]]
    room[:] = part[: room.shape[0], : room.shape[1]]
