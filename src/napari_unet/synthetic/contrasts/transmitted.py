"""Unstained cells in transmitted light: phase contrast, differential interference contrast, bright-field."""

from __future__ import annotations

import numpy as np

from napari_unet.synthetic.camera import shoot
from napari_unet.synthetic.clutter import blurred_cells, bubbles, debris, hairs, rings
from napari_unet.synthetic.contrasts import habits
from napari_unet.synthetic.contrasts.cytoplasm import nuclei_of
from napari_unet.synthetic.lens import blur, defocus, phase_contrast, relief, slow_light
from napari_unet.synthetic.texture import Image, granules, per_cell, rough_noise, smooth_noise
from napari_unet.synthetic.tissue import Habit, Labels, Tissue


def habit(rng: np.random.Generator, size: float) -> Habit:
    """Cells of a culture."""
    return habits.culture(rng, size)


def optical_thickness(tissue: Tissue, rng: np.random.Generator, organelles: float) -> Image:
    """Thickness times refractive index of the cells, about 1 in a cell's middle.

    Spread cells are thin at the rim and thick around the nucleus, rounded ones are domes. Vesicles and
    granules refract more than the cytoplasm, the nucleus a little less, its nucleoli more.
    """
    labels, size = tissue.labels, tissue.size
    shape = (labels.shape[0], labels.shape[1])
    distance = tissue.distance
    core = nuclei_of(tissue, rng)
    inside = blur(core.mask.astype(np.float32), 0.02 * size + 0.5)
    spread = 1 - np.exp(-distance / np.float32(rng.uniform(0.04, 0.15) * size))
    dome = np.sqrt(
        np.clip(distance / np.float32(0.5 * size), 0, 1) * (2 - np.clip(distance / (0.5 * size), 0, 1))
    )
    flat = np.float32(rng.uniform(0, 1))
    body = flat * (0.5 * spread + 0.5 * blur(inside, 0.1 * size)) + (1 - flat) * dome
    body *= per_cell(rng, labels, float(rng.uniform(0.05, 0.4)))
    fine, coarse = max(0.012 * size, 0.6), max(0.035 * size, 0.9)
    vesicles = granules(shape, rng.uniform(0.01, 0.05) / fine**2, fine, rng)
    vesicles += np.float32(rng.uniform(0, 1.2)) * granules(shape, 0.006 / coarse**2, coarse, rng)
    texture = 0.4 * rough_noise(shape, size / 4, rng, slope=1.5) + 0.5 * vesicles
    cytoplasm = tissue.mask * (1 - 0.75 * inside) * np.minimum(distance / np.float32(0.05 * size), 1)
    nucleoli = 1 / (1 + np.exp(-8 * (smooth_noise(shape, 0.03 * size + 0.4, rng) - 1.6)))
    nucleus = (
        np.float32(rng.normal(-0.12, 0.12)) * inside + np.float32(rng.uniform(0.05, 0.4)) * nucleoli * inside
    )
    phase = body + np.float32(organelles) * texture * cytoplasm + nucleus
    return np.asarray(phase, np.float32)


def medium(shape: tuple[int, int], size: float, rng: np.random.Generator) -> Image:
    """Phase of what floats around: debris, small bubbles, matrix."""
    clutter = np.float32(min(rng.exponential(0.02), 0.06)) * rough_noise(shape, size, rng, slope=1.3)
    if rng.random() < 0.7:
        clutter = clutter + np.float32(rng.uniform(0.2, 0.9)) * debris(shape, size, rng)
    if rng.random() < 0.25:
        clutter = clutter + np.float32(rng.uniform(0.1, 0.6)) * bubbles(
            shape, size, rng, int(rng.integers(1, 6))
        )
    if rng.random() < 0.08:
        clutter = clutter + np.float32(rng.uniform(0.3, 0.8)) * hairs(shape, rng, int(rng.integers(1, 3)))
    if rng.random() < 0.2:
        clutter = clutter + np.float32(rng.uniform(0.1, 0.4)) * blurred_cells(shape, size, rng)
    return np.asarray(clutter, np.float32)


def paint_phase(tissue: Tissue, rng: np.random.Generator) -> tuple[Image, Labels]:
    """Phase contrast: bright halo, shade-off, dark or (thick or negative) bright cells; (1, Y, X), 0–1."""
    shape, size = (tissue.labels.shape[0], tissue.labels.shape[1]), tissue.size
    phase = optical_thickness(tissue, rng, rng.uniform(0.1, 0.6)) + medium(shape, size, rng)
    phase = blur(phase, rng.uniform(0.5, 0.8) + 0.008 * size)
    thick = rng.uniform(0.4, 1.2) if rng.random() < 0.7 else rng.uniform(1.2, 3.5)
    image = phase_contrast(phase, size * rng.uniform(0.06, 0.3) + 1, rng.uniform(0.5, 1), thick)
    if rng.random() < 0.15:
        image = -image  # negative phase contrast
    return finish(image, tissue, rng, contrast=rng.uniform(0.15, 0.85))[None], tissue.labels


def paint_dic(tissue: Tissue, rng: np.random.Generator) -> tuple[Image, Labels]:
    """Relief lit from one side, at any angle; (1, Y, X), 0–1."""
    shape, size = (tissue.labels.shape[0], tissue.labels.shape[1]), tissue.size
    phase = optical_thickness(tissue, rng, rng.uniform(0.03, 0.35)) + medium(shape, size, rng)
    phase = blur(phase, rng.uniform(0.5, 0.9) + 0.008 * size)
    image = relief(phase, rng.uniform(0, 2 * np.pi), rng.uniform(1, 2.5))
    return finish(image, tissue, rng, contrast=rng.uniform(0.15, 0.7))[None], tissue.labels


def paint_brightfield(tissue: Tissue, rng: np.random.Generator) -> tuple[Image, Labels]:
    """Out of focus: dark or bright rings around the outlines; (1, Y, X), 0–1."""
    shape, size = (tissue.labels.shape[0], tissue.labels.shape[1]), tissue.size
    phase = optical_thickness(tissue, rng, rng.uniform(0.1, 0.5)) + medium(shape, size, rng)
    absorbed = np.float32(rng.exponential(0.08)) * blur(phase * tissue.mask, 0.02 * size + 0.7)
    width = rng.uniform(0.02, 0.1) * size + 1  # px: of the first ring
    distance = 2 * width**2 * rng.choice([-1, 1])
    image = defocus(phase, np.asarray(absorbed, np.float32), distance, rng.uniform(0.25, 0.5) * width) - 1
    return finish(image, tissue, rng, contrast=rng.uniform(0.15, 0.8))[None], tissue.labels


def finish(signal: Image, tissue: Tissue, rng: np.random.Generator, contrast: float) -> Image:
    """Put a signal on the bright field of a transmitted-light image and take the picture; 0–1."""
    shape = (signal.shape[0], signal.shape[1])
    strongest = float(np.percentile(np.abs(signal[::2, ::2]), 99))
    light = 1 + signal * np.float32(contrast / max(strongest, 1e-6))
    if rng.random() < 0.5:
        light = light + np.float32(0.1 * contrast) * rings(shape, rng, int(rng.integers(1, 8)))
    light = np.maximum(light, 0) * slow_light(shape, rng.choice([0.02, 0.08, 0.18]), rng)
    # from noise of a sixth of the signal, which the eye still reads, to next to none
    photons = 36 / contrast**2 * float(np.exp(rng.uniform(0, np.log(100))))
    level = rng.uniform(0.3, 0.65)
    return np.asarray(np.clip(level * shoot(light, photons, 0.003, tissue.noise(rng)), 0, 1), np.float32)
