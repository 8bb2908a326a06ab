"""The folder in which a large image's labels come into being, with all that is kept between two blocks."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.errors import UserError
from napari_unet.formats.ome_pyramid import Pyramid, not_written
from napari_unet.workflow.blocks.files import PROBABILITIES, BlockFiles
from napari_unet.workflow.blocks.journal import NAME, Journal
from napari_unet.workflow.blocks.plan import CHUNK, Plan


class BlockStore(BlockFiles):
    """Everything that is kept between two blocks, so that a process that died can be gone on with.

    Attributes
    ----------
    journal
        Which blocks are done.
    resumed
        Whether an earlier process has begun.
    """

    def __init__(self, folder: Path, plan: Plan, journal: Journal, resumed: bool) -> None:
        super().__init__(folder, plan)
        self.journal, self.resumed = journal, resumed

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
        prepare_folder(folder)
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
                put_in_place(self.folder / PROBABILITIES, probabilities)
            os.unlink(self.folder / NAME)
            put_in_place(self.folder, output)
        except OSError as error:
            raise not_written(output, error) from error


def put_in_place(folder: Path, target: Path) -> None:
    """Rename a folder, in the place of an older one of ours.

    Raises
    ------
    UserError
        When something else has that name, or can't be moved.
    """
    try:
        if target.exists():
            _check_ours(target)
            old = target.with_name(f".{target.name}.old")
            shutil.rmtree(old, ignore_errors=True)
            os.rename(target, old)
            os.rename(folder, target)
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.rename(folder, target)
    except OSError as error:
        raise not_written(target, error) from error


def prepare_folder(folder: Path) -> None:
    """Remove what an earlier run has left in a folder of ours.

    Raises
    ------
    UserError
        When it holds something else, or can't be removed.
    """
    if not folder.exists():
        return
    _check_ours(folder)
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise not_written(folder, error) from error


def _check_ours(folder: Path) -> None:
    """Raise `UserError` about what is no Zarr folder: it may be anything."""
    if not folder.is_dir() or (any(folder.iterdir()) and not (folder / ".zattrs").is_file()):
        raise UserError(f"{folder} exists and holds something else; give another name, or move it away.")
