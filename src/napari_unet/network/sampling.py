"""Patches to train on: where they are drawn, and the one thread that draws them ahead of the training."""

import queue
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from napari_unet.errors import UserError
from napari_unet.network.augmentation import (
    AugmentationSettings,
    Float32,
    Planes,
    choose_planes,
    draw_grids,
    sample_image,
    sample_known,
    vary_grey,
)
from napari_unet.network.patch_source import CELL, PatchSource, TrainingImage

__all__ = ["CELL", "Batch", "PatchSampler", "Prefetch", "TrainingImage"]


@dataclass(frozen=True)
class Batch:
    """Patches as the network sees them: N patches of C channels; targets may be smaller than images."""

    image: Float32  # (N, C, [D,] H, W)
    classes: NDArray[np.uint8]  # (N, [d,] h, w)
    weights: Float32  # (N, [d,] h, w)
    distance: Float32  # (N, [d,] h, w)
    distance_known: NDArray[np.bool_]  # (N, [d,] h, w)
    sources: NDArray[np.int64]  # (N,) number of the image each patch comes from
    numbers: NDArray[np.intp]  # (N, d) the image's planes it was taken from
    cells: NDArray[
        np.float32
    ]  # (N, 2, d, h / CELL, w / CELL) y and x in the image of the middle of each cell

    def __len__(self) -> int:
        return len(self.image)

    def of_planes(self) -> Self:
        """Return the plane of each patch of volumes that teaches most; patches of planes are that plane."""
        if self.image.ndim == 4:
            return self
        each = np.arange(len(self))
        most = self.weights.sum(axis=(2, 3)).argmax(axis=1)
        return replace(
            self,
            image=self.image[each, :, most],
            classes=self.classes[each, most],
            weights=self.weights[each, most],
            distance=self.distance[each, most],
            distance_known=self.distance_known[each, most],
        )


class PatchSampler:
    """Draws varied patches around annotated pixels, balanced over images, classes and objects.

    A third of the patches is centred on a class drawn evenly, a third on an object drawn evenly, and a third
    where the network was wrong in what `report_errors` told; places that are emphasised come as many times as often
    in the last two. All randomness comes from `rng`.

    Parameters
    ----------
    images : sequence of TrainingImage
        Those without any weight are left out.
    target_size : int
        Side in px of what is learnt per patch.
    margin : int
        How much larger the image is than the target, on each side, for a network without padding.
    rng : numpy Generator
    augmentation : AugmentationSettings
    rgb : bool
        Whether the three channels are colours.
    n_planes : int, optional
        Planes of a patch, for a network of volumes. Patches of planes by default.

    Raises
    ------
    UserError
        If nothing is annotated.
    """

    def __init__(
        self,
        images: Sequence[TrainingImage],
        target_size: int,
        margin: int,
        rng: np.random.Generator,
        augmentation: AugmentationSettings,
        rgb: bool = False,
        n_planes: int = 0,
    ) -> None:
        self.n_planes = n_planes
        self.target_size, self.margin, self.rgb = target_size, margin, rgb
        self.augmentation = augmentation
        self._rng = rng
        annotated = [image for image in images if (image.weights > 0).any()]
        if not annotated:
            raise UserError(
                "Nothing is annotated that could be trained on: paint some objects and background."
            )
        self._sources = [PatchSource(image, rng) for image in annotated]

    def draw(self, n: int) -> Batch:
        """Draw `n` patches."""
        drawn = [self._draw_patch() for _ in range(n)]
        images, planes, sources, numbers, cells = zip(*drawn, strict=True)
        inner = slice(None) if self.n_planes else 0  # a network of planes gets patches of planes
        return Batch(
            image=np.stack(images)[:, :, inner],
            classes=np.stack([p.classes for p in planes])[:, inner],
            weights=np.stack([p.weights for p in planes])[:, inner],
            distance=np.stack([p.distance for p in planes])[:, inner],
            distance_known=np.stack([p.distance_known for p in planes])[:, inner],
            sources=np.array(sources),
            numbers=np.stack(numbers),
            cells=np.stack(cells),
        )

    def carry_on(self, before: "PatchSampler", shifts: Mapping[str, tuple[float, float]]) -> None:
        """Remember what an earlier sampler learned about errors in the same images, see `PatchSource.carry_on`.

        Parameters
        ----------
        shifts
            By name, how far (px) each image begins below and right of where it began before; others are new.
        """
        known = {source.name: source for source in before._sources}
        for source in self._sources:
            if source.name in known and source.name in shifts:
                source.carry_on(known[source.name], shifts[source.name])

    def report_errors(self, batch: Batch, errors: Float32) -> None:
        """Tell how wrong the network was in each cell of a batch that was drawn here.

        Parameters
        ----------
        batch : Batch
        errors : (N, [d,] h / CELL, w / CELL) float32
            Mean probability that annotated pixels of the cell were given to wrong classes; NaN without any.
        """
        for source, numbers, cells, wrong in zip(
            batch.sources, batch.numbers, batch.cells, errors, strict=True
        ):
            self._sources[source].remember(numbers, cells, wrong.reshape(cells.shape[1:]))

    def _draw_patch(self) -> tuple[Float32, Planes, int, NDArray[np.intp], Float32]:
        rng, size, margin = self._rng, self.target_size, self.margin
        number = int(rng.integers(len(self._sources)))
        source = self._sources[number]
        shift = self.augmentation.shift * size / 2
        plane, *at = source.draw_centre(rng)
        centre = np.array(at) + rng.uniform(-shift, shift, size=2)
        for axis, length in enumerate(
            source.shape[1:]
        ):  # an upright patch shows no mirrored pixels if it can
            half = min(size, length) / 2
            centre[axis] = np.clip(centre[axis], half - 0.5, length - half - 0.5)
        grid = draw_grids(
            rng, (centre[0], centre[1]), size + 2 * margin, self.augmentation, max(self.n_planes, 1)
        )
        numbers = np.array([plane], np.intp)
        if self.n_planes:
            numbers = choose_planes(rng, plane, self.n_planes, source.shape[0], self.augmentation.flips)
        image = np.stack(
            [sample_image(source.coefficients[:, z], at) for z, at in zip(numbers, grid, strict=True)], axis=1
        )
        image = vary_grey(image, rng, self.augmentation, self.rgb)
        inner = grid[:, :, margin : margin + size, margin : margin + size]
        half_cell = CELL // 2
        ends = size - size % CELL
        cells = inner[:, :, half_cell:ends:CELL, half_cell:ends:CELL]
        known = [source.planes[z] for z in numbers]
        return image, sample_known(known, inner), number, numbers, cells.swapaxes(0, 1)


class Prefetch:
    """Draws batches in one background thread, a fixed number of steps ahead of the training.

    Batch j is drawn after the errors of batch j - `AHEAD` were told, however fast either side is: the patches
    of a seed are always the same. Use as a context manager; on leaving it the thread ends.

    Parameters
    ----------
    sampler : PatchSampler
        Belongs to the thread while the context is open.
    batch_size : int
    """

    AHEAD = 3

    def __init__(self, sampler: PatchSampler, batch_size: int) -> None:
        self._sampler, self._batch_size = sampler, batch_size
        self._drawn: queue.Queue[Batch | BaseException] = queue.Queue()
        self._told: queue.Queue[tuple[Batch, Float32] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._draw_ahead, name="napari-unet-patches", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._told.put(None)
        self._thread.join()

    def next(self) -> Batch:
        """Return the next batch; an error of the thread is raised here."""
        drawn = self._drawn.get()
        if isinstance(drawn, BaseException):
            raise drawn
        return drawn

    def report(self, batch: Batch, errors: Float32) -> None:
        """Tell the errors of the batch that `next` gave (see `PatchSampler.report_errors`), once for each."""
        self._told.put((batch, errors))

    def _draw_ahead(self) -> None:
        try:
            for _ in range(self.AHEAD):
                self._drawn.put(self._sampler.draw(self._batch_size))
            while (told := self._told.get()) is not None:
                self._sampler.report_errors(*told)
                self._drawn.put(self._sampler.draw(self._batch_size))
        except BaseException as error:  # handed over to the thread that waits for the batch
            self._drawn.put(error)
