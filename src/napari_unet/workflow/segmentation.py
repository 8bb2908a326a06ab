"""Segment one image with a model: scale, grey range, network, objects."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.coding import LabelsAre
from napari_unet.callbacks import OnProgress, ShouldStop, never_stop, no_progress
from napari_unet.errors import UserError
from napari_unet.network.bundled import is_bundled
from napari_unet.network.model_file import Model, ModelDescription
from napari_unet.network.prediction import Averaging, predict
from napari_unet.network.scaling import (
    GreyMode,
    brightness_warning,
    normalise,
    resample_image,
    resample_probability,
)
from napari_unet.objects.separate import SeparationSettings, separate, separate_classes, why_empty
from napari_unet.workflow.doubt import doubt
from napari_unet.workflow.magnification import estimate_object_size
from napari_unet.workflow.scale import scale_of

_log = logging.getLogger("napari_unet")


@dataclass(frozen=True, eq=False)
class Segmented:
    """What a model says about one plane.

    Attributes
    ----------
    labels
        Shape ``(Y, X)``, int32: 0 background, 1… objects or classes.
    probabilities
        Shape ``(K, Y, X)``, float32 (float16 where they wait to be shown), at the image's resolution; class 0 is
        background.
    distance
        Shape ``(Y, X)``, float32 in 0–1, where the network predicts it.
    scale
        Network px per image px that was used.
    object_size
        Typical diameter in px that was found in the image; ``None`` where it was given, or nothing was found.
    in_space
        It is a plane of a stack that was segmented as a whole: its objects are numbered through all planes.
    sentences
        What the user should know before trusting the result.
    """

    labels: NDArray[np.int32]
    probabilities: NDArray[np.floating[Any]]
    distance: NDArray[np.float32] | None
    scale: float
    sentences: tuple[str, ...] = ()
    object_size: float | None = None
    in_space: bool = False


def segment_image(
    model: Model,
    image: NDArray[Any],
    *,
    object_size: float | None = None,
    pixel_size_um: float | None = None,
    tile: int | None = None,
    averaging: Averaging | str = Averaging.NONE,
    separation: SeparationSettings | None = None,
    grey_range: GreyMode | None = None,
    device: str = "auto",
    on_progress: OnProgress = no_progress,
    should_stop: ShouldStop = never_stop,
) -> Segmented:
    """Segment one plane.

    Parameters
    ----------
    model
        As `train_model` returns it or `load_model` reads it.
    image
        Shape ``(C, Y, X)``, any numeric dtype.
    object_size
        Typical diameter in px in this image; by default it is looked for where the training images differed in
        magnification, else the image is taken to be at their scale, or follows from both pixel sizes.
    tile
        Edge of a tile in px at network scale; by default as memory allows.
    separation
        How objects are made; by default as fitted after the model's training.
    grey_range
        Whether the grey range is that of the training images or this image's own; by default as the model says.

    Raises
    ------
    UserError
        When the image doesn't fit the model.
    Stopped
        When asked to stop.
    """
    description = model.description
    check_fits(description, image)
    normalisation = description.normalisation.in_mode(grey_range)
    warning = brightness_warning(image, normalisation)
    grey = normalise(image, normalisation)
    found = None
    if object_size is None and description.magnification == "per image":
        on_progress(0.0, "Looking how large the objects are …")
        found = estimate_object_size(model, grey, device, should_stop)
    scale = scale_of(description, object_size or found, pixel_size_um)
    small = resample_image(grey, scale)
    output = predict(
        model.network,
        small,
        tile=tile,
        averaging=Averaging(averaging),
        device=device,
        on_progress=on_progress,
        should_stop=should_stop,
    )
    shape = (int(image.shape[1]), int(image.shape[2]))
    output = resample_probability(output, shape)
    probabilities, distance = split_output(description, output)
    settings = separation or separation_of(description, scale)
    labels = separate_probabilities(
        probabilities, distance, settings, description.labels_are, scale, description.object_size / scale
    )
    sentences = [warning] if warning else []
    if not labels.any():
        sentences.append(why_empty(foreground(probabilities), settings))
    elif is_bundled(description) and (unsure := doubt(foreground(probabilities), labels, scale)):
        sentences.append(unsure)
    _log.info(
        "Segmented %d × %d px with %s at scale %.3g on %s, %s.",
        *shape,
        description.name,
        scale,
        device,
        "something found" if labels.any() else "nothing found",
    )
    return Segmented(labels, probabilities, distance, scale, tuple(sentences), found)


def separate_probabilities(
    probabilities: NDArray[np.float32],
    distance: NDArray[np.float32] | None,
    settings: SeparationSettings,
    labels_are: LabelsAre | str,
    scale: float,
    typical_size: float | None = None,
    plane_step: float | None = None,
) -> NDArray[np.int32]:
    """Make objects or a class map of stored probabilities, without the network.

    Parameters
    ----------
    probabilities
        Shape ``(K, Y, X)``, or ``(K, Z, Y, X)`` of a stack as a whole; class 0 is background.
    scale
        Network px per image px that the probabilities were made at.
    typical_size
        Diameter of a typical object in px of the image.
    plane_step
        Distance of a stack's planes in px.

    Returns
    -------
    ndarray
        Shape ``([Z,] Y, X)``, int32.
    """
    if LabelsAre(labels_are) is LabelsAre.CLASSES:
        return separate_classes(probabilities, settings.smallest)
    return separate(foreground(probabilities), settings, distance, scale, typical_size, plane_step)


def split_output(
    description: ModelDescription, output: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Return the probabilities of the classes, and the distance if the network has that output."""
    n_classes = description.network.classes
    return output[:n_classes], output[n_classes] if description.network.distance else None


def foreground(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probability of anything but background, shape ``([Z,] Y, X)``."""
    inverse: NDArray[np.float32] = 1.0 - probabilities[0]
    return inverse


def separation_of(description: ModelDescription, scale: float, stretch: float = 1.0) -> SeparationSettings:
    """Return the separation that was fitted after the model's training, for an image seen at this scale.

    The model keeps areas in px² (volumes in voxels) of the network, so that they follow the magnification.

    Parameters
    ----------
    stretch
        Planes of the network per plane of a stack.
    """
    fitted = SeparationSettings.model_validate(description.separation)
    return fitted.model_copy(update={"smallest": fitted.smallest / (scale**2 * stretch)})


def check_fits(description: ModelDescription, image: NDArray[Any]) -> None:
    """Raise `UserError` when the image has another number of channels than the model was trained on, or no depth."""
    if description.network.dimensions == 3:
        raise UserError(
            f"The model “{description.name}” was trained on volumes and sees a plane only within its stack; "
            "segment the whole stack, or choose a model of planes."
        )
    wanted = description.network.in_channels
    if image.ndim != 3 or image.shape[0] != wanted:
        found = image.shape[0] if image.ndim == 3 else "no"
        raise UserError(
            f"The model “{description.name}” was trained on {wanted} channel(s) and this image has {found}; "
            "choose an image of the same kind or train on this one."
        )
