"""Confocal and wide-field stacks with exact truth in three dimensions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_unet.errors import UserError
from napari_unet.synthetic.camera import expose, shoot
from napari_unet.synthetic.placement import scatter
from napari_unet.synthetic.scene import Contrast, check
from napari_unet.synthetic.texture import Image, per_cell, rough_noise, smooth_noise
from napari_unet.synthetic.tissue import MAX_CELLS, Labels, keep_whole, number_from_one

KINDS = (Contrast.NUCLEI, Contrast.MEMBRANE)
PACKED = 0.62  # share of the volume that balls fill before no free place is found


@dataclass(frozen=True)
class StackScene:
    """A stack and its truth.

    Attributes
    ----------
    image : (Z, Y, X) float32
        0–1.
    labels : (Z, Y, X) int32
        0 background, 1…n objects, each one 6-connected piece.
    contrast : Contrast
    spacing : (z, y, x) float
        Distances of voxels in units of the px in the plane.
    object_size : float
        Diameter in px in the plane that was asked for.
    """

    image: Image
    labels: Labels
    contrast: Contrast
    spacing: tuple[float, float, float]
    object_size: float


def draw_stack(
    rng: np.random.Generator,
    shape: tuple[int, int, int] = (24, 128, 128),
    contrast: Contrast | None = None,
    object_size: float | None = None,
    *,
    anisotropy: float | None = None,
) -> StackScene:
    """Draw one random stack and its exact truth.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : (Z, Y, X)
        Any number of planes of at least 32 × 32 px.
    contrast : Contrast, optional
        Nuclei or membranes; either by default.
    object_size : float, optional
        Median diameter in px of the plane, 6–400.
    anisotropy : float, optional
        Distance of planes over the size of a px, 0.5–20; 1 to 5 by default.

    Returns
    -------
    StackScene

    Raises
    ------
    UserError
        If sizes or the contrast make no sense.
    """
    check(shape, object_size)
    contrast = KINDS[int(rng.integers(2))] if contrast is None else contrast
    if contrast not in KINDS:
        raise UserError(f"Generated stacks show nuclei or membranes, not {contrast.value}.")
    step = float(rng.uniform(1, 5)) if anisotropy is None else anisotropy
    if not 0.5 <= step <= 20:
        raise UserError(f"The anisotropy of a generated stack lies between 0.5 and 20; got {step:g}.")
    size = float(np.exp(rng.uniform(np.log(12), np.log(40)))) if object_size is None else object_size
    labels = _grow(shape, step, size, contrast is Contrast.MEMBRANE, rng)
    light = _light(labels, step, size, contrast is Contrast.MEMBRANE, rng)
    return StackScene(_record(light, step, size, rng), labels, contrast, (step, 1.0, 1.0), size)


def _grow(
    shape: tuple[int, int, int], step: float, size: float, filled: bool, rng: np.random.Generator
) -> Labels:
    """Ellipsoids that press against each other, or cells that fill the volume."""
    extent = np.array([shape[0] * step, shape[1], shape[2]])
    volume = float(np.prod(extent + size))
    share = PACKED if filled else rng.uniform(0.03, 0.5)
    n = int(np.clip(share * volume / (np.pi / 6 * size**3), 1, MAX_CELLS))
    radii = size / 2 * np.exp(rng.normal(0, 0.05 if filled else rng.uniform(0.05, 0.25), n))
    centres = scatter(
        tuple(extent),
        radii,
        rng,
        clustering=0.0 if filled else rng.uniform(0, 0.8),
        closest=0.86 if filled else rng.uniform(0.75, 1.1),
        margin=size / 2,
    )
    found = ~np.isnan(centres[:, 0])
    warp = np.stack([smooth_noise(shape, size / 5, rng) for _ in shape]) * np.float32(
        rng.uniform(0.01, 0.05) * size
    )
    return _draw(shape, step, centres[found], radii[found], warp, filled, rng)


def _draw(
    shape: tuple[int, int, int],
    step: float,
    centres: NDArray[np.float64],
    radii: NDArray[np.float64],
    warp: NDArray[np.float32],
    filled: bool,
    rng: np.random.Generator,
) -> Labels:
    """Give each voxel to the ellipsoid in which it lies deepest."""
    labels = np.zeros(shape, np.int32)
    depth = np.full(shape, 1.9 if filled else 1.0, np.float32)
    scale = np.array([step, 1.0, 1.0])
    for number, (centre, radius) in enumerate(zip(centres, radii, strict=True), start=1):
        reach = radius * (2.2 if filled else 1.6) / scale
        low = np.maximum(np.floor(centre / scale - reach).astype(int), 0)
        high = np.minimum(np.ceil(centre / scale + reach).astype(int) + 1, shape)
        turned = _ellipsoid(radius, rng)
        if (high <= low).any():
            continue
        here = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        grid = np.meshgrid(
            *(np.arange(a, b) * s for a, b, s in zip(low, high, scale, strict=True)), indexing="ij"
        )
        place = np.stack(grid, axis=-1).astype(np.float32) - centre.astype(np.float32)
        place += np.moveaxis(warp[(slice(None), *here)], 0, -1)
        own = np.linalg.norm(place @ turned, axis=-1)
        mine = own < depth[here]
        labels[here][mine] = number
        depth[here][mine] = own[mine]
    return number_from_one(keep_whole(labels))


def _ellipsoid(radius: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Matrix (3, 3) that turns places in an ellipsoid of the ball's volume into places in the unit ball."""
    axes = np.exp(rng.normal(0, 0.15, 3))
    axes *= radius / np.cbrt(axes.prod())
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return np.asarray(rotation / axes, np.float32)


def _light(labels: Labels, step: float, size: float, membranes: bool, rng: np.random.Generator) -> Image:
    """What the stain sends out."""
    distance = ndimage.distance_transform_edt(_inside(labels), sampling=(step, 1, 1)).astype(np.float32)
    texture = np.maximum(1 + 0.25 * rough_noise(labels.shape, size / 3, rng), 0.1)
    if membranes:
        line = np.exp(-((distance / np.float32(max(0.05 * size, 0.9))) ** 2))
        inside = np.float32(rng.exponential(0.1)) * per_cell(rng, labels, 0.3) * (labels > 0)
        return np.asarray(line * texture + inside, np.float32)
    thickness = 1 - np.exp(-distance / np.float32(rng.uniform(0.04, 0.2) * size))
    return np.asarray(thickness * texture * per_cell(rng, labels, 0.35) * (labels > 0), np.float32)


def _inside(labels: Labels) -> NDArray[np.bool_]:
    """Voxels all of whose neighbours belong to the same object or background."""
    same = np.ones(labels.shape, bool)
    for axis in range(labels.ndim):
        ahead = tuple(slice(1, None) if i == axis else slice(None) for i in range(labels.ndim))
        behind = tuple(slice(None, -1) if i == axis else slice(None) for i in range(labels.ndim))
        differs = labels[ahead] != labels[behind]
        same[ahead] &= ~differs
        same[behind] &= ~differs
    return same


def _record(light: Image, step: float, size: float, rng: np.random.Generator) -> Image:
    """Blur more along the axis than across, dim with depth, add haze and noise; 0–1."""
    across = rng.uniform(0.6, 1.2) + 0.01 * size
    along = (
        across * rng.uniform(1.4, 2.6) / step
    )  # in planes; a confocal's resolution is so much worse along z
    seen = ndimage.gaussian_filter(light, (along, across, across), mode="nearest", truncate=3)
    haze = ndimage.uniform_filter(light, (max(size / step, 1), size, size), mode="nearest")
    seen = seen + np.float32(rng.choice([0.0, 0.1, 0.4])) * haze + np.float32(rng.exponential(0.08))
    depth = np.arange(len(seen), dtype=np.float32)[:, None, None] / max(len(seen) - 1, 1)
    seen = seen * np.exp(-np.float32(rng.exponential(0.6)) * depth)
    photons = float(np.exp(rng.uniform(np.log(30), np.log(2000))))
    noisy = shoot(np.asarray(seen, np.float32), photons, 0.01, rng)
    return expose(noisy, rng, dark=(0.0, 0.15), bright=(0.4, 1.1))
