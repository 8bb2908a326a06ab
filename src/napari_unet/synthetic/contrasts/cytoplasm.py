"""Cell bodies in fluorescence, alone or with their nuclei in a second channel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from napari_unet.synthetic.contrasts import habits, nuclei
from napari_unet.synthetic.lens import blur
from napari_unet.synthetic.shapes import Form, draw_form
from napari_unet.synthetic.shapes import Kind as ShapeKind
from napari_unet.synthetic.texture import Image, fibres, granules, per_cell, rough_noise
from napari_unet.synthetic.tissue import Habit, Labels, Tissue, draw_cells


def habit(rng: np.random.Generator, size: float) -> Habit:
    """Cells of a culture or a layer."""
    return habits.sheet(rng, size) if rng.random() < 0.15 else habits.culture(rng, size)


def paint(tissue: Tissue, rng: np.random.Generator) -> tuple[Image, Labels]:
    """Show cell bodies, with dark nuclei or without: (1, Y, X) from 0 to 1."""
    hole = np.float32(rng.choice([0.0, 0.3, 0.7]))
    core = (nuclei_of(tissue, rng).labels > 0).astype(np.float32)
    light = emission(tissue, core, rng) * (1 - hole * core)
    return nuclei.photograph_stain(np.asarray(light, np.float32), tissue, rng)[None], tissue.labels


def paint_with_nuclei(tissue: Tissue, rng: np.random.Generator) -> tuple[Image, Labels]:
    """Show cell bodies and nuclei in a channel each: (2, Y, X) from 0 to 1, cell bodies first."""
    core = nuclei_of(tissue, rng)
    hole = np.float32(rng.choice([0.0, 0.0, 0.3, 0.7]))
    inside = core.mask.astype(np.float32)
    bodies = emission(tissue, inside, rng) * (1 - hole * inside)
    leak = np.float32(rng.exponential(0.05))
    stain = nuclei.emission(core, rng)
    channels = [np.asarray(bodies + leak * stain, np.float32), np.asarray(stain + leak * bodies, np.float32)]
    return np.stack(
        [nuclei.photograph_stain(c, t, rng) for c, t in zip(channels, (tissue, core), strict=True)]
    ), (tissue.labels)


def nuclei_of(tissue: Tissue, rng: np.random.Generator) -> Tissue:
    """Put a nucleus near the middle of every cell, inside of its outline."""
    share = rng.uniform(0.3, 0.55)
    seed = int(rng.integers(2**32))
    forms: list[Form] = []
    centres = tissue.centres.copy()
    for i, (number, cell) in enumerate(zip(tissue.numbers, tissue.forms, strict=True)):
        own = np.random.default_rng((seed, int(number)))  # stays with the cell through a series
        radius = min(tissue.size, cell.radius * 2) / 2 * share * float(np.exp(own.normal(0, 0.12)))
        if cell.kind in (ShapeKind.ROD, ShapeKind.SPINDLE):
            radius *= 0.75
        forms.append(draw_form(ShapeKind.ROUND, max(radius, 1.5), cell.angle, 0.2, own))
        centres[i] += own.normal(0, 0.12 * cell.radius, 2)
    shape = (tissue.labels.shape[0], tissue.labels.shape[1])
    core = draw_cells(shape, centres, forms, Habit(tissue.size * share))
    inner = (tissue.labels > 0) & (tissue.distance > 0.04 * tissue.size)
    labels = np.where(inner & (core.labels > 0), tissue.labels, 0).astype(np.int32)
    return replace(
        tissue,
        labels=labels,
        depth=core.depth,
        cover=core.cover,
        centres=centres,
        forms=forms,
        size=core.size,
    )


def emission(tissue: Tissue, core: Image, rng: np.random.Generator) -> Image:
    """Light of the cell bodies: thick around the nucleus, thin at the rim; granules, fibres, ruffles."""
    labels, size = tissue.labels, tissue.size
    shape = (labels.shape[0], labels.shape[1])
    distance = tissue.distance
    steep = np.float32(rng.uniform(0.05, 0.4) * size)
    body = 0.25 + 0.75 * (1 - np.exp(-distance / steep))
    body += np.float32(rng.exponential(0.8)) * blur(core, 0.15 * size)
    rough = np.float32(rng.uniform(0.05, 0.45))
    body *= np.maximum(1 + rough * rough_noise(shape, size / 3, rng, slope=rng.uniform(1, 2)), 0.1)
    if rng.random() < 0.4:
        threads = fibres(shape, max(size * rng.uniform(0.06, 0.15), 3), rng, straightness=rng.uniform(2, 8))
        body += np.float32(rng.uniform(0.2, 1.2)) * threads
    if rng.random() < 0.5:
        sigma = max(size * rng.uniform(0.01, 0.04), 0.6)
        body += np.float32(rng.uniform(0.2, 1.0)) * granules(shape, 0.04 / sigma**2, sigma, rng)
    if rng.random() < 0.3:  # cortex or ruffles
        rim = np.exp(-distance / np.float32(max(0.03 * size, 1)))
        body += np.float32(rng.uniform(0.3, 1.5)) * rim * np.maximum(1 + rough_noise(shape, size, rng), 0)
    own = per_cell(rng, labels, float(rng.choice([0.1, 0.3, 0.6])))
    body *= 1 + np.float32(0.4) * np.maximum(tissue.cover - 1, 0)
    return np.asarray(body * own * tissue.mask, np.float32)
