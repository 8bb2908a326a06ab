"""The folder in which a large image's labels come into being, with all that is kept between two blocks."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.errors import UserError
from napari_unet.formats.ome_pyramid import Pyramid, not_written
from napari_unet.workflow.blocks.compute import Stored
from napari_unet.workflow.blocks.grid import Box, Index
from napari_unet.workflow.blocks.journal import NAME, Journal
from napari_unet.workflow.blocks.plan import CHUNK, Plan

PROBABILITIES = "probabilities"


class BlockStore:
    """Everything that is kept between two blocks, so that a process that died can be gone on with.

    Attributes
    ----------
    labels
        int32 (Y, X), with its pyramid.
    said
        What the network said, (K - 1 [+ 1], Y, X) uint16, in px of the network.
    journal
        Which blocks are done.
    resumed
        Whether an earlier process has begun.
    """

    def __init__(self, folder: Path, plan: Plan, journal: Journal, resumed: bool) -> None:
        self.folder, self.plan, self.journal, self.resumed = folder, plan, journal, resumed
        self.labels = Pyramid(folder)
        self.said = Pyramid(folder / PROBABILITIES, keep_empty=True)

    @classmethod
    def open(
        cls,
        folder: Path,
        plan: Plan,
        made_with: dict[str, Any],
        *,
        said: int,
        name: str,
        pixel_size_um: float | None,
    ) -> BlockStore:
        """Go on with what is in a folder if it was made in the same way, else begin anew.

        Parameters
        ----------
        made_with
            All that the labels depend on.
        said
            How many numbers per pixel the network says.

        Raises
        ------
        UserError
            When another process is at work on it, the folder is somebody else's, or can't be written.
        """
        journal = Journal.read(folder) if folder.exists() else None
        if journal is not None and journal.made_with == made_with:
            return cls(folder, Plan.model_validate(journal.plan), journal, True)
        if folder.exists():
            _remove_ours(folder)
        shape = (plan.height, plan.width)
        Pyramid.create(folder, shape, CHUNK, np.int32, name=name, pixel_size_um=pixel_size_um)
        tiles = plan.tiles
        Pyramid.create(
            folder / PROBABILITIES,
            (said, tiles.height, tiles.width),
            plan.tile,
            np.uint16,
            name=f"{name} probabilities",
            pixel_size_um=pixel_size_um,
            pixel=1 / plan.scale,
            one_level=True,
            labels=False,
        )
        journal = Journal.begin(folder, made_with, plan.model_dump(mode="json"))
        return cls(folder, plan, journal, False)

    def tiles(self) -> set[Index]:
        """Return the tiles of which it is on disk what the network says."""
        return {index for index in self.plan.tiles if self._tile_file(index).is_file()}

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

    def finish(self, output: Path, probabilities: Path | None) -> None:
        """Give the labels their name, and what the network said its own or none.

        Raises
        ------
        UserError
            When something else has that name, or can't be moved.
        """
        try:
            if probabilities is None:
                shutil.rmtree(self.folder / PROBABILITIES)
            else:
                _replace(self.folder / PROBABILITIES, probabilities)
            os.unlink(self.folder / NAME)
            _replace(self.folder, output)
        except OSError as error:
            raise not_written(output, error) from error

    def _tile_file(self, index: Index) -> Path:
        return self.folder / PROBABILITIES / "0" / "0" / str(index[0]) / str(index[1])


def _replace(folder: Path, target: Path) -> None:
    """Rename a folder, in the place of an older one."""
    if target.exists():
        _check_ours(target)
        old = target.with_name(f".{target.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        os.rename(target, old)
        os.rename(folder, target)
        shutil.rmtree(old, ignore_errors=True)
    else:
        os.rename(folder, target)


def _remove_ours(folder: Path) -> None:
    _check_ours(folder)
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise not_written(folder, error) from error


def _check_ours(folder: Path) -> None:
    """Raise `UserError` about what is no Zarr folder: it may be anything."""
    if not folder.is_dir() or (any(folder.iterdir()) and not (folder / ".zattrs").is_file()):
        raise UserError(f"{folder} exists and holds something else; give another name, or move it away.")
