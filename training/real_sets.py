"""The real images that the bundled weights may learn from: Data Science Bowl 2018 (CC0), axons in SEM (MIT).

A tenth of the Bowl's training images, chosen by a hash of their name, validates and never trains. Its test
folder, and every other set, is never read here.
"""

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import tifffile
from numpy.typing import NDArray
from scipy import ndimage

VALIDATION_SHARE = 10
"""One image in so many validates."""
FAMILIES = ("fluorescence", "colour", "gray_bright", "axon_sem")


@dataclass(frozen=True)
class RealImage:
    """One annotated image.

    Attributes
    ----------
    image : (C, Y, X), one channel or red, green and blue
    labels : (Y, X) int32
        0 background, one value per object.
    """

    family: str
    name: str
    image: NDArray[Any]
    labels: NDArray[np.int32]


def read_real(data: Path, without: tuple[str, ...] = (), validation: bool = False) -> Iterator[RealImage]:
    """Yield the training (or validation) images below the folder `data`, but none of the families `without`."""
    yield from _read_bowl(data / "dsb2018", without, validation)
    if "axon_sem" not in without and not validation:
        yield from _read_axons(data / "axon_sem")


def validates(name: str) -> bool:
    """Tell whether an image of this name validates."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % VALIDATION_SHARE == 0


def _read_bowl(folder: Path, without: tuple[str, ...], validation: bool) -> Iterator[RealImage]:
    with (folder / "groups.csv").open(newline="") as table:
        rows = [row for row in csv.DictReader(table) if row["split"] == "stage1_train"]
    for row in rows:
        if row["group"] in without or validates(row["id"]) != validation:
            continue
        image = np.asarray(iio.imread(folder / "train" / "images" / f"{row['id']}.png"))
        image = np.moveaxis(image[..., :3], -1, 0)
        if row["group"] != "colour":
            image = image.mean(axis=0, keepdims=True).round().astype(np.uint8)
        labels = tifffile.imread(folder / "train" / "labels" / f"{row['id']}.tif").astype(np.int32)
        yield RealImage(row["group"], row["id"], image, labels)


def _read_axons(folder: Path) -> Iterator[RealImage]:
    """Axons without their myelin as objects; rats 3 and 8 are for reading benchmarks only."""
    for path in sorted((folder / "images").glob("*.png")):
        if path.stem.startswith(("sub-rat3_", "sub-rat8_")):
            continue
        image = np.asarray(iio.imread(path))
        if image.ndim == 3:
            image = image[..., :3].mean(axis=-1).round().astype(np.uint8)
        axons = np.asarray(iio.imread(folder / "labels" / path.name)) == 2
        labels = ndimage.label(axons)[0].astype(np.int32)
        yield RealImage("axon_sem", path.stem, image[None], labels)
