"""Touching fluorescent cells with exact truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_unet.errors import UserError
from napari_unet.synthetic.optics import Microscope, photograph

# Nearest allowed distance of two centres, in units of the sum of their radii: below 1 the outlines overlap
# and the cells press against each other; every cell still keeps most of its area.
CLOSEST = 0.74
TOUCHING = (0.76, 0.90)
TRIES = 48  # places that are looked at for a cell
OUTLINE_WAVES = np.arange(2, 7)


@dataclass(frozen=True)
class _Cell:
    y: float
    x: float
    radius: float
    stretch: float  # long axis / short axis
    angle: float
    waves: NDArray[np.float64]  # (2, len(OUTLINE_WAVES)) cosine and sine amplitudes of the outline
    brightness: float


def touching_cells(
    shape: tuple[int, int] = (512, 512),
    n: int | None = None,
    diameter: float = 30.0,
    seed: int = 0,
    *,
    touching: float = 0.7,
    microscope: Microscope | None = None,
) -> tuple[NDArray[np.uint16], NDArray[np.int32]]:
    """Make a fluorescence image of cells, many of them in clusters that touch, and its exact truth.

    Outlines are ellipses with random low harmonics. Where two cells meet they press a common border, at the
    place where both are equally far from their centres in units of their own radius.

    Parameters
    ----------
    shape : (Y, X)
        Size of the image in px.
    n : int, optional
        Number of cells that are tried; fewer appear when they do not fit. By default as many as cover about a
        third of the image.
    diameter : float
        Mean diameter in px; single cells differ by about 15 %.
    seed : int
        Equal seeds give equal images.
    touching : float
        Share (0–1) of cells that are put beside another one.
    microscope : Microscope, optional
        Blur, light and noise.

    Returns
    -------
    image : (Y, X) uint16
        Camera counts.
    truth : (Y, X) int32
        0 background, 1…n cells; each cell is one connected piece. Cells cut by the image's edge are included.

    Raises
    ------
    UserError
        If the shape, number or diameter makes no sense.
    """
    height, width = shape
    if height < 1 or width < 1 or diameter < 3 or (n is not None and n < 0):
        raise UserError(
            "Touching cells need a positive image size, a diameter of at least 3 px and no negative number; "
            f"got {shape}, {diameter} and {n}."
        )
    rng = np.random.default_rng(seed)
    if n is None:
        n = max(1, round(0.38 * height * width / (np.pi * diameter**2 / 4)))
    cells = _place_cells(shape, n, diameter, touching, rng)
    truth, depth = _draw(cells, shape)
    truth = _keep_largest_pieces(truth)
    brightness = _stain(truth, depth, cells, diameter, rng)
    truth = _number_from_one(truth)
    return photograph(brightness, microscope or Microscope(), rng), truth


def _place_cells(
    shape: tuple[int, int], n: int, diameter: float, touching: float, rng: np.random.Generator
) -> list[_Cell]:
    """Put cells one after the other, beside an earlier one or in a free place; skip those that do not fit."""
    centres = np.empty((n, 2))
    radii = np.empty(n)
    cells: list[_Cell] = []
    for _ in range(n):
        radius = diameter / 2 * float(np.clip(rng.normal(1, 0.15), 0.6, 1.5))
        k = len(cells)
        spot = _find_spot(shape, centres[:k], radii[:k], radius, rng.random() < touching, rng)
        if spot is None:
            continue
        centres[k], radii[k] = spot, radius
        cells.append(
            _Cell(
                y=float(spot[0]),
                x=float(spot[1]),
                radius=radius,
                stretch=float(rng.uniform(1.0, 1.5)),
                angle=float(rng.uniform(0, np.pi)),
                waves=rng.normal(0, 0.075, (2, len(OUTLINE_WAVES))) / (OUTLINE_WAVES - 1),
                brightness=float(np.exp(rng.normal(-0.1, 0.35))),
            )
        )
    return cells


def _find_spot(
    shape: tuple[int, int],
    centres: NDArray[np.float64],
    radii: NDArray[np.float64],
    radius: float,
    beside: bool,
    rng: np.random.Generator,
) -> NDArray[np.float64] | None:
    """Return the first of `TRIES` random places that is free, or None."""
    if beside and len(centres):
        hosts = rng.integers(len(centres), size=TRIES)
        angle = rng.uniform(0, 2 * np.pi, TRIES)
        reach = (radii[hosts] + radius) * rng.uniform(*TOUCHING, TRIES)
        spots = centres[hosts] + reach[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=1)
        closest = CLOSEST
    else:
        spots = rng.uniform(0, 1, (TRIES, 2)) * shape
        closest = 1.25
    inside = ((spots >= 0) & (spots < np.asarray(shape))).all(axis=1)
    distance = np.linalg.norm(spots[:, None] - centres[None], axis=2)
    free = inside & (distance >= closest * (radii + radius)).all(axis=1)
    return spots[int(np.argmax(free))] if free.any() else None


def _draw(cells: list[_Cell], shape: tuple[int, int]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Give each pixel to the cell in which it lies deepest.

    Returns the cell's number (1…n, 0 outside) and the distance from its centre in units of its radius in that
    direction (2 outside), both (Y, X).
    """
    truth = np.zeros(shape, np.int32)
    depth = np.full(shape, 2, np.float32)
    for number, cell in enumerate(cells, start=1):
        reach = cell.radius * np.sqrt(cell.stretch) * (1 + np.abs(cell.waves).sum())
        y0, y1 = max(0, int(cell.y - reach)), min(shape[0], int(cell.y + reach) + 2)
        x0, x1 = max(0, int(cell.x - reach)), min(shape[1], int(cell.x + reach) + 2)
        own = _relative_radius(cell, np.arange(y0, y1)[:, None], np.arange(x0, x1)[None, :])
        here = (slice(y0, y1), slice(x0, x1))
        mine = (own < 1) & (own < depth[here])
        truth[here][mine] = number
        depth[here][mine] = own[mine]
    return truth, depth


def _relative_radius(cell: _Cell, y: NDArray[np.int64], x: NDArray[np.int64]) -> NDArray[np.float32]:
    """Distance from the centre over the outline's distance in that direction."""
    dy, dx = y - cell.y, x - cell.x
    along = np.cos(cell.angle) * dx + np.sin(cell.angle) * dy
    across = np.cos(cell.angle) * dy - np.sin(cell.angle) * dx
    along, across = along / np.sqrt(cell.stretch), across * np.sqrt(cell.stretch)
    theta = np.arctan2(across, along)
    outline = np.ones_like(theta)
    for wave, cosine, sine in zip(OUTLINE_WAVES, *cell.waves, strict=True):
        outline += cosine * np.cos(wave * theta) + sine * np.sin(wave * theta)
    return np.asarray(np.hypot(along, across) / (cell.radius * np.maximum(outline, 0.4)), np.float32)


def _keep_largest_pieces(truth: NDArray[np.int32]) -> NDArray[np.int32]:
    """Turn all but the largest 4-connected piece of every cell into background."""
    for number, box in enumerate(ndimage.find_objects(truth), start=1):
        if box is None:
            continue
        pieces, n_pieces = ndimage.label(truth[box] == number)
        if n_pieces > 1:
            largest = int(np.argmax(np.bincount(pieces.ravel())[1:])) + 1
            truth[box][(pieces > 0) & (pieces != largest)] = 0
    return truth


def _stain(
    truth: NDArray[np.int32],
    depth: NDArray[np.float32],
    cells: list[_Cell],
    diameter: float,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Brightness of the specimen: a dome per cell, its own stain, and clumps as chromatin makes them."""
    own = np.array([0.0, *(cell.brightness for cell in cells)], np.float32)
    dome = np.clip(1 - depth**4, 0, 1)
    thickness = np.where(truth > 0, 0.35 + 0.65 * np.sqrt(dome), 0)
    clumps = _noise(truth.shape, diameter / 12, rng) * 0.16 + _noise(truth.shape, diameter / 4, rng) * 0.10
    return np.asarray(own[truth] * thickness * np.clip(1 + clumps, 0.3, 2), np.float32)


def _noise(shape: tuple[int, ...], sigma: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Smooth noise with mean 0 and standard deviation 1 (about: it is exact on a large image)."""
    white = rng.standard_normal(shape, dtype=np.float32)
    smooth = ndimage.gaussian_filter(white, sigma, mode="wrap", truncate=3)
    return np.asarray(smooth * (2 * np.sqrt(np.pi) * sigma), np.float32)


def _number_from_one(truth: NDArray[np.int32]) -> NDArray[np.int32]:
    """Close gaps in the numbers left by cells that lie outside or under others."""
    present = np.bincount(truth.ravel()) > 0
    present[0] = False
    return np.asarray(np.where(present, np.cumsum(present), 0).astype(np.int32)[truth])
