"""The two computations that an image consists of; functions of their arguments alone, wherever they run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.coding import LabelsAre
from napari_unet.formats.lazy import LazyImage
from napari_unet.network.model_file import Model
from napari_unet.network.planes import Part
from napari_unet.network.prediction import Averaging, predict, reach_of
from napari_unet.network.scaling import normalise
from napari_unet.objects.separate import why_empty
from napari_unet.workflow.blocks.grid import Box, Index, cut
from napari_unet.workflow.blocks.plan import Plan
from napari_unet.workflow.blocks.resampling import Taps, resample, taps
from napari_unet.workflow.segmentation import separate_probabilities

FULL = 65535
"""What a probability of 1 is stored as: 16 bits err by 1e-5, less than tiles of different sizes do."""

Stored = NDArray[np.uint16]
"""(K - 1 [+ 1], Y, X): the classes without the background, then the distance."""


@dataclass(frozen=True, eq=False)
class TileJob:
    """One tile that is ready for the network.

    Attributes
    ----------
    part
        The pixels around it, normalised and at the network's resolution.
    box
        Where it lies, in px of the network.
    """

    part: Part
    box: Box
    averaging: str
    tile: int


@dataclass(frozen=True, eq=False)
class BlockJob:
    """One block that is ready for its objects to be made.

    Attributes
    ----------
    stored
        What the network said around it, of the pixels that `rows` and `columns` need.
    region, core
        The block with its surroundings, and without, in px of the image.
    """

    stored: Stored
    rows: Taps
    columns: Taps
    region: Box
    core: Box
    plan: Plan


@dataclass(frozen=True, eq=False)
class Made:
    """The objects, or classes, of a block and what lies around it.

    Attributes
    ----------
    labels
        int32, of the block's region.
    cut_off
        Objects of the block that reach so far that the region does not show all of them.
    top
        The highest probability of an object.
    why_empty
        Why there is none.
    """

    labels: NDArray[np.int32]
    cut_off: frozenset[int] = frozenset()
    top: float = 0.0
    why_empty: str | None = None


def prepare_tile(plan: Plan, model: Model, image: LazyImage, index: Index) -> TileJob:
    """Read what the network has to see for one tile."""
    config = model.description.network
    grid = plan.tiles
    box = grid.box(index)
    y0, y1, x0, x1 = grid.box(index, reach_of(config, plan.averaging, plan.tile))
    antialias = plan.scale < 1
    rows = taps(y0, y1, grid.height, plan.height, antialias)
    columns = taps(x0, x1, grid.width, plan.width, antialias)
    pixels = image.read(rows.start, rows.stop, columns.start, columns.stop, config.in_channels)
    seen = resample(normalise(pixels, plan.normalisation), rows, columns)
    whole = (config.in_channels, grid.height, grid.width)
    return TileJob(Part(seen, y0, x0, whole), box, plan.averaging.value, plan.tile)


def run_tile(model: Model, job: TileJob, device: str = "auto") -> Stored:
    """Return what the network says about one tile."""
    output = predict(
        model.network, job.part, tile=job.tile, averaging=Averaging(job.averaging), device=device, box=job.box
    )
    stored: Stored = np.rint(np.clip(output[1:], 0, 1) * FULL).astype(np.uint16)
    return stored


def region_of(plan: Plan, index: Index, halo: int) -> tuple[Box, Taps, Taps, Box]:
    """Return a block's region in px of the image, how it comes from the network's pixels, and from which."""
    region = plan.blocks.box(index, halo)
    tiles = plan.tiles
    antialias = plan.height < tiles.height
    rows = taps(region[0], region[1], plan.height, tiles.height, antialias)
    columns = taps(region[2], region[3], plan.width, tiles.width, antialias)
    return region, rows, columns, (rows.start, rows.stop, columns.start, columns.stop)


def run_block(job: BlockJob, n_classes: int) -> Made:
    """Make the objects of one block, or its classes.

    Parameters
    ----------
    n_classes
        Of the network, the background included.
    """
    plan, settings = job.plan, job.plan.separation
    said = resample(job.stored, job.rows, job.columns) / np.float32(FULL)
    classes, distance = said[: n_classes - 1], said[n_classes - 1] if len(said) == n_classes else None
    background = np.maximum(1 - classes.sum(axis=0, keepdims=True), 0)
    probabilities = np.concatenate([background, classes])
    del said, classes
    labels = separate_probabilities(
        probabilities, distance, settings, plan.labels_are, plan.scale, plan.typical_size
    )
    if plan.labels_are == LabelsAre.CLASSES.value:
        return Made(labels)
    core = cut(job.core, job.region)
    found = labels[core].any()
    probability = 1 - probabilities[0][core]
    sentence = None if found else why_empty(probability, settings)
    return Made(labels, _cut_off(labels, job), float(probability.max()), sentence)


def _cut_off(labels: NDArray[np.int32], job: BlockJob) -> frozenset[int]:
    """Return the objects of the core that reach to a typical object's size from where the region ends in the image."""
    plan, region = job.plan, job.region
    near = round(plan.typical_size)
    ends = region[0] > 0, region[1] < plan.height, region[2] > 0, region[3] < plan.width
    borders = labels[:near], labels[-near:], labels[:, :near], labels[:, -near:]
    rim = [np.unique(border) for border, ends_here in zip(borders, ends, strict=True) if ends_here]
    if not rim:
        return frozenset()
    reaching = np.unique(np.concatenate(rim))
    inside = np.unique(labels[cut(job.core, region)])
    return frozenset(np.intersect1d(reaching[reaching > 0], inside).tolist())
