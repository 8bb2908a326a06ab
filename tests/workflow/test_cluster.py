"""Workers of dask on this computer, as processes of their own: the same labels, and what is said when one is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from block_scenes import crowd, in_blocks
from painted_discs import annotate

from quick import QUICK

distributed = pytest.importorskip("distributed")

from napari_unet.errors import UserError  # noqa: E402
from napari_unet.formats.lazy import open_lazily  # noqa: E402
from napari_unet.workflow import train_model  # noqa: E402
from napari_unet.workflow.cluster import Cluster, connected  # noqa: E402
from napari_unet.workflow.cluster_blocks import BlocksOnCluster  # noqa: E402
from napari_unet.workflow.cluster_training import train_on  # noqa: E402


class Processes:
    """A scheduler and its workers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workers: list[subprocess.Popen[bytes]] = []
        file = folder / "scheduler.json"
        self.scheduler = self._start(
            "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", file
        )
        until = time.monotonic() + 100
        while not (file.exists() and file.read_text().endswith("}")) and time.monotonic() < until:
            time.sleep(0.05)
        self.address = json.loads(file.read_text())["address"]

    def add_worker(self) -> None:
        """Start one more, of one thread, that is not started again when it is killed."""
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", self.folder)
        self.workers.append(self._start("worker", self.address, *options))

    def wait_for(self, n: int) -> None:
        """Wait until so many workers have joined."""
        with distributed.Client(self.address, timeout=60, set_as_default=False) as client:
            client.wait_for_workers(n, timeout=100)

    def end(self) -> None:
        """End all of them."""
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()

    def _start(self, *arguments: object) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", *map(str, arguments)]
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "60s",
        }
        return subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder
        )


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    started = Processes(tmp_path)
    yield started
    started.end()


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return crowd(530, 1050)


def read(folder: Path) -> np.ndarray:
    return np.asarray(zarr.open_array(folder / "0", mode="r")[...])


@pytest.mark.slow
@pytest.mark.parametrize("by_disk", [True, False])
def test_a_worker_and_then_the_scheduler_are_killed_and_nothing_is_lost(
    learned, image, processes, tmp_path, by_disk
):
    for _ in range(2):
        processes.add_worker()
    processes.wait_for(2)
    at_home = read(in_blocks(learned.model, image, tmp_path / "home.zarr").labels)
    told: list[str] = []
    done: list[tuple[int, ...]] = []

    def kill_in_the_middle(box: tuple[int, ...]) -> None:
        done.append(box)
        if len(done) == 1:
            processes.workers[0].kill()
            time.sleep(4)  # until the scheduler has seen it, and we look again
        if len(done) == 4:
            processes.scheduler.kill()

    tifffile.imwrite(tmp_path / "crowd.tif", image[0])
    cluster = Cluster(processes.address)
    try:
        place = BlocksOnCluster(cluster)
        assert place.at_once == 4
        result = in_blocks(
            learned.model,
            open_lazily(tmp_path / "crowd.tif") if by_disk else image,
            tmp_path / "away.zarr",
            place=place,
            on_block=kill_in_the_middle,
            tell=told.append,
        )
    finally:
        cluster.close()
    assert place.by_disk == by_disk
    assert len(done) == 6
    worker, scheduler = told
    assert worker.startswith("The worker tcp://127.0.0.1:")
    assert "the others take over" in worker
    assert "does not answer any more. The rest is computed on this computer." in scheduler
    labels = read(result.labels)
    np.testing.assert_array_equal(labels > 0, at_home > 0)
    assert len(np.unique(labels)) == len(np.unique(at_home))


def test_where_there_is_no_cluster_one_sentence_says_what_to_do(processes, monkeypatch):
    from napari_unet.workflow import cluster

    with pytest.raises(UserError, match=r"has no workers; start one with: dask worker tcp://"):
        Cluster(processes.address)
    processes.add_worker()
    processes.wait_for(1)
    monkeypatch.setattr(cluster, "our_version", lambda: "9.9")
    with pytest.raises(UserError, match=r"and this computer has 9\.9: install the same version"):
        Cluster(processes.address)
    processes.end()
    monkeypatch.setattr(cluster, "SECONDS_TO_CONNECT", 1)
    for nowhere in (processes.address, "127.0.0.1:1", "not an address"):
        with pytest.raises(UserError, match="No scheduler answers at"):
            Cluster(nowhere)


@pytest.mark.slow
def test_a_training_on_a_worker_reports_stops_and_comes_home(processes):
    processes.add_worker()
    processes.wait_for(1)
    endless = QUICK.model_copy(update={"steps": 100_000, "early_stop": False})
    reports: list[object] = []
    with connected(processes.address) as cluster:
        at_once = train_on(cluster, [annotate()], QUICK, on_report=reports.append, name="short")
        assert at_once.model.description.name == "short"
        assert at_once.outcome.steps == QUICK.steps
        home = train_model([annotate()], QUICK, name="short")
        assert at_once.model.description.training.seed == home.model.description.training.seed
        reports.clear()
        stopped = train_on(
            cluster, [annotate()], endless, on_report=reports.append, should_stop=lambda: len(reports) > 3
        )
    assert stopped.outcome.stopped
    assert 0 < stopped.outcome.steps < 100_000
    assert len(reports) > 3


@pytest.mark.slow
def test_a_training_whose_scheduler_goes_begins_anew_here(processes):
    processes.add_worker()
    processes.wait_for(1)
    told: list[str] = []
    reports: list[object] = []

    def kill(report: object) -> None:
        reports.append(report)
        if len(reports) == 2:
            processes.end()

    settings = QUICK.model_copy(update={"steps": 120, "early_stop": False})
    with connected(processes.address) as cluster:
        trained = train_on(cluster, [annotate()], settings, on_report=kill, tell=told.append)
    assert told[-1].endswith("does not answer any more. The training begins anew on this computer.")
    assert trained.outcome.steps == 120
