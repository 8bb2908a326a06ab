"""The blocks of an image on a cluster.

Workers that see the disk read the image and what the others have made from there, and so get and return little more
than which block is meant. To others pixels go, and results come back; then only the program has to be there.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from napari_unet.formats.lazy import LazyImage
from napari_unet.workflow.blocks.bench import Bench
from napari_unet.workflow.blocks.compute import BlockJob, Made, read_block, read_tile
from napari_unet.workflow.blocks.files import BlockFiles, Stored
from napari_unet.workflow.blocks.grid import Index
from napari_unet.workflow.blocks.here import HandedBack
from napari_unet.workflow.blocks.packing import Parcel
from napari_unet.workflow.blocks.sample import sight_of
from napari_unet.workflow.cluster import Cluster
from napari_unet.workflow.cluster_jobs import (
    Bound,
    NotSeen,
    Shared,
    block_of_disk,
    block_of_pixels,
    does_see,
    kept,
    tile_of_disk,
    tile_of_pixels,
)

_log = logging.getLogger("napari_unet")

PER_THREAD = 2
"""Jobs that are handed over per thread of a worker: one that runs, and one that waits, so that none runs dry."""


class BlocksOnCluster:
    """Blocks and tiles, computed by the workers of a cluster.

    Attributes
    ----------
    cluster
        Stays open afterwards: who has made it closes it.
    by_disk
        Whether the workers read and write for themselves.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.cluster, self.by_disk = cluster, False
        self._executors: dict[str | None, Any] = {}
        self._flying: dict[Future[Any], str] = {}
        self._token: Path | None = None

    @property
    def at_once(self) -> int:
        """How many jobs keep all workers busy."""
        return max(1, PER_THREAD * self.cluster.threads)

    def begin(self, bench: Bench, image: LazyImage, files: BlockFiles) -> None:
        """Send the workers what all jobs need, and find out whether they see the disk."""
        key = uuid.uuid4().hex
        self._plan, self._bench_here, self._image, self._files = bench.plan, bench, image, files
        shared = None
        if image.again is not None:
            self._token = files.folder.resolve() / f".worked-on-{key}"
            self._token.touch()
            shared = Shared(image.again, self._token)
        self.by_disk = shared is not None and self._is_seen(shared, bench.config.in_channels)
        _log.info(
            "The workers at %s %s the disk.", self.cluster.address, "see" if self.by_disk else "don't see"
        )
        try:
            # A task instead of data that is scattered: when its worker goes, another makes it again.
            self._bound = self.cluster.client.submit(kept, Bound(key, bench, shared), pure=False)
        except (OSError, RuntimeError) as error:
            raise self.cluster.lost() from error

    def end(self) -> None:
        """Let go of the image: who is still at work on it writes nothing any more."""
        if self._token is not None:
            self._token.unlink(missing_ok=True)
        self._token = self._bound = None
        self._flying.clear()

    def tile(self, index: Index) -> Future[Stored | None]:
        """Run the network."""
        if self.by_disk:
            return self._submit(tile_of_disk, self._bound, index)
        pixels = read_tile(self._bench_here, self._image, index)
        return self._submit(tile_of_pixels, self._bound, index, Parcel(pixels))

    def block(self, job: BlockJob) -> Future[Made]:
        """Make objects."""
        if self.by_disk:
            return self._submit(block_of_disk, self._bound, job)
        return self._submit(block_of_pixels, self._bound, job, read_block(self._plan, self._files, job))

    def result(self, future: Future[Any]) -> Any:
        """Return what a job has made, as `Cluster.result`."""
        self._flying.pop(future, None)
        try:
            result = self.cluster.result(future)
        except NotSeen as error:
            _log.info("A worker does not see the disk (%s): pixels are sent from now on.", error)
            self.by_disk = False
            raise HandedBack from error
        return result.array if isinstance(result, Parcel) else result

    def look(self) -> list[str]:
        """Return who has gone, as `Cluster.look`."""
        return self.cluster.look()

    def _is_seen(self, shared: Shared, n_channels: int) -> bool:
        sight = sight_of(self._image, n_channels)
        try:
            seen = self.cluster.client.run(does_see, shared, sight, n_channels, on_error="return")
        except (OSError, TimeoutError, RuntimeError) as error:
            raise self.cluster.lost() from error
        return bool(seen) and all(answer is True for answer in seen.values())

    def _submit(self, run: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Give a job to who has least to do; left alone, all would go to the worker that has the network already."""
        self._flying = {future: name for future, name in self._flying.items() if not future.done()}
        waiting = list(self._flying.values())
        workers = self.cluster.workers
        free = min(workers, key=lambda name: waiting.count(name) / workers[name], default=None)
        try:
            if free not in self._executors:
                only = {} if free is None else {"workers": [free], "allow_other_workers": True}
                self._executors[free] = self.cluster.client.get_executor(pure=False, **only)
            future: Future[Any] = self._executors[free].submit(run, *arguments)
        except (OSError, RuntimeError) as error:
            raise self.cluster.lost() from error
        if free is not None:
            self._flying[future] = free
        return future
