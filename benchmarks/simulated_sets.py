"""The images of `simulated_user.py`: one set to annotate, other images of the kind to be read, all with exact truth."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from skimage.measure import label

from few_crops_data import dsb2018_paths, read_sample
from napari_unet.synthetic import Contrast, draw_scene

SIDE = 256
N_WORK, N_READ = 6, 12
SYNTHETIC_SIZE = 26.0  # px
FEWEST = 5  # objects of a crop: in an empty one there is nothing to do


@dataclass(frozen=True, eq=False)
class Images:
    """A stack to work on and one to read: images (N, Y, X) or (N, Y, X, 3), truths (N, Y, X) int32 from 1."""

    work: np.ndarray
    work_truth: np.ndarray
    read: np.ndarray
    read_truth: np.ndarray

    @property
    def rgb(self) -> bool:
        """Whether they are coloured."""
        return self.work.ndim == 4


def is_read(name: str) -> bool:
    """Whether an image is one to be read: half of all, by the hash of its name."""
    return hashlib.sha256(name.encode()).digest()[0] % 2 == 1


def read_dsb(group: str, data: Path, seed: int) -> Images:
    """Crops of a group of the Data Science Bowl 2018, those to work on from other images than those to read."""
    grey = group != "colour"
    paths = [*dsb2018_paths(data, "train", group), *dsb2018_paths(data, "test", group)]
    rng = np.random.default_rng([seed, 5])
    stacks: dict[bool, list[tuple[np.ndarray, np.ndarray]]] = {False: [], True: []}
    for k in rng.permutation(len(paths)):
        kind = is_read(paths[k][0].stem)
        wanted = N_READ if kind else N_WORK
        if len(stacks[kind]) >= wanted:
            continue
        sample = read_sample(*paths[k], grey=grey)
        crops = _crops(sample.image, sample.labels, rng, 1 if grey is False else 3)
        stacks[kind].extend(crops[: wanted - len(stacks[kind])])
    return _stacked(stacks[False], stacks[True])


def _crops(
    image: np.ndarray, labels: np.ndarray, rng: np.random.Generator, most: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Cut at most so many crops of full size with enough objects; the bright images are few and large."""
    found = []
    height, width = labels.shape
    if min(height, width) < SIDE:
        return []
    for _ in range(most):
        y, x = int(rng.integers(height - SIDE + 1)), int(rng.integers(width - SIDE + 1))
        box = (slice(y, y + SIDE), slice(x, x + SIDE))
        truth = renumbered(labels[box])
        if truth.max() >= FEWEST:
            found.append((image[box], truth))
    return found


def draw_synthetic(contrast: Contrast, data: Path, seed: int) -> Images:
    """Generated images; those to read come from other random numbers."""

    def draw(n: int, which: int) -> list[tuple[np.ndarray, np.ndarray]]:
        scenes = [
            draw_scene(np.random.default_rng([seed, which, k]), (SIDE, SIDE), contrast, SYNTHETIC_SIZE)
            for k in range(n)
        ]
        return [((255 * scene.image[0]).astype(np.uint8), renumbered(scene.labels)) for scene in scenes]

    return _stacked(draw(N_WORK, 0), draw(N_READ, 1))


def renumbered(labels: np.ndarray) -> np.ndarray:
    """Return objects numbered from 1, every piece one; crumbs that a crop's edge leaves are background."""
    pieces = label(labels, connectivity=1, background=0)
    areas = np.bincount(pieces.ravel())
    keep = (areas >= 12) & (np.arange(areas.size) > 0)
    return (np.cumsum(keep) * keep)[pieces].astype(np.int32)


def _stacked(work: list[tuple[np.ndarray, np.ndarray]], read: list[tuple[np.ndarray, np.ndarray]]) -> Images:
    return Images(
        np.stack([image for image, _ in work]),
        np.stack([truth for _, truth in work]),
        np.stack([image for image, _ in read]),
        np.stack([truth for _, truth in read]),
    )


SETS: dict[str, Callable[[Path, int], Images]] = {
    "dsb2018-colour": lambda data, seed: read_dsb("colour", data, seed),
    "dsb2018-bright": lambda data, seed: read_dsb("gray_bright", data, seed),
    "confluent": lambda data, seed: draw_synthetic(Contrast.MEMBRANE, data, seed),
    "phase": lambda data, seed: draw_synthetic(Contrast.PHASE, data, seed),
}
