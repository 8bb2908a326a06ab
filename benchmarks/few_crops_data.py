"""The data sets of `few_crops.py`: four crops to learn from, drawn by seed, and images to score.

Crops are drawn as a person would choose them: from four different images, with something to paint in each.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import tifffile
from skimage.measure import label
from skimage.segmentation import relabel_sequential

N_CROPS = 4
LARGEST_TEST_SIDE = 1024  # px; larger images are scored on their middle, to keep the minutes few


@dataclass(frozen=True)
class Sample:
    """One image with its truth: `image` uint8 (Y, X) or (Y, X, 3), `labels` (Y, X) as the set codes them."""

    name: str
    image: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class DataSet:
    """Where the images of one set are and how its labels are to be read.

    `coding` and `labels_are` are what a user says to `napari-unet train`; a crop has at most `crop` x
    `crop` px. `measures` names the scores, each with +1 (more is better) or -1 (less is better).
    `training` and `test` list the paths of images and labels below the data folder.
    """

    name: str
    coding: str
    labels_are: str
    crop: int
    grey: bool
    measures: dict[str, int]
    training: Callable[[Path], list[tuple[Path, Path]]]
    test: Callable[[Path], list[tuple[Path, Path]]]

    def is_there(self, data: Path) -> bool:
        """Whether the images of this set lie in the folder `data`."""
        return (data / self.name.split("-")[0]).is_dir()


def dsb2018_paths(data: Path, split: str, group: str) -> list[tuple[Path, Path]]:
    """Images of one group of the Data Science Bowl 2018, `split` being "train" or "test"."""
    with (data / "dsb2018" / "groups.csv").open(newline="") as table:
        rows = [
            row
            for row in csv.DictReader(table)
            if row["split"] == f"stage1_{split}" and row["group"] == group
        ]
    folder = data / "dsb2018" / split
    return [(folder / "images" / f"{row['id']}.png", folder / "labels" / f"{row['id']}.tif") for row in rows]


def paths_where(data: Path, name: str, choose: Callable[[str], bool]) -> list[tuple[Path, Path]]:
    """Images and labels of a set that share a file name, for the names that `choose` takes."""
    images = sorted((data / name / "images").glob("*.png"))
    return [(image, data / name / "labels" / image.name) for image in images if choose(image.stem)]


def is_read_rat(stem: str) -> bool:
    """Whether an axon image is of one of the two rats that no crop is drawn from."""
    return stem.startswith(("sub-rat3_", "sub-rat8_"))


OBJECT_MEASURES = {"ap50": 1, "f1": 1}

DATA_SETS = {
    one.name: one
    for one in (
        DataSet(
            name="dsb2018-fluorescence",
            coding="masks",
            labels_are="objects",
            crop=256,
            grey=True,
            measures=OBJECT_MEASURES,
            training=lambda data: dsb2018_paths(data, "train", "fluorescence"),
            test=lambda data: dsb2018_paths(data, "test", "fluorescence"),
        ),
        DataSet(
            name="dsb2018-colour",
            coding="masks",
            labels_are="objects",
            crop=256,
            grey=False,
            measures=OBJECT_MEASURES,
            training=lambda data: dsb2018_paths(data, "train", "colour"),
            test=lambda data: dsb2018_paths(data, "test", "colour"),
        ),
        # Binary masks of cell interiors, as objects: what a user wants of this stack are the cells, and
        # it is they that the foreground-restricted Rand score compares.
        DataSet(
            name="isbi2012_em",
            coding="binary",
            labels_are="objects",
            crop=192,
            grey=True,
            measures={"rand": 1, "pixel_error": -1},
            training=lambda data: paths_where(data, "isbi2012_em", lambda stem: int(stem) < 10),
            test=lambda data: paths_where(data, "isbi2012_em", lambda stem: int(stem) >= 10),
        ),
        DataSet(
            name="axon_sem",
            coding="masks",
            labels_are="classes",
            crop=512,
            grey=True,
            measures={"mean_iou": 1},
            training=lambda data: paths_where(data, "axon_sem", lambda stem: not is_read_rat(stem)),
            test=lambda data: paths_where(data, "axon_sem", is_read_rat),
        ),
    )
}


def read_sample(image_path: Path, labels_path: Path, grey: bool) -> Sample:
    """Read an image without its alpha channel, as one grey channel where `grey`, and its labels."""
    image = np.asarray(iio.imread(image_path))
    if image.ndim == 3:
        image = image[..., :3].mean(axis=2).round().astype(np.uint8) if grey else image[..., :3]
    elif not grey:
        image = np.stack([image] * 3, axis=-1)
    labels = tifffile.imread(labels_path) if labels_path.suffix == ".tif" else iio.imread(labels_path)
    return Sample(image_path.stem, image, np.asarray(labels))


def cut(sample: Sample, side: int, top: int, left: int) -> Sample:
    """The crop of at most `side` x `side` px whose upper left corner is (`top`, `left`)."""
    box = (slice(top, top + side), slice(left, left + side))
    return Sample(
        sample.name, np.ascontiguousarray(sample.image[box]), np.ascontiguousarray(sample.labels[box])
    )


def as_objects(labels: np.ndarray, coding: str) -> np.ndarray:
    """Labels (Y, X) int32 with a number for every object, from 1; 0 background.

    In a binary mask, membranes of one pixel separate cells, so that cells are connected over edges only.
    """
    if coding == "binary":
        return label(labels > 0, connectivity=1).astype(np.int32)
    return relabel_sequential(labels)[0].astype(np.int32)


def is_worth_painting(crop: Sample, labels_are: str) -> bool:
    """Whether a person would choose this crop: three objects and some background, or all three classes."""
    if labels_are == "classes":
        return all((crop.labels == value).mean() > 0.02 for value in (0, 1, 2))
    values = crop.labels
    if values.max() == 255 and np.unique(values).size == 2:  # a binary mask
        values = label(values > 0, connectivity=1)
    return np.unique(values).size > 3 and bool((crop.labels == 0).any())


def draw_crops(data_set: DataSet, data: Path, seed: int, n_crops: int = N_CROPS) -> list[Sample]:
    """Crops of as many different training images; the first ones of a seed are always the same."""
    rng = np.random.default_rng([seed, sum(data_set.name.encode())])
    paths = data_set.training(data)
    crops: list[Sample] = []
    for index in rng.permutation(len(paths)):
        sample = read_sample(*paths[index], grey=data_set.grey)
        height, width = sample.labels.shape
        for _ in range(10):
            top = int(rng.integers(max(height - data_set.crop, 0) + 1))
            left = int(rng.integers(max(width - data_set.crop, 0) + 1))
            crop = cut(sample, data_set.crop, top, left)
            if is_worth_painting(crop, data_set.labels_are):
                crops.append(crop)
                break
        if len(crops) == n_crops:
            return crops
    raise SystemExit(f"{data_set.name} has fewer than {n_crops} images with something to paint in them.")


def read_test(data_set: DataSet, data: Path, limit: int | None) -> list[Sample]:
    """The images that are scored, at most `limit` of them, evenly spread over the list."""
    paths = data_set.test(data)
    if limit is not None and limit < len(paths):
        paths = [paths[i] for i in np.linspace(0, len(paths) - 1, limit).round().astype(int)]
    samples = []
    for image_path, labels_path in paths:
        sample = read_sample(image_path, labels_path, data_set.grey)
        top, left = (
            (side - LARGEST_TEST_SIDE) // 2 if side > LARGEST_TEST_SIDE else 0 for side in sample.labels.shape
        )
        samples.append(cut(sample, LARGEST_TEST_SIDE, top, left))
    return samples
