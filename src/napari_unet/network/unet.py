"""The U-Net of Ronneberger, Fischer and Brox (2015), as in the paper and as a small one for a laptop.

A contracting path halves the image again and again and looks at ever larger surroundings; an expansive path
brings that knowledge back to every pixel, helped by the feature maps of the contracting path ("skips").
"""

import math
from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional as F

from napari_unet.errors import UserError

BATCH_NORM_MOMENTUM = 0.05
"""Weight of the newest batch in the running statistics: they settle within some 60 steps of few patches."""


class UNetConfig(BaseModel):
    """Everything that decides the shapes of a U-Net's tensors, and therefore stands in its model file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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

    @property
    def multiple(self) -> int:
        """Shift in px under which the network is equivariant: 2^depth, one pixel at the bottom."""
        return int(2**self.depth)

    @property
    def margin(self) -> int:
        """Pixels that the output loses against the input on each side (92 for the paper's network)."""
        if self.padded:
            return 0
        lost = 4  # two 3×3 convolutions at the bottom
        for _ in range(
            self.depth
        ):  # a level above, what was lost below counts twice; 4 px going down, 4 going up
            lost = 4 + 2 * lost + 4
        return lost // 2

    @property
    def receptive_reach(self) -> int:
        """Largest distance in px over which an input pixel can change an output pixel, over all positions.

        Positions differ, since pooling groups pixels from multiples of 2^depth on; see `receptive_interval`.
        """
        return max(at - self.receptive_interval(at)[0] for at in range(self.multiple))

    @property
    def halo(self) -> int:
        """Context in px that a tile at a multiple of `multiple` needs on each side, for a padded network.

        Less than `receptive_reach`, since tiles begin where pooling does, and rounded up to `multiple`.
        """
        reach = -self.receptive_interval(0)[0]
        return math.ceil(reach / self.multiple) * self.multiple

    def receptive_interval(self, at: int) -> tuple[int, int]:
        """First and last input pixel that output pixel `at` depends on, along one axis, for a padded network.

        Follows the network backwards: two 3×3 convolutions need 2 px more on each side, an up-convolution the
        pixel above, a pooling the two pixels below. The lowest way through the network is the widest.
        """
        first = last = at
        for _ in range(self.depth):  # up the expansive path
            first, last = (first - 2) // 2, (last + 2) // 2
        first, last = first - 2, last + 2  # the bottom
        for _ in range(self.depth):  # up the contracting path
            first, last = 2 * first - 2, 2 * last + 1 + 2
        return first, last

    def output_size(self, size: int) -> int:
        """Side of the output in px for an input of `size` px.

        Raises
        ------
        UserError
            If the network cannot take an input of that size.
        """
        self.check_input_size(size, size)
        return size - 2 * self.margin

    def input_size(self, output: int) -> int:
        """Smallest valid side of the input in px whose output has at least `output` px."""
        size = output + 2 * self.margin
        return size + (self._smallest - size) % self.multiple if size > self._smallest else self._smallest

    def check_input_size(self, height: int, width: int) -> None:
        """Raise a `UserError` that names the nearest valid sizes if this input (px) cannot be taken."""
        for size in (height, width):
            if size < self._smallest or (size - self._smallest) % self.multiple:
                above = self.input_size(size - 2 * self.margin)
                below = above - self.multiple
                nearest = f"{below} or {above}" if below >= self._smallest else f"{above}"
                raise UserError(
                    f"This network cannot take an input of {height} × {width} px: "
                    f"make the side of {size} px {nearest} px long."
                )

    @property
    def _smallest(self) -> int:
        """Smallest valid input in px: one pixel is left where the network is narrowest."""
        if self.padded:
            return self.multiple
        # Going down, every level takes 4 px and halves; the bottom takes 4 and must leave enough to go up.
        bottom = 1
        while _on_the_way_up(bottom, self.depth) < 1:
            bottom += 1
        size = bottom + 4
        for _ in range(self.depth):
            size = 2 * size + 4
        return size


def _on_the_way_up(size: int, depth: int) -> int:
    """Side of the output of an unpadded network whose bottom leaves `size` px."""
    for _ in range(depth):
        size = 2 * size - 4
    return size


def laptop(in_channels: int = 1, classes: int = 2, distance: bool = True) -> UNetConfig:
    """Return the default network: small enough to train in minutes on two processor cores."""
    return UNetConfig(in_channels=in_channels, classes=classes, distance=distance, width=16, depth=4)


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


class DoubleConvolution(nn.Module):
    """Two 3×3 convolutions, each followed by ReLU (and, between the two, by batch normalisation if asked)."""

    def __init__(self, channels_in: int, channels_out: int, config: UNetConfig) -> None:
        super().__init__()
        batch = config.normalisation == "batch"  # its shift takes the place of the convolution's bias
        padding = int(config.padded)
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, padding=padding, bias=not batch)
        self.norm1 = _normalisation(channels_out) if batch else nn.Identity()
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=padding, bias=not batch)
        self.norm2 = _normalisation(channels_out) if batch else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm1(self.conv1(x)), inplace=True)
        return F.relu(self.norm2(self.conv2(x)), inplace=True)


def _normalisation(channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels, momentum=BATCH_NORM_MOMENTUM)


class UNet(nn.Module):
    """A U-Net: image in, one logit per class and pixel out (and, last, the logit of the distance).

    A new network has the paper's random weights of seed 0; `initialise` draws others.

    Parameters
    ----------
    config : UNetConfig
        Shapes of the network.
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        widths = [config.width * 2**level for level in range(config.depth + 1)]
        self.contract = nn.ModuleList(
            DoubleConvolution(before, after, config)
            for before, after in zip([config.in_channels, *widths[:-2]], widths[:-1], strict=True)
        )
        self.bottom = DoubleConvolution(widths[-2], widths[-1], config)
        self.dropout = nn.Dropout(config.dropout)
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(below, below // 2, 2, stride=2) for below in reversed(widths[1:])
        )
        self.expand = nn.ModuleList(DoubleConvolution(2 * w, w, config) for w in reversed(widths[:-1]))
        self.classify = nn.Conv2d(config.width, config.out_channels, 1)
        if not self.classify.weight.is_meta:  # a network without memory has shapes only
            initialise(self, seed=0)

    def forward(self, x: Tensor) -> Tensor:  # (N, C, Y, X) float32, any channels-first or -last memory
        self.config.check_input_size(x.shape[-2], x.shape[-1])
        skips = []
        for level in self.contract:
            x = level(x)  # (N, width · 2^level, Y / 2^level, X / 2^level)
            skips.append(x)
            x = F.max_pool2d(x, 2)
        skips[-1] = self.dropout(skips[-1])
        x = self.dropout(self.bottom(x))  # (N, width · 2^depth, Y / 2^depth, X / 2^depth)
        for up, level, skip in zip(self.up, self.expand, reversed(skips), strict=True):
            x = up(x)  # half the channels, twice the side
            x = level(torch.cat([crop(skip, x), x], dim=1))
        logits: Tensor = self.classify(x)  # (N, classes [+ 1], y, x)
        return logits


def crop(x: Tensor, like: Tensor) -> Tensor:
    """Cut the centre of `x` to height and width of `like`; the same tensor when they agree."""
    top = (x.shape[-2] - like.shape[-2]) // 2
    left = (x.shape[-1] - like.shape[-1]) // 2
    return x[..., top : top + like.shape[-2], left : left + like.shape[-1]]


def initialise(network: nn.Module, seed: int) -> None:
    """Draw Gaussian weights of standard deviation sqrt(2 / N) from `seed`; biases and statistics start anew.

    N is the number of incoming nodes of one neuron (576 for 3×3 on 64 channels; Ronneberger 2015, section 3).
    An up-convolution reaches each of its output pixels with one of its 2×2 taps: N = its input channels.
    """
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            taps = math.prod(module.kernel_size) if isinstance(module, nn.Conv2d) else 1
            deviation = math.sqrt(2 / (module.in_channels * taps))
            with torch.no_grad():
                module.weight.copy_(torch.randn(module.weight.shape, generator=generator) * deviation)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()


def expect_background(network: UNet, foreground: float = 0.1) -> None:
    """Let a fresh network call a pixel foreground with this probability as long as nothing speaks for either.

    What was never annotated, such as empty ground far from all that was painted, then stays background instead of
    being tossed up (the prior of Lin et al. 2017, Focal loss, section 3.3).
    """
    head = network.classify
    assert head.bias is not None
    odds = (1 - foreground) * (network.config.classes - 1) / foreground
    with torch.no_grad():
        head.bias[0] = math.log(odds)


def freeze_statistics(network: nn.Module) -> None:
    """Let batch normalisation use the statistics it has, also in training.

    Of one kind of image alone they differ so much from those of the many kinds that a network was taught with, that
    its first steps would undo what it knows.
    """
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def n_parameters(network: nn.Module) -> int:
    """Count the trainable numbers of a network."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def adapt(state: Mapping[str, Tensor], old: UNetConfig, new: UNetConfig) -> dict[str, Tensor]:
    """Carry trained weights over to a network with another number of channels or classes (warm start).

    Other input channels: each new channel gets the old channels' sum divided by the number of new ones, so
    that an image with equal channels is seen as before. More classes: the new ones begin as copies of the
    mean foreground class, with a bias that leaves the background's probability unchanged. Fewer: the last
    ones go. A distance output that the old network lacks begins at zero.

    Parameters
    ----------
    state : mapping of str to Tensor
        ``state_dict`` of a `UNet` of `old`; stays unchanged.
    old, new : UNetConfig
        Must agree in width, depth and normalisation.

    Raises
    ------
    UserError
        If they do not.
    """
    for field in ("width", "depth", "normalisation"):
        if getattr(old, field) != getattr(new, field):
            raise UserError(
                f"These weights have {field} {getattr(old, field)}, the network has {getattr(new, field)}: "
                f"set {field} to {getattr(old, field)}, or start from scratch."
            )
    adapted = {name: tensor.detach().clone() for name, tensor in state.items()}
    if old.in_channels != new.in_channels:
        first = adapted["contract.0.conv1.weight"]  # (width, channels, 3, 3)
        mean = first.sum(dim=1, keepdim=True) / new.in_channels
        adapted["contract.0.conv1.weight"] = mean.repeat(1, new.in_channels, 1, 1)
    for name in ("classify.weight", "classify.bias"):
        adapted[name] = _adapt_outputs(adapted[name], old, new, is_bias=name.endswith("bias"))
    return adapted


def _adapt_outputs(rows: Tensor, old: UNetConfig, new: UNetConfig, is_bias: bool) -> Tensor:
    """Reorder the rows of the last convolution: classes first, then the distance."""
    classes = rows[: old.classes]
    if new.classes > old.classes:
        foreground = classes[1:].mean(dim=0, keepdim=True)
        copies = foreground.repeat(new.classes - old.classes, *[1] * (rows.dim() - 1))
        classes = torch.cat([classes, copies])
        if is_bias:  # k classes that share what one had: each has 1/k of its odds
            classes[1:] -= math.log((new.classes - 1) / (old.classes - 1))
    classes = classes[: new.classes]
    if not new.distance:
        return classes
    distance = rows[old.classes :] if old.distance else torch.zeros_like(rows[:1])
    return torch.cat([classes, distance])
