"""Variations of a training patch, each drawn from one grid of coordinates: nothing is resampled twice.

Displacements follow Ronneberger et al. 2015 (random vectors on a coarse grid, bicubic in between) with the
grid's spacing fixed as in the Fiji plugin (Falk et al. 2019): they do not depend on the size of the patch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy import ndimage

Float32 = NDArray[np.float32]


class AugmentationSettings(BaseModel):
    """How strongly training patches are varied. Every value is the largest change; 0 switches it off."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shift: float = Field(
        default=0.3,
        ge=0,
        le=1,
        title="Shift",
        description="Patches are moved by up to this fraction of their side.",
    )
    flips: bool = Field(default=True, title="Flips", description="Mirror patches left-right and up-down.")
    rotation: float = Field(
        default=180.0,
        ge=0,
        le=180,
        title="Rotation (°)",
        description="Turn patches by up to this angle, both ways.",
    )
    scale: float = Field(
        default=0.25,
        ge=0,
        le=1,
        title="Size",
        description="Enlarge or shrink patches by up to this fraction.",
    )
    elastic_sigma: float = Field(
        default=2.5, ge=0, title="Elastic shift σ (px)", description="Typical length of random displacements."
    )
    elastic_spacing: float = Field(
        default=40.0,
        ge=4,
        title="Elastic spacing (px)",
        description="Distance between two random displacements.",
    )
    brightness: float = Field(
        default=0.15, ge=0, le=2, title="Brightness", description="Add up to this fraction of the grey range."
    )
    contrast: float = Field(
        default=0.35,
        ge=0,
        le=0.95,
        title="Contrast",
        description="Stretch or squeeze grey values by up to this fraction.",
    )
    gamma: float = Field(
        default=0.35,
        ge=0,
        le=2,
        title="Gamma",
        description="Raise grey values to a power between e^-γ and e^γ.",
    )
    noise: float = Field(
        default=0.04,
        ge=0,
        le=1,
        title="Noise",
        description="Add noise of up to this fraction of the grey range.",
    )
    blur: float = Field(
        default=1.0,
        ge=0,
        le=10,
        title="Blur σ (px)",
        description="Blur one patch in four by up to this much.",
    )
    colour: float = Field(
        default=0.15,
        ge=0,
        le=1,
        title="Colour (RGB)",
        description="Mix and weight the three colours by up to this fraction.",
    )

    @classmethod
    def none(cls) -> "AugmentationSettings":
        """Return settings that leave every patch as it is."""
        off = {name: 0.0 for name in cls.model_fields if name not in ("flips", "elastic_spacing")}
        return cls(flips=False, **off)


@dataclass(frozen=True)
class Planes:
    """What goes with each pixel of a plane, all (Y, X): what to learn, and how much it counts."""

    classes: NDArray[np.uint8]
    weights: Float32
    distance: Float32
    distance_known: NDArray[np.bool_]


def draw_grids(
    rng: np.random.Generator,
    centre: tuple[float, float],
    size: int,
    settings: AugmentationSettings,
    n_planes: int = 1,
) -> Float32:
    """Draw the image coordinates (planes, 2, size, size) that the pixels of one varied patch are taken from.

    All planes of a volume are turned, mirrored and scaled alike. The elastic displacement goes over from one to
    another between the first and the last plane. Nothing is resampled across planes: what is thick would be blurred,
    and a plane that was painted would lie askew between others that were not.

    Parameters
    ----------
    rng : numpy Generator
    centre : (float, float)
        Middle of the patch in px of the image; the shift is the sampler's.
    size : int
        Side of the patch in px.
    settings : AugmentationSettings
    n_planes : int
        Planes of the patch.
    """
    angle = np.deg2rad(rng.uniform(-settings.rotation, settings.rotation))
    zoom = (1 + settings.scale) ** rng.uniform(-1, 1)
    mirror = rng.choice([-1.0, 1.0], size=2) if settings.flips else np.ones(2)
    cos, sin = np.cos(angle) / zoom, np.sin(angle) / zoom
    matrix = np.array([[cos, -sin], [sin, cos]]) * mirror
    axis = np.arange(size) - (size - 1) / 2
    offsets = np.stack(np.meshgrid(axis, axis, indexing="ij"))  # (2, size, size)
    grid = np.tensordot(matrix, offsets, axes=1) + np.reshape(centre, (2, 1, 1))
    grids = np.repeat(grid[None], n_planes, axis=0)
    if settings.elastic_sigma > 0:
        first = _elastic_displacement(rng, size, settings)
        grids += first
        if n_planes > 1:  # with these weights the displacement of every plane is as strong
            along = np.reshape(np.linspace(0, np.pi / 2, n_planes), (-1, 1, 1, 1))
            last = _elastic_displacement(rng, size, settings)
            grids += (np.cos(along) - 1) * first + np.sin(along) * last
    result: Float32 = grids.astype(np.float32)
    return result


def choose_planes(
    rng: np.random.Generator, plane: int, n: int, n_of_image: int, flips: bool
) -> NDArray[np.intp]:
    """Choose the planes of a patch of a volume: `n` in a row, with an annotated one somewhere in their middle half.

    Beyond the ends of the volume its planes come again in reverse, as in prediction.
    """
    first = plane - int(rng.integers(n // 4, max(n - n // 4, n // 4 + 1)))
    if n_of_image >= n:
        first = int(np.clip(first, 0, n_of_image - n))
    numbers = np.arange(first, first + n) % (2 * n_of_image)
    numbers = np.minimum(numbers, 2 * n_of_image - 1 - numbers)
    backwards = flips and rng.integers(2) == 1
    return numbers[::-1].copy() if backwards else numbers


def _elastic_displacement(
    rng: np.random.Generator, size: int, settings: AugmentationSettings
) -> NDArray[np.float64]:
    """Displace each pixel (2, size, size): cubic splines through Gaussian vectors, a random grid phase."""
    nodes = int(np.ceil(size / settings.elastic_spacing)) + 4
    vectors = rng.normal(0, settings.elastic_sigma, size=(2, nodes, nodes))
    at = (np.arange(size) / settings.elastic_spacing)[None] + 1 + rng.uniform(0, 1, size=(2, 1))
    along_y, along_x = (_cubic_weights(positions, nodes) for positions in at)
    return np.asarray(along_y @ vectors @ along_x.T)


def _cubic_weights(positions: NDArray[np.float64], nodes: int) -> NDArray[np.float64]:
    """Weights (len(positions), nodes) of cubic interpolation (Keys 1981, a = -1/2) between nodes 0, 1, …."""
    d = np.abs(positions[:, None] - np.arange(nodes))
    near = (1.5 * d - 2.5) * d * d + 1
    far = ((-0.5 * d + 2.5) * d - 4) * d + 2
    return np.where(d < 1, near, np.where(d < 2, far, 0.0))


def spline_coefficients(image: Float32) -> Float32:
    """Prepare an image (C, Y, X) for `sample_image`: the coefficients of cubic splines, once per image."""
    filtered = [
        ndimage.spline_filter(channel, order=3, output=np.float32, mode="mirror") for channel in image
    ]
    return np.stack(filtered)


def sample_image(coefficients: Float32, grid: Float32) -> Float32:
    """Take an image (C, h, w) at `grid` (2, h, w) by cubic splines, mirrored beyond its edges."""
    return np.stack(
        [
            ndimage.map_coordinates(channel, grid, order=3, mode="mirror", prefilter=False, output=np.float32)
            for channel in coefficients
        ]
    )


def sample_planes(planes: Planes, grid: Float32) -> Planes:
    """Take the target at `grid` (2, h, w): classes and what is known from the nearest pixel, the rest linear.

    A pixel whose nearest pixel has no weight gets none: its class says nothing.
    """
    shape = planes.classes.shape
    nearest = _flat_index(np.rint(grid), shape)
    below = np.floor(grid)
    corners = [_flat_index(below + np.reshape(step, (2, 1, 1)), shape) for step in np.ndindex(2, 2)]
    y, x = grid - below
    shares = [(1 - y) * (1 - x), (1 - y) * x, y * (1 - x), y * x]  # of the corners, in the same order
    weights, distance = (
        sum(share * plane.ravel()[corner] for share, corner in zip(shares, corners, strict=True))
        for plane in (planes.weights, planes.distance)
    )
    return Planes(
        planes.classes.ravel()[nearest],
        np.where(planes.weights.ravel()[nearest] > 0, weights, np.float32(0)),
        np.clip(distance, np.float32(0), np.float32(1)),  # sums of shares round beyond the ends
        planes.distance_known.ravel()[nearest],
    )


def sample_known(planes: Sequence[Planes | None], grids: Float32) -> Planes:
    """Take the target of several planes (n) at `grids` (n, 2, h, w); of those where nothing is known, zeros."""
    shape = grids.shape[2:]
    nothing = Planes(
        np.zeros(shape, np.uint8),
        np.zeros(shape, np.float32),
        np.zeros(shape, np.float32),
        np.zeros(shape, bool),
    )
    taken = [
        nothing if plane is None else sample_planes(plane, grid)
        for plane, grid in zip(planes, grids, strict=True)
    ]
    return Planes(
        np.stack([plane.classes for plane in taken]),
        np.stack([plane.weights for plane in taken]),
        np.stack([plane.distance for plane in taken]),
        np.stack([plane.distance_known for plane in taken]),
    )


def _flat_index(grid: Float32, shape: tuple[int, ...]) -> NDArray[np.intp]:
    """Index into the ravelled plane; beyond its edges it is mirrored, the edge itself not repeated."""
    folded = []
    for axis, n in zip(grid.astype(np.intp), shape, strict=True):
        period = max(2 * n - 2, 1)
        inside = np.abs(axis) % period
        folded.append(np.minimum(inside, 2 * n - 2 - inside))
    index: NDArray[np.intp] = folded[0] * shape[1] + folded[1]
    return index


def vary_grey(
    image: Float32, rng: np.random.Generator, settings: AugmentationSettings, rgb: bool = False
) -> Float32:
    """Vary brightness, contrast, gamma, blur, noise and (RGB) colour of a patch (C, [planes,] h, w) of about 0…1.

    Channels of RGB vary together, and then in colour; other channels each on their own, as stains do.
    """
    n, ones = 1 if rgb else image.shape[0], (1,) * (image.ndim - 1)
    draw: Any = lambda limit: rng.uniform(-limit, limit, size=(n, *ones)).astype(np.float32)  # noqa: E731
    gamma, contrast, brightness = draw(settings.gamma), draw(settings.contrast), draw(settings.brightness)
    sigma = rng.uniform(0, settings.blur) if rng.uniform() < 0.25 else 0.0
    noise = rng.uniform(0, settings.noise) if rng.uniform() < 0.5 else 0.0
    if settings.gamma > 0:
        inside = np.clip(image, 0, 1)
        image = inside ** np.exp(gamma) + (image - inside)  # what lies beyond the range stays beyond it
    if rgb and settings.colour > 0:
        mix = np.eye(3, dtype=np.float32)
        mix += rng.uniform(-settings.colour, settings.colour, size=(3, 3)).astype(np.float32) / np.float32(2)
        image = np.tensordot(mix, image, axes=1)
    mean = image.mean(axis=tuple(range(1, image.ndim)), keepdims=True)
    image = (image - mean) * (1 + contrast) + mean + brightness
    if sigma > 0:
        image = ndimage.gaussian_filter(image, (*[0] * (image.ndim - 2), sigma, sigma), mode="mirror")
    if noise > 0:
        image = image + np.float32(noise) * rng.standard_normal(image.shape, dtype=np.float32)
    return np.ascontiguousarray(image, dtype=np.float32)
