"""The U-Net of Ronneberger, Fischer and Brox (2015), as in the paper and as a small one for a laptop.

A contracting path halves the image again and again and looks at ever larger surroundings; an expansive path
brings that knowledge back to every pixel, helped by the feature maps of the contracting path ("skips").

For volumes every 3×3 becomes a 3×3×3 (Çiçek et al. 2016), but as long as a voxel is much thicker than wide, levels
look at each plane by itself and halve the planes only: what lies a plane away is farther than what they look at.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_unet.errors import UserError
from napari_unet.network.architecture import UNetConfig, laptop, ronneberger2015

__all__ = [
    "MEMORY",
    "UNet",
    "UNetConfig",
    "adapt",
    "batch_norms",
    "crop",
    "expect_background",
    "freeze_statistics",
    "initialise",
    "laptop",
    "n_parameters",
    "ronneberger2015",
]

BATCH_NORM_MOMENTUM = 0.05
"""Weight of the newest batch in the running statistics: they settle within some 60 steps of few patches."""


CONVOLUTION: dict[int, Any] = {2: nn.Conv2d, 3: nn.Conv3d}
UP_CONVOLUTION: dict[int, Any] = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
NORMALISATION: dict[int, Any] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
MEMORY = {2: torch.channels_last, 3: torch.channels_last_3d}
"""The order of numbers in memory in which convolutions are fastest, by dimensions."""


class DoubleConvolution(nn.Module):
    """Two 3×3 convolutions, each followed by ReLU (and, between the two, by batch normalisation if asked)."""

    def __init__(self, channels_in: int, channels_out: int, config: UNetConfig, level: int) -> None:
        super().__init__()
        batch = config.normalisation == "batch"  # its shift takes the place of the convolution's bias
        planes = (1 if level < config.flat_levels else 3,) * (config.dimensions - 2)
        kernel = (*planes, 3, 3)
        padding = tuple(side // 2 if config.padded else 0 for side in kernel)
        convolution, normalisation = CONVOLUTION[config.dimensions], NORMALISATION[config.dimensions]
        self.conv1 = convolution(channels_in, channels_out, kernel, padding=padding, bias=not batch)
        self.norm1 = normalisation(channels_out, momentum=BATCH_NORM_MOMENTUM) if batch else nn.Identity()
        self.conv2 = convolution(channels_out, channels_out, kernel, padding=padding, bias=not batch)
        self.norm2 = normalisation(channels_out, momentum=BATCH_NORM_MOMENTUM) if batch else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm1(self.conv1(x)), inplace=True)
        return F.relu(self.norm2(self.conv2(x)), inplace=True)


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
        depth, widths = config.depth, [config.width * 2**level for level in range(config.depth + 1)]
        self.pools = list(zip(*(axis.steps for axis in config.axes), strict=True))  # e.g. (2, 2) per level
        self.contract = nn.ModuleList(
            DoubleConvolution(before, after, config, level)
            for level, (before, after) in enumerate(
                zip([config.in_channels, *widths[:-2]], widths[:-1], strict=True)
            )
        )
        self.bottom = DoubleConvolution(widths[-2], widths[-1], config, depth)
        self.dropout = nn.Dropout(config.dropout)
        up_convolution = UP_CONVOLUTION[config.dimensions]
        self.up = nn.ModuleList(
            up_convolution(widths[level + 1], widths[level], self.pools[level], stride=self.pools[level])
            for level in reversed(range(depth))
        )
        self.expand = nn.ModuleList(
            DoubleConvolution(2 * widths[level], widths[level], config, level)
            for level in reversed(range(depth))
        )
        self.classify = CONVOLUTION[config.dimensions](config.width, config.out_channels, 1)
        if not self.classify.weight.is_meta:  # a network without memory has shapes only
            initialise(self, seed=0)

    def forward(self, x: Tensor) -> Tensor:  # (N, C, [Z,] Y, X) float32, any channels-first or -last memory
        self.config.check_input_size(*x.shape[2:])
        pool = F.max_pool2d if self.config.dimensions == 2 else F.max_pool3d
        skips = []
        for level, step in zip(self.contract, self.pools, strict=True):
            x = level(x)  # (N, width · 2^level, Y / 2^level, X / 2^level)
            skips.append(x)
            x = pool(x, step)
        skips[-1] = self.dropout(skips[-1])
        x = self.dropout(self.bottom(x))  # (N, width · 2^depth, Y / 2^depth, X / 2^depth)
        for up, level, skip in zip(self.up, self.expand, reversed(skips), strict=True):
            x = up(x)  # half the channels, twice the side
            x = level(torch.cat([crop(skip, x), x], dim=1))
        logits: Tensor = self.classify(x)  # (N, classes [+ 1], y, x)
        return logits


def crop(x: Tensor, like: Tensor) -> Tensor:
    """Cut the centre of `x` to the size of `like`; the same tensor when they agree."""
    for axis in range(2, x.dim()):
        size = like.shape[axis]
        x = x.narrow(axis, (x.shape[axis] - size) // 2, size)
    return x


def initialise(network: nn.Module, seed: int) -> None:
    """Draw Gaussian weights of standard deviation sqrt(2 / N) from `seed`; biases and statistics start anew.

    N is the number of incoming nodes of one neuron (576 for 3×3 on 64 channels; Ronneberger 2015, section 3).
    An up-convolution reaches each of its output pixels with one of its 2×2 taps: N = its input channels.
    """
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d | nn.ConvTranspose2d | nn.ConvTranspose3d):
            taps = math.prod(module.kernel_size) if isinstance(module, nn.Conv2d | nn.Conv3d) else 1
            deviation = math.sqrt(2 / (module.in_channels * taps))
            with torch.no_grad():
                module.weight.copy_(torch.randn(module.weight.shape, generator=generator) * deviation)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for layer in batch_norms(network):
        layer.reset_parameters()


def batch_norms(network: nn.Module) -> list[nn.BatchNorm2d | nn.BatchNorm3d]:
    """Return the layers of batch normalisation."""
    return [module for module in network.modules() if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d)]


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
    for layer in batch_norms(network):
        layer.eval()


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
    for field in ("dimensions", "flat_levels", "width", "depth", "normalisation"):
        if getattr(old, field) != getattr(new, field):
            raise UserError(
                f"These weights have {field} {getattr(old, field)}, the network has {getattr(new, field)}: "
                f"set {field} to {getattr(old, field)}, or start from scratch."
            )
    adapted = {name: tensor.detach().clone() for name, tensor in state.items()}
    if old.in_channels != new.in_channels:
        first = adapted["contract.0.conv1.weight"]  # (width, channels, 3, 3)
        mean = first.sum(dim=1, keepdim=True) / new.in_channels
        adapted["contract.0.conv1.weight"] = mean.repeat_interleave(new.in_channels, dim=1)
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
