"""The mean of the weights over the last part of a training: steadier and better than the last weights."""

import copy
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from napari_unet.network.unet import UNet, batch_norms

WINDOW = 9.0
"""The mean reaches back over about 1 / 9 of the steps so far, whatever their number."""


class WeightAverage:
    """A second network whose weights follow the trained one (polynomial decay, Shamir & Zhang 2013).

    Attributes
    ----------
    network : UNet
        In evaluation mode. Running statistics of batch normalisation are averaged like the weights.
    """

    def __init__(self, network: UNet) -> None:
        self.network = copy.deepcopy(network).eval()
        self._steps = 0

    def update(self, network: nn.Module) -> None:
        """Move a little towards the weights that `network` has now."""
        self._steps += 1
        self.follow(network, (WINDOW + 1) / (self._steps + WINDOW))

    @torch.no_grad()
    def follow(self, network: nn.Module, share: float) -> None:
        """Move by `share` (0–1) of the way towards the weights that `network` has now."""
        for mine, theirs in zip(
            self.network.state_dict().values(), network.state_dict().values(), strict=True
        ):
            if mine.is_floating_point():
                mine.lerp_(theirs, share)
            else:
                mine.copy_(theirs)

    def calibrate(self, batches: Iterable[Tensor]) -> None:
        """Measure the statistics of batch normalisation anew, for the averaged weights.

        They stay what they were where the batches, or memory, end too early.

        Parameters
        ----------
        batches : iterable of Tensor (N, C, Y, X)
            Patches drawn as in training.
        """
        layers = batch_norms(self.network)
        if not layers:
            return
        momenta = [layer.momentum for layer in layers]
        before = {name: buffer.clone() for name, buffer in self.network.named_buffers()}
        for layer in layers:
            layer.reset_running_stats()
            layer.momentum = None  # the plain mean over all batches
            layer.train()
        try:
            with torch.no_grad():
                for batch in batches:
                    self.network(batch)
        except BaseException:
            self.network.load_state_dict(before, strict=False)
            raise
        finally:
            for layer, momentum in zip(layers, momenta, strict=True):
                layer.momentum = momentum
            self.network.eval()

    def state(self) -> dict[str, Tensor]:
        """Return a copy of the averaged weights, on the CPU."""
        return {name: tensor.detach().cpu().clone() for name, tensor in self.network.state_dict().items()}
