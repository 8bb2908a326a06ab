"""What lies in a field of view without being an object: debris, dust, bubbles, hairs, cells out of focus."""

from __future__ import annotations

import numpy as np

from napari_unet.synthetic.lens import blur
from napari_unet.synthetic.shapes import Kind
from napari_unet.synthetic.texture import Image, granules, smooth_noise
from napari_unet.synthetic.tissue import Habit, Labels, grow

SPECK_KINDS = {Kind.ROUND: 3.0, Kind.LOBED: 2.0, Kind.CRESCENT: 0.5, Kind.ROD: 1.0}


def debris(shape: tuple[int, int], size: float, rng: np.random.Generator) -> Image:
    """Specks and fragments much smaller than a cell of `size` px; brightness mostly 0, up to a few."""
    specks = granules(shape, rng.exponential(6e-5), rng.uniform(0.5, 1.2), rng, power=2)
    if rng.random() < 0.5:
        habit = Habit(
            max(size * rng.uniform(0.1, 0.3), 2.5),
            0.5,
            SPECK_KINDS,
            rng.exponential(0.004),
            irregular=1.0,
            warp=0,
        )
        fragments = grow(shape, habit, rng)
        specks += fragments.mask * np.float32(rng.uniform(0.2, 1.0))
    return np.asarray(specks, np.float32)


def blurred_cells(shape: tuple[int, int], size: float, rng: np.random.Generator) -> Image:
    """Light of cells far from the focal plane: no outline is left of them. 0–1."""
    habit = Habit(size * rng.uniform(0.8, 1.5), 0.3, coverage=rng.uniform(0.03, 0.3), irregular=0.3, warp=0)
    cells = grow(shape, habit, rng).mask.astype(np.float32)
    return blur(cells, size * rng.uniform(0.3, 0.7))


def rings(shape: tuple[int, int], rng: np.random.Generator, n: int) -> Image:
    """Dust far out of focus in transmitted light: faint rings of light and dark, around 0."""
    y = np.arange(shape[0], dtype=np.float32)[:, None]
    x = np.arange(shape[1], dtype=np.float32)[None, :]
    total = np.zeros(shape, np.float32)
    for _ in range(n):
        cy, cx = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        radius, period = rng.uniform(3, 25), rng.uniform(3, 9)
        distance = np.hypot(y - cy, x - cx)
        total += (
            np.cos(distance * 2 * np.pi / period) * np.exp(-((distance / radius) ** 2)) * rng.normal(0, 1)
        )
    return total


def hairs(shape: tuple[int, int], rng: np.random.Generator, n: int) -> Image:
    """Curved threads of 1 to 4 px width and 0–1 strength."""
    canvas = np.zeros(shape, np.float32)
    for _ in range(n):
        length = rng.uniform(0.3, 1.2) * max(shape)
        t = np.linspace(0, length, int(2 * length))
        turn = (
            rng.uniform(0, 2 * np.pi)
            + rng.normal(0, 2 / length) * t
            + 0.5 * np.sin(t * rng.uniform(0.01, 0.05))
        )
        y = rng.uniform(0, shape[0]) + np.cumsum(np.sin(turn)) / 2
        x = rng.uniform(0, shape[1]) + np.cumsum(np.cos(turn)) / 2
        inside = (y >= 0) & (y < shape[0]) & (x >= 0) & (x < shape[1])
        canvas[y[inside].astype(int), x[inside].astype(int)] = rng.uniform(0.4, 1)
    width = rng.uniform(0.6, 1.6)
    return np.asarray(np.clip(blur(canvas, width) * (2 * width), 0, 1), np.float32)


def bubbles(shape: tuple[int, int], size: float, rng: np.random.Generator, n: int) -> Image:
    """Outlines of round bubbles and rounded dead cells: a dark ring with a bright inner edge, around 0."""
    y = np.arange(shape[0], dtype=np.float32)[:, None]
    x = np.arange(shape[1], dtype=np.float32)[None, :]
    total = np.zeros(shape, np.float32)
    for _ in range(n):
        cy, cx = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        radius = size * rng.uniform(0.08, 0.4)
        width = max(1.0, 0.2 * radius)
        from_edge = (np.hypot(y - cy, x - cx) - radius) / width
        total += np.exp(-((from_edge + 1) ** 2)) - np.exp(-(from_edge**2))
    return total


def near(labels: Labels, distance: float) -> Image:
    """How near cells are, 1 among them and 0 far away: where a tissue's glow and secretions are."""
    return blur((labels > 0).astype(np.float32), distance)


def patchy(shape: tuple[int, int], scale: float, rng: np.random.Generator) -> Image:
    """A smooth field from 0 to 1, half of it near an end: where something is and where not."""
    return np.asarray(1 / (1 + np.exp(-2.5 * smooth_noise(shape, scale, rng))), np.float32)
