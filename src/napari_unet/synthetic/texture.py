"""Random textures: smooth and rough noise, fibres, granules, all periodic and with known mean and spread."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

Image = NDArray[np.float32]


@lru_cache(maxsize=16)
def _frequencies(shape: tuple[int, ...]) -> tuple[Image, ...]:
    """Frequencies in cycles per px along every axis, shaped to broadcast over a real transform."""
    axes = [np.fft.fftfreq(n) for n in shape[:-1]] + [np.fft.rfftfreq(shape[-1])]
    return tuple(
        f.astype(np.float32).reshape([-1 if i == axis else 1 for i in range(len(shape))])
        for axis, f in enumerate(axes)
    )


def squared_frequency(shape: tuple[int, ...]) -> Image:
    """Squared length of the frequency in (cycles per px)², shaped as ``rfftn`` gives spectra."""
    return np.asarray(sum(f * f for f in _frequencies(shape)), np.float32)


def _from_spectrum(amplitude: Image, shape: tuple[int, ...], rng: np.random.Generator) -> Image:
    """Noise with the given amplitude spectrum, mean 0 and standard deviation 1."""
    spectrum = rng.standard_normal((*amplitude.shape, 2), dtype=np.float32).view(np.complex64)[..., 0]
    spectrum *= amplitude
    spectrum.flat[0] = 0
    noise = fft.irfftn(spectrum, shape)
    return np.asarray(noise / max(float(noise.std()), 1e-12), np.float32)


def smooth_noise(shape: tuple[int, ...], sigma: float, rng: np.random.Generator) -> Image:
    """White noise blurred by a Gaussian.

    Parameters
    ----------
    shape : tuple of int
        Any number of axes.
    sigma : float
        Standard deviation of the Gaussian in px.
    rng : numpy.random.Generator

    Returns
    -------
    float32, `shape`
        Mean 0, standard deviation 1.
    """
    amplitude = np.exp(-2 * (np.pi * sigma) ** 2 * squared_frequency(shape))
    return _from_spectrum(amplitude, shape, rng)


def rough_noise(
    shape: tuple[int, ...], coarsest: float, rng: np.random.Generator, slope: float = 1.5
) -> Image:
    """Noise whose amplitude falls as a power of the frequency: structure of all sizes, as tissue has it.

    Parameters
    ----------
    shape : tuple of int
    coarsest : float
        Size in px above which there is no more structure.
    rng : numpy.random.Generator
    slope : float
        Exponent of the amplitude's fall: 1 is nearly grainy, 2 is cloudy.

    Returns
    -------
    float32, `shape`
        Mean 0, standard deviation 1.
    """
    floor = np.float32(1 / max(coarsest, 1.0) ** 2)
    return _from_spectrum((squared_frequency(shape) + floor) ** np.float32(-slope / 2), shape, rng)


def streaks(
    shape: tuple[int, int], width: float, length: float, angle: float, rng: np.random.Generator
) -> Image:
    """Noise drawn out along one direction; `width` and `length` are standard deviations in px."""
    fy, fx = _frequencies(shape)
    along = np.cos(angle) * fx + np.sin(angle) * fy
    across = np.cos(angle) * fy - np.sin(angle) * fx
    amplitude = np.exp(-2 * np.pi**2 * ((length * along) ** 2 + (width * across) ** 2))
    return _from_spectrum(np.asarray(amplitude, np.float32), shape, rng)


def fibres(
    shape: tuple[int, int],
    spacing: float,
    rng: np.random.Generator,
    *,
    straightness: float = 4.0,
    thinness: float = 0.25,
) -> Image:
    """Thin curved lines that run roughly in one direction: where streaky noise passes through zero.

    Parameters
    ----------
    shape : (Y, X)
    spacing : float
        Typical distance between fibres in px.
    rng : numpy.random.Generator
    straightness : float
        Length over width of the noise below: 1 gives loops, 10 nearly straight lines.
    thinness : float
        Share of the spacing that a fibre takes.

    Returns
    -------
    (Y, X) float32
        0–1, 1 in the middle of a fibre.
    """
    angle = float(rng.uniform(0, np.pi))
    noise = streaks(shape, spacing / 2, spacing / 2 * straightness, angle, rng)
    return np.asarray(np.exp(-((noise / thinness) ** 2)), np.float32)


def granules(
    shape: tuple[int, int], per_px: float, sigma: float, rng: np.random.Generator, power: float = 1.0
) -> Image:
    """Spots of one width at random places with exponentially distributed brightness.

    Parameters
    ----------
    shape : (Y, X)
    per_px : float
        Mean number of spots per px.
    sigma : float
        Standard deviation of a spot in px.
    rng : numpy.random.Generator
    power : float
        Above 1 a few spots outshine the rest.

    Returns
    -------
    (Y, X) float32
        A spot of mean brightness has the height 1.
    """
    area = shape[0] * shape[1]
    n = int(rng.poisson(per_px * area))
    weights = rng.exponential(1.0, n) ** power
    points = np.bincount(rng.integers(0, area, n), weights, minlength=area).reshape(shape)
    height = max(2 * np.pi * sigma**2, 1.0)
    return np.asarray(ndimage.gaussian_filter(points.astype(np.float32), sigma) * height, np.float32)


def per_cell(rng: np.random.Generator, labels: NDArray[np.int32], spread: float) -> Image:
    """Give every object its own factor: log-normal around 1 with `spread`, and 1 on the background.

    The factors of the first objects do not depend on how many follow, so that a cell keeps its factor through
    a series.
    """
    n = max(4096, int(labels.max()) + 1)
    factors = np.exp(rng.normal(0.0, spread, n)).astype(np.float32)
    factors[0] = 1
    return np.asarray(factors[labels], np.float32)
