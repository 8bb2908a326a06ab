"""What can be chosen about a training, and what the presets choose."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from napari_unet.annotation.weight_map import WeightMapSettings
from napari_unet.errors import UserError
from napari_unet.network.architecture import UNetConfig, laptop, laptop3d, ronneberger2015
from napari_unet.network.augmentation import AugmentationSettings


class Recipe(BaseModel):
    """How the weights are changed: all values decided."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    patch_size: int  # side in px of what is learnt per patch
    batch_size: int
    learning_rate: float
    optimiser: Literal["adamw", "sgd"]
    patch_planes: int = 1  # of a volume, at least


RECIPES = {
    "laptop": Recipe(patch_size=96, batch_size=8, learning_rate=3e-3, optimiser="adamw"),
    "laptop3d": Recipe(patch_size=64, patch_planes=8, batch_size=4, learning_rate=3e-3, optimiser="adamw"),
    # 572 → 388, "a single image" as batch; the paper does not tell its learning rate
    "ronneberger2015": Recipe(patch_size=388, batch_size=1, learning_rate=1e-4, optimiser="sgd"),
}


class TrainingSettings(BaseModel):
    """Everything about a training that can be chosen. What is None is chosen by the preset."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: Literal["laptop", "ronneberger2015"] = Field(
        default="laptop",
        title="Network",
        description="A small network for laptops, or that of the U-Net paper.",
    )
    dimensions: Literal[2, 3] = Field(
        default=2,
        title="Learn from",
        description="Planes: each is seen by itself. Volume: a plane is seen with those above and below it, for "
        "stacks whose objects go through several planes.",
    )
    minutes: float | None = Field(
        default=2.0,
        gt=0,
        title="Minutes",
        description="Time to train; empty: until you stop it, at a constant rate.",
    )
    steps: int | None = Field(
        default=None,
        ge=1,
        title="Steps",
        description="Train for so many steps instead of minutes: can be repeated exactly.",
    )
    width: int | None = Field(
        default=None, ge=1, le=1024, title="Width", description="Channels at the finest level."
    )
    depth: int | None = Field(
        default=None, ge=1, le=7, title="Depth", description="How often the image is halved."
    )
    patch_size: int | None = Field(
        default=None,
        ge=16,
        title="Patch (px)",
        description="Side of the training patches at the network's scale.",
    )
    batch_size: int | None = Field(
        default=None, ge=1, title="Patches per step", description="Patches per step."
    )
    learning_rate: float | None = Field(
        default=None,
        gt=0,
        title="Learning rate",
        description="Highest rate; it rises at first and ends at zero.",
    )
    optimiser: Literal["adamw", "sgd"] | None = Field(
        default=None,
        title="Optimiser",
        description="AdamW, or the paper's gradient descent with a momentum of 0.99.",
    )
    grey_range: Literal["auto", "as in training", "per image"] = Field(
        "auto",
        title="Grey range",
        description="As in training: brightness is a clue. Per image: different exposures look alike. "
        "Auto: per image for several images, or if they differ in contrast.",
    )
    magnification: Literal["auto", "as in training", "per image"] = Field(
        "auto",
        title="Magnification",
        description="As in training: all images are seen at one scale. Per image: each at the scale of its own "
        "objects, which is looked for in new images. Auto: per image if objects of the training images differ "
        "in size.",
    )
    distance_weight: float = Field(
        default=1.0,
        ge=0,
        title="Distance",
        description="How much the learned distance counts beside the classes.",
    )
    # Patches are balanced over classes already. With balanced weights as well, 200 steps on nuclei reached an
    # AP of 0.52 instead of 0.66 at an IoU of 0.7.
    weight_map: WeightMapSettings = Field(default_factory=lambda: WeightMapSettings(balance_classes=False))
    augmentation: AugmentationSettings = Field(default_factory=AugmentationSettings)
    early_stop: bool = Field(
        default=True, title="End early", description="End when the held-out score has stopped rising."
    )
    precision: Literal["auto", "float32"] = Field(
        default="auto",
        title="Precision",
        description="Auto: multiply in bfloat16 where the processor or card is much faster at it.",
    )
    device: str = Field(default="auto", title="Device", description="auto, cpu, cuda or mps.")
    threads: int | None = Field(
        default=None, ge=1, title="Threads", description="Processor threads; empty: as PyTorch is set."
    )
    seed: int = Field(
        default=0, ge=0, title="Seed", description="Another seed gives another, equally good training."
    )

    def recipe(self) -> Recipe:
        """Return the preset's recipe with what was chosen otherwise."""
        chosen = {name: getattr(self, name, None) for name in Recipe.model_fields}
        name = "laptop3d" if self.dimensions == 3 else self.preset
        return RECIPES[name].model_copy(update={k: v for k, v in chosen.items() if v is not None})

    def network_config(
        self, in_channels: int, classes: int, distance: bool, plane_step: float | None = None
    ) -> UNetConfig:
        """Return the preset's network for an image's channels and so many classes, background included.

        The paper's network has no distance output.

        Parameters
        ----------
        plane_step
            Px of the network from one plane of a volume to the next.

        Raises
        ------
        UserError
            For the paper's network of planes on volumes.
        """
        if self.dimensions == 3:
            if self.preset != "laptop":
                raise UserError(f"The network “{self.preset}” sees single planes: choose laptop for volumes.")
            config = laptop3d(in_channels, classes, distance, plane_step or 1.0)
        elif self.preset == "ronneberger2015":
            config = ronneberger2015(in_channels, classes)
        else:
            config = laptop(in_channels, classes, distance)
        chosen = {"width": self.width, "depth": self.depth}
        return UNetConfig(**{**config.model_dump(), **{k: v for k, v in chosen.items() if v is not None}})
