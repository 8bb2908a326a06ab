"""Patches to train on: where they are drawn, and the one thread that draws them ahead of the training."""

import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from napari_unet.errors import UserError
from napari_unet.network.augmentation import (
    AugmentationSettings,
    Float32,
    Planes,
    draw_grid,
    sample_image,
    sample_planes,
    spline_coefficients,
    vary_grey,
)

CELL = 8
"""Side in px of the cells that errors are remembered for."""
NEW_ERRORS = 0.3
"""Weight of the newest error of a cell against what was remembered."""
MOST_PIXELS = 100_000
"""Pixels kept per class and image as possible centres of patches."""


@dataclass(frozen=True)
class TrainingImage:
    """One annotated image at the network's scale, with everything that training needs to know about it.

    Attributes
    ----------
    name : str
        Different from that of every other image.
    image : (C, Y, X) float32
        Normalised grey values.
    classes : (Y, X) uint8
        Class per pixel, 0 = background (and wherever the weight is 0).
    weights : (Y, X) float32
        Weight map; 0 where nothing is annotated.
    distance : (Y, X) float32
        0 at an object's border to 1 in its depth; 0 in the background.
    distance_known : (Y, X) bool
    objects : (Y, X) int32
        One value ≥ 1 per complete object, 0 elsewhere.
    """

    name: str
    image: Float32
    classes: NDArray[np.uint8]
    weights: Float32
    distance: Float32
    distance_known: NDArray[np.bool_]
    objects: NDArray[np.int32]

    def __post_init__(self) -> None:
        """Check that all planes have the image's shape."""
        for plane in (self.classes, self.weights, self.distance, self.distance_known, self.objects):
            if self.image.ndim != 3 or plane.shape != self.image.shape[1:]:
                raise UserError(
                    f"Image and labels of “{self.name}” differ in size: "
                    f"{self.image.shape} and {plane.shape}. Use labels that were made for this image."
                )


@dataclass(frozen=True)
class Batch:
    """Patches as the network sees them: N patches of C channels; targets may be smaller than images."""

    image: Float32  # (N, C, H, W)
    classes: NDArray[np.uint8]  # (N, h, w)
    weights: Float32  # (N, h, w)
    distance: Float32  # (N, h, w)
    distance_known: NDArray[np.bool_]  # (N, h, w)
    sources: NDArray[np.int64]  # (N,) number of the image each patch comes from
    cells: NDArray[np.float32]  # (N, 2, h / CELL, w / CELL) px of the image below the middle of each cell

    def __len__(self) -> int:
        return len(self.image)


class PatchSampler:
    """Draws varied patches around annotated pixels, balanced over images, classes and objects.

    A third of the patches is centred on a class drawn evenly, a third on an object drawn evenly, and a third
    where the network was wrong in what `report_errors` told. All randomness comes from `rng`.

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
    ) -> None:
        self.target_size, self.margin, self.rgb = target_size, margin, rgb
        self.augmentation = augmentation
        self._rng = rng
        annotated = [image for image in images if (image.weights > 0).any()]
        if not annotated:
            raise UserError(
                "Nothing is annotated that could be trained on: paint some objects and background."
            )
        self._sources = [_Source(image, rng) for image in annotated]

    def draw(self, n: int) -> Batch:
        """Draw `n` patches."""
        drawn = [self._draw_patch() for _ in range(n)]
        images, planes, sources, cells = zip(*drawn, strict=True)
        return Batch(
            image=np.stack(images),
            classes=np.stack([p.classes for p in planes]),
            weights=np.stack([p.weights for p in planes]),
            distance=np.stack([p.distance for p in planes]),
            distance_known=np.stack([p.distance_known for p in planes]),
            sources=np.array(sources),
            cells=np.stack(cells),
        )

    def report_errors(self, batch: Batch, errors: Float32) -> None:
        """Tell how wrong the network was in each cell of a batch that was drawn here.

        Parameters
        ----------
        batch : Batch
        errors : (N, h / CELL, w / CELL) float32
            Mean probability that annotated pixels of the cell were given to wrong classes; NaN without any.
        """
        for source, cells, wrong in zip(batch.sources, batch.cells, errors, strict=True):
            self._sources[source].remember(cells, wrong)

    def _draw_patch(self) -> tuple[Float32, Planes, int, Float32]:
        rng, size = self._rng, self.target_size
        number = int(rng.integers(len(self._sources)))
        source = self._sources[number]
        shift = self.augmentation.shift * size / 2
        centre = np.array(source.draw_centre(rng)) + rng.uniform(-shift, shift, size=2)
        for axis, length in enumerate(source.shape):  # an upright patch shows no mirrored pixels if it can
            half = min(size, length) / 2
            centre[axis] = np.clip(centre[axis], half - 0.5, length - half - 0.5)
        grid = draw_grid(rng, (centre[0], centre[1]), size + 2 * self.margin, self.augmentation)
        image = vary_grey(sample_image(source.coefficients, grid), rng, self.augmentation, self.rgb)
        inner = grid[:, self.margin : self.margin + size, self.margin : self.margin + size]
        half_cell = CELL // 2
        ends = size - size % CELL
        cells = inner[:, half_cell:ends:CELL, half_cell:ends:CELL]
        return image, sample_planes(source.planes, inner), number, cells


class _Source:
    """One image, ready to be sampled: possible centres of patches, and the errors made so far."""

    def __init__(self, image: TrainingImage, rng: np.random.Generator) -> None:
        self.shape = image.classes.shape
        self.coefficients = spline_coefficients(image.image)
        self.planes = Planes(image.classes, image.weights, image.distance, image.distance_known)
        known = image.weights > 0
        self._by_class = [
            _thinned(np.flatnonzero(known & (image.classes == value)), rng)
            for value in np.unique(image.classes[known])
        ]
        flat = np.flatnonzero(image.objects)
        flat = flat[np.argsort(image.objects.ravel()[flat], kind="stable")]
        starts = np.flatnonzero(np.diff(image.objects.ravel()[flat])) + 1
        self._by_object = np.split(flat, starts) if flat.size else []
        cells = tuple(-(-n // CELL) for n in self.shape)
        known_cells = np.zeros(cells, bool)
        y, x = np.nonzero(known)
        known_cells[y // CELL, x // CELL] = True
        self._errors = np.where(known_cells, 1.0, 0.0)

    def draw_centre(self, rng: np.random.Generator) -> tuple[float, float]:
        """Draw the annotated pixel that a patch is centred on."""
        how = rng.integers(3)
        if how == 0:  # where the network is wrong
            cumulated = np.cumsum(self._errors + 0.02 * (self._errors > 0))
            cell = int(np.searchsorted(cumulated, rng.uniform(0, cumulated[-1]), side="right"))
            y, x = np.unravel_index(min(cell, self._errors.size - 1), self._errors.shape)
            return float(y * CELL + CELL / 2), float(x * CELL + CELL / 2)
        among = self._by_object if how == 1 and self._by_object else self._by_class
        pixels = among[rng.integers(len(among))]
        y, x = np.unravel_index(pixels[rng.integers(len(pixels))], self.shape)
        return float(y), float(x)

    def remember(self, cells: Float32, errors: Float32) -> None:
        """Blend new errors (h, w) into those of the cells at image coordinates `cells` (2, h, w)."""
        y, x = np.floor(cells / CELL).astype(np.intp)
        inside = np.isfinite(errors) & (y >= 0) & (y < self._errors.shape[0])
        inside &= (x >= 0) & (x < self._errors.shape[1])
        y, x, new = y[inside], x[inside], errors[inside]
        kept = np.maximum((1 - NEW_ERRORS) * self._errors[y, x] + NEW_ERRORS * new, 1e-6)
        self._errors[y, x] = np.where(self._errors[y, x] > 0, kept, 0.0)


def _thinned(pixels: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.intp]:
    return pixels if pixels.size <= MOST_PIXELS else rng.choice(pixels, MOST_PIXELS, replace=False)


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
