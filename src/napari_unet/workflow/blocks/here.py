"""Where blocks are computed: an interface of a few functions, and this process as the nearest place."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

from napari_unet.formats.lazy import LazyImage
from napari_unet.workflow.blocks.bench import Bench
from napari_unet.workflow.blocks.compute import BlockJob, Made, read_block, read_tile, run_block, run_tile
from napari_unet.workflow.blocks.files import BlockFiles, Stored
from napari_unet.workflow.blocks.grid import Index


class Place(Protocol):
    """Somewhere that computes tiles and blocks."""

    @property
    def at_once(self) -> int:
        """How many jobs it is given at a time."""

    def begin(self, bench: Bench, image: LazyImage, files: BlockFiles) -> None:
        """Get ready for one image.

        Raises
        ------
        PlaceLost
            When it is not there any more.
        """

    def end(self) -> None:
        """Let go of the image; nothing that is still under way touches its files any more."""

    def tile(self, index: Index) -> Future[Stored | None]:
        """Run the network; ``None`` comes back where what it says is on disk already."""

    def block(self, job: BlockJob) -> Future[Made]:
        """Make objects."""

    def result(self, future: Future[Any]) -> Any:
        """Return what a job has made.

        Raises
        ------
        PlaceLost
            When it went with the place.
        HandedBack
            When it has to be handed over once more.
        """

    def look(self) -> list[str]:
        """Return what happened to it since the last look, in sentences.

        Raises
        ------
        PlaceLost
            When nothing more comes from there.
        """


class PlaceLost(Exception):
    """The place where blocks were computed is gone; its message is a sentence."""


class HandedBack(Exception):
    """A job could not be done in the way in which it was handed over, and can in another."""


class Here:
    """This process: a job is done when it is handed over."""

    at_once = 1

    def begin(self, bench: Bench, image: LazyImage, files: BlockFiles) -> None:
        """Get ready for one image."""
        self._bench, self._image, self._files = bench, image, files

    def end(self) -> None:
        """Nothing is under way."""

    def tile(self, index: Index) -> Future[Stored | None]:
        """Run the network."""
        return _done(lambda: run_tile(self._bench, index, read_tile(self._bench, self._image, index)))

    def block(self, job: BlockJob) -> Future[Made]:
        """Make objects."""
        return _done(lambda: run_block(self._bench, job, read_block(self._bench.plan, self._files, job)))

    def result(self, future: Future[Any]) -> Any:
        """Return what a job has made."""
        return future.result()

    def look(self) -> list[str]:
        """Nothing happens to it."""
        return []


def _done(run: Callable[[], Any]) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(run())
    return future
