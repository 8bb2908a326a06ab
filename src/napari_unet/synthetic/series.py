"""Time series of moving, dividing cells with identities that persist."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_unet.errors import UserError
from napari_unet.synthetic.lineage import Colony
from napari_unet.synthetic.scene import MECHANISMS, Contrast, check
from napari_unet.synthetic.texture import Image
from napari_unet.synthetic.tissue import Habit, Labels, draw_cells, grow

KINDS = (Contrast.NUCLEI, Contrast.CYTOPLASM, Contrast.PHASE, Contrast.DIC, Contrast.BRIGHTFIELD)


@dataclass(frozen=True)
class SeriesScene:
    """A time series and its truth.

    Attributes
    ----------
    image : (T, Y, X) float32
        0–1.
    labels : (T, Y, X) int32
        0 background; a cell keeps its number through all frames, its daughters have new ones.
    tracks : (n, 4) int32
        A row per cell: its number, its first and last frame, and its parent's number or 0, as the table
        of the Cell Tracking Challenge. Each cell is seen in every frame from its first to its last.
    contrast : Contrast
    object_size : float
        The diameter that was asked for, in px.
    """

    image: Image
    labels: Labels
    tracks: NDArray[np.int32]
    contrast: Contrast
    object_size: float


def draw_series(
    rng: np.random.Generator,
    n_frames: int = 12,
    shape: tuple[int, int] = (256, 256),
    contrast: Contrast | None = None,
    object_size: float | None = None,
    *,
    speed: float | None = None,
    frames_per_life: float = 20.0,
) -> SeriesScene:
    """Draw one random series of moving, dividing cells.

    Parameters
    ----------
    rng : numpy.random.Generator
    n_frames : int
    shape : (Y, X)
        At least 32 × 32 px.
    contrast : Contrast, optional
        One of `KINDS`; any of them by default.
    object_size : float, optional
        Median diameter in px of grown cells, 6–400.
    speed : float, optional
        Root mean square of a step per axis and frame, in px; by default 2 to 12 % of the diameter.
    frames_per_life : float
        Mean number of frames between two divisions.

    Returns
    -------
    SeriesScene

    Raises
    ------
    UserError
        If sizes, numbers or the contrast make no sense.
    """
    check(shape, object_size)
    if n_frames < 1 or frames_per_life < 1 or (speed is not None and speed < 0):
        raise UserError(
            "A generated series needs at least one frame, lives of at least one frame and no negative speed."
        )
    contrast = KINDS[int(rng.integers(len(KINDS)))] if contrast is None else contrast
    if contrast not in KINDS:
        raise UserError(
            f"Generated series show {', '.join(kind.value for kind in KINDS)}; not {contrast.value}."
        )
    size = float(np.exp(rng.uniform(np.log(16), np.log(45)))) if object_size is None else object_size
    habit = replace(
        MECHANISMS[contrast].habit(rng, size),
        sheet=False,
        stacked=False,
        coverage=float(rng.uniform(0.1, 0.4)),
    )
    colony = Colony(
        grow(shape, habit, rng),
        size * rng.uniform(0.02, 0.12) if speed is None else speed,
        frames_per_life,
        rng,
    )
    image, labels = _film(colony, n_frames, shape, habit, contrast, int(rng.integers(2**32)))
    labels, tracks = _tracks(labels, colony.parents)
    return SeriesScene(image, labels, tracks, contrast, size)


def _film(
    colony: Colony, n_frames: int, shape: tuple[int, int], habit: Habit, contrast: Contrast, seed: int
) -> tuple[Image, Labels]:
    """Paint frame after frame through the same optics."""
    image = np.empty((n_frames, *shape), np.float32)
    labels = np.empty((n_frames, *shape), np.int32)
    for frame in range(n_frames):
        if frame:
            colony.advance()
        centres = np.array([cell.place for cell in colony.cells]).reshape(-1, 2)
        forms = [cell.shown_form() for cell in colony.cells]
        numbers = np.array([cell.number for cell in colony.cells], np.int32)
        tissue = draw_cells(shape, centres, forms, habit, numbers=numbers)
        tissue = replace(tissue, frame=frame + 1)
        painted, labels[frame] = MECHANISMS[contrast].paint(tissue, np.random.default_rng(seed))
        image[frame] = painted[0]
    return image, labels


def _tracks(labels: Labels, parents: dict[int, int]) -> tuple[Labels, NDArray[np.int32]]:
    """Number the cells in the order of their appearance; one that was away comes back as another."""
    result = np.zeros_like(labels)
    current: dict[int, int] = {}  # number in the colony → row
    rows: list[list[int]] = []
    for frame, plane in enumerate(labels):
        present = [int(number) for number in np.unique(plane) if number]
        ended = {cell: row for cell, row in current.items() if cell not in present}
        table = np.zeros(int(plane.max()) + 1, np.int32)
        kept = {cell: row for cell, row in current.items() if cell in present}
        for cell in present:
            if cell not in kept:
                mother = ended.get(parents.get(cell, 0))
                kept[cell] = len(rows)
                rows.append([len(rows) + 1, frame, frame, 0 if mother is None else rows[mother][0]])
            rows[kept[cell]][2] = frame
            table[cell] = rows[kept[cell]][0]
        result[frame] = table[plane]
        current = kept
    return result, np.array(rows, np.int32).reshape(-1, 4)
