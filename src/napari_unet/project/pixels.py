"""The pixels of an image that came without a file, kept in the project as OME-Zarr."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.errors import UserError
from napari_unet.project import ome
from napari_unet.project.chunks import Breathe, ChunkedArray, no_breath
from napari_unet.project.disk import Disk
from napari_unet.project.documents import ImageDescription


class Pixels:
    """``pixels.zarr`` of an image."""

    def __init__(self, disk: Disk, folder: Path, description: ImageDescription) -> None:
        self._disk = disk
        self._description = description
        self._folder = folder / "pixels.zarr"
        self._array = ChunkedArray(disk, self._folder / "0", description.shape, description.dtype)

    def write(self, pixels: NDArray[Any], breathe: Breathe = no_breath) -> None:
        """Write them; a description is there only when all of them are."""
        self._disk.make_folder(self._folder / "0")
        self._array.write(np.asarray(pixels), breathe)
        names = ome.axis_names(self._description, channels=True)
        self._disk.put(self._folder / "0" / "zarr.json", ome.as_json(self._array.description(names)))
        self._disk.put(self._folder / "zarr.json", ome.pixel_image(self._description))

    def read(self) -> NDArray[Any]:
        """Read them.

        Raises
        ------
        UserError
            If they are not there, or damaged.
        """
        if not self._disk.exists(self._folder / "zarr.json"):
            raise UserError(
                f"The pixels of “{self._description.name}” are not in the project; open the image."
            )
        array, damaged = self._array.read()
        if damaged:
            raise UserError(
                f"{len(damaged)} part(s) of {self._folder} are damaged; take a snapshot or a copy of the project."
            )
        return array
