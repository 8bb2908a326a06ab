"""The two computations that an image consists of; functions of their arguments alone, wherever they run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.coding import LabelsAre
from napari_unet.formats.lazy import LazyImage
from napari_unet.network.planes import Part
from napari_unet.network.prediction import predict, reach_of
from napari_unet.network.scaling import normalise
from napari_unet.objects.separate import why_empty
from napari_unet.workflow.blocks.bench import Bench
from napari_unet.workflow.blocks.files import BlockFiles, Stored
from napari_unet.workflow.blocks.grid import Box, Index, cut, overlap
from napari_unet.workflow.blocks.packing import Packs
from napari_unet.workflow.blocks.plan import Plan
from napari_unet.workflow.blocks.resampling import Taps, resample, taps
from napari_unet.workflow.blocks.stitching import Labels, match
from napari_unet.workflow.segmentation import separate_probabilities

FULL = 65535
"""What a probability of 1 is stored as: 16 bits err by 1e-5, less than tiles of different sizes do."""


@dataclass(frozen=True)
class BlockJob:
    """One block whose tiles are on disk.

    Attributes
    ----------
    halo
        What it sees around itself in px of the image.
    known
        Neighbours of which the labels are on disk.
    """

    index: Index
    halo: int
    known: tuple[Index, ...] = ()


@dataclass(frozen=True, eq=False)
class BlockPixels(Packs):
    """What is read for a block.

    Attributes
    ----------
    said
        What the network said of the block and around it.
    written
        The labels of each known neighbour, as far as the block sees them.
    """

    said: Stored
    written: list[Labels]


@dataclass(frozen=True, eq=False)
class Made(Packs):
    """The objects, or classes, of a block.

    Attributes
    ----------
    labels
        Of the block alone: 0, or which of `numbers` it is, counted from 1; classes as they are.
    numbers
        What known neighbours call each object, 0 where none knows it; ``None`` for classes.
    same
        Pairs of numbers that are one object, which no earlier block could see.
    too_narrow
        An object reaches so far that the surroundings do not show all of it: to be done again with more around it.
    top
        The highest probability of an object.
    why_empty
        Why there is none.
    """

    labels: NDArray[Any]
    numbers: NDArray[np.int64] | None = None
    same: list[tuple[int, int]] = field(default_factory=list)
    too_narrow: bool = False
    top: float = 0.0
    why_empty: str | None = None


def read_tile(bench: Bench, image: LazyImage, index: Index) -> NDArray[Any]:
    """Read what the network has to see for one tile, (C, Y, X), as it is in the image."""
    _, rows, columns = _seen_for(bench, index)
    return image.read(rows.start, rows.stop, columns.start, columns.stop, bench.config.in_channels)


def run_tile(bench: Bench, index: Index, pixels: NDArray[Any]) -> Stored:
    """Return what the network says about one tile."""
    plan, grid = bench.plan, bench.plan.tiles
    (top, left), rows, columns = _seen_for(bench, index)
    seen = resample(normalise(pixels, plan.normalisation), rows, columns)
    part = Part(seen, top, left, (bench.config.in_channels, grid.height, grid.width))
    output = predict(
        bench.network,
        part,
        tile=plan.tile,
        averaging=plan.averaging,
        device=bench.device,
        box=grid.box(index),
    )
    stored: Stored = np.rint(np.clip(output[1:], 0, 1) * FULL).astype(np.uint16)
    return stored


def _seen_for(bench: Bench, index: Index) -> tuple[tuple[int, int], Taps, Taps]:
    """Return where what a tile sees begins, in px of the network, and how that comes from the image's pixels."""
    plan, grid = bench.plan, bench.plan.tiles
    y0, y1, x0, x1 = grid.box(index, reach_of(bench.config, plan.averaging, plan.tile))
    antialias = plan.scale < 1
    rows = taps(y0, y1, grid.height, plan.height, antialias)
    return (y0, x0), rows, taps(x0, x1, grid.width, plan.width, antialias)


def seen_by(plan: Plan, index: Index, halo: int) -> tuple[Box, Taps, Taps, Box]:
    """Return a block's region in px of the image, how it comes from the network's pixels, and from which."""
    region = plan.blocks.box(index, halo)
    tiles = plan.tiles
    antialias = plan.height < tiles.height
    rows = taps(region[0], region[1], plan.height, tiles.height, antialias)
    columns = taps(region[2], region[3], plan.width, tiles.width, antialias)
    return region, rows, columns, (rows.start, rows.stop, columns.start, columns.stop)


def tiles_of(plan: Plan, index: Index, halo: int) -> list[Index]:
    """Return the tiles that a block is made of."""
    return plan.tiles.touched(seen_by(plan, index, halo)[3])


def read_block(plan: Plan, files: BlockFiles, job: BlockJob) -> BlockPixels:
    """Read what the objects of one block are made of."""
    region, _, _, seen = seen_by(plan, job.index, job.halo)
    written = [files.read_labels(box) for box in _shared_with(plan, job, region)]
    return BlockPixels(files.read_said(seen), written)


def _shared_with(plan: Plan, job: BlockJob, region: Box) -> list[Box]:
    """Return what a block sees of each known neighbour."""
    boxes = (overlap(plan.blocks.box(index), region) for index in job.known)
    return [box for box in boxes if box is not None]


def run_block(bench: Bench, job: BlockJob, pixels: BlockPixels) -> Made:
    """Make the objects of one block, or its classes, and look which of them its neighbours know."""
    plan, settings, n_classes = bench.plan, bench.plan.separation, bench.config.classes
    region, rows, columns, _ = seen_by(plan, job.index, job.halo)
    core = cut(plan.blocks.box(job.index), region)
    said = resample(pixels.said, rows, columns) / np.float32(FULL)
    classes, distance = said[: n_classes - 1], said[n_classes - 1] if len(said) == n_classes else None
    background = np.maximum(1 - classes.sum(axis=0, keepdims=True), 0)
    probabilities = np.concatenate([background, classes])
    del said, classes
    labels = separate_probabilities(
        probabilities, distance, settings, plan.labels_are, plan.scale, plan.typical_size
    )
    if plan.labels_are == LabelsAre.CLASSES.value:
        return Made(np.ascontiguousarray(labels[core]))
    cut_off = _cut_off(labels, plan, region, core)
    if cut_off and job.halo < plan.largest_halo:
        return Made(labels[:0], too_narrow=True)
    parts = [labels[cut(box, region)] for box in _shared_with(plan, job, region)]
    matched = match(labels[core], parts, pixels.written, cut_off)
    probability = 1 - probabilities[0][core]
    sentence = None if matched.numbers.size else why_empty(probability, settings)
    return Made(
        matched.labels,
        matched.numbers,
        matched.same,
        top=float(probability.max()),
        why_empty=sentence,
    )


def _cut_off(labels: NDArray[np.int32], plan: Plan, region: Box, core: tuple[slice, slice]) -> frozenset[int]:
    """Return the objects of the block that reach to a typical object's size from where the region ends in the image."""
    near = round(plan.typical_size)
    ends = region[0] > 0, region[1] < plan.height, region[2] > 0, region[3] < plan.width
    borders = labels[:near], labels[-near:], labels[:, :near], labels[:, -near:]
    rim = [np.unique(border) for border, ends_here in zip(borders, ends, strict=True) if ends_here]
    if not rim:
        return frozenset()
    reaching = np.unique(np.concatenate(rim))
    inside = np.unique(labels[core])
    return frozenset(np.intersect1d(reaching[reaching > 0], inside).tolist())
