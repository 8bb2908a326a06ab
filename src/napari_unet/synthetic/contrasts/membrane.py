"""Stained membranes: bright outlines of epithelial sheets and single cells."""

from __future__ import annotations

import numpy as np

from napari_unet.synthetic.contrasts import habits, nuclei
from napari_unet.synthetic.lens import blur
from napari_unet.synthetic.texture import Image, granules, per_cell, rough_noise, smooth_noise
from napari_unet.synthetic.tissue import Habit, Labels, Tissue


def habit(rng: np.random.Generator, size: float) -> Habit:
    """Mostly sheets."""
    return habits.sheet(rng, size) if rng.random() < 0.75 else habits.culture(rng, size)


def paint(tissue: Tissue, rng: np.random.Generator) -> tuple[Image, Labels]:
    """Show the membranes: (1, Y, X) from 0 to 1."""
    labels, size = tissue.labels, tissue.size
    shape = (labels.shape[0], labels.shape[1])
    width = np.float32(max(rng.uniform(0.015, 0.05) * size, 0.7))
    distance = tissue.distance
    line = np.exp(-((distance / width) ** 2))
    uneven = np.float32(rng.uniform(0.1, 0.5))
    line *= np.maximum(1 + uneven * rough_noise(shape, size / 2, rng, slope=1.6), 0.1)
    if rng.random() < 0.5:  # clusters of junction proteins
        line *= 0.5 + granules(shape, 0.03, max(float(width), 0.7), rng)
    inside = np.float32(rng.exponential(0.12)) * per_cell(rng, labels, 0.4) * tissue.mask
    inside *= np.maximum(1 + 0.4 * rough_noise(shape, size / 4, rng, slope=1.4), 0)
    specks = np.float32(rng.uniform(0, 0.5)) * granules(shape, 2 / size**2, max(0.02 * size, 0.7), rng)
    light = line + inside + specks * tissue.mask
    if rng.random() < 0.4:  # membranes that lean: their lower part is out of focus and shifted
        shift = (rng.normal(0, 0.06, 2) * size).astype(int)
        light = light + np.float32(rng.uniform(0.2, 0.6)) * blur(np.roll(line, shift, (0, 1)), 0.04 * size)
    if rng.random() < 0.5:  # a layer that leaves the focal plane
        light = light * (0.55 + 0.45 * np.tanh(smooth_noise(shape, 2 * size, rng)))
    return nuclei.photograph_stain(np.asarray(light, np.float32), tissue, rng)[None], labels
