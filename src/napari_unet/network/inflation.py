"""From a network that knows planes to one of volumes that begins by seeing each plane as the first did."""

from collections.abc import Mapping

import torch
from torch import Tensor

from napari_unet.network.unet import UNetConfig


def inflated_config(flat: UNetConfig, flat_levels: int) -> UNetConfig:
    """Return the network of volumes that a network of planes can be carried over to."""
    return UNetConfig(**{**flat.model_dump(), "dimensions": 3, "flat_levels": flat_levels})


def inflate(state: Mapping[str, Tensor], flat: UNetConfig, thick: UNetConfig) -> dict[str, Tensor]:
    """Carry the weights of a network of planes over to a network of volumes.

    A 3×3 kernel becomes the middle plane of a 3×3×3 one, the planes before and behind it begin at 0: convolutions
    give what they gave (Carreira and Zisserman 2017 fill all planes alike, for films whose frames are alike). An
    up-convolution fills both planes with what filled one. Only the poolings mix planes at first, by their maximum.

    Parameters
    ----------
    state : mapping of str to Tensor
        ``state_dict`` of a `UNet` of `flat`; stays unchanged.
    flat, thick : UNetConfig
        Alike but for dimensions and flat levels.
    """
    assert inflated_config(flat, thick.flat_levels) == thick, (flat, thick)
    inflated = {}
    for name, tensor in state.items():
        tensor = tensor.detach()
        if tensor.dim() != 4:
            inflated[name] = tensor.clone()
            continue
        planes = _planes_of(name, thick)
        volume = torch.zeros(*tensor.shape[:2], planes, *tensor.shape[2:], dtype=tensor.dtype)
        if name.startswith("up."):
            volume += tensor[:, :, None]
        else:
            volume[:, :, planes // 2] = tensor
        inflated[name] = volume
    return inflated


def _planes_of(name: str, config: UNetConfig) -> int:
    """Return how many planes a kernel has: "contract.1.conv2.weight" that of its level."""
    part, number = name.split(".")[:2]
    if part == "classify":
        return 1
    if part == "bottom":
        return 3
    level = int(number) if part == "contract" else config.depth - 1 - int(number)
    is_flat = level < config.flat_levels
    if part == "up":
        return 1 if is_flat else 2
    return 1 if is_flat else 3


def shortened(state: Mapping[str, Tensor], config: UNetConfig, depth: int) -> dict[str, Tensor]:
    """Leave out the deepest levels of a network of planes, so that it has `depth` poolings.

    What was a level of the contracting path becomes the bottom, of the same shape. The expansive path then gets other
    features than it has learned to read: a better beginning than random weights, but not a trained network.
    """
    n = config.depth - depth  # levels left out
    kept = {}
    for name, tensor in state.items():
        part, *rest = name.split(".")
        level = int(rest[0]) if rest and rest[0].isdigit() else -1
        if part == "contract" and level < depth:
            kept[name] = tensor
        elif part == "contract" and level == depth:
            kept[".".join(["bottom", *rest[1:]])] = tensor
        elif part in ("up", "expand") and level >= n:
            kept[".".join([part, str(level - n), *rest[1:]])] = tensor
        elif part == "classify" or (part == "bottom" and n == 0):
            kept[name] = tensor
    return kept
