"""What all jobs of one image have in common: it goes to every process that computes, once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from napari_unet.network.model_file import Model
from napari_unet.network.prediction import fold
from napari_unet.network.unet import UNetConfig
from napari_unet.workflow.blocks.plan import Plan

if TYPE_CHECKING:
    from napari_unet.network.unet import UNet


@dataclass(frozen=True, eq=False)
class Bench:
    """A plan and the network that carries it out.

    Attributes
    ----------
    device
        Where the network is run.
    """

    plan: Plan
    model: Model
    device: str = "auto"

    @property
    def config(self) -> UNetConfig:
        """What the network is like."""
        return self.model.description.network

    @cached_property
    def network(self) -> UNet:
        """The network, made ready for many predictions."""
        return fold(self.model.network)

    def __getstate__(self) -> dict[str, object]:
        return {"plan": self.plan, "model": self.model, "device": self.device}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
