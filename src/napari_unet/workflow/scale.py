"""At which scale a trained network looks at an image."""

from __future__ import annotations

import numpy as np

from napari_unet.network.model_file import ModelDescription
from napari_unet.workflow.size import LARGEST_SCALE, SMALLEST_SCALE


def scale_of(description: ModelDescription, object_size: float | None, pixel_size_um: float | None) -> float:
    """Return the scale (network px per image px) at which a model sees an image.

    Parameters
    ----------
    object_size
        Typical object's diameter in this image in px, where the user gave it.
    pixel_size_um
        Width of this image's pixels in µm, where known: images of another magnification follow by themselves.
    """
    if object_size is not None and object_size > 0 and description.object_size:
        return float(np.clip(description.object_size / object_size, SMALLEST_SCALE, LARGEST_SCALE))
    if description.object_size_um and pixel_size_um and description.object_size:
        return float(
            np.clip(
                description.object_size / (description.object_size_um / pixel_size_um),
                SMALLEST_SCALE,
                LARGEST_SCALE,
            )
        )
    return float(np.clip(description.scale, SMALLEST_SCALE, LARGEST_SCALE))
