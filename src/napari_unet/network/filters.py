"""Classical filter responses: brightness, edges, blobs and ridges at several sizes, for what a network never saw."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

SIGMAS = (1.0, 2.0, 4.0, 8.0)
"""Widths in px at the network's scale, where an object has about 28."""
PER_SIGMA = 5


def filter_bank(image: NDArray[np.float32]) -> NDArray[np.float16]:
    """Return responses float16 (F, Y, X) of an image (C, Y, X) of about 0…1: the grey values, then per channel and
    sigma the smoothed image, the gradient's size, its Laplacian and the two curvatures (eigenvalues of the Hessian).

    All are scaled by sigma, so that they are about as large at every size.
    """
    responses = [image.astype(np.float16)]
    for channel in image:
        responses.append(_of_channel(channel.astype(np.float32)))
    return np.concatenate(responses)


def _of_channel(channel: NDArray[np.float32]) -> NDArray[np.float16]:
    found = np.empty((len(SIGMAS) * PER_SIGMA, *channel.shape), np.float16)
    smooth, before = channel, 0.0
    for i, sigma in enumerate(SIGMAS):
        # Gaussians add up in squares: each goes on from the last one.
        smooth = ndi.gaussian_filter(smooth, np.sqrt(sigma**2 - before**2), truncate=3, mode="reflect")
        before = sigma
        dy, dx = np.gradient(smooth) if min(channel.shape) > 1 else (np.zeros_like(smooth),) * 2
        dyy, dyx = np.gradient(dy) if min(channel.shape) > 1 else (np.zeros_like(smooth),) * 2
        dxx = np.gradient(dx, axis=1) if channel.shape[1] > 1 else np.zeros_like(smooth)
        half_sum, half_difference = (dxx + dyy) / 2, (dxx - dyy) / 2
        root = np.hypot(half_difference, dyx)
        scaled = sigma**2
        found[i * PER_SIGMA : (i + 1) * PER_SIGMA] = (
            smooth,
            sigma * np.hypot(dy, dx),
            2 * scaled * half_sum,
            scaled * (half_sum + root),
            scaled * (half_sum - root),
        )
    return found
