"""What the workers of a cluster are asked for: tiles and blocks, from pixels that are sent or from a disk they see."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from napari_unet.errors import UserError
from napari_unet.formats.lazy import LazyImage
from napari_unet.workflow.blocks.bench import Bench
from napari_unet.workflow.blocks.compute import (
    BlockJob,
    BlockPixels,
    Made,
    read_block,
    read_tile,
    run_block,
    run_tile,
    tiles_of,
)
from napari_unet.workflow.blocks.files import BlockFiles
from napari_unet.workflow.blocks.grid import Index
from napari_unet.workflow.blocks.packing import Parcel
from napari_unet.workflow.blocks.sample import sight_of

PATIENCE = 15.0
"""Seconds until what another computer has written must be seen: a network's disk may be late by so much."""


class NotSeen(Exception):
    """This worker does not see the disk as the others do."""


@dataclass(frozen=True, eq=False)
class Shared:
    """What lies on a disk that workers may see.

    Attributes
    ----------
    again
        Opens the image.
    token
        A file in the folder of the labels; where it is gone, nobody writes there any more.
    """

    again: Callable[[], LazyImage]
    token: Path


@dataclass(frozen=True, eq=False)
class Bound:
    """All that the jobs of one image have in common, kept by every worker.

    Attributes
    ----------
    key
        No other has it.
    """

    key: str
    bench: Bench
    shared: Shared | None

    @cached_property
    def files(self) -> BlockFiles:
        """The labels on their way."""
        if self.shared is None or not self.shared.token.is_file():
            raise NotSeen("no such folder")
        return BlockFiles(self.shared.token.parent, self.bench.plan)

    @cached_property
    def image(self) -> LazyImage:
        """The image that is segmented."""
        if self.shared is None:
            raise NotSeen("no image")
        return self.shared.again()

    def __getstate__(self) -> dict[str, Any]:
        return {"key": self.key, "bench": self.bench, "shared": self.shared}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


_KEPT: dict[str, Bound] = {}
"""The last one: dask may send it more than once, and it is made ready once."""


def kept(bound: Bound) -> Bound:
    """Return the first of those with this key that has come to this process."""
    if bound.key not in _KEPT:
        _KEPT.clear()
        _KEPT[bound.key] = bound
    return _KEPT[bound.key]


def does_see(shared: Shared, sight: str, n_channels: int) -> bool:
    """Tell whether this worker sees the folder, may write there, and reads the same image."""
    mine = shared.token.with_name(f"{shared.token.name}-{uuid.uuid4().hex}")
    try:
        if not shared.token.is_file():
            return False
        mine.touch()
        mine.unlink()
        return sight_of(shared.again(), n_channels) == sight
    except (OSError, UserError):
        return False


def tile_of_disk(bound: Bound, index: Index) -> None:
    """Run the network on a tile; write what it says, if that is wanted still."""
    here = kept(bound)
    files, image = _seen(here)
    said = run_tile(here.bench, index, read_tile(here.bench, image, index))
    assert here.shared is not None
    if here.shared.token.is_file():
        files.write_tile(index, said)


def block_of_disk(bound: Bound, job: BlockJob) -> Made:
    """Make the objects of a block whose tiles are on disk."""
    here = kept(bound)
    files, _ = _seen(here)
    plan = here.bench.plan
    if not files.wait_for_tiles(tiles_of(plan, job.index, job.halo), PATIENCE):
        raise NotSeen("what another worker has written")
    return run_block(here.bench, job, read_block(plan, files, job))


def tile_of_pixels(bound: Bound, index: Index, pixels: Parcel) -> Parcel:
    """Run the network on a tile that was sent."""
    return Parcel(run_tile(kept(bound).bench, index, pixels.array))


def block_of_pixels(bound: Bound, job: BlockJob, pixels: BlockPixels) -> Made:
    """Make the objects of a block that was sent."""
    return run_block(kept(bound).bench, job, pixels)


def _seen(bound: Bound) -> tuple[BlockFiles, LazyImage]:
    try:
        return bound.files, bound.image
    except (OSError, UserError) as error:
        raise NotSeen(str(error)) from error
