"""A network of a few numbers, and a round that it came out of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_unet.project import OutcomeDocument, RoundDocument

if TYPE_CHECKING:
    from napari_unet.network.model_file import Model


def a_model() -> Model:
    """Return a tiny network."""
    from napari_unet.network.model_file import Model, ModelDescription
    from napari_unet.network.scaling import Normalisation
    from napari_unet.network.unet import UNet, UNetConfig

    config = UNetConfig(in_channels=1, classes=2, depth=1, width=2)
    description = ModelDescription(
        name="tiny",
        network=config,
        normalisation=Normalisation(low=(0.0,), high=(1.0,)),
        object_size=20.0,
        labels_are="objects",
    )
    return Model(description, UNet(config))


def a_round(number: int) -> RoundDocument:
    """Return what came of a training."""
    outcome = OutcomeDocument(
        loss=(1.0, float("nan"), 0.1),
        learning_rate=(0.1,) * 3,
        held_out_curve=((2, {"f1": 0.5}),),
        best_step=2,
        steps=3,
        seconds=1.5,
        held_out={"f1": 0.5},
        stopped=False,
        sentence="Good.",
        patch_size=64,
        batch_size=1,
        threads=1,
    )
    return RoundDocument(number=number, name=f"Round {number}", started="2026-01-01", outcome=outcome)
