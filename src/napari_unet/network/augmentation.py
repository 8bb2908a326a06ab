"""Variations of a training patch: each is drawn from one grid of coordinates, so that nothing is resampled twice.

Displacements follow Ronneberger et al. 2015 (random vectors on a coarse grid, bicubic in between) with the grid's
spacing fixed as in the Fiji plugin (Falk et al. 2019), so that they do not depend on the size of the patch.
"""

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
        0.3, ge=0, le=1, title="Shift", description="Patches are moved by up to this fraction of their side."
    )
    flips: bool = Field(True, title="Flips", description="Mirror patches left-right and up-down.")
    rotation: float = Field(
        180.0, ge=0, le=180, title="Rotation (°)", description="Turn patches by up to this angle, both ways."
    )
    scale: float = Field(
        0.25, ge=0, le=1, title="Size", description="Enlarge or shrink patches by up to this fraction."
    )
    elastic_sigma: float = Field(
        2.5, ge=0, title="Elastic shift σ (px)", description="Standard deviation of the random displacements."
    )
    elastic_spacing: float = Field(
        40.0, ge=4, title="Elastic spacing (px)", description="Distance between two random displacements."
    )
    brightness: float = Field(
        0.15, ge=0, le=2, title="Brightness", description="Add up to this fraction of the grey range."
    )
    contrast: float = Field(
        0.35,
        ge=0,
        le=0.95,
        title="Contrast",
        description="Stretch or squeeze grey values by up to this fraction.",
    )
    gamma: float = Field(
        0.35, ge=0, le=2, title="Gamma", description="Raise grey values to a power between e^-γ and e^γ."
    )
    noise: float = Field(
        0.04, ge=0, le=1, title="Noise", description="Add noise of up to this fraction of the grey range."
    )
    blur: float = Field(
        1.0, ge=0, le=10, title="Blur σ (px)", description="Blur one patch in four by up to this much."
    )
    colour: float = Field(
        0.15,
        ge=0,
        le=1,
        title="Colour (RGB)",
        description="Mix and weight the three colours by up to this fraction.",
    )

    @classmethod
    def none(cls) -> "AugmentationSettings":
        """Return settings that leave every patch as it is."""
        off = {name: 0.0 for name in cls.model_fields if name not in ("flips", "elastic_spacing")}
        return cls(flips=False, **off)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Planes:
    """What goes with each pixel of an image, all (Y, X): what to learn, and how much it counts."""

    classes: NDArray[np.uint8]
    weights: Float32
    distance: Float32
    distance_known: NDArray[np.bool_]


def draw_grid(
    rng: np.random.Generator, centre: tuple[float, float], size: int, settings: AugmentationSettings
) -> Float32:
    """Draw the image coordinates (2, size, size) that the pixels of one varied patch are taken from.

    Parameters
    ----------
    rng : numpy Generator
    centre : (float, float)
        Middle of the patch in px of the image, before it is varied (without the shift, which the sampler does).
    size : int
        Side of the patch in px.
    settings : AugmentationSettings
    """
    angle = np.deg2rad(rng.uniform(-settings.rotation, settings.rotation))
    zoom = (1 + settings.scale) ** rng.uniform(-1, 1)
    mirror = rng.choice([-1.0, 1.0], size=2) if settings.flips else np.ones(2)
    cos, sin = np.cos(angle) / zoom, np.sin(angle) / zoom
    matrix = np.array([[cos, -sin], [sin, cos]]) * mirror
    axis = np.arange(size) - (size - 1) / 2
    offsets = np.stack(np.meshgrid(axis, axis, indexing="ij"))  # (2, size, size)
    grid = np.tensordot(matrix, offsets, axes=1) + np.reshape(centre, (2, 1, 1))
    if settings.elastic_sigma > 0:
        grid += _elastic_displacement(rng, size, settings)
    return grid.astype(np.float32)


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
    """Weights (len(positions), nodes) of the cubic interpolation of Keys (1981, a = -1/2) at positions on 0, 1, …."""
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
    """Take the target at `grid` (2, h, w): classes and what is known from the nearest pixel, the rest linearly.

    A pixel whose nearest pixel has no weight gets none: its class says nothing.
    """
    shape = planes.classes.shape
    y, x = (_mirrored(np.rint(axis).astype(np.int64), n) for axis, n in zip(grid, shape, strict=True))
    linear = [
        ndimage.map_coordinates(plane, grid, order=1, mode="mirror", output=np.float32)
        for plane in (planes.weights, planes.distance)
    ]
    weights = np.where(planes.weights[y, x] > 0, linear[0], np.float32(0))
    return Planes(planes.classes[y, x], weights, linear[1], planes.distance_known[y, x])


def _mirrored(index: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Fold indices beyond 0…n-1 back, without repeating the edge's pixel."""
    if n == 1:
        return np.zeros_like(index)
    index = np.abs(index) % (2 * n - 2)
    return np.where(index < n, index, 2 * n - 2 - index)


def vary_grey(
    image: Float32, rng: np.random.Generator, settings: AugmentationSettings, rgb: bool = False
) -> Float32:
    """Vary brightness, contrast, gamma, blur, noise and (RGB) colour of a patch (C, h, w) normalised to about 0…1.

    Channels of RGB vary together, and then in colour; other channels each on their own, as stains do.
    """
    n = 1 if rgb else image.shape[0]
    draw: Any = lambda limit: rng.uniform(-limit, limit, size=(n, 1, 1)).astype(np.float32)  # noqa: E731
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
    mean = image.mean(axis=(1, 2), keepdims=True)
    image = (image - mean) * (1 + contrast) + mean + brightness
    if sigma > 0:
        image = ndimage.gaussian_filter(image, (0, sigma, sigma), mode="mirror")
    if noise > 0:
        image = image + np.float32(noise) * rng.standard_normal(image.shape, dtype=np.float32)
    return np.ascontiguousarray(image, dtype=np.float32)
