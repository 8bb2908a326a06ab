"""What a fluorescence microscope and its camera make of the light that a specimen sends out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage


@dataclass(frozen=True)
class Microscope:
    """A wide-field microscope with a scientific camera.

    Attributes
    ----------
    blur : float
        Standard deviation in px of the Gaussian that stands for the point-spread function in focus.
    haze : float
        Share (0–1) of the light that comes from out of focus and is spread over `haze_width`.
    haze_width : float
        Standard deviation in px of the out-of-focus light.
    unevenness : float
        How much darker (0–1) the darkest place of the field of view is lit than the brightest.
    photons : float
        Photons that a specimen of brightness 1 sends to one pixel: the fewer, the noisier.
    background : float
        Brightness of the medium, in units of the specimen's.
    offset, read_noise : float
        Camera counts of a dark pixel, and their standard deviation.
    gain : float
        Camera counts per photon.
    """

    blur: float = 1.2
    haze: float = 0.18
    haze_width: float = 14.0
    unevenness: float = 0.4
    photons: float = 160.0
    background: float = 0.06
    offset: float = 100.0
    read_noise: float = 3.0
    gain: float = 4.0


def light_field(shape: tuple[int, int], unevenness: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw an uneven illumination: a wide bright spot somewhere near the middle, and a tilt.

    Parameters
    ----------
    shape : (Y, X)
    unevenness : float
        1 - darkest / brightest, 0–1.
    rng : numpy.random.Generator

    Returns
    -------
    (Y, X) float32
        1 at the brightest place, 1 - `unevenness` at the darkest.
    """
    y = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, shape[1], dtype=np.float32)[None, :]
    centre_y, centre_x, tilt_y, tilt_x = rng.uniform(-0.5, 0.5, 4).astype(np.float32)
    light = -((y - centre_y) ** 2) - (x - centre_x) ** 2 + tilt_y * y + tilt_x * x
    light -= light.min()
    spread = float(light.max())
    if spread == 0:  # an image of one pixel
        return np.ones(shape, np.float32)
    return np.asarray(1 - unevenness * (1 - light / spread), np.float32)


def photograph(
    brightness: NDArray[np.float32], microscope: Microscope, rng: np.random.Generator
) -> NDArray[np.uint16]:
    """Take a picture of a specimen: uneven light, blur, haze, shot noise, read noise, 16-bit counts.

    Parameters
    ----------
    brightness : (Y, X) float32
        Light that each place of the specimen sends out under even illumination; about 1 inside a cell.
    microscope : Microscope
    rng : numpy.random.Generator

    Returns
    -------
    (Y, X) uint16
        Camera counts.
    """
    height, width = brightness.shape
    lit = (brightness + np.float32(microscope.background)) * light_field(
        (height, width), microscope.unevenness, rng
    )
    sharp = ndimage.gaussian_filter(lit, microscope.blur, mode="reflect")
    if microscope.haze > 0:
        sharp = (1 - microscope.haze) * sharp + microscope.haze * _wide_blur(lit, microscope.haze_width)
    photons = rng.poisson(np.maximum(sharp, 0) * microscope.photons)
    counts = rng.normal(microscope.offset, microscope.read_noise, photons.shape) + photons * microscope.gain
    return np.asarray(np.clip(np.rint(counts), 0, 65535), np.uint16)


def _wide_blur(image: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Blur widely; on a grid four times coarser, where it looks the same and costs a tenth."""
    step = 4
    if min(image.shape) < 4 * step:
        return np.asarray(ndimage.gaussian_filter(image, sigma, mode="reflect"), np.float32)
    pad_y, pad_x = (-n % step for n in image.shape)
    padded = np.pad(image, ((0, pad_y), (0, pad_x)), mode="edge")
    coarse = padded.reshape(padded.shape[0] // step, step, -1, step).mean(axis=(1, 3))
    coarse = ndimage.gaussian_filter(coarse, sigma / step, mode="reflect")
    fine = ndimage.zoom(coarse, step, order=1, mode="nearest", grid_mode=True)
    return np.asarray(fine[: image.shape[0], : image.shape[1]], np.float32)
