"""One annotated image to draw patches from: where they may be centred, and what the network got wrong there."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_unet.errors import UserError
from napari_unet.network.augmentation import Float32, Planes, spline_coefficients

CELL = 8
"""Side in px of the cells that errors are remembered for."""
NEW_ERRORS = 0.3
"""Weight of the newest error of a cell against what was remembered."""
MOST_PIXELS = 100_000
"""Pixels kept per class and image as possible centres of patches."""


@dataclass(frozen=True)
class TrainingImage:
    """One annotated image or volume at the network's scale, with everything that training needs to know about it.

    Attributes
    ----------
    name : str
        Different from that of every other image.
    image : (C, Y, X) or (C, Z, Y, X) float32
        Normalised grey values.
    classes : (Y, X) or (Z, Y, X) uint8
        Class per pixel, 0 = background (and wherever the weight is 0).
    weights : float32, of the shape of the classes, as all that follows
        Weight map; 0 where nothing is annotated.
    distance : float32
        0 at an object's border to 1 in its depth; 0 in the background.
    distance_known : bool
    objects : int32
        One value ≥ 1 per complete object, in a volume per section of one; 0 elsewhere.
    plane_step : float
        Px from one plane of a volume to the next.
    emphasis : float32, of the shape of the classes, optional
        How many times as often (≥ 1) a place is looked at; everywhere once by default.
    """

    name: str
    image: Float32
    classes: NDArray[np.uint8]
    weights: Float32
    distance: Float32
    distance_known: NDArray[np.bool_]
    objects: NDArray[np.int32]
    plane_step: float = 1.0
    emphasis: Float32 | None = None

    def __post_init__(self) -> None:
        """Check that all planes have the image's shape."""
        for plane in (self.classes, self.weights, self.distance, self.distance_known, self.objects):
            if self.image.ndim not in (3, 4) or plane.shape != self.image.shape[1:]:
                raise UserError(
                    f"Image and labels of “{self.name}” differ in size: "
                    f"{self.image.shape} and {plane.shape}. Use labels that were made for this image."
                )


class PatchSource:
    """One image, ready to be sampled plane by plane; an image of one plane is a volume of one.

    Attributes
    ----------
    shape : (Z, Y, X)
    coefficients : (C, Z, Y, X) float32
        See `spline_coefficients`.
    planes : list of Planes or None
        What is known of each plane; None where nothing is annotated.
    """

    def __init__(self, image: TrainingImage, rng: np.random.Generator) -> None:
        self.name = image.name
        height, width = image.classes.shape[-2:]
        self.shape = (image.classes.size // max(height * width, 1), height, width)
        grey = image.image.reshape(-1, *self.shape)
        self.coefficients = np.stack([spline_coefficients(channel) for channel in grey])
        classes, weights, distance, known_distance, objects = (
            array.reshape(self.shape)
            for array in (image.classes, image.weights, image.distance, image.distance_known, image.objects)
        )
        known = weights > 0
        self.planes = [
            Planes(*parts) if parts[1].any() or parts[3].any() else None
            for parts in zip(classes, weights, distance, known_distance, strict=True)
        ]
        self._by_class = [
            _thinned(np.flatnonzero(known & (classes == value)), rng) for value in np.unique(classes[known])
        ]
        flat = np.flatnonzero(objects)
        flat = flat[np.argsort(objects.ravel()[flat], kind="stable")]
        starts = np.flatnonzero(np.diff(objects.ravel()[flat])) + 1
        self._by_object = np.split(flat, starts) if flat.size else []
        self._object_odds = _odds(self._by_object, image.emphasis)
        known_cells = np.zeros((self.shape[0], *(-(-n // CELL) for n in self.shape[1:])), bool)
        z, y, x = np.nonzero(known)
        known_cells[z, y // CELL, x // CELL] = True
        self._errors = np.where(known_cells, 1.0, 0.0)
        self._emphasis = (
            1.0 if image.emphasis is None else _largest_per_cell(image.emphasis.reshape(self.shape))
        )

    def draw_centre(self, rng: np.random.Generator) -> tuple[int, float, float]:
        """Draw the annotated pixel (z, y, x) that a patch is centred on."""
        how = rng.integers(3)
        if how == 0:  # where the network is wrong
            cumulated = np.cumsum(self._emphasis * (self._errors + 0.02 * (self._errors > 0)))
            cell = int(np.searchsorted(cumulated, rng.uniform(0, cumulated[-1]), side="right"))
            z, y, x = np.unravel_index(min(cell, self._errors.size - 1), self._errors.shape)
            return int(z), float(y * CELL + CELL / 2), float(x * CELL + CELL / 2)
        if how == 1 and self._by_object:
            pixels = self._by_object[self._draw_object(rng)]
        else:
            pixels = self._by_class[rng.integers(len(self._by_class))]
        z, y, x = np.unravel_index(pixels[rng.integers(len(pixels))], self.shape)
        return int(z), float(y), float(x)

    def _draw_object(self, rng: np.random.Generator) -> int:
        if self._object_odds is None:
            return int(rng.integers(len(self._by_object)))
        cumulated = np.cumsum(self._object_odds)
        return int(np.searchsorted(cumulated, rng.uniform(0, cumulated[-1]), side="right"))

    def carry_on(self, before: "PatchSource", shift: tuple[float, float]) -> None:
        """Remember the errors of an earlier source of this image; new cells keep the largest, and are drawn most.

        Parameters
        ----------
        shift
            How far (px) this image begins below and right of where it began before.
        """
        z, y, x = np.nonzero(self._errors)
        old_y, old_x = (
            np.floor((cell * CELL + CELL / 2 + by) / CELL).astype(np.intp)
            for cell, by in zip((y, x), shift, strict=True)
        )
        depth, height, width = before._errors.shape
        inside = (z < depth) & (old_y >= 0) & (old_y < height) & (old_x >= 0) & (old_x < width)
        z, y, x = z[inside], y[inside], x[inside]
        known = before._errors[z, old_y[inside], old_x[inside]]
        self._errors[z, y, x] = np.where(known > 0, known, self._errors[z, y, x])

    def remember(self, numbers: NDArray[np.intp], cells: Float32, errors: Float32) -> None:
        """Blend new errors into those of the cells that they were made in.

        Parameters
        ----------
        numbers : (planes,) int
            Planes of the image that the patch was taken from.
        cells : (2, planes, h, w)
            Coordinates in the image, y and x.
        errors : (planes, h, w)
            NaN where nothing is annotated.
        """
        y, x = np.floor(cells / CELL).astype(np.intp)
        z = np.broadcast_to(numbers[:, None, None], y.shape)
        inside = np.isfinite(errors) & (y >= 0) & (y < self._errors.shape[1])
        inside &= (x >= 0) & (x < self._errors.shape[2])
        z, y, x, new = z[inside], y[inside], x[inside], errors[inside]
        kept = np.maximum((1 - NEW_ERRORS) * self._errors[z, y, x] + NEW_ERRORS * new, 1e-6)
        self._errors[z, y, x] = np.where(self._errors[z, y, x] > 0, kept, 0.0)


def _thinned(pixels: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.intp]:
    return pixels if pixels.size <= MOST_PIXELS else rng.choice(pixels, MOST_PIXELS, replace=False)


def _odds(objects: list[NDArray[np.intp]], emphasis: Float32 | None) -> NDArray[np.float64] | None:
    """Return how often each object is drawn compared with the others; ``None`` where all are alike."""
    if emphasis is None or not objects:
        return None
    return np.array([emphasis.flat[pixels].max() for pixels in objects], np.float64)


def _largest_per_cell(emphasis: Float32) -> NDArray[np.float64]:
    n, *size = emphasis.shape
    rows, columns = (-(-length // CELL) for length in size)
    padded = np.ones((n, rows * CELL, columns * CELL))
    padded[:, : size[0], : size[1]] = emphasis
    largest: NDArray[np.float64] = padded.reshape(n, rows, CELL, columns, CELL).max(axis=(2, 4))
    return largest
