"""How the sizes of a U-Net's input and output hang together along one axis."""

import math
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class AxisGeometry:
    """One axis of a U-Net: how often it is halved, and how far its convolutions see.

    Attributes
    ----------
    steps : tuple of int
        By how much each pooling shrinks this axis, from the finest level down: 2, or 1 where it is left alone.
    reaches : tuple of int
        Voxels to each side that the two convolutions of a level see together, from the finest level to the bottom
        (one more than `steps`): 2 for two of 3 voxels, 0 where they are 1 voxel wide.
    padded : bool
        Whether convolutions are padded, so that the output is as large as the input.
    """

    steps: tuple[int, ...]
    reaches: tuple[int, ...]
    padded: bool

    @cached_property
    def multiple(self) -> int:
        """Shift under which the network is equivariant: one voxel at the bottom."""
        return math.prod(self.steps)

    @cached_property
    def margin(self) -> int:
        """Voxels that the output loses against the input on each side (92 for the network of 2015)."""
        if self.padded:
            return 0
        lost = self.reaches[-1]
        for step, reach in zip(reversed(self.steps), reversed(self.reaches[:-1]), strict=True):
            lost = (
                reach + step * lost + reach
            )  # going down, what was lost below (in voxels of here), going up
        return lost

    @cached_property
    def receptive_reach(self) -> int:
        """Largest distance over which an input voxel can change an output voxel, over all positions.

        Positions differ, since pooling groups voxels from multiples of `multiple` on; see `receptive_interval`.
        """
        return max(at - self.receptive_interval(at)[0] for at in range(self.multiple))

    @cached_property
    def halo(self) -> int:
        """Context that a tile at a multiple of `multiple` needs on each side, for a padded network.

        Less than `receptive_reach`, since tiles begin where pooling does, and rounded up to `multiple`.
        """
        first = self.receptive_interval(0)[0]
        return math.ceil(-first / self.multiple) * self.multiple

    def receptive_interval(self, at: int) -> tuple[int, int]:
        """First and last input voxel that output voxel `at` depends on, for a padded network.

        Follows the network backwards: convolutions need their reach on each side, an up-convolution the voxel
        above, a pooling the voxels below. The lowest way through the network is the widest.
        """
        first = last = at
        for step, reach in zip(self.steps, self.reaches[:-1], strict=True):  # down the expansive path
            first, last = (first - reach) // step, (last + reach) // step
        first, last = first - self.reaches[-1], last + self.reaches[-1]  # the bottom
        for step, reach in zip(reversed(self.steps), reversed(self.reaches[:-1]), strict=True):
            first, last = step * first - reach, step * last + step - 1 + reach
        return first, last

    @cached_property
    def smallest(self) -> int:
        """Smallest valid input: one voxel is left where the network is narrowest."""
        if self.padded:
            return self.multiple
        # Going down, every level takes its convolutions and halves; the bottom must leave enough to go up.
        bottom = 1
        while self._on_the_way_up(bottom) < 1:
            bottom += 1
        size = bottom + 2 * self.reaches[-1]
        for step, reach in zip(reversed(self.steps), reversed(self.reaches[:-1]), strict=True):
            size = step * size + 2 * reach
        return size

    def takes(self, size: int) -> bool:
        """Tell whether the network can take an input of this size."""
        return size >= self.smallest and (size - self.smallest) % self.multiple == 0

    def input_size(self, output: int) -> int:
        """Smallest valid input whose output has at least `output` voxels."""
        size = output + 2 * self.margin
        return size + (self.smallest - size) % self.multiple if size > self.smallest else self.smallest

    def valid_sizes_near(self, size: int) -> str:
        """Name the nearest sizes that the network can take: "16 or 32"."""
        above = self.input_size(size - 2 * self.margin)
        below = above - self.multiple
        return f"{below} or {above}" if below >= self.smallest else f"{above}"

    def _on_the_way_up(self, size: int) -> int:
        """Side of the output of an unpadded network whose bottom leaves `size` voxels."""
        for step, reach in zip(reversed(self.steps), reversed(self.reaches[:-1]), strict=True):
            size = step * size - 2 * reach
        return size
