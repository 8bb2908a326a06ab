"""Electron microscopy: neurites between dark membranes, myelinated axons, mitochondria."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from napari_unet.synthetic.camera import shoot
from napari_unet.synthetic.lens import blur, edge_distance, slow_light
from napari_unet.synthetic.shapes import Kind
from napari_unet.synthetic.texture import (
    Image,
    fibres,
    granules,
    per_cell,
    rough_noise,
    smooth_noise,
)
from napari_unet.synthetic.tissue import Habit, Labels, Tissue, grow, keep_whole, number_from_one

# Diameter of an axon over that of its fibre with myelin: Rushton, J. Physiol. 115 (1951)
G_RATIO = 0.7


def habit_cells(rng: np.random.Generator, size: float) -> Habit:
    """Neurites that fill the space, of very unequal sizes."""
    return Habit(
        size=1.06 * size + 1,  # the membrane takes the rest
        size_spread=float(rng.uniform(0.2, 0.5)),
        kinds={Kind.ROUND: 1.0, Kind.LOBED: 0.6, Kind.SPINDLE: 0.2, Kind.POLYGON: 0.4},
        sheet=True,
        disorder=float(rng.uniform(0.2, 0.4)),
        irregular=float(rng.uniform(0.3, 0.9)),
        warp=float(rng.uniform(0.04, 0.12)),
        rough=0.03,
    )


def habit_axons(rng: np.random.Generator, size: float) -> Habit:
    """Fibres, loose or packed, of very unequal sizes."""
    return Habit(
        size=size / G_RATIO,
        size_spread=float(rng.uniform(0.2, 0.55)),
        kinds={Kind.ROUND: 1.0, Kind.LOBED: 0.15, Kind.POLYGON: 0.5},
        coverage=float(rng.uniform(0.3, 1.2)),
        clustering=0.5,
        closest=float(rng.uniform(0.8, 1.05)),
        irregular=float(rng.uniform(0.2, 0.8)),
        warp=float(rng.uniform(0.02, 0.08)),
    )


def habit_mitochondria(rng: np.random.Generator, size: float) -> Habit:
    """Round and long organelles, loose."""
    return Habit(
        size=size,
        size_spread=0.35,
        kinds={Kind.ROUND: 1.0, Kind.ROD: float(rng.uniform(0.1, 1))},
        coverage=float(rng.uniform(0.03, 0.3)),
        clustering=0.3,
        closest=1.1,
        irregular=0.5,
        warp=float(rng.uniform(0.02, 0.06)),
    )


def paint_cells(tissue: Tissue, rng: np.random.Generator) -> tuple[Image, Labels]:
    """Neurites; the objects end at the membrane. (1, Y, X) from 0 to 1."""
    labels, size = tissue.labels, tissue.size
    shape = (labels.shape[0], labels.shape[1])
    distance = edge_distance(labels)
    width = max(rng.uniform(0.02, 0.05) * size, 1.0)
    # where the cut is oblique, membranes are wide and pale
    tilted = np.exp(np.float32(rng.uniform(0.1, 0.5)) * smooth_noise(shape, size / 2, rng))
    membrane = np.exp(-((distance / (np.float32(width) * tilted)) ** 2)) / np.sqrt(tilted)
    inside = cytoplasm(labels, size, rng)
    inside, blocked = add_mitochondria(inside, labels, size, rng)
    inside = add_vesicles(inside, labels, size, rng)
    grey = inside - np.float32(rng.uniform(0.35, 0.7)) * membrane
    interior = np.where((distance > width) | blocked & (labels > 0), labels, 0)
    return record(grey, rng)[None], number_from_one(keep_whole(interior.astype(np.int32)))


def paint_axons(tissue: Tissue, rng: np.random.Generator) -> tuple[Image, Labels]:
    """Axons in their dark myelin; the objects are the axons without it. (1, Y, X) from 0 to 1."""
    labels, size = tissue.labels, tissue.size
    shape = (labels.shape[0], labels.shape[1])
    distance = edge_distance(labels)
    radius = np.array([0.0, *(form.radius for form in tissue.forms)], np.float32)[labels]
    sheath = (1 - G_RATIO) * radius * per_cell(rng, labels, 0.25) * np.float32(rng.uniform(0.6, 1.4))
    myelin = tissue.mask & (distance < sheath)
    axon = tissue.mask & ~myelin
    ground = 0.72 + between(shape, size, rng) + 0.05 * rough_noise(shape, size / 4, rng, slope=1.3)
    axons = number_from_one(keep_whole(np.where(axon, labels, 0).astype(np.int32), smallest=9))
    inner = 0.75 * per_cell(rng, labels, 0.05) + np.float32(rng.uniform(-0.08, 0.15))
    inner = inner + np.float32(rng.uniform(0.01, 0.06)) * rough_noise(shape, size / 3, rng, slope=1.3)
    plasma, _ = add_mitochondria(np.where(axon, inner, ground).astype(np.float32), axons, 0.7 * size, rng)
    grey = np.where(myelin, sheaths(tissue, rng), plasma)
    image = record(np.asarray(grey, np.float32), rng)
    # detectors of scanning microscopes see heavy atoms bright, transmission shows them dark
    return (1 - image if rng.random() < 0.5 else image)[None], axons


def sheaths(tissue: Tissue, rng: np.random.Generator) -> Image:
    """Grey of myelin: lamellae and splits in it, dense or frayed, and a pale gap where two sheaths touch."""
    shape, size = (tissue.labels.shape[0], tissue.labels.shape[1]), tissue.size
    period = np.float32(max(0.05 * size, 2.5))
    waves = 0.3 * smooth_noise(shape, size / 4, rng)
    lamellae = np.float32(rng.uniform(0, 0.2)) * np.sin(2 * np.pi * (tissue.distance / period + waves))
    rough = np.float32(rng.uniform(0.05, 0.35)) * rough_noise(shape, size / 2, rng, slope=1.4)
    gap = np.exp(-((tissue.distance / np.float32(rng.uniform(0.6, 1.6))) ** 2))
    own = per_cell(rng, tissue.labels, 0.15) * np.float32(rng.uniform(0.1, 0.35))
    dark = own * np.maximum(1 + lamellae + rough, 0.1)
    return np.asarray(dark + np.float32(rng.uniform(0, 0.45)) * gap, np.float32)


def paint_mitochondria(tissue: Tissue, rng: np.random.Generator) -> tuple[Image, Labels]:
    """Mitochondria among neurites that are no objects here. (1, Y, X) from 0 to 1."""
    shape, size = (tissue.labels.shape[0], tissue.labels.shape[1]), tissue.size
    cells = grow(shape, habit_cells(rng, size * rng.uniform(2, 5)), rng)
    free = edge_distance(cells.labels)
    membrane = np.exp(-((free / np.float32(max(0.06 * size, 1))) ** 2)) * ~tissue.mask
    inside = add_vesicles(cytoplasm(cells.labels, 2 * size, rng), cells.labels, 2 * size, rng)
    grey = inside - np.float32(rng.uniform(0.35, 0.6)) * membrane
    return record(mitochondria_on(grey, tissue, rng), rng)[None], tissue.labels


def cytoplasm(labels: Labels, size: float, rng: np.random.Generator) -> Image:
    """Grey of the cell plasma: a little different in every cell, with filaments and grains."""
    shape = (labels.shape[0], labels.shape[1])
    grey = 0.72 * per_cell(rng, labels, float(rng.uniform(0.02, 0.12)))
    grey = grey + np.float32(rng.uniform(0.02, 0.07)) * rough_noise(shape, size / 3, rng, slope=1.3)
    return np.asarray(grey - 0.08 * granules(shape, 0.01, 0.8, rng), np.float32)


def between(shape: tuple[int, int], size: float, rng: np.random.Generator) -> Image:
    """Space between fibres: small neurites, glia and collagen instead of an even ground."""
    lines = fibres(shape, max(size * rng.uniform(0.2, 0.5), 5), rng, straightness=rng.uniform(1, 3))
    uneven = np.float32(rng.uniform(0.03, 0.12)) * rough_noise(shape, size, rng, slope=1.6)
    return np.asarray(
        np.float32(-rng.uniform(0, 0.35)) * lines + uneven - np.float32(rng.uniform(-0.1, 0.4)), np.float32
    )


def add_mitochondria(
    grey: Image, labels: Labels, size: float, rng: np.random.Generator
) -> tuple[Image, NDArray[np.bool_]]:
    """Put mitochondria into cells; returns where they are too."""
    shape = (labels.shape[0], labels.shape[1])
    organelles = grow(shape, habit_mitochondria(rng, max(size * rng.uniform(0.2, 0.4), 7)), rng)
    room = (labels > 0) & (edge_distance(labels) > 1.5)
    inside = np.where(room, organelles.labels, 0).astype(np.int32)
    placed = replace(organelles, labels=inside)
    return mitochondria_on(grey, placed, rng), inside > 0


def mitochondria_on(grey: Image, tissue: Tissue, rng: np.random.Generator) -> Image:
    """Draw mitochondria: a dark double membrane and cristae in a darker matrix."""
    shape, size = (tissue.labels.shape[0], tissue.labels.shape[1]), tissue.size
    rim = np.exp(-((tissue.distance / np.float32(max(0.05 * size, 1.0))) ** 2))
    stripes = fibres(shape, max(size * rng.uniform(0.12, 0.25), 3.5), rng, straightness=2.5, thinness=0.5)
    matrix = 0.72 - np.float32(rng.uniform(0.05, 0.3)) * per_cell(rng, tissue.labels, 0.2)
    drawn = matrix - np.float32(rng.uniform(0.05, 0.3)) * stripes - np.float32(rng.uniform(0.15, 0.4)) * rim
    return np.asarray(np.where(tissue.mask, drawn, grey), np.float32)


def add_vesicles(grey: Image, labels: Labels, size: float, rng: np.random.Generator) -> Image:
    """Add small rings in some cells: synaptic vesicles and the like."""
    shape = (labels.shape[0], labels.shape[1])
    filled = rng.random(max(4096, int(labels.max()) + 1)) < rng.uniform(0, 1)
    sigma = max(rng.uniform(0.015, 0.03) * size, 0.9)
    spots = granules(shape, rng.uniform(0.005, 0.04) / sigma**2, sigma, rng)
    ring = 2.5 * blur(spots, sigma) - spots
    here = filled[labels] & (edge_distance(labels) > 2 * sigma)
    return np.asarray(grey - np.float32(rng.uniform(0.1, 0.35)) * np.clip(ring, -1, 1) * here, np.float32)


def record(grey: Image, rng: np.random.Generator) -> Image:
    """Blur, noise and exposure of an electron microscope; 0–1."""
    shape = (grey.shape[0], grey.shape[1])
    seen = blur(grey, rng.uniform(0.5, 1.3)) * slow_light(shape, rng.choice([0.01, 0.05]), rng)
    noisy = shoot(seen, float(np.exp(rng.uniform(np.log(25), np.log(1500)))), 0.01, rng)
    contrast, level = rng.uniform(0.6, 1.4), rng.uniform(0.4, 0.75)
    return np.asarray(np.clip((noisy - 0.6) * contrast + level, 0, 1), np.float32)
