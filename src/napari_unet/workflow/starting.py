"""Which network a training begins with: random weights, those of a model, or those of planes made thick."""

from __future__ import annotations

from napari_unet.annotation.coding import LabelsAre
from napari_unet.errors import UserError
from napari_unet.network.bundled import is_bundled
from napari_unet.network.inflation import inflate, inflated_config, shortened
from napari_unet.network.model_file import Model
from napari_unet.network.training_settings import TrainingSettings
from napari_unet.network.unet import UNet, UNetConfig, adapt, expect_background, initialise
from napari_unet.workflow.preparation import Prepared


def check_start(start: Model | None, settings: TrainingSettings) -> None:
    """Refuse to train on planes from a model of volumes; the other way round works."""
    if start is not None and start.description.network.dimensions > settings.dimensions:
        raise UserError(
            f"“{start.description.name}” was trained on volumes and can’t go on with single planes; "
            "choose volume, or start from another model."
        )


def make_network(
    prepared: Prepared, settings: TrainingSettings, labels_are: LabelsAre, start: Model | None
) -> tuple[UNet, bool]:
    """Return the network that is trained, and whether its weights have learned something worth keeping.

    A model decides over width and depth, its channels and classes may have changed since. One of planes that is as
    deep as the network of volumes is carried over whole; of a deeper one the levels that fit.
    """
    in_channels = int(prepared.images[0].image.shape[0])
    is_objects = labels_are is LabelsAre.OBJECTS
    if start is None:
        config = settings.network_config(in_channels, prepared.n_classes, is_objects, prepared.plane_step)
    else:
        update = {"in_channels": in_channels, "classes": prepared.n_classes}
        if is_bundled(start.description):
            update["distance"] = is_objects
        config = start.description.network.model_copy(update=update)
    flat = config
    if settings.dimensions > config.dimensions:
        config = _thick(config, settings, prepared.plane_step)
    network = UNet(config)
    initialise(network, settings.seed)
    if settings.preset == "laptop" and is_objects:
        expect_background(network)
    if start is None:
        return network, False
    state = adapt(start.network.state_dict(), start.description.network, flat)
    if flat.dimensions == config.dimensions:
        network.load_state_dict(state)
        return network, True
    shorter = flat.model_copy(update={"depth": config.depth})
    network.load_state_dict(inflate(shortened(state, flat, config.depth), shorter, config))
    return network, flat.depth == config.depth


def _thick(flat: UNetConfig, settings: TrainingSettings, plane_step: float | None) -> UNetConfig:
    """Return the network of volumes that a network of planes begins."""
    usual = settings.network_config(flat.in_channels, flat.classes, flat.distance, plane_step)
    if flat.normalisation != usual.normalisation or not flat.padded:
        raise UserError(
            "The U-Net paper’s network of planes can’t begin one of volumes: start from the bundled network."
        )
    shorter = flat.model_copy(update={"depth": min(flat.depth, usual.depth)})
    return inflated_config(shorter, min(usual.flat_levels, shorter.depth - 1))
