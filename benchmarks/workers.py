"""One worker of one thread against two: how much sooner a large image is segmented on a cluster on this computer.

    python benchmarks/workers.py --side 3000 --repeats 3

A scheduler and two workers run as processes of their own, as on a real cluster; the sheet of cells of `large.py` is
segmented by one worker and by both in turn, and what the system took away from this machine meanwhile (steal) is told.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
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
from napari_unet.workflow.cluster import BlocksOnCluster, connected

PATIENCE = 120.0


@contextmanager
def workers(n: int, folder: Path) -> Iterator[str]:
    """Run a scheduler and workers of one thread each; yield the scheduler's address."""
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
        yield address
    finally:
        for process in reversed(started):
            process.kill()
            process.wait()


def segment(image: Path, output: Path, n: int, memory: float) -> tuple[float, float, NDArray[np.int32]]:
    """Segment with so many workers; return seconds, the stolen share of the processor, and the labels."""
    with workers(n, image.parent) as address, connected(address) as cluster:
        assert cluster is not None
        place = BlocksOnCluster(cluster, bundled_for(1), "cpu")
        stolen, begun = psutil.cpu_times().steal, time.perf_counter()
        done = segment_blocks(
            bundled_for(1), open_lazily(image), output, object_size=SIZE, memory=memory * 1e9, place=place
        )
        seconds = time.perf_counter() - begun
        stolen = (psutil.cpu_times().steal - stolen) / (seconds * (os.cpu_count() or 1))
    return seconds, stolen, np.asarray(zarr.open_array(done.labels / "0", mode="r")[...])


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
    seconds: dict[int, list[float]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory(prefix="workers-") as name:
        folder = Path(name)
        write_image(folder / "sheet.zarr", arguments.side, draw_sheet())
        labels = []
        for repeat in range(arguments.repeats):
            for n in seconds:
                taken, stolen, found = segment(
                    folder / "sheet.zarr", folder / f"{repeat}-{n}.zarr", n, arguments.memory
                )
                seconds[n].append(taken)
                labels.append(found)
                print(
                    f"{n} worker(s): {taken:.1f} s, {100 * stolen:.0f} % of the processor stolen", flush=True
                )
    medians = {n: statistics.median(values) for n, values in seconds.items()}
    same = all(are_same_objects(labels[0], found) for found in labels)
    ratio = medians[1] / medians[2]
    print(f"medians {medians[1]:.1f} and {medians[2]:.1f} s: {ratio:.2f} times as fast; same objects: {same}")


if __name__ == "__main__":
    main()
