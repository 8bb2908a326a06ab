"""Settings of trainings that take a second: enough to see that one trains, too little to learn anything."""

from napari_unet.network.training_settings import TrainingSettings

QUICK = TrainingSettings(
    minutes=None, steps=2, width=4, depth=2, patch_size=32, batch_size=2, threads=1, device="cpu"
)
QUICK_VOLUMES = QUICK.model_copy(update={"dimensions": 3})
