"""Stacks that memory does not hold: segmented plane by plane into OME-Zarr labels, which a later start goes on with."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.callbacks import OnProgress, ShouldStop, never_stop, no_progress
from napari_unet.errors import Stopped
from napari_unet.formats.lazy import LazyImage
from napari_unet.formats.lazy_stacks import Index, LazyStack
from napari_unet.formats.ome_pyramid import Pyramid
from napari_unet.objects.linking import LinkSettings, link_planes
from napari_unet.workflow.blocks.journal import NAME, Journal
from napari_unet.workflow.blocks.plan import CHUNK
from napari_unet.workflow.blocks.segmentation import unfinished_of
from napari_unet.workflow.blocks.store import prepare_folder, put_in_place


@dataclass(frozen=True, eq=False)
class SegmentedPlane:
    """What was found on one plane.

    Attributes
    ----------
    labels
        (Y, X), integers; anything that is cut by slices.
    n
        How many objects.
    """

    labels: Any
    n: int
    sentences: tuple[str, ...] = ()


SegmentPlane = Callable[[LazyImage, OnProgress], SegmentedPlane]


@dataclass
class Kept:
    """What is kept on disk of a stack on its way.

    Attributes
    ----------
    labels
        int32 (…, Y, X) with a pyramid, in a folder of unfinished work.
    journal
        Which parts are done.
    """

    stack: LazyStack
    output: Path
    labels: Pyramid
    journal: Journal

    @classmethod
    def open(cls, stack: LazyStack, output: Path, made_with: dict[str, Any]) -> Kept:
        """Go on with what is there if it was made in the same way, else begin anew.

        Parameters
        ----------
        made_with
            All that the labels depend on.

        Raises
        ------
        UserError
            When another process is at work on it, the folder is somebody else's, or can't be written.
        """
        folder = unfinished_of(output)
        journal = Journal.read(folder) if folder.exists() else None
        if journal is None or journal.made_with != made_with:
            prepare_folder(folder)
            _create(folder, stack)
            journal = Journal.begin(folder, made_with, {})
        return cls(stack, output, Pyramid(folder), journal)

    def parts_left(
        self,
        n: int,
        word: str,
        on_progress: OnProgress,
        should_stop: ShouldStop,
        order: Sequence[int] | None = None,
    ) -> Iterator[tuple[int, OnProgress]]:
        """Yield which of n parts are not done yet, each with what tells how far it is; from the first by default.

        Parameters
        ----------
        word
            What a part is called.

        Raises
        ------
        Stopped
            When asked to stop, before the next part.
        """
        for k in range(n) if order is None else order:
            if (k, 0) in self.journal.done:
                continue
            if should_stop():
                raise Stopped(f"Stopped; {len(self.journal.done)} of {n} {word}s are done and kept.")

            def report(fraction: float, _: str, n_done: int = len(self.journal.done)) -> None:
                on_progress((n_done + fraction) / n, f"{word} {n_done + 1} of {n}")

            report(0.0, "")
            yield k, report

    def finish(self, labels: Pyramid) -> None:
        """Give labels their name, and remove what they were made of.

        Raises
        ------
        UserError
            When something else has that name, or can't be moved.
        """
        (labels.folder / NAME).unlink(missing_ok=True)
        put_in_place(labels.folder, self.output)
        shutil.rmtree(unfinished_of(self.output), ignore_errors=True)

    def linked_with(self) -> Pyramid:
        """Return empty labels of the same size, beside those that are linked."""
        folder = self.output.with_name(f"{self.output.stem}.linked.zarr")
        prepare_folder(folder)
        return _create(folder, self.stack)


@dataclass
class StackRun:
    """One stack on its way, plane by plane.

    Attributes
    ----------
    segment
        Segments a plane; its labels are read before the next one is asked for.
    link
        Along which axes planes are linked: "", "Z", "T" or "ZT".
    first
        The plane that somebody looks at: from there outwards.
    """

    kept: Kept
    segment: SegmentPlane
    link: str = ""
    link_settings: LinkSettings = field(default_factory=LinkSettings)
    on_progress: OnProgress = no_progress
    should_stop: ShouldStop = never_stop
    first: Index | None = None

    def run(self) -> tuple[Pyramid, int, tuple[str, ...]]:
        """Segment what is not done yet, and link it.

        Returns
        -------
        labels : Pyramid
            Still in their folder of unfinished work.
        n : int
            How many objects there are; one that is linked counts once.
        sentences : tuple of str
            What one should know of the planes that were segmented now.

        Raises
        ------
        Stopped
            When asked to stop; the planes that are done are kept.
        """
        stack, journal, labels = self.kept.stack, self.kept.journal, self.kept.labels
        planes, said = list(stack.indices()), list[str]()
        order = None if self.first is None else _outwards(planes, self.first)
        for k, report in self.kept.parts_left(
            len(planes), "plane", self.on_progress, self.should_stop, order
        ):
            found = self.segment(stack.plane(planes[k]), report)
            copy_plane(found.labels, labels, planes[k])
            journal.add((k, 0), journal.next_number + found.n, [])
            said += found.sentences
        n = journal.next_number - 1
        if self.link:
            labels, n = self._linked(labels)
        return labels, n, tuple(dict.fromkeys(said))

    def _linked(self, labels: Pyramid) -> tuple[Pyramid, int]:
        """Return labels whose numbers go through planes, beside those that are not linked, which are read again."""
        letters, shape = self.kept.stack.letters, self.kept.stack.plane_shape
        depth, time = (letters.index(axis) if axis in self.link else None for axis in "ZT")

        def read(plane: Index) -> NDArray[np.int32]:
            one: NDArray[np.int32] = np.asarray(labels.levels[0][tuple(plane)])
            return one

        found = link_planes(
            read,
            shape,
            depth,
            time,
            self.link_settings,
            on_progress=self.on_progress,
            should_stop=self.should_stop,
        )
        linked = self.kept.linked_with()
        for plane in np.ndindex(*shape):
            if self.should_stop():
                raise Stopped("Stopped; all planes are done and kept, they are not linked yet.")
            copy_plane(found.apply(plane, read(plane)), linked, plane)
        return linked, found.n_objects


def _outwards(planes: Sequence[Index], first: Index) -> list[int]:
    """Return the numbers of planes, those nearest to one of them first."""
    far = [tuple(abs(a - b) for a, b in zip(plane, first, strict=True)) for plane in planes]
    return sorted(range(len(planes)), key=far.__getitem__)


def _create(folder: Path, stack: LazyStack) -> Pyramid:
    height, width = (stack.array.shape[stack.axes.index(axis)] for axis in "YX")
    return Pyramid.create(
        folder,
        (*stack.plane_shape, height, width),
        CHUNK,
        np.int32,
        name=stack.name,
        pixel_size_um=stack.pixel_size_um,
        planes=stack.letters,
        plane_distance_um=stack.plane_distance_um,
    )


def copy_plane(source: Any, target: Pyramid, plane: Index) -> None:
    """Write labels (Y, X) into a plane of others, a row of chunks at a time."""
    height, width = source.shape
    rows = CHUNK * max(1, 2 ** (len(target.levels) - 1))  # every level begins with its own pixels
    for top in range(0, height, rows):
        target.write(top, 0, np.asarray(source[top : min(top + rows, height), 0:width]), plane)


def labels_of_planes(labels: Pyramid, stack: LazyStack) -> LazyStack:
    """Return the labels of a stack, to be read plane by plane."""
    return replace(stack, array=labels.levels[0], axes=f"{stack.letters}YX", again=None)
