"""Varied patches from the pool, drawn in a process of their own beside the training."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset

from napari_unet.network.augmentation import (
    AugmentationSettings,
    Planes,
    draw_grids,
    sample_image,
    sample_planes,
    spline_coefficients,
    vary_grey,
)
from pool import PoolImage

AUGMENTATION = AugmentationSettings(scale=0.3, noise=0.08, blur=1.5, gamma=0.5, contrast=0.5, brightness=0.2)
MARGIN = 0.6
"""How much larger than the patch the window is that it is cut from, on each side, as a fraction."""
SHARES = {"fluorescence": 3.0, "colour": 2.5, "gray_bright": 0.7, "axon_sem": 0.8}
"""How often a family is drawn; every generated one counts 1."""
INVERTED = 0.25
RESCAN = 2_000
"""Patches after which the pool is looked at again: it may grow while the training runs."""


class PoolPatches(IterableDataset[tuple[Tensor, ...]]):
    """Endless batches of patches: image (N, 3, S, S), classes, weights, distance (N, S, S).

    Parameters
    ----------
    pool : Path
    families : sequence of str
        Names that a family's folder must begin with.
    size : int
        Side of a patch in px.
    batch : int
    seed : int
    """

    def __init__(self, pool: Path, without: tuple[str, ...], size: int, batch: int, seed: int) -> None:
        self.pool, self.without, self.size, self.batch, self.seed = pool, without, size, batch, seed

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        torch.set_num_threads(1)
        rng = np.random.default_rng(self.seed)
        while True:
            families = self._scan()
            names = list(families)
            shares = np.array([SHARES.get(name, 1.0) for name in names])
            for _ in range(RESCAN // self.batch):
                drawn = rng.choice(names, size=self.batch, p=shares / shares.sum())
                yield self._draw_batch([families[name] for name in drawn], rng)

    def _scan(self) -> dict[str, list[Path]]:
        """List the pool's files by family."""
        found = {
            folder.name: sorted(folder.glob("*.npz"))
            for folder in sorted(self.pool.iterdir())
            if not folder.name.startswith(self.without or ("-",))
        }
        return {name: files for name, files in found.items() if files}

    def _draw_batch(self, among: list[list[Path]], rng: np.random.Generator) -> tuple[Tensor, ...]:
        drawn = [draw_patch(PoolImage.read(f[rng.integers(len(f))]), self.size, rng) for f in among]
        images, planes = zip(*drawn, strict=True)
        return (
            torch.from_numpy(np.stack(images)),
            torch.from_numpy(np.stack([p.classes for p in planes])).long(),
            torch.from_numpy(np.stack([p.weights for p in planes])),
            torch.from_numpy(np.stack([p.distance for p in planes])),
        )


def draw_patch(source: PoolImage, size: int, rng: np.random.Generator) -> tuple[NDArray[np.float32], Planes]:
    """Draw one varied patch: its image with three channels, and its target."""
    shape = source.classes.shape
    centre = [
        float(rng.uniform(min(size, n) / 2 - 0.5, max(n - size / 2, min(size, n) / 2) - 0.5)) for n in shape
    ]
    reach = int(size * (0.5 + MARGIN))
    starts = [max(int(c) - reach, 0) for c in centre]
    box = tuple(slice(start, int(c) + reach + 1) for start, c in zip(starts, centre, strict=True))
    within = (centre[0] - starts[0], centre[1] - starts[1])
    window = source.image[(slice(None), *box)].astype(np.float32)
    planes = Planes(
        source.classes[box],
        source.weights[box].astype(np.float32),
        source.distance[box].astype(np.float32),
        np.ones(source.classes[box].shape, bool),
    )
    grid = draw_grids(rng, within, size, AUGMENTATION)[0]
    image = mix_channels(sample_image(spline_coefficients(window), grid), rng)
    image = vary_grey(image, rng, AUGMENTATION, rgb=len(image) == 3)
    if rng.uniform() < (INVERTED if len(image) == 1 else INVERTED / 2):
        image = 1 - image
    return np.broadcast_to(image, (3, size, size)).copy(), sample_planes(planes, grid)


def mix_channels(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return one or three channels: a grey mixture now and then, stains in any order, colours permuted."""
    n = len(image)
    if n == 1:
        return image
    if rng.uniform() < 0.3:
        return np.tensordot(rng.dirichlet(np.ones(n)).astype(np.float32), image, axes=1)[None]
    if n == 2:  # the third channel sees both, or none
        third = image.mean(axis=0) if rng.uniform() < 0.5 else np.zeros_like(image[0])
        image = np.concatenate([image, third[None]])
        return image[rng.permutation(3)]
    return image[rng.permutation(3)] if rng.uniform() < 0.1 else image
