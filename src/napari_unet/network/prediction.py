"""From an image to probabilities, tile by tile, with results that do not depend on the tiles.

The image is thought of as an endless plane: beyond its edges it is mirrored, again and again if need be.
Every tile reads from that plane all the context that its output can see. Tiles begin at multiples of 2^depth,
where the network's poolings begin; so a pixel's result is the same in every tile.
"""

import copy
import math
from collections.abc import Callable, Iterator
from enum import StrEnum

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from napari_unet.callbacks import OnProgress, ShouldStop, never_stop, no_progress
from napari_unet.errors import Stopped, UserError
from napari_unet.network.device import choose_device
from napari_unet.network.unet import DoubleConvolution, UNet, UNetConfig

Image = NDArray[np.float32]
Box = tuple[int, int, int, int]  # y0, y1, x0, x1 in px; may lie outside of the image
ReadBox = Callable[[Box], Image]  # a plane: from a box to its (C, y1 - y0, x1 - x0) pixels

TILE_MEMORY = 2**30
"""Bytes that the feature maps of one tile may take when the user names no tile size."""

SPLINE_REACH = 16
"""Pixels after which a cubic spline's memory of its border (0.27^n) is below float32's rounding."""


class Averaging(StrEnum):
    """Versions of the image whose results are averaged: slower in proportion, and a little better."""

    NONE = "none"
    FLIPS = "flips"  # 4: as it is, mirrored up-down, left-right, and both
    EIGHT = "eight"  # 8: all flips and quarter turns
    ROTATIONS7 = "rotations7"  # 7 turns by multiples of 360°/7 (the paper says seven, not by which angles)


def predict(
    network: UNet,
    image: Image,
    tile: int | None = None,
    averaging: Averaging = Averaging.NONE,
    device: str | torch.device = "auto",
    on_progress: OnProgress = no_progress,
    should_stop: ShouldStop = never_stop,
) -> Image:
    """Compute each pixel's class probabilities (and distance, if the network has that output).

    The result is the same for every tile size (to about 1e-5); memory beyond the result is that of one tile.

    Parameters
    ----------
    network : UNet
        Stays unchanged, in whatever mode it is: a copy in evaluation mode with folded normalisation computes.
    image : array, (C, Y, X) float32
        Normalised and at the network's resolution; any size from 1×1 px on.
    tile : int, optional
        Side of a tile's output in px, rounded up to a multiple of 2^depth. By default as large as
        `TILE_MEMORY` allows.
    averaging : Averaging
    device : str or torch.device

    Returns
    -------
    array, (K [+ 1], Y, X) float32
        Softmax probabilities of the K classes; then the distance in 0..1.

    Raises
    ------
    UserError
        If the image's channels are not the network's, it has no pixels, or the tile size is not positive.
    Stopped
        If `should_stop` says so; asked before every tile.
    """
    config = network.config
    _check(image, tile, config)
    where = choose_device(device) if isinstance(device, str) else device
    folded = fold(network).to(where)
    height, width = image.shape[1:]
    output = np.empty((config.out_channels, height, width), np.float32)
    tiles = list(_tiles(height, width, config, tile))
    for done, (y0, y1, x0, x1) in enumerate(tiles):
        if should_stop():
            raise Stopped
        on_progress(done / len(tiles), f"tile {done + 1} of {len(tiles)}")
        result = _predict_tile(folded, image, (y0, y1, x0, x1), averaging, where)
        output[:, y0:y1, x0:x1] = result[:, : height - y0, : width - x0]
    on_progress(1.0, "predicted")
    return output


def fold(network: UNet) -> UNet:
    """Return a copy for prediction: evaluation mode, normalisation folded into weights, channels last."""
    folded = copy.deepcopy(network).eval()
    for module in folded.modules():
        if isinstance(module, DoubleConvolution):
            for conv, norm in (("conv1", "norm1"), ("conv2", "norm2")):
                if isinstance(getattr(module, norm), nn.BatchNorm2d):
                    setattr(module, conv, fuse_conv_bn_eval(getattr(module, conv), getattr(module, norm)))
                    setattr(module, norm, nn.Identity())
    for parameter in folded.parameters():  # in this order of memory, convolutions need no copies
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return folded


def _check(image: Image, tile: int | None, config: UNetConfig) -> None:
    if image.ndim != 3 or image.shape[0] != config.in_channels:
        raise UserError(
            f"The image has shape {' × '.join(map(str, image.shape))} and the network takes "
            f"{config.in_channels} × Y × X: choose the {config.in_channels} channel(s) it was trained on."
        )
    if image.size == 0:
        raise UserError("The image has no pixels: choose another one.")
    if tile is not None and tile < 1:
        raise UserError(f"A tile of {tile} px is not possible: choose 1 px or more.")


def _tiles(height: int, width: int, config: UNetConfig, tile: int | None) -> Iterator[Box]:
    """Cut the image into boxes that begin at multiples of 2^depth; the last ones may reach beyond it."""
    if tile is None:
        largest = _largest_tile(config)
        sides = [math.ceil(size / math.ceil(size / largest)) for size in (height, width)]  # equally large
    else:
        sides = [min(tile, height), min(tile, width)]
    step_y, step_x = (math.ceil(side / config.multiple) * config.multiple for side in sides)
    for y0 in range(0, height, step_y):
        for x0 in range(0, width, step_x):
            yield y0, y0 + step_y, x0, x0 + step_x


def _largest_tile(config: UNetConfig) -> int:
    """Side in px of the largest square tile whose feature maps fit into `TILE_MEMORY`."""
    # Where most is alive at once, on the way up at the finest level: the skip, the concatenation, a result
    # and the copies that the library makes of them; about 8 maps of the finest width, measured.
    bytes_per_pixel = 4 * config.width * 8
    context = config.margin or config.halo
    side = math.isqrt(TILE_MEMORY // bytes_per_pixel) - 2 * context
    return max(side // config.multiple, 4) * config.multiple


def _predict_tile(network: UNet, image: Image, box: Box, averaging: Averaging, device: torch.device) -> Image:
    """Predict the pixels of `box`, averaged over the versions of the image that `averaging` asks for."""

    def read(box: Box) -> Image:
        return read_mirrored(image, box)

    if averaging is Averaging.ROTATIONS7:
        total = _predict_box(network, read, box, device, [(0, False)])
        for turn in range(1, 7):
            total += _predict_rotated(network, image, box, turn * 2 * math.pi / 7, device)
        total /= 7
        return total
    turns = {
        Averaging.NONE: [(0, False)],
        Averaging.FLIPS: [(0, False), (0, True), (2, False), (2, True)],
        Averaging.EIGHT: [(quarter, flip) for quarter in range(4) for flip in (False, True)],
    }[averaging]
    return _predict_box(network, read, box, device, turns)


def _predict_box(
    network: UNet, read: ReadBox, box: Box, device: torch.device, turns: list[tuple[int, bool]]
) -> Image:
    """Predict the pixels of `box` (beginning at multiples of 2^depth) of a plane.

    Averages over versions of the tile with its context (flip left-right, then quarter turns): tile sizes are
    such that the poolings of all tiles' turned versions still agree.
    """
    config = network.config
    y0, y1, x0, x1 = box
    before = config.halo if config.padded else config.margin
    height, width = (config.input_size(size) if not config.padded else size for size in (y1 - y0, x1 - x0))
    if config.padded:
        height, width = height + 2 * before, width + 2 * before
    patch = torch.from_numpy(read((y0 - before, y0 - before + height, x0 - before, x0 - before + width)))
    patch = patch[None].to(device)  # (1, C, height, width)
    total: Tensor | None = None
    with torch.inference_mode():
        for quarter, flip in turns:
            turned = torch.rot90(patch.flip(-1) if flip else patch, quarter, (-2, -1))
            result = _activate(network(turned.contiguous(memory_format=torch.channels_last)), config)
            result = torch.rot90(result, -quarter, (-2, -1))
            result = result.flip(-1) if flip else result
            total = result if total is None else total + result
        assert total is not None
        inside = before if config.padded else 0
        total = total[0, :, inside : inside + y1 - y0, inside : inside + x1 - x0] / len(turns)
        predicted: Image = total.cpu().numpy()
    return predicted


def _activate(logits: Tensor, config: UNetConfig) -> Tensor:
    """Turn logits (N, K [+ 1], Y, X) into probabilities of the classes and the distance."""
    probabilities = logits[:, : config.classes].softmax(dim=1)
    if not config.distance:
        return probabilities
    return torch.cat([probabilities, logits[:, config.classes :].sigmoid()], dim=1)


def read_mirrored(image: Image, box: Box) -> Image:
    """Cut a box out of the plane that `image` (C, Y, X), mirrored at its edges without end, covers."""
    y0, y1, x0, x1 = box
    rows = _mirror(np.arange(y0, y1), image.shape[1])
    columns = _mirror(np.arange(x0, x1), image.shape[2])
    return np.ascontiguousarray(image[:, rows[:, None], columns[None, :]], dtype=np.float32)


def _mirror(at: NDArray[np.int_], size: int) -> NDArray[np.int_]:
    """Fold coordinates back into 0..size-1; the pixel at the edge is repeated: … 1 0 | 0 1 … n-1 | n-1 …"""
    at = at % (2 * size)
    return np.minimum(at, 2 * size - 1 - at)


def _predict_rotated(network: UNet, image: Image, box: Box, angle: float, device: torch.device) -> Image:
    """Predict the pixels of `box` from the plane turned by `angle` (radians) about the image's first pixel.

    The turned plane has its own pixel grid, the same for all tiles. The box that encloses the tile there is
    predicted, and read back by linear interpolation, which keeps probabilities within 0..1.
    """
    cos, sin = math.cos(angle), math.sin(angle)
    y, x = np.mgrid[box[0] : box[1], box[2] : box[3]].astype(np.float64)
    turned_y, turned_x = cos * y - sin * x, sin * y + cos * x

    def read(box: Box) -> Image:
        y, x = np.mgrid[box[0] : box[1], box[2] : box[3]].astype(np.float64)
        return _sample(image, cos * y + sin * x, cos * x - sin * y)

    multiple = network.config.multiple
    first_y, first_x = (math.floor(at.min() / multiple) * multiple for at in (turned_y, turned_x))
    last_y, last_x = (
        first + math.ceil((at.max() + 2 - first) / multiple) * multiple
        for first, at in ((first_y, turned_y), (first_x, turned_x))
    )
    turned = _predict_box(network, read, (first_y, last_y, first_x, last_x), device, [(0, False)])
    at = np.stack([turned_y - first_y, turned_x - first_x])
    return np.stack([map_coordinates(channel, at, order=1) for channel in turned])


def _sample(image: Image, y: NDArray[np.float64], x: NDArray[np.float64]) -> Image:
    """Read the mirrored plane of `image` (C, Y, X) at any coordinates, by cubic splines."""
    y0, x0 = math.floor(y.min()) - SPLINE_REACH, math.floor(x.min()) - SPLINE_REACH
    y1, x1 = math.ceil(y.max()) + SPLINE_REACH + 1, math.ceil(x.max()) + SPLINE_REACH + 1
    region = read_mirrored(image, (y0, y1, x0, x1))
    at = np.stack([y - y0, x - x0])
    return np.stack([map_coordinates(channel, at, order=3, mode="mirror") for channel in region])
