"""Files of many planes: what their axes are called, and how their planes are linked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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

Index = tuple[int, ...]


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
        return table_of_volumes(
            letters, labels.shape[:-2], labels.__getitem__, grey.__getitem__, _spacing_um(file)
        )


def table_of_volumes(
    letters: str,
    shape: tuple[int, ...],
    labels_of: Callable[[Index], NDArray[np.integer]],
    grey_of: Callable[[Index], NDArray[Any]],
    spacing_um: tuple[float, float, float] | None,
) -> Columns:
    """Measure the objects that go through the planes along Z, stack by stack; empty where there is none.

    Parameters
    ----------
    letters, shape
        The axes of the planes, Z among them, and their sizes.
    labels_of, grey_of
        Return the labels (Y, X) and the grey values (C, Y, X) of a plane; asked for one at a time.
    """
    from napari_unet.objects.volumes import measure_volumes

    depth, tables = letters.index("Z"), list[Columns]()
    for index in np.ndindex(*(n for k, n in enumerate(shape) if k != depth)):
        places = [(*index[:depth], z, *index[depth:]) for z in range(shape[depth])]

        def grey(z: int, places: list[Index] = places) -> NDArray[Any]:
            return grey_of(places[z])

        table = measure_volumes(_Planes(labels_of, places), grey, spacing_um)
        where = zip(letters.replace("Z", "").lower(), index, strict=True)
        tables.append({name: np.full(table["label"].size, at) for name, at in where} | table)
    tables = [table for table in tables if table["label"].size]
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]} if tables else {}


@dataclass(frozen=True)
class _Planes(Sequence[NDArray[np.integer]]):
    """The planes of a stack, each read when it is asked for."""

    read: Callable[[Index], NDArray[np.integer]]
    places: Sequence[Index]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, z: Any) -> Any:
        return self.read(self.places[z])


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
