"""Snapshots of a session's state, from which long computations run in any thread."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from napari_unet.annotation.coding import LabelsAre
from napari_unet.annotation.weight_map import WeightMapSettings
from napari_unet.errors import UserError
from napari_unet.session.depth import check_depth
from napari_unet.session.image import ImageSource, Plane
from napari_unet.session.measuring import SizeQuestion
from napari_unet.session.rounds import BUNDLED
from napari_unet.session.state import State
from napari_unet.session.tasks import SegmentationTask, TrainingTask
from napari_unet.session.weights import WeightMapTask

if TYPE_CHECKING:
    from napari_unet.network.model_file import ModelDescription
    from napari_unet.network.training_settings import TrainingSettings
    from napari_unet.objects.separate import SeparationSettings
    from napari_unet.session.companions import Companions


def prepare_training(
    state: State, start: str, settings: TrainingSettings, companions: Companions | None = None
) -> TrainingTask:
    """Take a snapshot of all that was painted.

    Parameters
    ----------
    companions
        The project's other images, which are read when the training runs.

    Raises
    ------
    UserError
        When nothing can be learned from it; the sentence says what is missing.
    """
    from napari_unet.workflow.annotated import check_trainable

    image, painting = state.need_image(), state.need_painting()
    bundled = start == BUNDLED
    if bundled and settings.preset != "laptop":
        raise UserError(
            f"The bundled network is a small one, not “{settings.preset}”; start from scratch or from a round."
        )
    called = "" if companions is None else companions.names[companions.current]
    images = tuple(painting.snapshot(image, state.channels, called))
    alone = companions is None or not companions.entries
    if alone:  # else it is seen when the others were read
        check_trainable(images, painting.labels_are)
    number = state.rounds.next_number
    return TrainingTask(
        images,
        settings,
        painting.labels_are,
        painting.class_names,
        None if bundled else state.rounds.start(start),
        state.object_size_override,
        image.rgb and len(state.channels) == 3,
        tuple(f"channel {channel + 1}" for channel in state.channels),
        f"Round {number}",
        number,
        datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        bundled,
        companions,
        run_on=state.training_choices.run_on,
        against_anew=state.training_choices.against_anew and any(start == r.key for r in state.rounds.all),
    )


def prepare_segmentation(
    state: State,
    size: SizeQuestion,
    planes: Sequence[Plane] | None,
    averaging: str,
    separation: SeparationSettings | None,
) -> SegmentationTask:
    """Get ready to segment these planes, or all of them: with the current round's network, or else the bundled one.

    Raises
    ------
    UserError
        When there is no image, or no network that fits it and what is annotated.
    """
    image, current = state.need_image(), state.rounds.current
    chosen = tuple(image.planes() if planes is None else planes)
    if current is not None:
        check_network(current.description, image, len(state.channels))
    elif state.labels_are is LabelsAre.CLASSES:
        raise UserError(
            "The bundled network finds objects and knows nothing of your classes; paint each class and press "
            "Train first."
        )
    return SegmentationTask(
        image,
        state.channels,
        chosen,
        None if current is None else current.network.load,
        size,
        averaging,
        separation,
        state.device,
        state.generation,
    )


def check_network(description: ModelDescription, image: ImageSource, n_channels: int) -> None:
    """Raise `UserError` where a network can't see the image; its pixels are read in the thread that needs them."""
    from napari_unet.workflow.segmentation import check_fits
    from napari_unet.workflow.volume_segmentation import check_fits_volume

    if description.network.dimensions == 2:
        check_fits(description, np.broadcast_to(np.float32(0), (n_channels, 1, 1)))
        return
    check_depth(image)
    check_fits_volume(description, np.broadcast_to(np.float32(0), (n_channels, 1, 1, 1)))


def prepare_weight_map(
    state: State, plane: Plane, settings: WeightMapSettings, scale: float
) -> WeightMapTask:
    """Get ready to make the weight map of a plane as training would use it now."""
    painting = state.need_painting()
    return WeightMapTask(
        plane,
        painting.with_regions(plane),
        painting.labels_are,
        dict(painting.object_classes),
        painting.marked,
        settings,
        scale,
        painting.corrections_of(plane),
    )
