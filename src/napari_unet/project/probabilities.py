"""Probabilities of the planes segmented last, one safetensors file per plane; they can be made anew, so no journal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load, save

from napari_unet.errors import UserError
from napari_unet.project.disk import Disk

if TYPE_CHECKING:
    from napari_unet.project.writer import Writer

MOST_BYTES = 4 * 1024**3
_NAME = re.compile(r"plane((?:-[0-9]{1,9}){0,5})\.safetensors")

Plane = tuple[int, ...]


class _About(BaseModel):
    model_config = ConfigDict(extra="forbid")
    scale: float = Field(gt=0, allow_inf_nan=False)
    typical_size: float | None = Field(default=None, gt=0, allow_inf_nan=False)


@dataclass(frozen=True, eq=False)
class PlaneProbabilities:
    """What objects of a plane are made of.

    Attributes
    ----------
    probabilities
        float16 ``(K, Y, X)``.
    distance
        float16, if the network has learned it.
    scale
        Network px per image px.
    typical_size
        Diameter in px of the image of the objects that the network is made for, if that was kept.
    """

    probabilities: NDArray[np.float16]
    distance: NDArray[np.float16] | None
    scale: float
    typical_size: float | None = None


class Probabilities:
    """Those of one image."""

    def __init__(self, disk: Disk, writer: Writer, folder: Path) -> None:
        self._disk = disk
        self._writer = writer
        self._folder = folder

    def keep(
        self,
        plane: Plane,
        probabilities: NDArray[Any],
        distance: NDArray[Any] | None,
        scale: float,
        typical_size: float | None = None,
    ) -> None:
        """Keep those of a plane; whoever made the arrays leaves them as they are."""

        def write(_: object) -> None:
            arrays = {"probabilities": np.ascontiguousarray(probabilities, np.float16)}
            if distance is not None:
                arrays["distance"] = np.ascontiguousarray(distance, np.float16)
            content = save(
                arrays, {"napari_unet": _About(scale=scale, typical_size=typical_size).model_dump_json()}
            )
            self._disk.make_folder(self._folder)
            self._disk.put(self._path(plane), content)

        self._writer.submit(write, key=(self, plane))

    def planes(self) -> Iterator[Plane]:
        """Yield the planes of which some are kept."""
        for name in self._disk.names(self._folder):
            if match := _NAME.fullmatch(name):
                yield tuple(int(part) for part in match[1].split("-")[1:])

    def read(self, plane: Plane) -> PlaneProbabilities | None:
        """Return those of a plane, ``None`` if there are none that can be read: they can be made anew."""
        try:
            content = self._disk.read(self._path(plane), MOST_BYTES)
            about = _about(content)
            arrays = load(content)
            probabilities, distance = arrays["probabilities"], arrays.get("distance")
        except (OSError, UserError, SafetensorError, ValidationError, KeyError, ValueError):
            return None
        sound = probabilities.dtype == np.float16 and probabilities.ndim == 3 and probabilities.shape[0] > 1
        for array in (probabilities, *([] if distance is None else [distance])):
            # Values beyond 0..1 are no probabilities; NaN is neither smaller nor larger.
            sound &= array.size > 0 and bool(array.min() >= 0 and array.max() <= 1)
        if distance is not None:
            sound &= distance.dtype == np.float16 and distance.shape == probabilities.shape[1:]
        if not sound:
            return None
        return PlaneProbabilities(probabilities, distance, about.scale, about.typical_size)

    def forget(self) -> None:
        """Remove all of them: they belong to a network or an image that is no more."""

        def remove(_: object) -> None:
            self._disk.remove_folder(self._folder)

        self._writer.submit(remove)

    def _path(self, plane: Plane) -> Path:
        return self._folder / f"{'-'.join(['plane', *map(str, plane)])}.safetensors"


class _Header(BaseModel):
    """What of a safetensors header is needed; the package reads it from files only."""

    metadata: dict[str, str] = Field(alias="__metadata__")


def _about(content: bytes) -> _About:
    length = int.from_bytes(content[:8], "little")
    header = _Header.model_validate_json(content[8 : 8 + min(length, 10_000_000)])
    return _About.model_validate_json(header.metadata["napari_unet"])
