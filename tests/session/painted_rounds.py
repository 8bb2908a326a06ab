"""A round that no training was needed for."""

from napari_unet.session import Round
from napari_unet.session.round_network import RoundNetwork


def a_round(number) -> Round:
    from napari_unet.network.model_file import Model, ModelDescription
    from napari_unet.network.scaling import Normalisation
    from napari_unet.network.training_outcome import Curves, TrainingOutcome
    from napari_unet.network.unet import UNet, UNetConfig

    config = UNetConfig(in_channels=1, classes=2, depth=1, width=2)
    model = Model(
        ModelDescription(
            name="tiny",
            network=config,
            normalisation=Normalisation(low=(0.0,), high=(1.0,)),
            object_size=20.0,
            labels_are="objects",
        ),
        UNet(config),
    )
    curves = Curves([1.0, 0.5, 0.25], [0.1] * 3, [(2, {"f1": 0.5})])
    outcome = TrainingOutcome({}, curves, 2, 3, 1.5, {"f1": 0.5}, False, "Good.", 64, 1, 1)
    network = RoundNetwork(model.description, model)
    return Round(number, f"Round {number}", network, outcome, "2026-01-01T10:00:00", ("Paint more.",))
