"""Segment one image of any size, from its pixels to OME-Zarr labels on disk."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from napari_unet.callbacks import OnProgress, ShouldStop, never_stop, no_progress
from napari_unet.formats.lazy import LazyImage
from napari_unet.network.model_file import Model, digest_of
from napari_unet.network.prediction import Averaging
from napari_unet.network.scaling import GreyMode
from napari_unet.objects.separate import SeparationSettings
from napari_unet.workflow.blocks.here import Here, Place
from napari_unet.workflow.blocks.plan import DEFAULT_MEMORY, SIZES, make_plan
from napari_unet.workflow.blocks.run import BlockRun, LookedAt, OnBlock, Tell, no_block, nowhere
from napari_unet.workflow.blocks.sample import sight_of
from napari_unet.workflow.blocks.stitching import one_number_each
from napari_unet.workflow.blocks.store import BlockStore

_log = logging.getLogger("napari_unet")


@dataclass(frozen=True)
class SegmentedBlocks:
    """What came of a large image.

    Attributes
    ----------
    labels
        The folder with the labels, OME-Zarr.
    n_objects
        How many objects there are; of classes, the highest.
    sentences
        What the user should know before trusting the result.
    object_size
        Typical diameter in px that was found in the image, ``None`` where it was given.
    """

    labels: Path
    n_objects: int
    sentences: tuple[str, ...]
    object_size: float | None


def segment_blocks(
    model: Model,
    image: LazyImage,
    output: Path,
    *,
    object_size: float | None = None,
    pixel_size_um: float | None = None,
    averaging: Averaging | str = Averaging.NONE,
    separation: SeparationSettings | None = None,
    grey_range: GreyMode | None = None,
    memory: float = DEFAULT_MEMORY,
    on_top: float | None = None,
    tile: int | None = None,
    probabilities: Path | None = None,
    device: str = "auto",
    place: Place | None = None,
    on_progress: OnProgress = no_progress,
    should_stop: ShouldStop = never_stop,
    on_block: OnBlock = no_block,
    looked_at: LookedAt = nowhere,
    tell: Tell = lambda sentence: None,
    then: Callable[[LazyImage], None] | None = None,
) -> SegmentedBlocks:
    """Segment one image block by block; parameters as those of `segment_image` where they have the same name.

    While it runs, the labels are in `unfinished_of(output)`. A run that ended early is gone on with when it is called
    in the same way again.

    Parameters
    ----------
    output
        Folder of the labels, ``NAME.zarr``.
    pixel_size_um
        By default as the image says.
    memory
        Bytes that this process may take in all.
    on_top
        Bytes that it may take on top of what it has taken already, in the place of `memory`: for a program of which
        this is a part, and which is larger at one time than at another.
    probabilities
        Folder for what the network says, OME-Zarr too, of 16 bits per class.
    place
        Where to compute, by default here.
    on_block, looked_at, tell
        See `BlockRun`.
    then
        Called with the finished labels before they get their name: what is interrupted in it is done again without
        segmenting anew.

    Raises
    ------
    UserError
        When the image doesn't fit the model, memory is too little, or nothing can be written.
    Stopped
        When asked to stop; its text says what is kept.
    """
    description = model.description
    allowed = ["in all", memory] if on_top is None else ["on top", on_top]
    if on_top is not None:
        memory = psutil.Process().memory_info().rss + on_top
    if pixel_size_um is None:
        pixel_size_um = image.pixel_size_um
    planned = make_plan(
        model, image, object_size=object_size, pixel_size_um=pixel_size_um, averaging=averaging, separation=separation,
        grey_range=grey_range, memory=memory, tile=tile, device=device, on_progress=on_progress,
        should_stop=should_stop,
    )  # fmt: skip
    made_with = {
        "plan": planned.plan.model_dump(mode="json", exclude=SIZES),
        "memory": [*allowed, tile],
        "network": digest_of(model),
        "image": [image.name, sight_of(image, description.network.in_channels)],
    }
    folder = unfinished_of(output)
    store = BlockStore.open(
        folder,
        planned.plan,
        made_with,
        said=description.network.out_channels - 1,
        name=image.name,
        pixel_size_um=pixel_size_um,
    )
    if store.resumed:
        tell(
            f"{len(store.journal.done)} of {len(store.plan.blocks)} blocks were done before; going on from there."
        )
    run = BlockRun(
        store, model, image, place or Here(), probabilities is not None, device, on_progress, should_stop,
        on_block, looked_at, tell,
    )  # fmt: skip
    why_empty = run.run()
    if then is not None:
        then(LazyImage(output.stem, store.labels.levels[0], "YX", pixel_size_um))
    store.finish(output, probabilities)
    replaced = sum(old != new for old, new in one_number_each(store.journal.same).items())
    n_objects = store.journal.next_number - 1 - replaced
    _log.info("Block by block: %s is done, %d objects.", output, n_objects)
    sentences = (*planned.sentences, *((why_empty,) if why_empty else ()))
    return SegmentedBlocks(output, n_objects, sentences, planned.object_size)


def unfinished_of(output: Path) -> Path:
    """Return the folder in which labels come into being: ``NAME.unfinished.zarr`` for ``NAME.zarr``."""
    return output.with_name(f"{output.stem}.unfinished.zarr")
