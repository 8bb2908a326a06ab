"""Images of microscopy with exact truth, of every kind that the generator knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from napari_unet.errors import UserError
from napari_unet.synthetic.camera import damage
from napari_unet.synthetic.contrasts import cytoplasm, electron, membrane, nuclei, stained, transmitted
from napari_unet.synthetic.texture import Image
from napari_unet.synthetic.tissue import Habit, Labels, Tissue, grow

SMALLEST_SIDE = 32
SMALLEST_OBJECT, LARGEST_OBJECT = 6.0, 400.0


class Contrast(StrEnum):
    """How the specimen is made visible, and what the objects are."""

    NUCLEI = "nuclei"  # fluorescence; objects are nuclei
    CYTOPLASM = "cytoplasm"  # fluorescence; cells
    MEMBRANE = "membrane"  # fluorescence; cells
    TWO_STAINS = "two stains"  # fluorescence of cell bodies and nuclei, 2 channels; cells
    PHASE = "phase contrast"  # cells
    DIC = "DIC"  # cells
    BRIGHTFIELD = "bright-field"  # cells
    STAINED = "stained"  # absorbing stains, RGB; nuclei
    EM_CELLS = "EM, cells"  # cells and neurites within their dark membranes
    EM_AXONS = "EM, axons"  # axons without their myelin
    EM_MITOCHONDRIA = "EM, mitochondria"  # mitochondria


@dataclass(frozen=True)
class Scene:
    """An image and its truth.

    Attributes
    ----------
    image : (C, Y, X) float32
        0–1 in steps of 1/255; C is 1 for grey images, 2 for two stains (cell bodies, nuclei), 3 for RGB.
    labels : (Y, X) int32
        0 background, 1…n objects, each one 4-connected piece.
    contrast : Contrast
    object_size : float
        Median equivalent diameter in px of the objects that the image's edge does not cut, or of all when it
        cuts all; the diameter that was asked for when there is none.
    """

    image: Image
    labels: Labels
    contrast: Contrast
    object_size: float


@dataclass(frozen=True)
class _Mechanism:
    habit: Callable[[np.random.Generator, float], Habit]
    paint: Callable[[Tissue, np.random.Generator], tuple[Image, Labels]]
    sizes: tuple[float, float]  # px, of which sizes are drawn by default


MECHANISMS = {
    Contrast.NUCLEI: _Mechanism(nuclei.habit, nuclei.paint, (9, 75)),
    Contrast.CYTOPLASM: _Mechanism(cytoplasm.habit, cytoplasm.paint, (14, 110)),
    Contrast.MEMBRANE: _Mechanism(membrane.habit, membrane.paint, (14, 90)),
    Contrast.TWO_STAINS: _Mechanism(cytoplasm.habit, cytoplasm.paint_with_nuclei, (16, 110)),
    Contrast.PHASE: _Mechanism(transmitted.habit, transmitted.paint_phase, (12, 130)),
    Contrast.DIC: _Mechanism(transmitted.habit, transmitted.paint_dic, (16, 140)),
    Contrast.BRIGHTFIELD: _Mechanism(transmitted.habit, transmitted.paint_brightfield, (12, 120)),
    Contrast.STAINED: _Mechanism(stained.habit, stained.paint, (10, 80)),
    Contrast.EM_CELLS: _Mechanism(electron.habit_cells, electron.paint_cells, (22, 100)),
    Contrast.EM_AXONS: _Mechanism(electron.habit_axons, electron.paint_axons, (16, 100)),
    Contrast.EM_MITOCHONDRIA: _Mechanism(electron.habit_mitochondria, electron.paint_mitochondria, (14, 60)),
}


def draw_scene(
    rng: np.random.Generator,
    shape: tuple[int, int] = (256, 256),
    contrast: Contrast | None = None,
    object_size: float | None = None,
    *,
    damaged: float = 1.0,
) -> Scene:
    """Draw one random image of microscopy and its exact truth.

    Parameters
    ----------
    rng : numpy.random.Generator
        Equal states give equal scenes.
    shape : (Y, X)
        Size in px, at least 32 × 32.
    contrast : Contrast, optional
        Any by default.
    object_size : float, optional
        Median diameter in px, 6–400; drawn by default, smaller ones more often.
    damaged : float
        How often (0–1) images are resampled, compressed and otherwise treated after they were taken.

    Returns
    -------
    Scene

    Raises
    ------
    UserError
        If the shape or the size makes no sense.
    """
    check(shape, object_size)
    if contrast is None:
        contrast = list(Contrast)[int(rng.integers(len(Contrast)))]
    mechanism = MECHANISMS[contrast]
    if object_size is None:
        smallest, largest = mechanism.sizes
        largest = max(min(largest, 0.45 * min(shape)), smallest)
        object_size = float(np.exp(rng.uniform(np.log(smallest), np.log(largest))))
    tissue = grow(shape, mechanism.habit(rng, object_size), rng)
    image, labels = mechanism.paint(tissue, rng)
    image = damage(image, object_size, rng, damaged)
    return Scene(image, labels, contrast, median_diameter(labels, object_size))


def check(shape: tuple[int, ...], object_size: float | None) -> None:
    """Refuse sizes that give no image."""
    if min(shape[-2:]) < SMALLEST_SIDE or min(shape) < 1:
        raise UserError(f"A generated image needs sides of at least {SMALLEST_SIDE} px; got {shape}.")
    if object_size is not None and not SMALLEST_OBJECT <= object_size <= LARGEST_OBJECT:
        raise UserError(
            f"Generated objects have {SMALLEST_OBJECT:g} to {LARGEST_OBJECT:g} px diameter; got {object_size:g}."
        )


def median_diameter(labels: Labels, otherwise: float) -> float:
    """Median equivalent diameter in px of the objects that the edge does not cut."""
    area = np.bincount(labels.ravel()).astype(float)
    area[0] = 0
    whole = area.copy()
    whole[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = 0
    areas = whole[whole > 0] if (whole > 0).any() else area[area > 0]
    return float(2 * np.sqrt(np.median(areas) / np.pi)) if areas.size else float(otherwise)
