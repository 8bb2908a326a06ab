"""What the process of a peer does around its training: read the crops, read the test images, say what was done.

It runs in the peer's own environment (see `peers.py`), where there is no napari-unet, but numpy and tifffile.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile


@dataclass(frozen=True)
class Crop:
    """What is learned from: `image` uint8 (Y, X) or (Y, X, 3), `labels` int32 (Y, X), 0 background."""

    image: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Trained:
    """A trained peer: `segment` makes int labels (Y, X) of an image; `notes` go into the row of the table."""

    segment: Callable[[np.ndarray], np.ndarray]
    notes: dict[str, object]


Train = Callable[[list[Crop], float, int, Path], Trained]
"""Trains on crops for so many seconds, with a seed, and may keep files in a folder."""


def run(train: Train, versions: dict[str, str]) -> None:
    """Do what `peers.py` asks for on the command line: FOLDER SECONDS SEED."""
    folder, seconds, seed = Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    crops = [
        Crop(tifffile.imread(path), tifffile.imread(folder / "labels" / path.name))
        for path in sorted((folder / "crops").glob("*.tif"))
    ]
    work = folder / "work"
    work.mkdir()
    trained = train(crops, seconds, seed, work)
    read = folder / "read"
    read.mkdir()
    start = time.perf_counter()
    for path in sorted((folder / "test").glob("*.tif")):
        labels = trained.segment(tifffile.imread(path))
        tifffile.imwrite(read / path.name, labels.astype(np.int32))
    segment_s = time.perf_counter() - start
    described = ", ".join(f"{name} {version}" for name, version in versions.items())
    notes = trained.notes | {"segment_s": round(segment_s, 1), "versions": described}
    (folder / "report.json").write_text(json.dumps(notes))
