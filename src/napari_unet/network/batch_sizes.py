"""How many patches make a step and how large they are: as chosen, or less where memory ran out."""

from collections.abc import Mapping

from napari_unet.errors import NoMemory
from napari_unet.network.architecture import UNetConfig
from napari_unet.network.training_outcome import Shrinking

SMALLEST_PATCH = 32
"""Side in px that patches are not made smaller than when memory is short."""


class BatchSizes:
    """Those of one training.

    Attributes
    ----------
    batch_size, patch_size
        Patches per step, and their side in px.
    shrunk
        Where they became less.
    """

    def __init__(
        self, batch_size: int, patch_size: int, config: UNetConfig, recorded: Mapping[int, tuple[int, int]]
    ) -> None:
        self.batch_size, self.patch_size = batch_size, patch_size
        self.shrunk: list[Shrinking] = []
        self._config, self._to_come = config, dict(recorded)

    def __str__(self) -> str:
        return f"{self.batch_size} patch{'es' * (self.batch_size > 1)} of {self.patch_size} px"

    def halve(self, step: int) -> None:
        """Make half the batch, or else half the patch, after memory ran out.

        Raises
        ------
        NoMemory
            If there is nothing to make smaller.
        """
        if self.batch_size > 1:
            self._take(step, self.batch_size // 2, self.patch_size)
            return
        smaller = self._config.patch_size(self.patch_size // 2)
        if self.patch_size <= SMALLEST_PATCH or smaller >= self.patch_size:
            raise NoMemory(
                f"Not enough memory to train on even one patch of {self.patch_size} px: "
                "close other programs, or choose a network of less width."
            )
        self._take(step, self.batch_size, smaller)

    def change_at(self, step: int) -> bool:
        """Tell whether they change before this step, in the training that is followed."""
        return step in self._to_come

    def follow(self, step: int) -> bool:
        """Become what they became before this step in the training that is followed; tell whether they changed."""
        if not self.change_at(step):
            return False
        self._take(step, *self._to_come.pop(step))
        return True

    def _take(self, step: int, batch_size: int, patch_size: int) -> None:
        self.batch_size, self.patch_size = batch_size, patch_size
        self.shrunk.append((step, batch_size, patch_size))
