"""The pool that pre-training draws patches from: images at the network's scale with their targets, on disk.

    python training/pool.py --data ../shared/data --copies 3       # real images, each at three random scales
    python training/pool.py --generate 4000 --seed 0               # generated images, as many as asked for

Every image is one file, training/out/pool/FAMILY/NAME.npz; what is there is not made again.
"""

import argparse
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label
from skimage.segmentation import relabel_sequential

from napari_unet.annotation.coding import Coding, LabelsAre, to_annotation
from napari_unet.annotation.targets import make_target
from napari_unet.annotation.weight_map import WeightMapSettings, weight_map
from napari_unet.network.scaling import (
    TARGET_SIZE,
    measure_normalisation,
    normalise,
    resample_image,
    resample_labels,
)
from napari_unet.workflow.size import LARGEST_SCALE
from real_sets import RealImage, read_real

ROOT = Path(__file__).resolve().parents[1]
POOL = ROOT / "training/out/pool"
SIDE = 320
"""Largest side in px of an image of the pool; larger ones are cut."""
MOST_CROPS = 6
SIZES = (0.55, 1.8)
"""Range of a typical object's size, over the network's own."""
WEIGHTS = WeightMapSettings(balance_classes=False)


@dataclass(frozen=True)
class PoolImage:
    """An image as the network sees it, and what it is to learn.

    Attributes
    ----------
    image : (C, Y, X) float16
        Normalised grey values; C = 1 grey, 2 stains, 3 red, green and blue.
    classes : (Y, X) uint8
        0 background, 1 object.
    weights, distance : (Y, X) float16
    """

    image: NDArray[np.float16]
    classes: NDArray[np.uint8]
    weights: NDArray[np.float16]
    distance: NDArray[np.float16]

    @classmethod
    def read(cls, path: Path) -> "PoolImage":
        """Read one file of the pool."""
        with np.load(path, allow_pickle=False) as file:
            return cls(*(file[name] for name in ("image", "classes", "weights", "distance")))

    def write(self, path: Path) -> None:
        """Write it at once or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            np.savez(file, **{name: getattr(self, name) for name in self.__dataclass_fields__})
        os.replace(part, path)


def main() -> None:
    """Read the options and fill the pool."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder of the real sets; without it only generated images")
    parser.add_argument(
        "--copies", type=int, default=1, help="how often a real image is there, each time at another scale"
    )
    parser.add_argument("--generate", type=int, default=0, help="number of generated images")
    parser.add_argument("--contrast", help="generate only this kind, such as stained; without it all in turn")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pool", type=Path, default=POOL)
    options = parser.parse_args()
    if options.data is not None:
        for copy in range(options.copies):
            for real in read_real(options.data):
                add_real(options.pool, real, copy)
    start, made = time.monotonic(), 0
    for number in range(options.generate):
        made += add_generated(options.pool, options.seed, number, options.contrast)
        if made and made % 200 == 0:
            print(f"{made} images, {made / (time.monotonic() - start):.1f} per second", flush=True)


def add_real(pool: Path, real: RealImage, copy: int = 0) -> None:
    """Add a real image at a random scale, in crops if it is large; every copy at another scale."""
    name = f"{real.name}.{copy}" if copy else real.name
    rng = np.random.default_rng(list(name.encode()))
    if (pool / real.family / f"{name}-0.npz").exists():
        return
    sizes = np.sqrt(np.bincount(real.labels.ravel())[1:] * 4 / np.pi)
    size = float(np.median(sizes[sizes > 0])) if (sizes > 0).any() else TARGET_SIZE
    scale = min(TARGET_SIZE * _draw_size(rng) / size, LARGEST_SCALE)
    image = normalise(real.image, measure_normalisation([real.image]))
    image = resample_image(image, scale)
    labels = resample_labels(real.labels, (image.shape[1], image.shape[2]))
    for number, box in enumerate(_crops(rng, labels.shape)):
        made = make_pool_image(image[(slice(None), *box)], labels[box])
        made.write(pool / real.family / f"{name}-{number}.npz")


def add_generated(pool: Path, seed: int, number: int, contrast: str | None = None) -> bool:
    """Add the image `number` of a seed; False if it is there already."""
    rng = np.random.default_rng([seed, number])
    name = f"{seed}-{number:06d}.npz"
    if any(pool.glob(f"generated-*/{name}")):
        return False
    from napari_unet.synthetic import Contrast, draw_scene

    kind = None if contrast is None else Contrast(contrast)
    scene = draw_scene(rng, (256, 256), kind, object_size=TARGET_SIZE * _draw_size(rng))
    image = normalise(scene.image, measure_normalisation([scene.image]))
    make_pool_image(image, scene.labels).write(pool / f"generated-{scene.contrast}" / name)
    return True


def make_pool_image(image: NDArray[Any], labels: NDArray[Any]) -> PoolImage:
    """Make the targets of one image; pieces that a crop or resampling cut off are objects of their own."""
    pieces = label(relabel_sequential(labels)[0], connectivity=2, background=0)
    annotation = to_annotation(pieces.astype(np.int32), Coding.MASKS, LabelsAre.OBJECTS)
    target = make_target(annotation)
    weights = weight_map(target, WEIGHTS, factors=np.ones(2, np.float32))
    half = np.float16
    return PoolImage(image.astype(half), target.classes, weights.astype(half), target.distance.astype(half))


def _draw_size(rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(*np.log(SIZES))))


def _crops(rng: np.random.Generator, shape: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
    """Yield boxes of at most `SIDE`, as many as cover the image but not more than `MOST_CROPS`."""
    height, width = shape
    n = min(MOST_CROPS, -(-height // SIDE) * -(-width // SIDE))
    for _ in range(n):
        top, left = (int(rng.integers(max(n - SIDE, 0) + 1)) for n in (height, width))
        yield slice(top, top + SIDE), slice(left, left + SIDE)


if __name__ == "__main__":
    main()
