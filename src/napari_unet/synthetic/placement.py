"""Where cells lie: free places, clusters, and sheets without gaps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TRIES = 24


def scatter(
    shape: tuple[float, ...],
    radii: NDArray[np.float64],
    rng: np.random.Generator,
    *,
    clustering: float = 0.0,
    closest: float = 1.0,
    margin: float = 0.0,
) -> NDArray[np.float64]:
    """Place discs or balls one after the other, in a free place or beside an earlier one.

    Parameters
    ----------
    shape : tuple of float
        Size of the image in px, two or three axes.
    radii : (n,) float64
        Radii in px, in the order in which they are tried.
    rng : numpy.random.Generator
    clustering : float
        Share (0–1) of the discs that are put beside another one.
    closest : float
        Smallest distance of two centres over the sum of their radii: below 1 they overlap.
    margin : float
        Centres may lie so many px outside the image.

    Returns
    -------
    (n, axes) float64
        Centres; NaN where no free place was found.
    """
    n = len(radii)
    centres = np.full((n, len(shape)), np.nan)
    placed = np.zeros(n, bool)
    low, span = -margin, np.asarray(shape) + 2 * margin
    beside = rng.random(n) < clustering
    for k in range(n):
        earlier = np.flatnonzero(placed[:k])
        if beside[k] and len(earlier):
            hosts = rng.choice(earlier, TRIES)
            way = rng.normal(size=(TRIES, len(shape)))
            way /= np.linalg.norm(way, axis=1, keepdims=True)
            reach = (radii[hosts] + radii[k]) * (closest + rng.uniform(0.02, 0.18, TRIES))
            spots = centres[hosts] + reach[:, None] * way
        else:
            spots = low + rng.random((TRIES, len(shape))) * span
        apart = closest * (radii[earlier] + radii[k])
        offset = spots[:, None] - centres[earlier][None]
        free = ((offset**2).sum(axis=2) >= apart**2).all(axis=1)
        free &= ((spots >= low) & (spots < low + span)).all(axis=1)
        if free.any():
            centres[k] = spots[int(np.argmax(free))]
            placed[k] = True
    return centres


def fill(
    shape: tuple[int, int], spacing: float, disorder: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Cover the image and a rim around it with the disturbed points of a hexagonal lattice.

    Parameters
    ----------
    shape : (Y, X)
    spacing : float
        Distance of neighbours in px.
    disorder : float
        Standard deviation of a point's displacement over the spacing: 0.05 a honeycomb, 0.4 nearly random.
    rng : numpy.random.Generator

    Returns
    -------
    (n, 2) float64
        Centres (y, x), in random order.
    """
    extent = np.hypot(*shape) + 4 * spacing
    n = int(np.ceil(extent / spacing)) + 1
    row, column = np.mgrid[:n, :n].reshape(2, -1)
    y = (row - n / 2) * spacing * np.sqrt(3) / 2
    x = (column - n / 2 + 0.5 * (row % 2)) * spacing
    turn = rng.uniform(0, np.pi)
    points = np.stack([np.cos(turn) * y - np.sin(turn) * x, np.sin(turn) * y + np.cos(turn) * x], axis=1)
    points += np.asarray(shape) / 2 + rng.normal(0, disorder * spacing, points.shape)
    rim = 1.5 * spacing
    near = ((points > -rim) & (points < np.asarray(shape) + rim)).all(axis=1)
    return np.asarray(rng.permutation(points[near]))
