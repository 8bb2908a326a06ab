"""From a volume to probabilities, tile by tile, with results that do not depend on the tiles.

As for planes (`prediction`): the volume is mirrored at its ends again and again, a tile reads all that its output
can see, and begins where the network's poolings begin. A stack of any size takes the memory of one tile beyond the
result.
"""

import math
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_unet.callbacks import OnProgress, ShouldStop, never_stop, no_progress
from napari_unet.errors import NoMemory, Stopped, UserError, is_out_of_memory
from napari_unet.network.architecture import UNetConfig
from napari_unet.network.device import choose_device, is_bfloat16_faster
from napari_unet.network.planes import round_up
from napari_unet.network.prediction import LEAST_WIDTH, VERSIONS, Averaging, activate, fold
from napari_unet.network.unet import MEMORY, UNet

Volume = NDArray[np.float32]
Span = tuple[int, int]
Cuboid = tuple[Span, Span, Span]
"""First and last but one voxel along z, y and x; may lie outside of the volume."""
Shape = tuple[int, int, int]

TILE_MEMORY = 2**31
"""Bytes that the feature maps of one tile may take when nobody names a tile size."""
BYTES_PER_CHANNEL = 4 * 10
"""Of one voxel of a tile: as for planes, some ten maps of the finest width are alive at once."""
MIRRORED, MIRRORED_PLANES = 16, 4
"""Pixels and planes that a padded network sees beyond the volume's ends, rounded up to its multiples."""


def predict_volume(
    network: UNet,
    volume: NDArray[Any],
    tile: Shape | None = None,
    averaging: Averaging = Averaging.NONE,
    device: str | torch.device = "auto",
    on_progress: OnProgress = no_progress,
    should_stop: ShouldStop = never_stop,
) -> Volume:
    """Compute each voxel's class probabilities (and distance, if the network has that output).

    The result is the same for every tile size (to about 1e-5).

    Parameters
    ----------
    network : UNet
        Of volumes; stays unchanged.
    volume : array, (C, Z, Y, X)
        Normalised and at the network's resolution; any size from one voxel on.
    tile : (z, y, x), optional
        Sides of a tile's output, rounded up to the network's multiples; as large as `TILE_MEMORY` allows by default.
    averaging : Averaging
        Mirrored and turned within the planes.
    device
        See `predict`.

    Returns
    -------
    array, (K [+ 1], Z, Y, X) float32
        Softmax probabilities of the K classes; then the distance in 0..1.

    Raises
    ------
    UserError
        If the volume does not fit the network; `NoMemory` if even small tiles need more memory than there is.
    Stopped
        If `should_stop` says so; asked before every tile.
    """
    config = network.config
    _check(volume, averaging, config)
    where = choose_device(device) if isinstance(device, str) else device
    folded = fold(network).to(where)
    low = config.width >= LEAST_WIDTH and is_bfloat16_faster(where)
    shape: Shape = (volume.shape[1], volume.shape[2], volume.shape[3])
    sides = _rounded(tile or largest_tile(shape, config), config)
    output = np.empty((config.out_channels, *shape), np.float32)
    while True:
        tiles = list(_tiles(shape, sides, config))
        try:
            for done, box in enumerate(tiles):
                if should_stop():
                    raise Stopped
                on_progress(done / len(tiles), f"tile {done + 1} of {len(tiles)}")
                with torch.autocast(where.type, torch.bfloat16, enabled=low):
                    result = _predict_box(folded, volume, box, averaging, where)
                inside = tuple(slice(a, min(b, n)) for (a, b), n in zip(box, shape, strict=True))
                kept = tuple(slice(0, there.stop - there.start) for there in inside)
                output[(slice(None), *inside)] = result[(slice(None), *kept)]
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            sides = _smaller(sides, config)
            on_progress(0.0, f"Memory ran out: going on with tiles of {' × '.join(map(str, sides))} voxels.")
        else:
            on_progress(1.0, "predicted")
            return output


def largest_tile(shape: Shape, config: UNetConfig) -> Shape:
    """Sides of a tile whose feature maps, context included, fit into `TILE_MEMORY`: few, and none of them thin."""
    voxels = TILE_MEMORY // (BYTES_PER_CHANNEL * config.width)
    sides = _rounded(shape, config)
    while True:
        contexts = [2 * (axis.halo or axis.margin) for axis in config.axes]
        seen = [
            min(side + context, _frame(n, number, config)[1] - _frame(n, number, config)[0])
            for number, (side, context, n) in enumerate(zip(sides, contexts, shape, strict=True))
        ]
        divisible = [side > axis.multiple for side, axis in zip(sides, config.axes, strict=True)]
        if math.prod(seen) <= voxels or not any(divisible):
            return sides
        # what is long beside its context is cut with the least to compute twice
        longest = max(range(3), key=lambda k: divisible[k] * sides[k] / contexts[k])
        halved = list(sides)
        halved[longest] = -(-halved[longest] // 2)
        sides = _rounded((halved[0], halved[1], halved[2]), config)


def read_mirrored_volume(volume: NDArray[Any], box: Cuboid) -> Volume:
    """Cut a box out of the space that `volume` (C, Z, Y, X), mirrored at its ends without end, fills."""
    at = []
    for (first, end), n in zip(box, volume.shape[1:], strict=True):
        folded = np.arange(first, end) % (2 * n)
        at.append(np.minimum(folded, 2 * n - 1 - folded))
    planes = np.asarray(volume[:, at[0]], dtype=np.float32)
    return np.ascontiguousarray(planes[:, :, at[1]][:, :, :, at[2]])


def _check(volume: NDArray[Any], averaging: Averaging, config: UNetConfig) -> None:
    if volume.ndim != 4 or volume.shape[0] != config.in_channels:
        raise UserError(
            f"The image has shape {' × '.join(map(str, volume.shape))} and the network takes volumes of "
            f"{config.in_channels} × Z × Y × X: choose a stack, and the channel(s) that it was trained on."
        )
    if volume.size == 0:
        raise UserError("The stack has no voxels: choose another one.")
    if averaging is Averaging.ROTATIONS7:
        raise UserError("Seven turned versions are averaged for single planes only: choose flips or eight.")


def _rounded(sides: Shape, config: UNetConfig) -> Shape:
    z, y, x = (round_up(max(side, 1), axis.multiple) for side, axis in zip(sides, config.axes, strict=True))
    return z, y, x


def _smaller(sides: Shape, config: UNetConfig) -> Shape:
    """Halve the longest side of a tile that memory did not suffice for."""
    longest = max(range(3), key=lambda k: sides[k] / config.axes[k].multiple)
    if sides[longest] <= 2 * config.axes[longest].multiple:
        raise NoMemory(
            f"Not enough memory to segment even {' × '.join(map(str, sides))} voxels at once: close other programs, "
            "or choose the processor as the device."
        )
    halved = [-(-side // 2) if k == longest else side for k, side in enumerate(sides)]
    return _rounded((halved[0], halved[1], halved[2]), config)


def _tiles(shape: Shape, sides: Shape, config: UNetConfig) -> Iterator[Cuboid]:
    """Cut the volume into boxes that begin at the network's multiples; the last ones may reach beyond it."""
    spans = [
        [(a, min(a + side, round_up(n, axis.multiple))) for a in range(0, n, side)]
        for n, side, axis in zip(shape, sides, config.axes, strict=True)
    ]
    yield from product(*spans)


def _frame(n: int, number: int, config: UNetConfig) -> Span:
    """What a padded network sees along an axis of `n` voxels: the volume, and some of its mirror image."""
    multiple = config.axes[number].multiple
    beyond = round_up(MIRRORED_PLANES if number == 0 else MIRRORED, multiple)
    return -beyond, round_up(n, multiple) + beyond


def _context(box: Cuboid, shape: Shape, config: UNetConfig) -> Cuboid:
    """Return the input from which the voxels of `box` are computed."""
    spans: list[Span] = []
    for number, ((a, b), n) in enumerate(zip(box, shape, strict=True)):
        axis = config.axes[number]
        if config.padded:
            first, last = _frame(n, number, config)
            spans.append((max(a - axis.halo, first), min(b + axis.halo, last)))
        else:
            spans.append((a - axis.margin, a - axis.margin + axis.input_size(b - a)))
    return spans[0], spans[1], spans[2]


def _predict_box(
    network: UNet, volume: NDArray[Any], box: Cuboid, averaging: Averaging, device: torch.device
) -> Volume:
    """Predict the voxels of `box`, averaged over the versions of its planes that `averaging` asks for."""
    config = network.config
    context = _context(box, (volume.shape[1], volume.shape[2], volume.shape[3]), config)
    patch = torch.from_numpy(read_mirrored_volume(volume, context))[None].to(device)
    total = torch.zeros((), device=device)
    with torch.inference_mode():
        for quarters, flip in VERSIONS[averaging]:
            turned = torch.rot90(patch.flip(-1) if flip else patch, quarters, (-2, -1))
            result = activate(network(turned.contiguous(memory_format=MEMORY[3])), config)
            result = torch.rot90(result, -quarters, (-2, -1))
            total = total + (result.flip(-1) if flip else result)
        total = total[0] / len(VERSIONS[averaging])
        for number, ((a, b), (first, _)) in enumerate(zip(box, context, strict=True)):
            total = total.narrow(number + 1, a - first - config.axes[number].margin, b - a)
    predicted: Volume = total.cpu().numpy()
    return predicted
