"""How a training uses a device: how arrays get there, in which order of memory, with how precise numbers."""

from contextlib import AbstractContextManager
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_unet.network.device import is_bfloat16_faster
from napari_unet.network.unet import MEMORY, UNet


class Machine:
    """A device, used for one network.

    Parameters
    ----------
    dimensions
        Whether the network sees planes (2) or volumes (3).
    precision
        "auto" multiplies bfloat16 where that is faster.
    """

    def __init__(
        self, device: torch.device, dimensions: Literal[2, 3], precision: Literal["auto", "float32"]
    ) -> None:
        self.device = device
        self._memory = MEMORY[dimensions]
        self._low_precision = precision == "auto" and is_bfloat16_faster(device)

    def take(self, network: UNet) -> None:
        """Bring a network here, to stay."""
        network.to(self.device, memory_format=self._memory)  # type: ignore[call-overload]

    def put(self, array: NDArray[np.generic]) -> Tensor:
        """Bring an array here."""
        return torch.from_numpy(array).to(self.device, non_blocking=True)

    def put_patches(self, image: NDArray[np.float32]) -> Tensor:
        """Bring patches (N, C, [D,] H, W) here, in the order that convolutions like best."""
        return self.put(image).contiguous(memory_format=self._memory)

    def multiplying(self) -> AbstractContextManager[None]:
        """Return a context in which the network computes with numbers of the chosen precision."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self._low_precision)
