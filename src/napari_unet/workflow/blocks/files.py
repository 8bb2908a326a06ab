"""What is kept between two blocks on disk: what the network said, and the labels; read and written by any process."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_unet.formats.ome_pyramid import Pyramid
from napari_unet.workflow.blocks.grid import Box, Index
from napari_unet.workflow.blocks.plan import Plan

PROBABILITIES = "probabilities"
SECONDS_BETWEEN_LOOKS = 0.2

Stored = NDArray[np.uint16]
"""(K - 1 [+ 1], Y, X): the classes without the background, then the distance."""


class BlockFiles:
    """The labels of one image on their way, and what they are made of.

    Attributes
    ----------
    folder
        Of the labels.
    labels
        int32 (Y, X), with its pyramid.
    said
        What the network said, (K - 1 [+ 1], Y, X) uint16, in px of the network.
    """

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder, self.plan = folder, plan
        self.labels = Pyramid(folder)
        self.said = Pyramid(folder / PROBABILITIES, keep_empty=True)

    def tiles(self) -> set[Index]:
        """Return the tiles of which it is on disk what the network says."""
        return {index for index in self.plan.tiles if self._tile_file(index).is_file()}

    def wait_for_tiles(self, tiles: Iterable[Index], seconds: float) -> bool:
        """Wait until tiles that another computer has written are seen here; tell whether they are."""
        until = time.monotonic() + seconds
        missing = [index for index in tiles if not self._tile_file(index).is_file()]
        while missing and time.monotonic() < until:
            time.sleep(SECONDS_BETWEEN_LOOKS)
            missing = [index for index in missing if not self._tile_file(index).is_file()]
        return not missing

    def write_tile(self, index: Index, said: Stored) -> None:
        """Keep what the network says of a tile."""
        y0, _, x0, _ = self.plan.tiles.box(index)
        self.said.write(y0, x0, said)

    def forget_tile(self, index: Index) -> None:
        """Give its room back."""
        self._tile_file(index).unlink(missing_ok=True)

    def read_said(self, box: Box) -> Stored:
        """Return what the network says of a box whose tiles are there."""
        stored: Stored = self.said.read(*box)
        return stored

    def read_labels(self, box: Box) -> NDArray[np.int32]:
        """Return what is written so far."""
        labels: NDArray[np.int32] = self.labels.read(*box)
        return labels

    def replace_numbers(self, index: Index, numbers: dict[int, int]) -> None:
        """Write a block again with some of its numbers replaced, if it has any of them."""
        box = self.plan.blocks.box(index)
        labels = self.read_labels(box)
        old = np.array(sorted(numbers), np.int32)
        at = np.searchsorted(old, labels).clip(max=old.size - 1)
        hit = old[at] == labels
        if hit.any():
            new = np.array([numbers[int(k)] for k in old], np.int32)
            self.labels.write(box[0], box[2], np.where(hit, new[at], labels))

    def _tile_file(self, index: Index) -> Path:
        return self.folder / PROBABILITIES / "0" / "0" / str(index[0]) / str(index[1])
