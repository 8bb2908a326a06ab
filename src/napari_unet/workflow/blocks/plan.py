"""What is decided once for a large image, before its first block."""

from __future__ import annotations

import logging
import math
from typing import Literal

import psutil
from pydantic import BaseModel, ConfigDict

from napari_unet.annotation.coding import LabelsAre
from napari_unet.callbacks import OnProgress, ShouldStop, never_stop, no_progress
from napari_unet.errors import UserError
from napari_unet.formats.lazy import LazyImage
from napari_unet.network.model_file import Model
from napari_unet.network.planes import round_up
from napari_unet.network.prediction import TILE_MEMORY, Averaging, largest_tile
from napari_unet.network.scaling import GreyMode, Normalisation, brightness_warning, scaled_shape
from napari_unet.network.unet import UNetConfig
from napari_unet.objects.separate import SeparationSettings
from napari_unet.workflow.blocks.grid import Grid
from napari_unet.workflow.blocks.sample import fixed, measure_size, sample_of
from napari_unet.workflow.scale import scale_of
from napari_unet.workflow.segmentation import separation_of

_log = logging.getLogger("napari_unet")

CHUNK = 512
"""Side in px of what is written at once; blocks consist of whole ones."""
LARGEST_BLOCK = 4 * CHUNK
LEAST_HALO = 64
OBJECTS_AROUND = 4.0
"""Typical objects that a block sees around itself: with fewer, objects on a seam differ from the neighbour's."""
BYTES_PER_PIXEL = 110
"""Memory that making objects takes, per pixel of a block with its surroundings; measured at 2048²."""
DEFAULT_MEMORY = 1.5e9
SPARE = 120e6
"""Bytes for what is read, written and on its way."""
SIZES = {"tile", "block", "halo", "largest_halo"}
"""What of a plan follows from the memory that happens to be free."""


class Plan(BaseModel):
    """How a large image is segmented; two plans that are equal make the same labels.

    Attributes
    ----------
    height, width
        Of the image in px.
    scale
        Network px per image px.
    normalisation
        The grey range of all blocks.
    separation
        In px² of the image.
    typical_size
        Diameter in px of the image of the objects that the network is made for.
    tile
        Side of a tile in px of the network.
    block
        Side of a block in px of the image.
    halo, largest_halo
        What a block sees around itself in px of the image, and at most, where large objects need it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    height: int
    width: int
    scale: float
    normalisation: Normalisation
    separation: SeparationSettings
    labels_are: Literal["objects", "classes"]
    typical_size: float
    tile: int
    block: int
    halo: int
    largest_halo: int
    averaging: Averaging = Averaging.NONE

    @property
    def blocks(self) -> Grid:
        """Where objects are made, in px of the image."""
        return Grid(self.height, self.width, self.block)

    @property
    def tiles(self) -> Grid:
        """Where the network is run, in px of the network."""
        return Grid(*scaled_shape((self.height, self.width), self.scale), self.tile)


class Planned(BaseModel):
    """A plan, and what there is to say about it."""

    plan: Plan
    sentences: tuple[str, ...] = ()
    object_size: float | None = None


def make_plan(
    model: Model,
    image: LazyImage,
    *,
    object_size: float | None = None,
    pixel_size_um: float | None = None,
    averaging: Averaging | str = Averaging.NONE,
    separation: SeparationSettings | None = None,
    grey_range: GreyMode | None = None,
    memory: float = DEFAULT_MEMORY,
    tile: int | None = None,
    device: str = "auto",
    on_progress: OnProgress = no_progress,
    should_stop: ShouldStop = never_stop,
) -> Planned:
    """Decide how an image is segmented block by block; parameters as those of `segment_image`.

    Parameters
    ----------
    memory
        Bytes that this process may take in all.
    tile
        Side of a tile in px of the network; by default as memory allows.

    Raises
    ------
    UserError
        When the image doesn't fit the model, or memory is less than the least.
    Stopped
    """
    description = model.description
    on_progress(0.0, "Looking at the image …")
    config = description.network
    sample, middle = sample_of(image, config.in_channels, should_stop)
    normalisation = description.normalisation.in_mode(grey_range)
    warning = brightness_warning(sample, normalisation)
    normalisation = fixed(normalisation, sample)
    del sample
    found = None
    if object_size is None and description.magnification == "per image":
        on_progress(0.0, "Looking how large the objects are …")
        found = measure_size(model, image, normalisation, middle, device, should_stop)
    scale = scale_of(description, object_size or found, pixel_size_um)
    typical = description.object_size / scale
    _, height, width = image.shape
    fitting, block = fit_into(memory, config, scale, max(height, width))
    tile = fitting if tile is None else round_up(tile, config.multiple)
    halo = math.ceil(max(LEAST_HALO, OBJECTS_AROUND * typical))
    plan = Plan(
        height=height,
        width=width,
        scale=scale,
        normalisation=normalisation,
        separation=separation or separation_of(description, scale),
        labels_are=LabelsAre(description.labels_are).value,
        typical_size=typical,
        tile=tile,
        block=block,
        halo=min(halo, block // 2),
        largest_halo=block // 2,
        averaging=Averaging(averaging),
    )
    _log.info(
        "Block by block: %d × %d px at scale %.3g, tiles of %d px, %d blocks of %d px, %d px around them.",
        height, width, scale, tile, len(plan.blocks), block, plan.halo,
    )  # fmt: skip
    return Planned(plan=plan, sentences=(warning,) if warning else (), object_size=found)


def fit_into(memory: float, config: UNetConfig, scale: float, longest: int) -> tuple[int, int]:
    """Return the sides of tiles (px of the network) and blocks (px of the image) for so much memory.

    Tiles and blocks take their memory one after the other, so both may use all of it.
    """
    taken = psutil.Process().memory_info().rss
    left = memory - taken - SPARE
    tile = largest_tile(config, int(min(max(left, 0), TILE_MEMORY)))
    block = CHUNK * int(math.sqrt(max(left, 0) / BYTES_PER_PIXEL) / 2 // CHUNK)
    smallest = BYTES_PER_PIXEL * (2 * CHUNK) ** 2
    if block < CHUNK:
        least = (taken + SPARE + smallest) / 1e9
        raise UserError(
            f"{memory / 1e9:.2g} GB of memory are too little: allow at least {math.ceil(10 * least) / 10:.1f} GB."
        )
    longest_seen = max(1, round(longest * scale))
    equal = math.ceil(longest_seen / math.ceil(longest_seen / tile))  # no sliver is left at the end
    return round_up(equal, config.multiple), min(block, LARGEST_BLOCK, CHUNK * math.ceil(longest / CHUNK))
