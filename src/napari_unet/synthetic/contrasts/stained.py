"""Absorbing stains: haematoxylin and eosin and others, by the law of Beer and Lambert."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_unet.synthetic.camera import shoot
from napari_unet.synthetic.clutter import debris, patchy
from napari_unet.synthetic.lens import blur, slow_light
from napari_unet.synthetic.shapes import Kind
from napari_unet.synthetic.texture import Image, fibres, granules, per_cell, rough_noise, smooth_noise
from napari_unet.synthetic.tissue import Habit, Labels, Tissue, grow

# Optical densities in red, green and blue of one unit of stain: Ruifrok and Johnston, Anal. Quant. Cytol.
# Histol. 23 (2001), and for the last ones read off pictures.
HAEMATOXYLIN, EOSIN, DAB = (0.65, 0.70, 0.29), (0.07, 0.99, 0.11), (0.27, 0.57, 0.78)
NUCLEAR = [HAEMATOXYLIN, HAEMATOXYLIN, (0.55, 0.76, 0.35), (0.75, 0.60, 0.25), DAB, (0.90, 0.35, 0.30)]
COUNTER = [EOSIN, EOSIN, (0.20, 0.85, 0.30), (0.45, 0.75, 0.30), (0.75, 0.20, 0.55), (0.80, 0.45, 0.10), DAB]


def habit(rng: np.random.Generator, size: float) -> Habit:
    """Nuclei of a tissue or a smear."""
    return Habit(
        size=size,
        size_spread=float(rng.uniform(0.1, 0.4)),
        kinds={Kind.ROUND: 1.0, Kind.LOBED: 0.15, Kind.SPINDLE: float(rng.uniform(0, 0.5)), Kind.ROD: 0.1},
        coverage=float(rng.uniform(0.05, 0.55)),
        clustering=float(rng.choice([0.1, 0.4, 0.7])),
        closest=float(rng.uniform(0.75, 1.1)),
        stacked=bool(rng.random() < 0.5),
        irregular=float(rng.uniform(0.2, 0.9)),
        warp=float(rng.uniform(0.01, 0.07)),
        aligned=float(rng.uniform(0.3, 0.9)),
    )


def paint(tissue: Tissue, rng: np.random.Generator) -> tuple[Image, Labels]:
    """Show nuclei in a stained tissue: (3, Y, X) from 0 to 1."""
    shape, size = (tissue.labels.shape[0], tissue.labels.shape[1]), tissue.size
    nuclear = nuclear_stain(tissue, rng)
    counter = ground(tissue, rng)
    soft = rng.uniform(0.5, 0.8) + rng.exponential(0.02) * size
    leak = np.float32(rng.uniform(0.0, 0.25))
    densities = [
        blur(np.asarray(nuclear + leak * counter, np.float32), soft),
        blur(counter * (1 - 0.6 * tissue.mask), soft),
    ]
    densities.append(third_stain(tissue, rng) if rng.random() < 0.25 else np.zeros(shape, np.float32))
    vectors = [vary(pick(NUCLEAR, rng), rng), vary(pick(COUNTER, rng), rng), vary(DAB, rng)]
    strength = [rng.uniform(0.35, 1.1), rng.uniform(0.1, 0.6), rng.uniform(0.3, 0.9)]
    optical = sum(
        np.float32(s) * d[None] * v[:, None, None]
        for s, d, v in zip(strength, densities, vectors, strict=True)
    )
    white = np.asarray(rng.uniform(0.82, 1.0) * (1 + rng.normal(0, 0.03, 3)), np.float32)
    light = white[:, None, None] * 10 ** -np.asarray(optical, np.float32)
    light *= slow_light(shape, rng.choice([0.005, 0.03, 0.08]), rng)
    photons = float(np.exp(rng.uniform(np.log(600), np.log(12000))))
    image = np.stack([shoot(channel, photons, 0.004, rng) for channel in light])
    return np.asarray(np.clip(image, 0, 1), np.float32), tissue.labels


def pick(vectors: list[tuple[float, float, float]], rng: np.random.Generator) -> tuple[float, float, float]:
    """Choose one stain."""
    return vectors[int(rng.integers(len(vectors)))]


def vary(vector: tuple[float, float, float], rng: np.random.Generator) -> NDArray[np.float32]:
    """Change a stain's colour as batches and scanners do; length 1."""
    changed = np.clip(
        np.asarray(vector) * np.exp(rng.normal(0, 0.18, 3)) + rng.normal(0, 0.03, 3), 0.02, None
    )
    return np.asarray(changed / np.linalg.norm(changed), np.float32)


def nuclear_stain(tissue: Tissue, rng: np.random.Generator) -> Image:
    """Amount of nuclear stain: chromatin, a darker nuclear membrane, nucleoli; pale and dense nuclei."""
    labels, size = tissue.labels, tissue.size
    shape = (labels.shape[0], labels.shape[1])
    distance = tissue.distance
    rim = np.exp(-((distance / np.float32(max(0.05 * size, 0.8))) ** 2))
    vesicular = np.float32(rng.uniform(0, 0.7))
    clumps = rough_noise(shape, size / 4, rng, slope=rng.uniform(1.2, 2.0))
    texture = 1 - vesicular * 0.6 * (1 - rim) + np.float32(rng.uniform(0.1, 0.35)) * clumps
    nucleoli = 1 / (1 + np.exp(-7 * (smooth_noise(shape, 0.05 * size + 0.3, rng) - 1.5)))
    texture = texture + vesicular * nucleoli * (tissue.depth < 0.8)
    rise = 1 - np.exp(-distance / np.float32(max(rng.uniform(0.01, 0.12) * size, 0.4)))
    own = per_cell(rng, labels, float(rng.uniform(0.1, 0.5)))
    overlap = 1 + 0.5 * np.maximum(tissue.cover - 1, 0)
    return np.asarray(np.maximum(texture, 0.1) * rise * own * overlap * tissue.mask, np.float32)


def ground(tissue: Tissue, rng: np.random.Generator) -> Image:
    """Amount of counterstain: cytoplasm, collagen fibres, lumens and tears, red blood cells."""
    shape, size = (tissue.labels.shape[0], tissue.labels.shape[1]), tissue.size
    if rng.random() < 0.3:
        return smear(tissue, rng)
    stroma = 0.7 + np.float32(rng.uniform(0.1, 0.3)) * rough_noise(
        shape, 2 * size, rng, slope=rng.uniform(1.2, 1.9)
    )
    stroma += np.float32(rng.uniform(0, 0.3)) * smooth_noise(shape, 2.5 * size, rng)
    if rng.random() < 0.7:
        threads = fibres(
            shape, size * rng.uniform(0.25, 0.7) + 2, rng, straightness=rng.uniform(2, 8), thinness=0.4
        )
        stroma += np.float32(rng.uniform(0.1, 0.6)) * threads * patchy(shape, 2 * size, rng)
    if rng.random() < 0.6:  # lumens, tears and fat: glass without tissue, never under nuclei
        open_ = 1 / (1 + np.exp(-9 * (rough_noise(shape, 4 * size, rng, slope=2.2) - rng.uniform(0.4, 1.6))))
        stroma *= 1 - open_ * (1 - blur(tissue.mask.astype(np.float32), 0.15 * size))
    if rng.random() < 0.3:  # red blood cells
        blood = grow(shape, Habit(size * rng.uniform(0.6, 0.9), 0.08, coverage=rng.uniform(0.01, 0.12)), rng)
        stroma += np.float32(rng.uniform(0.3, 0.9)) * (blood.mask & ~tissue.mask)
    return np.asarray(np.maximum(stroma, 0), np.float32)


def smear(tissue: Tissue, rng: np.random.Generator) -> Image:
    """Counterstain of cells spread on glass: thin bodies around the nuclei, or wide flat ones that overlap."""
    shape, size = (tissue.labels.shape[0], tissue.labels.shape[1]), tissue.size
    if rng.random() < 0.5:
        bodies = np.clip(3 * blur(tissue.mask.astype(np.float32), 0.3 * size), 0, 1)
    else:
        kinds = {Kind.POLYGON: 1.0, Kind.LOBED: 0.5}
        wide = Habit(size * rng.uniform(2, 5), 0.2, kinds, rng.uniform(0.2, 0.9), closest=0.6, stacked=True)
        cells = grow(shape, wide, rng)
        folds = fibres(shape, size * rng.uniform(1, 2) + 4, rng, straightness=6, thinness=0.12)
        rim = np.exp(-cells.distance / 1.5) * cells.mask
        bodies = np.sqrt(cells.cover) + np.float32(rng.uniform(0, 0.6)) * (folds * cells.mask + rim)
    texture = 0.6 + np.float32(rng.uniform(0.05, 0.2)) * rough_noise(shape, size, rng, slope=1.5)
    clots = np.float32(rng.uniform(0, 0.3)) * patchy(shape, size, rng) + 0.2 * debris(shape, size, rng)
    return np.asarray(bodies * np.maximum(texture, 0) + clots, np.float32)


def third_stain(tissue: Tissue, rng: np.random.Generator) -> Image:
    """A marker on the cytoplasm or membranes of some cells, or pigment."""
    shape, size = (tissue.labels.shape[0], tissue.labels.shape[1]), tissue.size
    where = patchy(shape, 2 * size, rng)
    around = blur(tissue.mask.astype(np.float32), 0.25 * size) * (1 - 0.7 * tissue.mask)
    pigment = granules(shape, 4 / size**2, max(0.03 * size, 0.7), rng, power=1.5)
    marker = around if rng.random() < 0.7 else pigment
    return np.asarray(marker * where * np.maximum(1 + 0.4 * rough_noise(shape, size / 2, rng), 0), np.float32)
