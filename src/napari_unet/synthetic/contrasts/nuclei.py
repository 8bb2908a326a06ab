"""Nuclei in fluorescence: chromatin, nucleoli, mitoses, haze, dim neighbours and the camera's noise."""

from __future__ import annotations

import numpy as np

from napari_unet.synthetic.camera import expose, shoot
from napari_unet.synthetic.clutter import blurred_cells, debris, near
from napari_unet.synthetic.lens import blur, slow_light
from napari_unet.synthetic.shapes import Kind
from napari_unet.synthetic.texture import Image, granules, per_cell, rough_noise, smooth_noise
from napari_unet.synthetic.tissue import Habit, Labels, Tissue


def habit(rng: np.random.Generator, size: float) -> Habit:
    """Nuclei of one cell line, of a tissue, or of lobed blood cells."""
    lobed = rng.random() < 0.15
    crowded = rng.random() < 0.35
    return Habit(
        size=size,
        size_spread=float(rng.choice([0.08, 0.15, 0.25, 0.4])),
        kinds={Kind.LOBED: 1.0, Kind.CRESCENT: 0.3, Kind.ROUND: 1.0}
        if lobed
        else {Kind.ROUND: 1.0, Kind.LOBED: 0.1, Kind.ROD: 0.04, Kind.SPINDLE: float(rng.choice([0, 0.2]))},
        coverage=float(rng.uniform(0.4, 0.9) if crowded else rng.uniform(0.02, 0.35)),
        clustering=float(rng.choice([0.0, 0.3, 0.7])),
        closest=float(rng.uniform(0.68, 0.85) if crowded else rng.uniform(0.78, 1.1)),
        stacked=bool(rng.random() < 0.4),
        irregular=float(rng.uniform(0.05, 0.7)),
        warp=float(rng.uniform(0, 0.05)),
        aligned=float(rng.uniform(0.5, 1) if rng.random() < 0.2 else 0),
    )


def paint(tissue: Tissue, rng: np.random.Generator) -> tuple[Image, Labels]:
    """Show nuclei as a fluorescence microscope does: (1, Y, X) from 0 to 1."""
    light = emission(tissue, rng)
    return photograph_stain(light, tissue, rng)[None], tissue.labels


def emission(tissue: Tissue, rng: np.random.Generator) -> Image:
    """Light of the stained nuclei themselves, about 1 inside."""
    labels, size = tissue.labels, tissue.size
    steep = rng.uniform(0.04, 0.3) * size  # flat nuclei rise steeply at the rim, round ones slowly
    thickness = 1 - np.exp(-tissue.distance / np.float32(steep))
    own = per_cell(rng, labels, float(rng.choice([0.1, 0.25, 0.45, 0.8])))
    light = thickness * own * np.maximum(chromatin(tissue, rng), 0.15)
    light *= 1 + np.float32(rng.uniform(0.2, 0.9)) * np.maximum(tissue.cover - 1, 0)
    return np.asarray(condense(light, tissue, rng) * tissue.mask, np.float32)


def chromatin(tissue: Tissue, rng: np.random.Generator) -> Image:
    """Texture of DNA: clouds of all sizes, dark nucleoli or bright chromocentres; around 1."""
    shape, size = tissue.labels.shape, tissue.size
    coarse = np.float32(rng.uniform(0.05, 0.3))
    texture = 1 + coarse * rough_noise(shape, size / 4, rng, slope=rng.uniform(1.2, 2.2))
    kind = rng.random()
    if kind < 0.4:  # nucleoli
        blobs = smooth_noise(shape, size * rng.uniform(0.05, 0.09), rng) * per_cell(rng, tissue.labels, 0.2)
        dark = 1 / (1 + np.exp(-6 * (blobs - 1.3)))
        texture -= np.float32(rng.uniform(0.2, 0.6)) * dark * (tissue.depth < 0.75)
    elif kind < 0.65:  # chromocentres, as in the mouse
        spots = granules(shape, rng.uniform(5, 20) / size**2, max(0.035 * size, 0.7), rng)
        texture += np.float32(rng.uniform(0.3, 1.2)) * spots
    return np.asarray(texture, np.float32)


def condense(light: Image, tissue: Tissue, rng: np.random.Generator) -> Image:
    """Let a few cells divide or die: their DNA is dense and bright."""
    rare = rng.random(max(4096, int(tissue.labels.max()) + 1)) < rng.choice([0.0, 0.02, 0.08])
    dense = rare[tissue.labels] & tissue.mask
    return np.asarray(np.where(dense, light * rng.uniform(1.5, 3) + 0.3, light), np.float32)


def enough_photons(light: Image, lit: Image, tissue: Tissue, rng: np.random.Generator) -> float:
    """Draw the photons of brightness 1: so many at least that the eye can still find the cells in the noise.

    Shot noise on the ground stays below 40 % of a common cell's light, and below less where cells are small.
    """
    signal = float(np.median(light[tissue.mask])) if tissue.mask.any() else 1.0
    tolerated = 0.4 * min(tissue.size / 20, 1.5) * max(signal, 0.05)
    fewest = max(float(np.median(lit)) / tolerated**2, 20.0)
    return fewest * float(np.exp(rng.uniform(0, np.log(150))))


def photograph_stain(light: Image, tissue: Tissue, rng: np.random.Generator) -> Image:
    """Add what is no cell, and take the picture through a fluorescence microscope."""
    labels, size = tissue.labels, tissue.size
    shape = (labels.shape[0], labels.shape[1])
    if rng.random() < 0.5:
        light = light + np.float32(rng.uniform(0.2, 1.5)) * debris(shape, size, rng)
    sharp = blur(light, rng.uniform(0.5, 0.9) + min(rng.exponential(0.015), 0.05) * size)
    haze = np.float32(rng.choice([0.0, 0.1, 0.3, 0.6])) * blur(light, rng.uniform(0.3, 1.5) * size)
    background = np.float32(min(rng.exponential(0.12), 0.6))
    glow = near(labels, size * rng.uniform(0.4, 1.5)) * (1 + 0.3 * rough_noise(shape, size, rng))
    seen = sharp + haze + background + np.float32(rng.exponential(0.08)) * np.maximum(glow, 0)
    if rng.random() < 0.35:
        seen = seen + np.float32(rng.uniform(0.1, 0.6)) * blurred_cells(shape, size, rng)
    lit = np.asarray(seen * slow_light(shape, rng.choice([0.02, 0.1, 0.25]), rng), np.float32)
    noisy = shoot(
        lit,
        enough_photons(light, lit, tissue, rng),
        float(min(rng.exponential(0.012), 0.06)),
        tissue.noise(rng),
    )
    return expose(noisy, rng, dark=(0.0, 0.2), bright=(0.35, 1.25))
