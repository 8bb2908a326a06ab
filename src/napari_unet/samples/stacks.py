"""Samples of many planes: a stack through nuclei and a film of dividing cells, generated with exact truth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.coding import FIRST, LabelsAre
from napari_unet.samples.annotating import annotate_some
from napari_unet.samples.sample import LayerData, Sample, as_layers
from napari_unet.synthetic import Contrast
from napari_unet.synthetic.series import SeriesScene, draw_series
from napari_unet.synthetic.stacks import StackScene, draw_stack


def nuclei_stack(seed: int = 4) -> Sample:
    """Generate a z-stack of nuclei, planes 1.5 µm apart at 0.5 µm per pixel; two planes are annotated in part.

    Parameters
    ----------
    seed : int
        Equal seeds give equal samples.
    """
    scene = draw_stack(np.random.default_rng(seed), (16, 160, 160), Contrast.NUCLEI, 22, anisotropy=3)
    return _sample(
        "nuclei stack",
        scene,
        (6, 10),
        axes="ZYX",
        step=1.5,
        sentence="Generated nuclei in 16 planes; some of two planes are annotated.",
    )


def dividing_cells(seed: int = 1) -> Sample:
    """Generate a film of dividing nuclei, a frame every five minutes; two frames are annotated in part.

    Parameters
    ----------
    seed : int
        Equal seeds give equal samples.
    """
    scene = draw_series(np.random.default_rng(seed), 12, (192, 192), Contrast.NUCLEI, 22, frames_per_life=14)
    return _sample(
        "dividing cells",
        scene,
        (3, 9),
        axes="TYX",
        step=5.0,
        sentence="Generated nuclei that move and divide, in 12 frames; some of two frames are annotated.",
    )


def nuclei_stack_layers() -> list[LayerData]:
    """Layers of `nuclei_stack`, for napari's sample menu."""
    return as_layers(nuclei_stack())


def dividing_cells_layers() -> list[LayerData]:
    """Layers of `dividing_cells`, for napari's sample menu."""
    return as_layers(dividing_cells())


def _sample(
    name: str,
    scene: SeriesScene | StackScene,
    annotated: tuple[int, ...],
    *,
    axes: str,
    step: float,
    sentence: str,
) -> Sample:
    return Sample(
        name=name,
        image=_as_8_bit(scene.image),
        annotation=_annotate_planes(scene.labels, annotated),
        labels_are=LabelsAre.OBJECTS,
        class_names=(),
        truth=scene.labels,
        sentence=sentence,
        pixel_size_um=0.5,
        axes=axes,
        step=step,
    )


def _as_8_bit(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8)


def _annotate_planes(truth: NDArray[np.int32], planes: tuple[int, ...]) -> NDArray[np.int32]:
    """Annotate some whole clusters on each of these planes; no two planes share a value, as when one paints."""
    annotation = np.zeros(truth.shape, np.int32)
    for plane in planes:
        used = int(annotation.max())
        here = annotate_some(truth[plane])
        here[here >= FIRST] += max(used + 1 - FIRST, 0)
        annotation[plane] = here
    return annotation
