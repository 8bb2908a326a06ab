"""Everything that decides the shapes of a U-Net, and the presets: the paper's network and one for a laptop."""

import math
from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from napari_unet.errors import UserError
from napari_unet.network.geometry import AxisGeometry

ABOUT_ISOTROPIC = 1.5
"""A voxel so many times as thick as wide is pooled along all axes."""


@cache  # not with the configuration: a changed copy of it would keep the sizes of the old one
def _geometry(steps: tuple[int, ...], convolutions: tuple[int, ...], padded: bool) -> AxisGeometry:
    return AxisGeometry(steps, convolutions, padded)


class UNetConfig(BaseModel):
    """Everything that decides the shapes of a U-Net's tensors, and therefore stands in its model file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dimensions: Literal[2, 3] = 2  # of images, or of volumes: then every 3×3 below is 3×3×3
    flat_levels: int = Field(default=0, ge=0, le=7)  # first levels that see and pool each plane by itself
    in_channels: int = Field(ge=1, le=1024)  # colours or stains of the image
    classes: int = Field(ge=2, le=1024)  # of the softmax; class 0 is background
    distance: bool = False  # one more output: how deep inside its object a pixel lies
    width: int = Field(
        default=16, ge=1, le=1024
    )  # feature channels at the finest level; doubled at each step
    depth: int = Field(default=4, ge=1, le=7)  # number of poolings
    padded: bool = True  # zero-padded convolutions (output as large as input) or the paper's unpadded ones
    normalisation: Literal["batch", "none"] = "batch"
    dropout: float = Field(default=0.0, ge=0.0, lt=1.0)  # at the end of the contracting path

    @property
    def out_channels(self) -> int:
        """Channels of the output: one logit per class, and one for the distance if the network has it."""
        return self.classes + int(self.distance)

    @model_validator(mode="after")
    def _check_planes(self) -> "UNetConfig":
        if self.flat_levels and (self.dimensions == 2 or self.flat_levels > self.depth):
            raise ValueError("flat levels are levels of a network of volumes")
        return self

    @property
    def in_plane(self) -> AxisGeometry:
        """Sizes along rows and columns: two 3×3 convolutions per level, each level half as large."""
        return _geometry((2,) * self.depth, (2,) * (self.depth + 1), self.padded)

    @property
    def through_planes(self) -> AxisGeometry:
        """Sizes along the planes of a volume, which flat levels leave alone."""
        thick = self.depth - self.flat_levels
        return _geometry(
            (1,) * self.flat_levels + (2,) * thick, (0,) * self.flat_levels + (2,) * (thick + 1), self.padded
        )

    @property
    def axes(self) -> tuple[AxisGeometry, ...]:
        """Sizes along all axes of an image, ``([Z,] Y, X)``."""
        return (self.through_planes,) * (self.dimensions - 2) + (self.in_plane,) * 2

    @property
    def multiple(self) -> int:
        """Shift in px under which the network is equivariant: 2^depth, one pixel at the bottom."""
        return self.in_plane.multiple

    @property
    def margin(self) -> int:
        """Pixels that the output loses against the input on each side (92 for the paper's network)."""
        return self.in_plane.margin

    @property
    def receptive_reach(self) -> int:
        """Largest distance in px over which an input pixel can change an output pixel, over all positions."""
        return self.in_plane.receptive_reach

    @property
    def halo(self) -> int:
        """Context in px that a tile at a multiple of `multiple` needs on each side, for a padded network."""
        return self.in_plane.halo

    def receptive_interval(self, at: int) -> tuple[int, int]:
        """First and last input pixel of a row that output pixel `at` depends on, for a padded network."""
        return self.in_plane.receptive_interval(at)

    def output_size(self, size: int) -> int:
        """Side of the output in px for an input of `size` px.

        Raises
        ------
        UserError
            If the network cannot take an input of that size.
        """
        smallest = (self.through_planes.smallest,) * (self.dimensions - 2)
        self.check_input_size(*smallest, size, size)
        return size - 2 * self.margin

    def input_size(self, output: int) -> int:
        """Smallest valid side of the input in px whose output has at least `output` px."""
        return self.in_plane.input_size(output)

    def patch_size(self, at_least: int) -> int:
        """Side in px of a training patch's target that the network can give."""
        return self.output_size(self.input_size(at_least))

    def patch_planes(self, at_least: int) -> int:
        """Planes of a training patch for a network of volumes; 0 for one of planes."""
        return 0 if self.dimensions == 2 else self.through_planes.input_size(at_least)

    def check_input_size(self, *shape: int) -> None:
        """Raise a `UserError` that names the nearest valid sizes if an input ``([Z,] Y, X)`` cannot be taken."""
        for number, (size, axis) in enumerate(zip(shape, self.axes, strict=True)):
            if not axis.takes(size):
                is_planes = number < self.dimensions - 2
                side = f"the {size} planes" if is_planes else f"the side of {size} px"
                unit = "planes" if is_planes else "px long"
                raise UserError(
                    f"This network cannot take an input of {' × '.join(map(str, shape))} px: "
                    f"make {side} {axis.valid_sizes_near(size)} {unit}."
                )


def laptop(in_channels: int = 1, classes: int = 2, distance: bool = True) -> UNetConfig:
    """Return the default network: small enough to train in minutes on two processor cores."""
    return UNetConfig(in_channels=in_channels, classes=classes, distance=distance, width=16, depth=4)


def laptop3d(
    in_channels: int = 1, classes: int = 2, distance: bool = True, plane_step: float = 1.0
) -> UNetConfig:
    """Return the default network of volumes: three poolings, as in Çiçek et al. 2016, and the laptop's width.

    A fourth would double how far a voxel is felt: most of what a tile takes would then be its context.

    Parameters
    ----------
    plane_step : float
        Px from one plane to the next, at the network's scale.
    """
    depth = 3
    return UNetConfig(
        dimensions=3,
        flat_levels=flat_levels_for(plane_step, depth),
        in_channels=in_channels,
        classes=classes,
        distance=distance,
        width=16,
        depth=depth,
    )


def flat_levels_for(plane_step: float, depth: int) -> int:
    """Return how many levels leave the planes alone: until a voxel is at most 1.5 times as thick as wide."""
    return min(max(0, math.ceil(math.log2(plane_step / ABOUT_ISOTROPIC))), depth - 1)


def ronneberger2015(in_channels: int = 1, classes: int = 2) -> UNetConfig:
    """Return the paper's network: unpadded, 64 to 1024 channels, drop-out; 31,030,658 parameters."""
    return UNetConfig(
        in_channels=in_channels,
        classes=classes,
        width=64,
        depth=4,
        padded=False,
        normalisation="none",
        dropout=0.5,
    )
