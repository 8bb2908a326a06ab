"""Labels of cells that lie scattered, in clusters or in sheets, before any light falls on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label

from napari_unet.synthetic.lens import edge_distance
from napari_unet.synthetic.placement import fill, scatter
from napari_unet.synthetic.shapes import Form, Kind, draw_form, relative_depth
from napari_unet.synthetic.texture import Image, rough_noise, smooth_noise

Labels = NDArray[np.int32]
OUTSIDE = np.float32(9)
SMALLEST = 6  # px: what is smaller cannot be seen and is no object
MAX_CELLS = 900


@dataclass(frozen=True)
class Habit:
    """How the cells of one image grow.

    Attributes
    ----------
    size : float
        Median diameter in px (of the circle of equal area).
    size_spread : float
        Standard deviation of the logarithm of the diameter.
    kinds : dict
        Kinds of shapes and their weights.
    coverage : float
        Share of the image that the cells would cover if none overlapped.
    clustering, closest
        As in `placement.scatter`.
    sheet : bool
        The cells fill the image without gaps.
    disorder : float
        As in `placement.fill`.
    stacked : bool
        Where cells meet, one lies on the other; else they press a common border.
    irregular : float
        0–1, irregularity of single outlines.
    warp : float
        Strength of the distortion that all outlines share, over the size.
    rough : float
        Share of fine roughness in that distortion.
    aligned : float
        0–1, how far the long axes agree with their neighbours'.
    """

    size: float
    size_spread: float = 0.15
    kinds: dict[Kind, float] = field(default_factory=lambda: {Kind.ROUND: 1.0})
    coverage: float = 0.3
    clustering: float = 0.4
    closest: float = 0.85
    sheet: bool = False
    disorder: float = 0.2
    stacked: bool = False
    irregular: float = 0.4
    warp: float = 0.04
    rough: float = 0.1
    aligned: float = 0.0


@dataclass(frozen=True)
class Tissue:
    """Cells of an image.

    Attributes
    ----------
    labels : (Y, X) int32
        0 background, else the number of a cell, each one 4-connected piece.
    depth : (Y, X) float32
        Relative distance from the cell's centre: 0 in the middle, 1 on a free outline; 9 on background.
    cover : (Y, X) int8
        How many cells lie over each other.
    numbers : (n,) int32
        The cells' labels, 1…n but in a series.
    centres : (n, 2) float64
        Of the cells in that order, in px.
    forms : list of Form
        Likewise.
    size : float
        The diameter that was asked for, in px.
    frame : int
        Number of the image in a series: all but the camera's noise is the same in each.
    """

    labels: Labels
    depth: Image
    cover: NDArray[np.int8]
    numbers: NDArray[np.int32]
    centres: NDArray[np.float64]
    forms: list[Form]
    size: float
    frame: int = 0

    def noise(self, rng: np.random.Generator) -> np.random.Generator:
        """Source of the camera's noise, which differs between the frames of a series."""
        return np.random.default_rng((self.frame, int(rng.integers(2**32)))) if self.frame else rng

    @cached_property
    def distance(self) -> Image:
        """Distance in px of every px to the nearest border of an object."""
        return edge_distance(self.labels)

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Where a cell is."""
        return self.labels > 0


def grow(shape: tuple[int, int], habit: Habit, rng: np.random.Generator) -> Tissue:
    """Draw the cells of an image.

    Parameters
    ----------
    shape : (Y, X)
    habit : Habit
    rng : numpy.random.Generator

    Returns
    -------
    Tissue
    """
    centres, forms = _settle(shape, habit, rng)
    bend = _warp(shape, habit, rng)
    return draw_cells(shape, centres, forms, habit, bend)


def _settle(
    shape: tuple[int, int], habit: Habit, rng: np.random.Generator
) -> tuple[NDArray[np.float64], list[Form]]:
    """Choose centres and shapes."""
    if habit.sheet:
        # A hexagon of the area of the circle has this distance to its neighbours; where sizes are spread
        # log-normally, the mean area is larger than the median's.
        spacing = habit.size * np.sqrt(np.pi / (2 * np.sqrt(3))) * np.exp(habit.size_spread**2)
        centres = fill(shape, float(spacing), habit.disorder, rng)[:MAX_CELLS]
        radii = habit.size / 2 * np.exp(rng.normal(0, habit.size_spread, len(centres)))
    else:
        margin = habit.size / 2
        area = (shape[0] + 2 * margin) * (shape[1] + 2 * margin)
        n = int(np.clip(round(habit.coverage * area / (np.pi * habit.size**2 / 4)), 1, MAX_CELLS))
        radii = habit.size / 2 * np.exp(rng.normal(0, habit.size_spread, n))
        if (
            habit.coverage > 0.4
        ):  # the last ones find no place: let those be small that fit between the others
            radii = np.sort(radii)[::-1]
        centres = scatter(
            shape, radii, rng, clustering=habit.clustering, closest=habit.closest, margin=margin
        )
        found = ~np.isnan(centres[:, 0])
        centres, radii = centres[found], radii[found]
    kinds = list(habit.kinds)
    weights = np.array([habit.kinds[kind] for kind in kinds], float)
    chosen = rng.choice(len(kinds), len(radii), p=weights / weights.sum())
    angles = _angles(shape, centres, habit, rng)
    forms = [
        draw_form(kinds[which], float(radius), float(angle), habit.irregular, rng)
        for which, radius, angle in zip(chosen, radii, angles, strict=True)
    ]
    return centres, forms


def _angles(
    shape: tuple[int, int], centres: NDArray[np.float64], habit: Habit, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Long axes: random, or along a direction that turns slowly over the image."""
    free = rng.uniform(0, np.pi, len(centres))
    if not habit.aligned:
        return free
    common = rng.uniform(0, np.pi) + 0.5 * smooth_noise(shape, max(shape) / 6, rng)
    y, x = (np.clip(centres[:, i].astype(int), 0, shape[i] - 1) for i in (0, 1))
    return np.asarray(common[y, x] + (1 - habit.aligned) * (free - np.pi / 2))


def _warp(shape: tuple[int, int], habit: Habit, rng: np.random.Generator) -> NDArray[np.float32] | None:
    """Displacements in px that bend all outlines: coarse waves and fine roughness."""
    if habit.warp <= 0:
        return None
    fields = [
        smooth_noise(shape, habit.size / 5, rng)
        + np.float32(habit.rough) * rough_noise(shape, habit.size / 4, rng, slope=2.5)
        for _ in "yx"
    ]
    return np.asarray(np.stack(fields) * (habit.warp * habit.size), np.float32)


def draw_cells(
    shape: tuple[int, int],
    centres: NDArray[np.float64],
    forms: list[Form],
    habit: Habit,
    warp: NDArray[np.float32] | None = None,
    numbers: NDArray[np.int32] | None = None,
) -> Tissue:
    """Give each pixel to one of the cells that cover it: the one that it lies deepest in, or the uppermost.

    Parameters
    ----------
    shape : (Y, X)
    centres : (n, 2) float64
    forms : list of Form
    habit : Habit
        Its `sheet`, `stacked` and `size` are used.
    warp : (2, Y, X) float32, optional
        Displacement of every place in px.
    numbers : (n,) int32, optional
        Labels of the cells; by default those that are seen are numbered from 1 in the order given.

    Returns
    -------
    Tissue
        Without the cells of which nothing is seen.
    """
    limit = np.float32(OUTSIDE - 1 if habit.sheet else 1)
    labels = np.zeros(shape, np.int32)
    depth = np.full(shape, OUTSIDE, np.float32)
    cover = np.zeros(shape, np.int8)
    ys, xs = np.arange(shape[0], dtype=np.float32)[:, None], np.arange(shape[1], dtype=np.float32)[None, :]
    slack = 2 + (float(np.abs(warp).max()) if warp is not None else 0)
    for number, ((y, x), form) in enumerate(zip(centres, forms, strict=True), start=1):
        reach = slack + ((1.6 + habit.size_spread) * habit.size if habit.sheet else form.reach)
        y0, y1 = max(0, int(y - reach)), min(shape[0], int(y + reach) + 2)
        x0, x1 = max(0, int(x - reach)), min(shape[1], int(x + reach) + 2)
        if y0 >= y1 or x0 >= x1:
            continue
        here = (slice(y0, y1), slice(x0, x1))
        dy, dx = ys[y0:y1] - np.float32(y), xs[:, x0:x1] - np.float32(x)
        if warp is not None:
            dy, dx = dy + warp[0][here], dx + warp[1][here]
        own = relative_depth(form, dy, dx)
        mine = own < limit if habit.stacked else own < np.minimum(depth[here], limit)
        cover[here] += own < 1
        labels[here][mine] = number
        depth[here][mine] = own[mine]
    labels = keep_whole(labels)
    depth[labels == 0] = OUTSIDE
    seen = np.unique(labels)
    seen = seen[seen > 0]
    named = np.arange(1, len(seen) + 1) if numbers is None else np.asarray(numbers)[seen - 1]
    table = np.zeros(len(forms) + 1, np.int32)
    table[seen] = named
    return Tissue(
        labels=table[labels],
        depth=depth,
        cover=cover,
        numbers=named.astype(np.int32),
        centres=centres[seen - 1],
        forms=[forms[i - 1] for i in seen],
        size=habit.size,
    )


def keep_whole(labels: Labels, smallest: int = SMALLEST) -> Labels:
    """Turn all but the largest 4-connected piece of every object into background, and tiny objects too."""
    pieces = label(labels, connectivity=1)
    area = np.bincount(pieces.ravel())
    owner = np.zeros(len(area), np.int64)
    owner[pieces.ravel()] = labels.ravel()
    largest = np.zeros(int(labels.max()) + 1, np.int64)
    np.maximum.at(largest, owner, area)
    # of equally large pieces the last one stays
    winner = np.zeros(len(largest), np.int64)
    candidates = np.flatnonzero(area == largest[owner])
    winner[owner[candidates]] = candidates
    stays = (winner[owner] == np.arange(len(area))) & (area >= smallest) & (owner > 0)
    return np.asarray(np.where(stays[pieces], labels, 0), np.int32)


def number_from_one(labels: Labels) -> Labels:
    """Close the gaps in the numbers."""
    present = np.bincount(labels.ravel()) > 0
    present[0] = False
    return np.asarray(np.where(present, np.cumsum(present), 0)[labels], np.int32)
