"""Where blocks are computed: an interface of two functions, and this process as the nearest place."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

from napari_unet.network.model_file import Model
from napari_unet.workflow.blocks.compute import BlockJob, Made, Stored, TileJob, run_block, run_tile


class Place(Protocol):
    """Somewhere that computes tiles and blocks."""

    @property
    def at_once(self) -> int:
        """How many jobs it is given at a time."""

    def tile(self, job: TileJob) -> Future[Stored]:
        """Run the network."""

    def block(self, job: BlockJob) -> Future[Made]:
        """Make objects."""

    def result(self, future: Future[Any]) -> Any:
        """Return what a job has made.

        Raises
        ------
        PlaceLost
            When it went with the place.
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


class Here:
    """This process: a job is done when it is handed over."""

    at_once = 1

    def __init__(self, model: Model, device: str = "auto") -> None:
        self._model, self._device = model, device

    def tile(self, job: TileJob) -> Future[Stored]:
        """Run the network."""
        return _done(lambda: run_tile(self._model, job, self._device))

    def block(self, job: BlockJob) -> Future[Made]:
        """Make objects."""
        return _done(lambda: run_block(job, self._model.description.network.classes))

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
