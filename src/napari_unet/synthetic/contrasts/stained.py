"""Absorbing stains: haematoxylin and eosin and others, by the law of Beer and Lambert."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import find_boundaries

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
MARKER = [DAB, DAB, DAB, (0.25, 0.85, 0.45)]
"""Brown, and now and then red (AEC, Fast Red)."""
IMMUNO = 0.35
"""Share of immunohistochemistry among stained tissue."""


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
    layers = immuno_layers(tissue, rng) if rng.random() < IMMUNO else stain_layers(tissue, rng)
    optical = sum((amount[None] * colour[:, None, None] for amount, colour in layers), np.float32(0))
    return shine_through(np.asarray(optical, np.float32), rng), tissue.labels


Layer = tuple[Image, NDArray[np.float32]]
"""How much of a stain is where, and its optical densities in red, green and blue."""


def stain_layers(tissue: Tissue, rng: np.random.Generator) -> list[Layer]:
    """A nuclear stain, a counterstain of what is around, and now and then a third."""
    size = tissue.size
    nuclear = nuclear_stain(tissue, rng)
    counter = ground(tissue, rng)
    soft = rng.uniform(0.5, 0.8) + rng.exponential(0.02) * size
    leak = np.float32(rng.uniform(0.0, 0.25))
    densities = [
        blur(np.asarray(nuclear + leak * counter, np.float32), soft),
        blur(counter * (1 - 0.6 * tissue.mask), soft),
    ]
    if rng.random() < 0.25:
        densities.append(third_stain(tissue, rng))
    vectors = [vary(pick(NUCLEAR, rng), rng), vary(pick(COUNTER, rng), rng), vary(DAB, rng)]
    strength = [rng.uniform(0.35, 1.1), rng.uniform(0.1, 0.6), rng.uniform(0.3, 0.9)]
    return [(np.float32(s) * d, v) for s, d, v in zip(strength, densities, vectors, strict=False)]


def immuno_layers(tissue: Tissue, rng: np.random.Generator) -> list[Layer]:
    """Immunohistochemistry: all nuclei pale blue, and a brown marker on some nuclei, or around them.

    Objects are all nuclei, brown and blue: the marker says which are positive, not what a nucleus is.
    """
    size, mask = tissue.size, tissue.mask
    soft = rng.uniform(0.5, 0.8) + rng.exponential(0.02) * size
    chromatin, around = nuclear_stain(tissue, rng), ground(tissue, rng)
    blue = chromatin + np.float32(rng.uniform(0.0, 0.2)) * around
    if rng.random() < 0.6:  # a marker of nuclei: a share of them positive, each as strongly as it likes
        positive = per_cell(rng, tissue.labels, float(rng.uniform(0.3, 0.9)))
        positive = np.clip(positive - np.float32(rng.uniform(0.4, 1.6)), 0, 2) * mask
        brown = positive * (0.6 + 0.4 * chromatin)
        blue = blue * (1 - np.float32(rng.uniform(0.2, 0.9)) * np.clip(positive, 0, 1))
    else:  # of cytoplasm, secretion or membranes: nuclei are what it leaves out
        places = np.clip(0.6 + patchy((mask.shape[0], mask.shape[1]), rng.uniform(2, 5) * size, rng), 0, 2)
        brown = around * places * (1 - np.float32(rng.uniform(0.6, 1.0)) * mask)
        if rng.random() < 0.5:
            brown = brown * np.float32(rng.uniform(0.2, 0.8)) + places * cell_borders(tissue, rng)
    brown = brown + np.float32(rng.exponential(0.05)) * around  # what the marker sticks to anyway
    return [
        (
            np.float32(rng.uniform(0.15, 0.7)) * blur(np.asarray(blue, np.float32), soft),
            vary(HAEMATOXYLIN, rng),
        ),
        (
            np.float32(rng.uniform(0.3, 1.1)) * blur(np.asarray(brown, np.float32), soft),
            vary(pick(MARKER, rng), rng),
        ),
    ]


def cell_borders(tissue: Tissue, rng: np.random.Generator) -> Image:
    """Amount of a membrane's marker: halfway between neighbouring nuclei, stronger here than there."""
    shape = (tissue.labels.shape[0], tissue.labels.shape[1])
    _, (y, x) = ndimage.distance_transform_edt(tissue.labels == 0, return_indices=True)
    borders = find_boundaries(tissue.labels[y, x], mode="inner").astype(np.float32)
    thickness = rng.uniform(0.5, 0.5 + 0.04 * tissue.size)
    lines = blur(borders, thickness) * np.float32(2.5 * thickness)
    return np.asarray(lines * np.clip(1 + 0.5 * rough_noise(shape, tissue.size, rng), 0, 2), np.float32)


def shine_through(optical: Image, rng: np.random.Generator) -> Image:
    """Take the picture: white light through optical densities (3, Y, X), onto a camera; 0 to 1."""
    shape = (optical.shape[1], optical.shape[2])
    white = np.asarray(rng.uniform(0.82, 1.0) * (1 + rng.normal(0, 0.03, 3)), np.float32)
    light = white[:, None, None] * 10**-optical
    light *= slow_light(shape, rng.choice([0.005, 0.03, 0.08]), rng)
    photons = float(np.exp(rng.uniform(np.log(600), np.log(12000))))
    image = np.stack([shoot(channel, photons, 0.004, rng) for channel in light])
    return np.asarray(np.clip(image, 0, 1), np.float32)


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
