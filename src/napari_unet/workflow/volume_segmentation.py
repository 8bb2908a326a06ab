"""Segment one stack with a model of volumes: scale, grey range, network, objects in space."""

from __future__ import annotations

import logging
from typing import Any

from numpy.typing import NDArray

from napari_unet.callbacks import OnProgress, ShouldStop, never_stop, no_progress
from napari_unet.errors import Stopped, UserError
from napari_unet.network.model_file import Model, ModelDescription
from napari_unet.network.prediction import Averaging
from napari_unet.network.scaling import (
    GreyMode,
    brightness_warning,
    normalise,
    resample_volume,
    resize_volume,
)
from napari_unet.network.volume_prediction import Shape, predict_volume
from napari_unet.objects.separate import SeparationSettings, why_empty
from napari_unet.workflow.scale import scale_of
from napari_unet.workflow.segmentation import (
    Segmented,
    foreground,
    separate_probabilities,
    separation_of,
    split_output,
)
from napari_unet.workflow.volumes import SAME_STEP

_log = logging.getLogger("napari_unet")


def segment_volume(
    model: Model,
    volume: NDArray[Any],
    *,
    plane_step: float | None = None,
    object_size: float | None = None,
    pixel_size_um: float | None = None,
    tile: Shape | None = None,
    averaging: Averaging | str = Averaging.NONE,
    separation: SeparationSettings | None = None,
    grey_range: GreyMode | None = None,
    device: str = "auto",
    on_progress: OnProgress = no_progress,
    should_stop: ShouldStop = never_stop,
) -> Segmented:
    """Segment one stack as a whole.

    Parameters
    ----------
    model
        Of volumes.
    volume
        Shape ``(C, Z, Y, X)``, any numeric dtype.
    plane_step
        Distance of its planes in px of the plane; by default that of the training's stacks.
    object_size, pixel_size_um, averaging, grey_range
        See `segment_image`.
    tile
        Sides of a tile, z y x, at network scale; by default as memory allows.
    separation
        How objects are made, `smallest` in voxels of the stack; by default as fitted after the model's training.

    Returns
    -------
    Segmented
        With labels ``(Z, Y, X)``, probabilities ``(K, Z, Y, X)`` and distance ``(Z, Y, X)``.

    Raises
    ------
    UserError
        When the stack doesn't fit the model.
    Stopped
        When asked to stop.
    """
    description = model.description
    check_fits_volume(description, volume)
    normalisation = description.normalisation.in_mode(grey_range)
    warning = brightness_warning(volume, normalisation)
    scale = scale_of(description, object_size, pixel_size_um)
    stretch = stretch_of(description, scale, plane_step)
    step = plane_step or (description.plane_step or 1.0) / scale
    output = predict_volume(
        model.network,
        resample_volume(normalise(volume, normalisation), scale, stretch),
        tile=tile,
        averaging=Averaging(averaging),
        device=device,
        on_progress=on_progress,
        should_stop=should_stop,
    )
    shape = (int(volume.shape[1]), int(volume.shape[2]), int(volume.shape[3]))
    output = resize_volume(output, shape)
    probabilities, distance = split_output(description, output)
    if should_stop():
        raise Stopped
    on_progress(1.0, "Making objects …")
    settings = separation or separation_of(description, scale, stretch)
    labels = separate_probabilities(
        probabilities,
        distance,
        settings,
        description.labels_are,
        scale,
        description.object_size / scale,
        step,
    )
    sentences = [warning] if warning else []
    if not labels.any():
        sentences.append(why_empty(foreground(probabilities), settings))
    _log.info("Segmented a stack of %d × %d × %d with %s at scale %.3g.", *shape, description.name, scale)
    return Segmented(labels, probabilities, distance, scale, tuple(sentences))


def stretch_of(description: ModelDescription, scale: float, plane_step: float | None) -> float:
    """Return planes of the network per plane of a stack: 1 where its planes are about as far apart as in training."""
    if plane_step is None or description.plane_step is None:
        return 1.0
    stretch = plane_step * scale / description.plane_step
    return 1.0 if 1 / SAME_STEP <= stretch <= SAME_STEP else stretch


def check_fits_volume(description: ModelDescription, volume: NDArray[Any]) -> None:
    """Raise `UserError` when the model sees planes, or the stack has another number of channels."""
    if description.network.dimensions == 2:
        raise UserError(
            f"The model “{description.name}” was trained on single planes: segment the stack plane by plane, or train "
            "on volumes."
        )
    wanted = description.network.in_channels
    if volume.ndim != 4 or volume.shape[0] != wanted:
        found = f"{volume.shape[0]} channel(s)" if volume.ndim == 4 else "one plane"
        raise UserError(
            f"The model “{description.name}” was trained on stacks of {wanted} channel(s) and this image has {found}; "
            "choose a stack of the same kind or train on this one."
        )
