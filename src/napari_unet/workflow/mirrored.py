"""What a network sees in the mirror image of a plane: where that differs, it goes by chance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.callbacks import ShouldStop, never_stop
from napari_unet.network.model_file import Model
from napari_unet.network.prediction import predict
from napari_unet.network.scaling import normalise, resample_image, resample_probability


def mirrored_foreground(
    model: Model,
    image: NDArray[Any],
    scale: float,
    device: str = "auto",
    should_stop: ShouldStop = never_stop,
) -> NDArray[np.float16]:
    """Predict the left-right mirror image of a plane, and turn the result back.

    Parameters
    ----------
    model
        Of planes, for as many channels as the image has.
    image
        Shape ``(C, Y, X)``.
    scale
        Network px per image px.

    Returns
    -------
    ndarray
        Probability of being in an object, shape ``(Y, X)``, as the image lies.

    Raises
    ------
    Stopped
        When asked to stop.
    """
    seen = resample_image(normalise(image, model.description.normalisation), scale)
    turned = np.ascontiguousarray(seen[..., ::-1])
    output = predict(model.network, turned, device=device, should_stop=should_stop)[:1, :, ::-1]
    background = resample_probability(np.ascontiguousarray(output), (image.shape[1], image.shape[2]))[0]
    foreground: NDArray[np.float16] = (1 - background).astype(np.float16)
    return foreground
