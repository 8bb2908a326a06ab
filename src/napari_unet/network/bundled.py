"""The weights that come with the package: a small U-Net that has seen many kinds of microscopy."""

from functools import cache
from pathlib import Path

from napari_unet.errors import UserError
from napari_unet.network.model_file import Model, ModelDescription, load_model
from napari_unet.network.unet import UNet, adapt

BUNDLED = "bundled"
"""What one says to start from it or to segment with it; also the name of its lineage."""
WEIGHTS = Path(__file__).parents[1] / "weights" / "laptop.safetensors"


@cache
def load_bundled() -> Model:
    """Read the bundled network: three channels (red, green, blue, or a grey image three times), objects.

    It takes objects of about 28 px, in images normalised each by itself. Do not change it: all callers share it.

    Raises
    ------
    UserError
        If the package was installed without its weights.
    """
    if not WEIGHTS.is_file():
        raise UserError("The bundled network is missing from this installation: install napari-unet again.")
    return load_model(WEIGHTS)


def is_bundled(description: ModelDescription) -> bool:
    """Tell whether these weights are the bundled ones as they came, untrained on anything of the user's."""
    return description.training.lineage == BUNDLED


def bundled_for(n_channels: int) -> Model:
    """Return the bundled network for images of this many channels.

    Three are taken as red, green and blue, one is seen as grey; any other number as the grey mean of the channels,
    from where a training can tell them apart.
    """
    model = load_bundled()
    old = model.description.network
    if n_channels == old.in_channels:
        return model
    config = old.model_copy(update={"in_channels": n_channels})
    network = UNet(config)
    network.load_state_dict(adapt(model.network.state_dict(), old, config))
    range_ = model.description.normalisation.model_copy(
        update={"low": (0.0,) * n_channels, "high": (1.0,) * n_channels}
    )
    description = model.description.model_copy(
        update={"network": config, "normalisation": range_, "channel_names": (), "rgb": False}
    )
    return Model(description, network.eval())
