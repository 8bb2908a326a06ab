"""The U-Net of napari-unet, on its own: it needs nothing but PyTorch, and goes along with its weights.

The names of the weights are those of a model file of napari-unet. Unlike there, the output is made of probabilities: a
softmax over the classes (the first is background) and, where the network has it, the depth inside an object (0–1).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class DoubleConvolution(nn.Module):
    """Two 3×3 convolutions, each with batch normalisation (if asked) and ReLU."""

    def __init__(self, channels_in: int, channels_out: int, padded: bool, batch: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, padding=int(padded), bias=not batch)
        self.norm1 = nn.BatchNorm2d(channels_out) if batch else nn.Identity()
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=int(padded), bias=not batch)
        self.norm2 = nn.BatchNorm2d(channels_out) if batch else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(x)))


class UNet(nn.Module):
    """Image (N, C, Y, X) in, probabilities (N, classes [+ 1], y, x) out."""

    def __init__(
        self,
        in_channels: int,
        classes: int,
        distance: bool,
        width: int,
        depth: int,
        padded: bool,
        batch: bool,
    ) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(depth + 1)]
        self.classes, self.distance = classes, distance
        self.contract = nn.ModuleList(
            DoubleConvolution(before, after, padded, batch)
            for before, after in zip([in_channels, *widths[:-2]], widths[:-1])  # noqa: B905 (any Python 3)
        )
        self.bottom = DoubleConvolution(widths[-2], widths[-1], padded, batch)
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(below, below // 2, 2, stride=2) for below in reversed(widths[1:])
        )
        self.expand = nn.ModuleList(DoubleConvolution(2 * w, w, padded, batch) for w in reversed(widths[:-1]))
        self.classify = nn.Conv2d(width, classes + int(distance), 1)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for level in self.contract:
            x = level(x)
            skips.append(x)
            x = F.max_pool2d(x, 2)
        x = self.bottom(x)
        for up, level, skip in zip(self.up, self.expand, reversed(skips)):  # noqa: B905
            x = up(x)
            top, left = (skip.shape[-2] - x.shape[-2]) // 2, (skip.shape[-1] - x.shape[-1]) // 2
            x = level(torch.cat([skip[..., top : top + x.shape[-2], left : left + x.shape[-1]], x], dim=1))
        logits = self.classify(x)
        probabilities: Tensor = logits[:, : self.classes].softmax(dim=1)
        if not self.distance:
            return probabilities
        return torch.cat([probabilities, logits[:, self.classes :].sigmoid()], dim=1)
