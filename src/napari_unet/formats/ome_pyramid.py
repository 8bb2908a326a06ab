"""OME-Zarr of integers, written part by part with its pyramid; version 0.4 (Zarr 2), which every reader opens."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numcodecs import Blosc
from numpy.typing import NDArray

from napari_unet.errors import UserError

VERSION = "0.4"
SMALLEST_LEVEL = 512
"""Levels are added until the longer side is at most so many px."""


class Pyramid:
    """An image at full resolution and at every half of it, on disk.

    Each coarser level takes every second pixel: labels can't be averaged.

    Parameters
    ----------
    folder : Path
        Of the Zarr group, as `create` made it.
    keep_empty : bool
        Write chunks that hold nothing but 0, too.
    """

    def __init__(self, folder: Path, keep_empty: bool = False) -> None:
        self.folder = folder
        described = json.loads((folder / ".zattrs").read_text(encoding="utf-8"))
        paths = [dataset["path"] for dataset in described["multiscales"][0]["datasets"]]
        self.levels: list[Any] = [
            zarr.open_array(folder / path, mode="r+", config={"write_empty_chunks": keep_empty})
            for path in paths
        ]

    @classmethod
    def create(
        cls,
        folder: Path,
        shape: Sequence[int],
        chunk: int,
        dtype: Any,
        *,
        name: str,
        pixel_size_um: float | None = None,
        pixel: float = 1.0,
        one_level: bool = False,
        labels: bool = True,
    ) -> Pyramid:
        """Make an empty one.

        Parameters
        ----------
        shape
            (Y, X), or (C, Y, X).
        pixel
            Width of a pixel in pixels of the image that this lies on.
        """
        leading = tuple(shape[:-2])
        count = 1 if one_level else n_levels(shape)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for k in range(count):
                rows, columns = (math.ceil(n / 2**k) for n in shape[-2:])
                zarr.create_array(
                    folder / str(k),
                    shape=(*leading, rows, columns),
                    chunks=(*leading, min(chunk, rows), min(chunk, columns)),
                    dtype=dtype,
                    fill_value=0,
                    zarr_format=2,
                    chunk_key_encoding={"name": "v2", "separator": "/"},
                    compressors=Blosc("zstd", clevel=3, shuffle=Blosc.BITSHUFFLE),
                    overwrite=True,
                )
            attributes: dict[str, Any] = {
                "multiscales": [_multiscale(name, len(leading), count, pixel_size_um, pixel)]
            }
            if labels:
                attributes["image-label"] = {"version": VERSION}
            (folder / ".zgroup").write_text('{"zarr_format": 2}', encoding="utf-8")
            (folder / ".zattrs").write_text(json.dumps(attributes, indent=1), encoding="utf-8")
        except OSError as error:
            raise not_written(folder, error) from error
        return cls(folder)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the finest level."""
        return tuple(int(n) for n in self.levels[0].shape)

    def read(self, top: int, bottom: int, left: int, right: int) -> NDArray[Any]:
        """Return a box of the finest level."""
        return np.asarray(self.levels[0][..., top:bottom, left:right])

    def write(self, top: int, left: int, pixels: NDArray[Any]) -> None:
        """Write a box at every level.

        Parameters
        ----------
        top, left
            Multiples of the coarsest level's step, so that every level gets its own pixels.

        Raises
        ------
        UserError
            When the disk is full or gone.
        """
        try:
            for k, level in enumerate(self.levels):
                step = 2**k
                first_y, first_x = -(-top // step), -(-left // step)
                part = pixels[..., first_y * step - top :: step, first_x * step - left :: step]
                rows, columns = part.shape[-2:]
                if rows and columns:
                    level[..., first_y : first_y + rows, first_x : first_x + columns] = part
        except OSError as error:
            raise not_written(self.folder, error) from error


def n_levels(shape: Sequence[int]) -> int:
    """Return how many levels an image of this shape has."""
    return 1 + max(0, math.ceil(math.log2(max(shape[-2:]) / SMALLEST_LEVEL)))


def not_written(path: Path, error: OSError) -> UserError:
    """Return what to raise where something could not be written."""
    reason = error.strerror or os.strerror(error.errno) if error.errno else str(error)
    return UserError(f"{path} could not be written: {reason}; make room or choose another place.")


def _multiscale(
    name: str, n_leading: int, count: int, pixel_size_um: float | None, pixel: float
) -> dict[str, Any]:
    space: dict[str, str] = {"type": "space"} | ({"unit": "micrometer"} if pixel_size_um else {})
    axes = [{"name": "c", "type": "channel"}][:n_leading] + [{"name": axis, **space} for axis in "yx"]
    size = pixel * (pixel_size_um or 1.0)
    datasets = []
    for k in range(count):
        transform = {"type": "scale", "scale": [1.0] * n_leading + [size * 2**k] * 2}
        datasets.append({"path": str(k), "coordinateTransformations": [transform]})
    return {"version": VERSION, "name": name, "axes": axes, "datasets": datasets, "type": "nearest"}
