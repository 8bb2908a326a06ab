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
        planes: str = "",
        plane_distance_um: float | None = None,
    ) -> Pyramid:
        """Make an empty one.

        Parameters
        ----------
        shape
            (Y, X), or (C, Y, X), or (…, Y, X) with as many letters in `planes`.
        planes
            Axes such as ``"TZ"`` that come first; each plane is written by itself.
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
                    chunks=(*((1,) * len(planes) or leading), min(chunk, rows), min(chunk, columns)),
                    dtype=dtype,
                    fill_value=0,
                    zarr_format=2,
                    chunk_key_encoding={"name": "v2", "separator": "/"},
                    compressors=Blosc("zstd", clevel=3, shuffle=Blosc.BITSHUFFLE),
                    overwrite=True,
                )
            axes = planes.lower() or "c" * len(leading)
            described = _multiscale(name, axes, count, pixel_size_um, pixel, plane_distance_um)
            attributes: dict[str, Any] = {"multiscales": [described]}
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

    def write(self, top: int, left: int, pixels: NDArray[Any], plane: tuple[int, ...] = ()) -> None:
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
                    box = slice(first_y, first_y + rows), slice(first_x, first_x + columns)
                    level[(*plane, ..., *box)] = part
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
    name: str, leading: str, count: int, pixel_size_um: float | None, pixel: float, distance: float | None
) -> dict[str, Any]:
    space: dict[str, str] = {"type": "space"} | ({"unit": "micrometer"} if pixel_size_um else {})
    kinds = {"c": {"type": "channel"}, "t": {"type": "time"}}
    apart = {"type": "space"} | ({"unit": "micrometer"} if distance else {})
    axes = [{"name": axis, **kinds.get(axis, apart)} for axis in leading]
    axes += [{"name": axis, **space} for axis in "yx"]
    size = pixel * (pixel_size_um or 1.0)
    steps = [(distance or 1.0) if axis == "z" else 1.0 for axis in leading]
    datasets = []
    for k in range(count):
        transform = {"type": "scale", "scale": [*steps, size * 2**k, size * 2**k]}
        datasets.append({"path": str(k), "coordinateTransformations": [transform]})
    return {"version": VERSION, "name": name, "axes": axes, "datasets": datasets, "type": "nearest"}
