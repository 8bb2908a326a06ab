"""How lenses change pictures of cells: blur in and out of focus, phase contrast, relief, uneven light."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from napari_unet.synthetic.texture import Image, smooth_noise, squared_frequency

COARSE = 4.0  # px: a wider Gaussian is computed on a coarser grid, where it looks the same


def blur(image: Image, sigma: float) -> Image:
    """Blur an image (Y, X) by a Gaussian of `sigma` px; wide ones on a coarser grid."""
    if sigma <= 0.2:
        return image
    step = int(min(sigma / COARSE, 16, min(image.shape) / 8))
    if step < 2:
        return np.asarray(ndimage.gaussian_filter(image, sigma, mode="nearest", truncate=3), np.float32)
    coarse = _shrink(image, step)
    coarse = ndimage.gaussian_filter(coarse, sigma / step, mode="nearest", truncate=3)
    return enlarge(coarse, image.shape, step)


def _shrink(image: Image, step: int) -> Image:
    """Mean of blocks of `step` × `step` px."""
    padded = np.pad(image, [(0, -n % step) for n in image.shape], mode="edge")
    blocks = padded.reshape(padded.shape[0] // step, step, -1, step)
    return np.asarray(blocks.mean(axis=(1, 3)), np.float32)


def enlarge(coarse: Image, shape: tuple[int, ...], step: int) -> Image:
    """Interpolate a grid of blocks linearly to px."""
    axes = [
        np.clip((np.arange(n) + 0.5) / step - 0.5, 0, m - 1) for n, m in zip(shape, coarse.shape, strict=True)
    ]
    low = [np.minimum(a.astype(int), max(m - 2, 0)) for a, m in zip(axes, coarse.shape, strict=True)]
    high = [np.minimum(i + 1, m - 1) for i, m in zip(low, coarse.shape, strict=True)]
    part = [(a - i).astype(np.float32) for a, i in zip(axes, low, strict=True)]
    rows = coarse[low[0]] * (1 - part[0][:, None]) + coarse[high[0]] * part[0][:, None]
    return np.asarray(rows[:, low[1]] * (1 - part[1]) + rows[:, high[1]] * part[1], np.float32)


def slow_light(shape: tuple[int, int], strength: float, rng: np.random.Generator) -> Image:
    """Uneven illumination: a tilt, a bright spot and slow waves, mean 1; `strength` is its spread."""
    y = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, shape[1], dtype=np.float32)[None, :]
    tilt_y, tilt_x, centre_y, centre_x, round_ = rng.normal(0, 0.5, 5).astype(np.float32)
    field = tilt_y * y + tilt_x * x - abs(round_) * ((y - centre_y) ** 2 + (x - centre_x) ** 2)
    field = field + 0.3 * smooth_noise(shape, max(shape) / 5, rng)
    field = (field - field.mean()) / max(float(field.std()), 1e-6)
    return np.asarray(np.maximum(1 + strength * field, 0.1), np.float32)


def phase_contrast(phase: Image, halo: float, strength: float, thick: float) -> Image:
    """Image of a phase object through a positive phase-contrast objective.

    The ring in the objective lets a blurred copy of the wave pass, which leaves a bright halo outside of
    objects and lightens their middle (shade-off). Thick objects turn the phase by more than a quarter of a
    wave, where the contrast reverses: hence the sine.

    Parameters
    ----------
    phase : (Y, X) float32
        Phase shift in arbitrary units, 0 in the medium.
    halo : float
        Width of the halo in px.
    strength : float
        0–1, share of the wave that passes as halo.
    thick : float
        Phase in radians of `phase` 1.

    Returns
    -------
    (Y, X) float32
        Brightness around 0: negative is dark.

    References
    ----------
    Yin, Kanade and Chen, *Understanding the phase contrast optics to restore artifact-free microscopy images
    for segmentation*, Medical Image Analysis 16 (2012): the point-spread function is a delta less a wide
    bright disc.
    """
    wave = np.asarray(thick * phase, np.float32)
    return np.asarray(-np.sin(wave - strength * blur(wave, halo)), np.float32)


def relief(phase: Image, angle: float, shear: float) -> Image:
    """Differential interference contrast: difference of the phase at two places `shear` px apart."""
    dy, dx = np.sin(angle) * shear / 2, np.cos(angle) * shear / 2
    ahead = ndimage.shift(phase, (dy, dx), order=1, mode="nearest")
    behind = ndimage.shift(phase, (-dy, -dx), order=1, mode="nearest")
    return np.asarray(ahead - behind, np.float32)


def defocus(phase: Image, absorption: Image, distance: float, coherence: float) -> Image:
    """Bright-field image of a thin object out of focus.

    Contrast transfer of a weak object: phase appears with sin(χ), absorption with cos(χ), χ = π·distance·f²,
    damped where the light is not coherent (Born & Wolf; Kirkland, *Advanced Computing in Electron Microscopy*).

    Parameters
    ----------
    phase, absorption : (Y, X) float32
        Of the object, 0 in the medium.
    distance : float
        Wavelength times defocus in px²; its sign tells the side of the focus.
    coherence : float
        Standard deviation in px of the blur that partial coherence means; larger gives fewer rings.

    Returns
    -------
    (Y, X) float32
        Brightness, 1 in the medium.
    """
    shape = phase.shape
    pad = min(24, min(shape) // 2)
    phase, absorption = (np.pad(a, pad, mode="reflect") for a in (phase, absorption))
    f2 = squared_frequency(phase.shape)
    chi = np.float32(np.pi * distance) * f2
    envelope = np.exp(-np.float32(2 * np.pi**2 * coherence**2) * f2)
    spectrum = fft.rfftn(phase) * np.sin(chi) - fft.rfftn(absorption) * np.cos(chi)
    image = 1 + 2 * fft.irfftn(spectrum * envelope, phase.shape)
    return np.asarray(image[pad : pad + shape[0], pad : pad + shape[1]], np.float32)


def edge_distance(labels: NDArray[np.int32]) -> Image:
    """Distance in px of every px to the nearest border between two objects or object and background."""
    border = np.zeros(labels.shape, bool)
    across, down = labels[:, 1:] != labels[:, :-1], labels[1:] != labels[:-1]
    border[:, 1:] |= across
    border[:, :-1] |= across
    border[1:] |= down
    border[:-1] |= down
    if not border.any():
        return np.full(labels.shape, float(max(labels.shape)), np.float32)
    return np.asarray(ndimage.distance_transform_edt(~border) + 0.5, np.float32)
