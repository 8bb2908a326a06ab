"""From an image to probabilities, tile by tile, with results that do not depend on the tiles.

The image is thought of as an endless plane: beyond its edges it is mirrored, again and again if need be.
Every tile reads from that plane all the context that its output can see, and begins at a multiple of 2^depth,
where the network's poolings begin. A padded network sees the plane within a frame, a few pixels wider than
the image; tiles at the image's edge end with the frame, as the image taken whole does. So a pixel's result is
the same in every tile, and small images cost little more than their own pixels.
"""

import copy
import math
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Literal
from weakref import WeakSet

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from napari_unet.callbacks import OnProgress, ShouldStop, never_stop, no_progress
from napari_unet.errors import NoMemory, Stopped, UserError, is_out_of_memory
from napari_unet.network.device import choose_device, is_bfloat16_faster
from napari_unet.network.planes import SPLINE_REACH, Box, Image, Part, Plane, TurnedPlane, round_up
from napari_unet.network.unet import MEMORY, DoubleConvolution, UNet, UNetConfig

TILE_MEMORY = 2**30
"""Bytes that the feature maps of one tile may take when the user names no tile size."""

MIRRORED = 16
"""Pixels that a padded network sees beyond the image's edge, rounded up to a multiple of 2^depth.

Mirroring by the whole reach (96 px at depth 4) triples the pixels of a 256² image for nothing: on EM
membranes the error in the outermost 16 px is 13.1 % without mirroring, 12.8 % with 16, 32, 48, 64 and 96 px.
"""


SMALLEST_TILE = 4
"""Least side of a tile in multiples of 2^depth: below, nearly all that is computed is context."""

Precision = Literal["auto", "float32"]
LEAST_WIDTH = 16
"""Width from which on bfloat16 is faster: below, its tiles of 16 numbers are not filled."""


class Averaging(StrEnum):
    """Versions of the image whose results are averaged: slower in proportion, and a little better."""

    NONE = "none"
    FLIPS = "flips"  # 4: as it is, mirrored up-down, left-right, and both
    EIGHT = "eight"  # 8: all flips and quarter turns
    ROTATIONS7 = "rotations7"  # 7 turns by multiples of 360°/7 (the paper says seven, not by which angles)


VERSIONS = {
    Averaging.NONE: [(0, False)],
    Averaging.FLIPS: [(0, False), (0, True), (2, False), (2, True)],
    Averaging.EIGHT: [(quarters, flip) for quarters in range(4) for flip in (False, True)],
}
"""Flip left-right or not, then so many quarter turns."""


def predict(
    network: UNet,
    image: Image | Part,
    tile: int | None = None,
    averaging: Averaging = Averaging.NONE,
    device: str | torch.device = "auto",
    on_progress: OnProgress = no_progress,
    should_stop: ShouldStop = never_stop,
    precision: Precision = "auto",
    box: Box | None = None,
) -> Image:
    """Compute each pixel's class probabilities (and distance, if the network has that output).

    The result is the same for every tile size (to about 1e-5); memory beyond the result is that of one tile. Where
    that is more than there is, tiles become smaller.

    Parameters
    ----------
    network : UNet
        Stays unchanged, in whatever mode it is: a copy in evaluation mode with folded normalisation computes.
    image : array or Part, (C, Y, X) float32
        Normalised and at the network's resolution; any size from 1×1 px on.
    tile : int, optional
        Side of a tile's output in px, rounded up to a multiple of 2^depth. By default as large as
        `TILE_MEMORY` allows.
    averaging : Averaging
    device : str or torch.device
    precision : "auto" or "float32"
        "auto" multiplies in bfloat16 where device and network are made for it: twice as fast, probabilities that
        differ by 0.01 at most.
    box : Box, optional
        Compute these pixels only, from multiples of 2^depth on; a `Part` has to hold `reach_of` px around them.

    Returns
    -------
    array, (K [+ 1], Y, X) float32
        Of the image, or of the box. Softmax probabilities of the K classes; then the distance in 0..1.

    Raises
    ------
    UserError
        If the image's channels are not the network's, it has no pixels, or the tile size is not positive; `NoMemory`
        if even the smallest tiles need more memory than there is.
    Stopped
        If `should_stop` says so; asked before every tile.
    """
    config = network.config
    _check(image, tile, config)
    where = choose_device(device) if isinstance(device, str) else device
    folded = (network if network in _FOLDED else fold(network)).to(where)
    low = precision == "auto" and config.width >= LEAST_WIDTH and is_bfloat16_faster(where)
    top, bottom, left, right = box or (0, image.shape[1], 0, image.shape[2])
    output = np.empty((config.out_channels, bottom - top, right - left), np.float32)
    side: int | None = tile
    while True:
        parts = tiles_of(bottom - top, right - left, config, side)
        tiles = [(top + y0, top + y1, left + x0, left + x1) for y0, y1, x0, x1 in parts]
        try:
            for done, (y0, y1, x0, x1) in enumerate(tiles):
                if should_stop():
                    raise Stopped
                on_progress(done / len(tiles), f"tile {done + 1} of {len(tiles)}")
                with torch.autocast(where.type, torch.bfloat16, enabled=low):
                    result = _predict_tile(folded, image, (y0, y1, x0, x1), averaging, where)
                inside = result[:, : bottom - y0, : right - x0]
                output[:, y0 - top : y1 - top, x0 - left : x1 - left] = inside
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            side = _smaller(tiles[0], config)
            on_progress(0.0, f"Memory ran out: going on with tiles of {side} px.")
        else:
            on_progress(1.0, "predicted")
            return output


_FOLDED: WeakSet[UNet] = WeakSet()


def fold(network: UNet) -> UNet:
    """Return a copy for prediction: evaluation mode, normalisation folded into weights, channels last.

    `predict` does this by itself; who predicts many small images gives it the copy, so that it makes no more of them.
    """
    folded = copy.deepcopy(network).eval()
    for module in folded.modules():
        if isinstance(module, DoubleConvolution):
            for conv, norm in (("conv1", "norm1"), ("conv2", "norm2")):
                if isinstance(getattr(module, norm), nn.BatchNorm2d | nn.BatchNorm3d):
                    setattr(module, conv, fuse_conv_bn_eval(getattr(module, conv), getattr(module, norm)))
                    setattr(module, norm, nn.Identity())
    for parameter in folded.parameters():  # in this order of memory, convolutions need no copies
        if parameter.dim() >= 4:
            parameter.data = parameter.data.contiguous(memory_format=MEMORY[parameter.dim() - 2])
    _FOLDED.add(folded)
    return folded


def reach_of(config: UNetConfig, averaging: Averaging, side: int) -> int:
    """Return how many px around a box of at most `side` px `predict` looks at."""
    reach = (config.halo if config.padded else config.margin + config.multiple) + config.multiple
    if averaging is not Averaging.ROTATIONS7:
        return reach
    return side // 2 + math.ceil(1.5 * reach) + 2 * SPLINE_REACH  # of a turned square, turned back


def _check(image: Image | Part, tile: int | None, config: UNetConfig) -> None:
    if image.ndim != 3 or image.shape[0] != config.in_channels:
        raise UserError(
            f"The image has shape {' × '.join(map(str, image.shape))} and the network takes "
            f"{config.in_channels} × Y × X: choose the {config.in_channels} channel(s) it was trained on."
        )
    if image.size == 0:
        raise UserError("The image has no pixels: choose another one.")
    if tile is not None and tile < 1:
        raise UserError(f"A tile of {tile} px is not possible: choose 1 px or more.")


def tiles_of(height: int, width: int, config: UNetConfig, tile: int | None) -> Iterator[Box]:
    """Cut the image into boxes that begin at multiples of 2^depth; the last ones may reach beyond it."""
    if tile is None:
        largest = largest_tile(config, TILE_MEMORY)
        sides = [math.ceil(size / math.ceil(size / largest)) for size in (height, width)]  # equally large
    else:
        sides = [min(tile, height), min(tile, width)]
    step_y, step_x, end_y, end_x = (round_up(size, config.multiple) for size in (*sides, height, width))
    for y0 in range(0, height, step_y):
        for x0 in range(0, width, step_x):
            yield y0, min(y0 + step_y, end_y), x0, min(x0 + step_x, end_x)


def largest_tile(config: UNetConfig, n_bytes: int) -> int:
    """Side in px of the largest square tile whose feature maps fit into so much memory."""
    # Where most is alive at once, on the way up at the finest level: the skip, the concatenation, a result
    # and the copies that the library makes of them: 7 to 10 maps of the finest width, measured.
    bytes_per_pixel = 4 * config.width * 10
    context = config.margin or config.halo
    side = math.isqrt(n_bytes // bytes_per_pixel) - 2 * context
    return max(side // config.multiple, SMALLEST_TILE) * config.multiple


def _smaller(tile: Box, config: UNetConfig) -> int:
    """Return half the side in px of a tile that memory did not suffice for."""
    side = max(tile[1] - tile[0], tile[3] - tile[2])
    if side <= SMALLEST_TILE * config.multiple:
        raise NoMemory(
            f"Not enough memory to segment even {side} × {side} px at once: close other programs, "
            "or choose the processor as the device."
        )
    return round_up(side // 2, config.multiple)


def _predict_tile(
    network: UNet, image: Image | Part, box: Box, averaging: Averaging, device: torch.device
) -> Image:
    """Predict the pixels of `box`, averaged over the versions of the image that `averaging` asks for."""
    plane = Plane(image, frame_of(image.shape[1], image.shape[2], network.config))
    if averaging is not Averaging.ROTATIONS7:
        return _predict_box(network, plane, box, device, VERSIONS[averaging])
    total = _predict_box(network, plane, box, device)
    for turn in range(1, 7):
        turned = TurnedPlane(image, turn * 2 * math.pi / 7)
        enclosing = turned.enclose(box, network.config.multiple)
        total += turned.turn_back(_predict_box(network, turned, enclosing, device), enclosing, box)
    total /= 7
    return total


def _predict_box(
    network: UNet,
    plane: Plane | TurnedPlane,
    box: Box,
    device: torch.device,
    versions: Sequence[tuple[int, bool]] = ((0, False),),
) -> Image:
    """Predict the pixels of `box` (from multiple to multiple of 2^depth), averaged over versions.

    What is flipped and turned is the tile with its context. All tiles' versions have their poolings at the
    same places, since every side is a multiple of 2^depth or, unpadded, the same remainder more than one.
    """
    y0, y1, x0, x1 = box
    context = context_of(box, plane.frame, network.config)
    patch = torch.from_numpy(plane.read(context))[None].to(device)  # (1, C, Y + context, X + context)
    total = torch.zeros((), device=device)
    with torch.inference_mode():
        for quarters, flip in versions:
            turned = torch.rot90(patch.flip(-1) if flip else patch, quarters, (-2, -1))
            result = activate(network(turned.contiguous(memory_format=torch.channels_last)), network.config)
            result = torch.rot90(result, -quarters, (-2, -1))
            total = total + (result.flip(-1) if flip else result)
        top, left = y0 - context[0] - network.config.margin, x0 - context[2] - network.config.margin
        total = total[0, :, top : top + y1 - y0, left : left + x1 - x0] / len(versions)
    predicted: Image = total.cpu().numpy()
    return predicted


def frame_of(height: int, width: int, config: UNetConfig) -> Box:
    """Return the part of the plane that a padded network sees: the image, and some of its mirror image."""
    beyond = round_up(MIRRORED, config.multiple)
    below, right = (round_up(size, config.multiple) + beyond for size in (height, width))
    return -beyond, below, -beyond, right


def context_of(box: Box, frame: Box | None, config: UNetConfig) -> Box:
    """Return the input from which the pixels of `box` are computed."""
    y0, y1, x0, x1 = box
    if not config.padded:
        height, width = config.input_size(y1 - y0), config.input_size(x1 - x0)
        top, left = y0 - config.margin, x0 - config.margin
        return top, top + height, left, left + width
    reach = config.halo
    y0, y1, x0, x1 = y0 - reach, y1 + reach, x0 - reach, x1 + reach
    if frame is None:
        return y0, y1, x0, x1
    return max(y0, frame[0]), min(y1, frame[1]), max(x0, frame[2]), min(x1, frame[3])


def activate(logits: Tensor, config: UNetConfig) -> Tensor:
    """Turn logits (N, K [+ 1], [Z,] Y, X) into probabilities of the classes and the distance."""
    logits = logits.float()
    probabilities = logits[:, : config.classes].softmax(dim=1)
    if not config.distance:
        return probabilities
    return torch.cat([probabilities, logits[:, config.classes :].sigmoid()], dim=1)
