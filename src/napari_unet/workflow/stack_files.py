"""Files of many planes: what their axes are called, and how their planes are linked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.callbacks import ShouldStop, never_stop
from napari_unet.errors import UserError
from napari_unet.formats.axes import check_axes
from napari_unet.formats.images import ImageFile, plane_axes, planes
from napari_unet.objects.linking import LinkSettings, link_planes
from napari_unet.objects.tables import Columns, measure_planes


@dataclass(frozen=True)
class StackSettings:
    """How files of many planes are taken.

    Attributes
    ----------
    axes
        What their axes are, where the files say it wrong or not at all; one letter per axis.
    link
        Along which axes planes are linked: "", "Z", "T" or "ZT".
    """

    axes: str | None = None
    link: str = ""
    settings: LinkSettings = field(default_factory=LinkSettings)

    def named(self, file: ImageFile) -> ImageFile:
        """Return a file with the axes that it is said to have; colours stay the last one.

        Raises
        ------
        UserError
            If they do not fit.
        """
        if self.axes is None:
            return file
        n_colours = 1 if file.rgb else 0
        said = self.axes.upper().removesuffix("S") if n_colours else self.axes
        try:
            axes = check_axes(said, file.array.shape[: file.array.ndim - n_colours])
        except UserError as error:
            raise UserError(f"{file.name}: {error}") from error
        return replace(file, axes=axes + "S" * n_colours)

    def linked(
        self, labels: Sequence[NDArray[np.int32]], file: ImageFile, should_stop: ShouldStop = never_stop
    ) -> list[NDArray[np.int32]]:
        """Return the planes of labels with numbers that go through planes, in the order of `planes`.

        Raises
        ------
        UserError
            If the file has no such axis.
        """
        if not self.link:
            return list(labels)
        letters, shape = plane_axes(file.axes), plane_shape(file)
        for axis in self.link:
            if axis not in letters:
                raise UserError(
                    f"{file.name} has the axes {file.axes}: there is no {axis} to link through; see --axes."
                )
        depth, time = (letters.index(axis) if axis in self.link else None for axis in "ZT")
        by_plane = dict(zip(np.ndindex(*shape), labels, strict=True))
        found = link_planes(by_plane.__getitem__, shape, depth, time, self.settings, should_stop=should_stop)
        return [found.apply(plane, one) for plane, one in by_plane.items()]

    def table(self, file: ImageFile, labels: NDArray[np.int32]) -> Columns:
        """Measure objects (…, Y, X): a line per object and plane, or per 3D object.

        Columns that say where are called after the axes. Empty where there is no object.
        """
        letters, grey = plane_axes(file.axes), dict(planes(file.array, file.axes))
        if "Z" not in self.link:
            table = measure_planes(labels, grey.__getitem__, file.pixel_size_um)
            return {_letter(name, letters): values for name, values in table.items()}
        from napari_unet.objects.volumes import measure_volumes

        depth, tables = letters.index("Z"), list[Columns]()
        for index in np.ndindex(*(n for k, n in enumerate(labels.shape[:-2]) if k != depth)):
            places = [(*index[:depth], z, *index[depth:]) for z in range(labels.shape[depth])]
            stack = [grey[place] for place in places]
            found = labels[(*index[:depth], slice(None), *index[depth:])]
            table = measure_volumes(found, stack.__getitem__, _spacing_um(file))
            where = zip(letters.replace("Z", "").lower(), index, strict=True)
            tables.append({name: np.full(table["label"].size, at) for name, at in where} | table)
        tables = [table for table in tables if table["label"].size]
        return (
            {name: np.concatenate([table[name] for table in tables]) for name in tables[0]} if tables else {}
        )


def _letter(name: str, letters: str) -> str:
    return letters[int(name[6:])].lower() if name.startswith("plane-") else name


def _spacing_um(file: ImageFile) -> tuple[float, float, float] | None:
    if not file.plane_distance_um or not file.pixel_size_um:
        return None
    return file.plane_distance_um, file.pixel_size_um, file.pixel_size_um


def plane_shape(file: ImageFile) -> tuple[int, ...]:
    """Return the sizes of the axes of a file's planes."""
    letters: Any = plane_axes(file.axes)
    return tuple(n for n, axis in zip(file.array.shape, file.axes, strict=True) if axis in letters)
