"""Other computers: a scheduler of dask.distributed, and the workers that listen to it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from napari_unet.errors import UserError
from napari_unet.workflow.blocks.here import PlaceLost

_log = logging.getLogger("napari_unet")

SECONDS_TO_CONNECT = 10
SECONDS_BETWEEN_LOOKS = 2.0
PACKAGE = "napari-unet"


class Cluster:
    """Workers behind one scheduler.

    Attributes
    ----------
    address
        Of the scheduler, such as ``tcp://192.168.1.20:8786``.
    client
        The connection of dask.distributed.
    workers
        Addresses of the workers, and how many threads each has, at the last look.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.client = _connect(address)
        self._looked = time.monotonic()
        try:
            self.workers = self._find_workers()
            _check_versions(self.client, address)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Leave the scheduler; what it computes for us is dropped."""
        try:
            self.client.close(timeout=2)
        except (OSError, TimeoutError):  # it is gone already
            _log.info("The scheduler at %s did not say good-bye.", self.address)

    @property
    def threads(self) -> int:
        """How many threads the workers have together."""
        return sum(self.workers.values())

    def look(self) -> list[str]:
        """Return who has gone since the last look, in sentences; asks at most every two seconds.

        Raises
        ------
        PlaceLost
            When the scheduler does not answer.
        """
        if self.client.status != "running":
            raise self.lost()
        if time.monotonic() - self._looked < SECONDS_BETWEEN_LOOKS:
            return []
        self._looked = time.monotonic()
        try:
            now = dict(self.client.nthreads())
        except (OSError, TimeoutError, CancelledError) as error:
            raise self.lost() from error
        gone = sorted(set(self.workers) - set(now))
        self.workers = now
        if not gone:
            return []
        names = ", ".join(gone)
        if not now:
            return [
                f"The worker {names} is gone, and no other is left: waiting for one to join {self.address}."
            ]
        return [f"The worker {names} is gone; the others take over what it was computing."]

    def lost(self) -> PlaceLost:
        """Return what to raise when nothing more comes from there."""
        return PlaceLost(f"The scheduler at {self.address} does not answer any more.")

    def result(self, future: Future[Any]) -> Any:
        """Return what a job has made.

        Raises
        ------
        PlaceLost
            When it was lost with the scheduler, or with every worker that tried it.
        """
        from distributed import KilledWorker

        try:
            return future.result()
        except KilledWorker as error:
            raise PlaceLost(
                f"A job has ended several workers at {self.address}, perhaps for memory."
            ) from error
        except (CancelledError, OSError, TimeoutError) as error:
            raise self.lost() from error

    def _find_workers(self) -> dict[str, int]:
        workers = dict(self.client.nthreads())
        if not workers:
            raise UserError(
                f"The scheduler at {self.address} has no workers; start one with: dask worker {self.address}."
            )
        return workers


@contextmanager
def connected(address: str | None) -> Iterator[Cluster | None]:
    """Connect to a scheduler for a while, if one is named.

    Raises
    ------
    UserError
        If it does not answer, has no workers, or these are of another version.
    """
    cluster = None if address is None else Cluster(address)
    try:
        yield cluster
    finally:
        if cluster is not None:
            cluster.close()


def _connect(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise UserError(
            "Other computers are reached by one more package: pip install “napari-unet[cluster]”."
        ) from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what is lost is told in a sentence of ours
    try:
        return Client(address, timeout=SECONDS_TO_CONNECT, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise UserError(
            f"No scheduler answers at {address}: start one there with “dask scheduler”, "
            "and give the address that it prints."
        ) from error


def our_version() -> str:
    """Return the version of this program."""
    return version(PACKAGE)


def _check_versions(client: Any, address: str) -> None:
    """Raise `UserError` where the workers have no napari-unet, or another version of it."""
    ours = our_version()
    try:
        theirs = set(client.run(version, PACKAGE).values())
    except ImportError:  # of importlib.metadata: there is no such package
        theirs = {"none"}
    if theirs != {ours}:
        found = ", ".join(sorted(theirs))
        raise UserError(
            f"The workers at {address} have napari-unet {found} and this computer has {ours}: install the same version "
            "there, with what the workers need: pip install “napari-unet[cluster]”."
        )
