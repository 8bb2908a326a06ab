"""What a U-Net sees in every pixel, just before it decides: the feature maps of its last levels.

A classifier of a few hundred numbers on top of them is fitted in milliseconds (`network.head`); the network itself,
which takes tenths of a second, has to look at an image only once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from napari_unet.callbacks import ShouldStop, never_stop
from napari_unet.errors import Stopped
from napari_unet.network.device import choose_device, is_bfloat16_faster
from napari_unet.network.planes import Image, Plane
from napari_unet.network.prediction import LEAST_WIDTH, context_of, fold, frame_of, tiles_of
from napari_unet.network.unet import UNet

LEVELS = 1
"""Levels of the expansive path whose maps are read, the finest first: a second one, with twice as many maps, made the
preview no better on images of the training folders, and twice as slow."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What a network sees in an image.

    Attributes
    ----------
    features
        float16 ``(F, Y, X)``: maps of the last levels, coarse ones enlarged; then the network's own logits, each class
        against background, and that of the distance if it has one.
    n_own
        How many of the last features are the network's own logits.
    """

    features: NDArray[np.float16]
    n_own: int


def see(network: UNet, image: Image, device: str = "auto", should_stop: ShouldStop = never_stop) -> Seen:
    """Let a network look at an image, tile by tile; the result does not depend on the tiles.

    Parameters
    ----------
    network
        Padded. In whatever mode it is; one from `prediction.fold` is not folded again.
    image
        float32 ``(C, Y, X)``, normalised and at the network's resolution.

    Raises
    ------
    Stopped
        Asked before every tile.
    """
    config, where = network.config, choose_device(device)
    folded = fold(network).to(where)
    low = config.width >= LEAST_WIDTH and is_bfloat16_faster(where)
    height, width = image.shape[1:]
    plane = Plane(image, frame_of(height, width, config))
    n_own = config.classes - 1 + int(config.distance)
    count = sum(config.width * 2**level for level in range(min(LEVELS, config.depth))) + n_own
    features = np.empty((count, height, width), np.float16)
    for box in tiles_of(height, width, config, None):
        if should_stop():
            raise Stopped
        y0, y1, x0, x1 = box
        context = context_of(box, plane.frame, config)
        patch = torch.from_numpy(plane.read(context))[None].to(where)
        with torch.inference_mode(), torch.autocast(where.type, torch.bfloat16, enabled=low):
            maps = _maps(folded, patch.contiguous(memory_format=torch.channels_last))
        top, left = y0 - context[0] - config.margin, x0 - context[2] - config.margin
        bottom, right = min(y1, height), min(x1, width)
        inner = maps[:, top : top + bottom - y0, left : left + right - x0]
        features[:, y0:bottom, x0:right] = inner.cpu().numpy()
    return Seen(features, n_own)


def _maps(network: UNet, patch: Tensor) -> Tensor:
    """Return the features (F, y, x) of one patch as float16, from hooks on the last levels."""
    kept: list[Tensor] = []

    def keep(module: nn.Module, inputs: Any, output: Tensor) -> None:
        kept.append(output)

    hooks = [level.register_forward_hook(keep) for level in list(network.expand)[-LEVELS:]]
    try:
        logits = network(patch).float()
    finally:
        for hook in hooks:
            hook.remove()
    size = logits.shape[-2:]
    levels = [_enlarge(level, (int(size[0]), int(size[1]))) for level in reversed(kept)]
    n = network.config.classes
    own = [logits[:, 1:n] - logits[:, :1], logits[:, n:]]
    return torch.cat([*levels, *own], dim=1)[0].half()


def _enlarge(level: Tensor, size: tuple[int, int]) -> Tensor:
    level = level.float()
    if level.shape[-2:] == size:
        return level
    return F.interpolate(level, size=size, mode="bilinear", align_corners=False)
