"""One worker of one thread against two: how much sooner a large image is segmented on a cluster on this computer.

    python benchmarks/workers.py --side 3000 --repeats 3

A scheduler and two workers run as processes of their own, as on a real cluster; the sheet of cells of `large.py` is
segmented by one worker and by both in turn. Beside the clock stands what each process has worked (processor seconds),
which other programs on the machine change little, and what the system took away from this machine meanwhile (steal).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import distributed
import numpy as np
import psutil
import zarr
from numpy.typing import NDArray

from large import SIZE, draw_sheet, write_image
from napari_unet.formats.lazy import open_lazily
from napari_unet.network.bundled import bundled_for
from napari_unet.workflow.blocks.segmentation import segment_blocks
from napari_unet.workflow.cluster import connected
from napari_unet.workflow.cluster_blocks import BlocksOnCluster

PATIENCE = 120.0
SMALL = 800
"""Side in px of the image that workers have seen before."""


@dataclass(frozen=True)
class Run:
    """One image segmented.

    Attributes
    ----------
    seconds
        By the clock.
    stolen
        The share of the processor that the system took away.
    worked
        Processor seconds of this program, of the scheduler, and of every worker.
    labels
        (Y, X).
    """

    seconds: float
    stolen: float
    worked: list[float]
    labels: NDArray[np.int32]


@contextmanager
def workers(n: int, folder: Path) -> Iterator[tuple[str, list[psutil.Process]]]:
    """Run a scheduler and workers of one thread each; yield the scheduler's address, and its and their processes."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: object) -> None:
        command = [sys.executable, "-m", "dask", *map(str, arguments)]
        quiet = subprocess.DEVNULL
        started.append(subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet, cwd=folder))

    file = folder / "scheduler.json"
    file.unlink(missing_ok=True)
    try:
        start("scheduler", "--host", "127.0.0.1", "--port", 0, "--no-dashboard", "--scheduler-file", file)
        until = time.monotonic() + PATIENCE
        while not file.exists() and time.monotonic() < until:
            time.sleep(0.1)
        address = json.loads(file.read_text())["address"]
        for _ in range(n):
            start(
                "worker",
                address,
                "--nthreads",
                1,
                "--no-nanny",
                "--no-dashboard",
                "--local-directory",
                folder,
            )
        with distributed.Client(address, timeout=PATIENCE, set_as_default=False) as client:
            client.wait_for_workers(n, timeout=PATIENCE)
        yield address, [psutil.Process(process.pid) for process in started]
    finally:
        for process in reversed(started):
            process.kill()
            process.wait()


def segment(image: Path, small: Path, output: Path, n: int, memory: float) -> Run:
    """Segment with so many workers, after a small image, for which they load PyTorch and the network."""
    with workers(n, image.parent) as (address, others), connected(address) as cluster:
        assert cluster is not None
        processes = [psutil.Process(), *others]
        how = {"object_size": SIZE, "memory": memory * 1e9, "device": "cpu"}
        first = segment_blocks(
            bundled_for(1), open_lazily(small), output, place=BlocksOnCluster(cluster), tile=256, **how
        )
        shutil.rmtree(first.labels)
        place = BlocksOnCluster(cluster)
        before, stolen, begun = worked(processes), psutil.cpu_times().steal, time.perf_counter()
        done = segment_blocks(bundled_for(1), open_lazily(image), output, place=place, **how)
        seconds = time.perf_counter() - begun
        stolen = (psutil.cpu_times().steal - stolen) / (seconds * (os.cpu_count() or 1))
        work = [after - earlier for after, earlier in zip(worked(processes), before, strict=True)]
        assert place.by_disk
    return Run(seconds, stolen, work, np.asarray(zarr.open_array(done.labels / "0", mode="r")[...]))


def worked(processes: list[psutil.Process]) -> list[float]:
    """Return the processor seconds of every process so far."""
    times = [process.cpu_times() for process in processes]
    return [time.user + time.system for time in times]


def are_same_objects(one: NDArray[np.int32], other: NDArray[np.int32]) -> bool:
    """Tell whether two label images differ in numbers only, which follow the order in which blocks come back."""
    pairs = np.unique(np.stack([one.ravel(), other.ravel()]), axis=1)
    return all(len(np.unique(numbers)) == pairs.shape[1] for numbers in pairs)


def main() -> None:
    """Print every run, then the medians' ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=3000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memory", type=float, default=1.2, help="GB; it decides how large blocks are")
    arguments = parser.parse_args()
    runs: dict[int, list[Run]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory(prefix="workers-") as name:
        folder = Path(name)
        sheet = draw_sheet()
        write_image(folder / "sheet.zarr", arguments.side, sheet)
        write_image(folder / "small.zarr", SMALL, sheet)
        for repeat in range(arguments.repeats):
            for n, those in runs.items():
                run = segment(
                    folder / "sheet.zarr",
                    folder / "small.zarr",
                    folder / f"{repeat}-{n}.zarr",
                    n,
                    arguments.memory,
                )
                those.append(run)
                program, scheduler, *each = (f"{seconds:.1f}" for seconds in run.worked)
                print(
                    f"{n} worker(s): {run.seconds:.1f} s, {100 * run.stolen:.0f} % of the processor stolen; processor "
                    f"seconds: program {program}, scheduler {scheduler}, workers {' and '.join(each)}",
                    flush=True,
                )
    one, two = (statistics.median(run.seconds for run in those) for those in runs.values())
    first, *others = (run.labels for those in runs.values() for run in those)
    same = all(are_same_objects(first, found) for found in others)
    print(f"medians {one:.1f} and {two:.1f} s: {one / two:.2f} times as fast; same objects: {same}")
    alone, shared = (statistics.median(sum(run.worked) for run in those) for those in runs.values())
    cores = min(2, os.cpu_count() or 1)
    busiest = statistics.median(max(max(run.worked), sum(run.worked) / cores) for run in runs[2])
    worker = statistics.median(run.worked[2] for run in runs[1])
    print(
        f"processor seconds in all: {alone:.1f} with one, {shared:.1f} with two; the one worker {worker:.1f} s against "
        f"{busiest:.1f} s of both cores full or of the busiest process: {worker / busiest:.2f} times"
    )


if __name__ == "__main__":
    main()
