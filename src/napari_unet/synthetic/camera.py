"""From light to the numbers in a file: shot and read noise, exposure, fewer bits, resampling, JPEG."""

from __future__ import annotations

import imageio.v3 as iio
import numpy as np
from scipy import ndimage

from napari_unet.synthetic.lens import blur
from napari_unet.synthetic.texture import Image

FLATTEST = 0.3  # brightness of a common cell is 1
FEW_PHOTONS = 30  # below, the normal distribution is no longer a fair stand-in for the Poisson distribution


def shoot(light: Image, photons: float, read_noise: float, rng: np.random.Generator) -> Image:
    """Count photons.

    Parameters
    ----------
    light : (Y, X) float32
        Brightness, 0 and more.
    photons : float
        Photons of brightness 1.
    read_noise : float
        Standard deviation of the camera's own noise in units of brightness.
    rng : numpy.random.Generator

    Returns
    -------
    (Y, X) float32
        Noisy brightness, may be slightly negative.
    """
    light = np.maximum(light, 0)
    noise = rng.standard_normal(light.shape, dtype=np.float32)
    if photons < FEW_PHOTONS:
        counted = rng.poisson(light * photons).astype(np.float32) / np.float32(photons)
        return np.asarray(counted + np.float32(read_noise) * noise, np.float32)
    return np.asarray(light + np.sqrt(light / np.float32(photons) + np.float32(read_noise**2)) * noise)


def expose(
    light: Image, rng: np.random.Generator, *, dark: tuple[float, float], bright: tuple[float, float]
) -> Image:
    """Map light to 0–1 as an automatic exposure does, more or less well.

    The 1 % and 99.8 % percentiles come to lie at random values from `dark` and `bright`; what falls outside
    of 0–1 is cut off. An empty field stays flat instead of showing its noise at full contrast.
    """
    low, high = np.percentile(light[::2, ::2], (1, 99.8))
    to_low, to_high = rng.uniform(*dark), rng.uniform(*bright)
    scaled = (light - low) * ((to_high - to_low) / max(float(high - low), FLATTEST)) + to_low
    return np.asarray(np.clip(scaled, 0, 1), np.float32)


def damage(image: Image, size: float, rng: np.random.Generator, amount: float = 1.0) -> Image:
    """Treat an image as files are treated on their way: resample, change gamma, compress, round to 8 bits.

    Parameters
    ----------
    image : (C, Y, X) float32
        0–1.
    size : float
        Diameter of the objects in px: small ones are not lost altogether.
    rng : numpy.random.Generator
    amount : float
        0 only rounds; 1 applies each other treatment to a part of the images.

    Returns
    -------
    (C, Y, X) float32
        0–1 in steps of 1/255.
    """
    if rng.random() < 0.2 * amount:
        image = np.clip(image, 0, 1) ** np.float32(np.exp(rng.normal(0, 0.3)))
    if rng.random() < 0.2 * amount:
        image = resample(image, float(rng.uniform(1.2, np.clip(size / 9, 1.3, 3))))
    if rng.random() < 0.15 * amount:
        image = sharpen(image, float(rng.uniform(0.3, 1.2)))
    eight_bits = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    if rng.random() < 0.3 * amount:
        eight_bits = jpeg(eight_bits, int(rng.integers(30, 92)))
    return eight_bits.astype(np.float32) / np.float32(255)


def resample(image: Image, factor: float) -> Image:
    """Lose resolution: shrink by `factor` and enlarge again to the same size."""
    shape = image.shape[1:]
    small = [ndimage.zoom(blur(c, 0.4 * factor), 1 / factor, order=1, mode="nearest") for c in image]
    back = [n / m for n, m in zip(shape, small[0].shape, strict=True)]
    order = 1 if factor < 1.8 else 3
    large = [ndimage.zoom(c, back, order=order, mode="nearest")[: shape[0], : shape[1]] for c in small]
    return np.asarray(np.stack(large), np.float32)


def sharpen(image: Image, amount: float) -> Image:
    """Unsharp masking, as cameras of stained slides do."""
    return np.stack([c + np.float32(amount) * (c - blur(c, 1.5)) for c in image])


def jpeg(
    image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], quality: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Compress and decompress (C, Y, X) uint8: three channels as colour, others each by itself."""

    def there_and_back(
        plane: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        data = iio.imwrite("<bytes>", plane, extension=".jpg", quality=quality)
        return np.asarray(iio.imread(data, extension=".jpg"), np.uint8)

    if len(image) == 3:
        return np.moveaxis(there_and_back(np.ascontiguousarray(np.moveaxis(image, 0, -1))), -1, 0)
    return np.stack([there_and_back(plane) for plane in image])
