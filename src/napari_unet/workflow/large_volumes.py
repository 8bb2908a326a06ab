"""Stacks that memory does not hold, with a network that sees volumes: box by box, objects put together across boxes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.callbacks import OnProgress, ShouldStop, never_stop, no_progress
from napari_unet.errors import Stopped, UserError
from napari_unet.formats.lazy_stacks import Index, LazyStack
from napari_unet.formats.ome_pyramid import Pyramid
from napari_unet.network.architecture import UNetConfig
from napari_unet.network.model_file import ModelDescription
from napari_unet.network.scaling import Normalisation, brightness_warning
from napari_unet.objects.overlaps import replace_values
from napari_unet.workflow.blocks.plan import CHUNK
from napari_unet.workflow.blocks.sample import fixed, sample_of
from napari_unet.workflow.blocks.stitching import match, numbered, one_number_each
from napari_unet.workflow.large_stacks import Kept
from napari_unet.workflow.segmentation import Segmented

BYTES_PER_VOXEL = 200
"""Memory that a voxel of a box with its surroundings takes, of one channel and two classes."""
OBJECTS_AROUND = 1.5
"""Typical objects that a box sees around itself, beside what the network sees."""
SAMPLED = 5
"""Planes by which the grey range of a stack is measured."""

Cuboid = tuple[slice, slice, slice]
"""Planes, rows and columns, from where to where."""
SegmentVolume = Callable[[NDArray[Any], OnProgress], Segmented]


@dataclass(frozen=True)
class Boxes:
    """How a volume is cut.

    Attributes
    ----------
    shape
        Of the volume: planes, rows and columns.
    sides
        Of a box.
    around
        What a box sees around itself.
    """

    shape: tuple[int, int, int]
    sides: tuple[int, int, int]
    around: tuple[int, int, int]

    @classmethod
    def fitting(cls, shape: tuple[int, int, int], around: tuple[int, int, int], voxels: float) -> Boxes:
        """Cut a volume until a box with its surroundings has no more than so many voxels.

        Raises
        ------
        UserError
            If the smallest ones have more.
        """
        sides = list(shape)
        while True:
            seen = [min(side + 2 * more, n) for side, more, n in zip(sides, around, shape, strict=True)]
            if math.prod(seen) <= voxels:
                return cls(shape, (sides[0], sides[1], sides[2]), around)
            least = (1, CHUNK, CHUNK)
            long = [k for k in range(3) if sides[k] > least[k]]
            if not long:
                raise UserError(
                    f"{' × '.join(map(str, seen))} voxels are the least that can be segmented at once, and the memory "
                    "that is allowed is too little for them: allow more."
                )
            longest = max(long, key=lambda k: sides[k] / max(1, around[k]))
            sides[longest] = -(-sides[longest] // 2 // least[longest]) * least[longest]

    def __iter__(self) -> Iterator[Cuboid]:
        starts = (range(0, n, side) for n, side in zip(self.shape, self.sides, strict=True))
        for corner in itertools.product(*starts):
            z, y, x = (
                slice(a, min(a + s, n)) for a, s, n in zip(corner, self.sides, self.shape, strict=True)
            )
            yield z, y, x

    def seen_from(self, box: Cuboid) -> Cuboid:
        """Return a box with its surroundings."""
        z, y, x = (
            slice(max(0, part.start - more), min(n, part.stop + more))
            for part, more, n in zip(box, self.around, self.shape, strict=True)
        )
        return z, y, x


@dataclass
class VolumeRun:
    """The stacks of one file on their way.

    Attributes
    ----------
    segment
        Segments a part of a stack, (C, Z, Y, X).
    boxes
        How each stack is cut.
    n_channels
        Of the network.
    are_objects
        Labels are objects, not classes.
    """

    kept: Kept
    segment: SegmentVolume
    boxes: Boxes
    n_channels: int
    are_objects: bool = True
    on_progress: OnProgress = no_progress
    should_stop: ShouldStop = never_stop

    def run(self) -> tuple[Pyramid, int, tuple[str, ...]]:
        """Segment what is not done yet.

        Returns
        -------
        labels : Pyramid
            Still in its folder of unfinished work.
        n : int
            How many objects there are; 0 of classes.
        sentences : tuple of str
            Why there is none.

        Raises
        ------
        Stopped
            When asked to stop; the boxes that are done are kept.
        """
        stack, journal = self.kept.stack, self.kept.journal
        labels, z = self.kept.labels, stack.letters.index("Z")
        others = list(np.ndindex(*(n for k, n in enumerate(stack.plane_shape) if k != z)))
        jobs = list(itertools.product(others, self.boxes))
        why: tuple[str, ...] = ()
        for k, report in self.kept.parts_left(len(jobs), "part", self.on_progress, self.should_stop):
            other, box = jobs[k]
            region = self.boxes.seen_from(box)
            found = self.segment(self._read(other, region), report)
            why = found.sentences
            known = [
                done for j, (there, done) in enumerate(jobs) if there == other and (j, 0) in journal.done
            ]
            core, next_number, same = self._settled(found.labels, other, box, region, known)
            self._write(labels, other, box, core)
            journal.add((k, 0), next_number, same)
        numbers = one_number_each(journal.same)
        n = journal.next_number - 1 - sum(old != new for old, new in numbers.items())
        if numbers:
            self._unite(labels, numbers)
        return labels, n, () if n or not self.are_objects else why

    def _read(self, other: Index, region: Cuboid) -> NDArray[Any]:
        """Return a part of a stack, (C, Z, Y, X)."""
        z, y, x = region
        planes = (self.kept.stack.plane(self._index(other, k)) for k in range(z.start, z.stop))
        return np.stack([p.read(y.start, y.stop, x.start, x.stop, self.n_channels) for p in planes], axis=1)

    def _settled(
        self, labels: NDArray[np.int32], other: Index, box: Cuboid, region: Cuboid, done: list[Cuboid]
    ) -> tuple[NDArray[np.int32], int, list[tuple[int, int]]]:
        """Return the labels of a box with their numbers, the next free number, and what turned out to be one."""
        next_number, inside = self.kept.journal.next_number, labels[_within(box, region)]
        if not self.are_objects:
            return inside, 1, []
        there = self._read_labels(other, region)
        shared = [
            _within(part, region) for part in (_overlap(box, region) for box in done) if part is not None
        ]
        seen, written = ([array[part] for part in shared] for array in (labels, there))
        rims = [
            labels.take(at, axis)
            for axis, (part, n) in enumerate(zip(region, self.boxes.shape, strict=True))
            for at, goes_on in ((0, part.start > 0), (-1, part.stop < n))
            if goes_on
        ]
        cut_off = np.unique(np.concatenate([rim.ravel() for rim in rims])).tolist() if rims else []
        matched = match(inside, seen, written, cut_off)
        numbers, following = numbered(matched.labels, matched.numbers, next_number)
        return numbers, following, matched.same

    def _read_labels(self, other: Index, box: Cuboid) -> NDArray[np.int32]:
        at = self.kept.stack.letters.index("Z")
        stored: NDArray[np.int32] = np.asarray(
            self.kept.labels.levels[0][(*other[:at], box[0], *other[at:], *box[1:])]
        )
        return stored

    def _write(self, labels: Pyramid, other: Index, box: Cuboid, core: NDArray[np.int32]) -> None:
        for z, plane in enumerate(core, box[0].start):
            labels.write(box[1].start, box[2].start, plane, self._index(other, z))

    def _unite(self, labels: Pyramid, numbers: dict[int, int]) -> None:
        """Give objects that turned out to be one the same number."""
        for index in self.kept.stack.indices():
            if self.should_stop():
                raise Stopped("Stopped; all parts are done and kept, what spans several is not united yet.")
            plane = np.asarray(labels.levels[0][tuple(index)])
            labels.write(0, 0, replace_values(plane, numbers), index)

    def _index(self, other: Index, z: int) -> Index:
        """Return the index of a plane."""
        at = self.kept.stack.letters.index("Z")
        return (*other[:at], z, *other[at:])


def boxes_for(
    description: ModelDescription, stack: LazyStack, scale: float, stretch: float, step: float, memory: float
) -> Boxes:
    """Decide how the stacks of a file are cut.

    Parameters
    ----------
    scale
        Network px per px of the stack.
    stretch
        Planes of the network per plane of the stack.
    step
        Distance of the planes in px.
    memory
        Bytes for one box.
    """
    config: UNetConfig = description.network
    reach = [axis.halo or axis.margin for axis in config.axes]
    typical = OBJECTS_AROUND * description.object_size / scale
    in_depth = math.ceil(reach[0] / stretch + typical / step)
    in_plane = [math.ceil(more / scale + typical) for more in reach[1:]]
    sizes = dict(zip(stack.axes, stack.array.shape, strict=True))
    shape = sizes["Z"], sizes["Y"], sizes["X"]
    each = BYTES_PER_VOXEL * max(1.0, scale**2 * stretch) * (config.in_channels + config.classes) / 3
    return Boxes.fitting(shape, (in_depth, in_plane[0], in_plane[1]), memory / each)


def grey_range_of(
    stack: LazyStack, normalisation: Normalisation, n_channels: int, should_stop: ShouldStop = never_stop
) -> tuple[Normalisation, tuple[str, ...]]:
    """Return the grey range in which all parts are seen, and what there is to say about it."""
    indices = list(stack.indices())
    chosen = [indices[k] for k in np.unique(np.linspace(0, len(indices) - 1, SAMPLED).astype(int)).tolist()]
    samples = [sample_of(stack.plane(index), n_channels, should_stop)[0] for index in chosen]
    sample = np.concatenate([part.reshape(n_channels, -1) for part in samples], axis=1)[:, None]
    warning = brightness_warning(sample, normalisation)
    return fixed(normalisation, sample), (warning,) if warning else ()


def _within(box: Cuboid, region: Cuboid) -> Cuboid:
    z, y, x = (slice(a.start - b.start, a.stop - b.start) for a, b in zip(box, region, strict=True))
    return z, y, x


def _overlap(one: Cuboid, other: Cuboid) -> Cuboid | None:
    z, y, x = (slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(one, other, strict=True))
    return (z, y, x) if all(part.start < part.stop for part in (z, y, x)) else None
