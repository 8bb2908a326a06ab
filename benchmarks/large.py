"""Images larger than memory: what they take in memory and time, and whether objects on seams are those of one piece.

    python benchmarks/large.py --sides 5000 20000 --crop 4000 --memory 1.5

A confluent sheet of cells (Voronoi, 30 px) is written to OME-Zarr piece by piece; `napari-unet segment` segments
each size in a process of its own, whose peak memory the system tells. Then a crop is segmented in one piece and in
blocks.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import zarr
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from napari_unet.formats.lazy import LazyImage, open_lazily
from napari_unet.network.bundled import bundled_for
from napari_unet.network.model_file import Model
from napari_unet.objects.overlaps import count_overlaps
from napari_unet.workflow import segment_image
from napari_unet.workflow.blocks.plan import make_plan
from napari_unet.workflow.blocks.sample import fixed, sample_of
from napari_unet.workflow.blocks.segmentation import segment_blocks

SIZE = 30.0
PERIOD = 1999
"""Side of the sheet that is repeated, in px: no multiple of a block, so that seams fall elsewhere each time."""
CHUNK = 1024
BLOCKS = 0.6e9
"""Bytes that blocks may take when they are compared with one piece: small ones have more seams."""
NEAR = 40
"""An object counts as one at a seam if its middle is so near to one (px)."""


def draw_sheet(seed: int = 0) -> NDArray[np.float32]:
    """Return cells without gaps, (PERIOD, PERIOD), whose opposite edges fit together."""
    rng = np.random.default_rng(seed)
    n = round(PERIOD / SIZE)
    middles = (np.indices((n, n)).reshape(2, -1).T + 0.5 + rng.uniform(-0.33, 0.33, (n * n, 2))) * PERIOD / n
    pixels = np.indices((PERIOD, PERIOD)).reshape(2, -1).T.astype(np.float32)
    bends = [ndimage.gaussian_filter(rng.normal(size=(PERIOD, PERIOD)), 6, mode="wrap") * 30 for _ in (0, 1)]
    pixels = (pixels + np.stack(bends, -1).reshape(-1, 2)) % PERIOD
    distances, cells = cKDTree(middles % PERIOD, boxsize=PERIOD).query(pixels, 2)
    rim = np.clip((distances[:, 1] - distances[:, 0]) / 4, 0.15, 1)
    sheet = (rng.uniform(0.6, 1.2, n * n)[cells[:, 0]] * rim).reshape(PERIOD, PERIOD)
    return (120 * ndimage.gaussian_filter(sheet, 1.2, mode="wrap") + 20).astype(np.float32)


def write_image(path: Path, side: int, sheet: NDArray[np.float32]) -> None:
    """Write a square image of so many px, with noise of its own in every chunk."""
    group = zarr.open_group(path, mode="w", zarr_format=2)
    axes = [{"name": name, "type": "space"} for name in "yx"]
    scale = {"type": "scale", "scale": [1.0, 1.0]}
    datasets = [{"path": "0", "coordinateTransformations": [scale]}]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
    stored = group.create_array("0", shape=(side, side), chunks=(CHUNK, CHUNK), dtype="u1")
    for y in range(0, side, CHUNK):
        for x in range(0, side, CHUNK):
            rows, columns = (np.arange(k, min(k + CHUNK, side)) % PERIOD for k in (y, x))
            noise = np.random.default_rng([y, x]).normal(0, 5, (rows.size, columns.size))
            stored[y : y + CHUNK, x : x + CHUNK] = np.clip(sheet[rows[:, None], columns] + noise, 0, 255)


def segment(image: Path, output: Path, memory: float) -> tuple[float, float, float]:
    """Run the command; return seconds, the processor's seconds and peak memory in GB."""
    before, used = time.perf_counter(), processor_seconds()
    code = (
        "import resource, sys; from napari_unet.cli import app\n"
        "try: app(sys.argv[1:], standalone_mode=False)\n"
        "finally: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    command = [sys.executable, "-c", code, "segment", image, "-o", output]
    command += ["--object-size", SIZE, "--memory", memory, "--grey-range", "per-image"]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True)
    peak = int(done.stdout.split()[-1]) * 1024 / 1e9
    return time.perf_counter() - before, processor_seconds() - used, peak


def processor_seconds() -> float:
    """Return how long the processor has worked for processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def compare(image: LazyImage, folder: Path) -> dict[str, float]:
    """Segment an image in one piece and in blocks; return how many objects are the same, at seams and elsewhere."""
    model = bundled_for(1)
    grey = model.description.normalisation.model_copy(update={"mode": "per image"})
    grey = fixed(grey, sample_of(image, 1)[0])
    model = Model(model.description.model_copy(update={"normalisation": grey}), model.network)
    _, height, width = image.shape
    whole = segment_image(model, image.read(0, height, 0, width, 1), object_size=SIZE).labels
    memory = psutil.Process().memory_info().rss + BLOCKS
    side = make_plan(model, image, object_size=SIZE, memory=memory).plan.block
    done = segment_blocks(model, image, folder / "blocks.zarr", object_size=SIZE, memory=memory)
    blocks = np.asarray(zarr.open_array(done.labels / "0", mode="r")[...])
    overlaps = count_overlaps(whole, blocks)
    areas, others, pairs = overlaps.areas_of_first(), overlaps.areas_of_second(), overlaps.of_objects()
    triples = zip(pairs.first.tolist(), pairs.second.tolist(), pairs.pixels.tolist(), strict=True)
    same = {a for a, b, shared in triples if shared >= 0.99 * (areas[a] + others[b] - shared)}
    found = {"seam": 0, "seam same": 0, "elsewhere": 0, "elsewhere same": 0}
    for number, box in enumerate(ndimage.find_objects(whole), 1):
        if box is not None:
            middles = [(part.start + part.stop) / 2 % side for part in box]
            where = "seam" if min(min(at, side - at) for at in middles) < NEAR else "elsewhere"
            found[where] += 1
            found[f"{where} same"] += number in same
    return {**found, "block": side, "objects in blocks": done.n_objects}


def main() -> None:
    """Print a row per size and one for the crop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sides", type=int, nargs="*", default=[5000, 20000])
    parser.add_argument("--crop", type=int, default=4000, help="0: no comparison")
    parser.add_argument("--memory", type=float, default=1.5)
    parser.add_argument("--folder", type=Path, help="where images are kept; by default they are removed")
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="large-"))
    folder.mkdir(exist_ok=True, parents=True)
    sheet = draw_sheet()
    try:
        for side in arguments.sides:
            image, output = folder / f"sheet{side}.zarr", folder / f"labels{side}.zarr"
            if not image.exists():
                write_image(image, side, sheet)
            seconds, used, peak = segment(image, output, arguments.memory)
            pixels = side**2 / 1e6
            print(
                f"{side}²: {seconds:.0f} s, {seconds / pixels:.2f} s and {used / pixels:.2f} processor seconds per "
                f"megapixel, peak {peak:.2f} GB",
                flush=True,
            )
        if arguments.crop:
            image = folder / f"sheet{arguments.crop}.zarr"
            if not image.exists():
                write_image(image, arguments.crop, sheet)
            found = compare(open_lazily(image), folder)
            print(f"{arguments.crop}² in one piece and in blocks: {json.dumps(found)}", flush=True)
    finally:
        if arguments.folder is None:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
