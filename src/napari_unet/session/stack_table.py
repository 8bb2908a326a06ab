"""The table of a stack's objects: a line per object and plane, per 3D object, or per object and time point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.session.image import MICROMETRES, ImageSource, Plane
from napari_unet.session.through import Through, axes_of

if TYPE_CHECKING:
    from napari_unet.objects.tables import Columns

ClassesOf = Callable[[Plane, NDArray[Any]], dict[str, NDArray[Any]]]


def name_planes(table: Columns, axes: str) -> Columns:
    """Call the columns that say on which plane an object is after the axes: ``z``, ``t``, …"""
    return {_letter(name, axes): values for name, values in table.items()}


def measure_linked(
    labels: NDArray[np.int32], image: ImageSource, through: Through, classes_of: ClassesOf
) -> Columns:
    """Measure objects that go through the depth: one line for each, at each time point.

    Parameters
    ----------
    labels
        Of the image's spatial shape.
    classes_of
        Plane and numbers of objects → the column of their classes, or nothing.
    """
    from napari_unet.objects.volumes import measure_volumes

    depth, _ = axes_of(through, image)
    assert depth is not None
    others = [n for axis, n in enumerate(labels.shape[:-2]) if axis != depth]
    letters = [axis.lower() for axis in image.axes[:-2] if axis != "Z"]
    tables: list[Columns] = []
    for index in np.ndindex(*others):
        planes = [(*index[:depth], z, *index[depth:]) for z in range(labels.shape[depth])]
        stack = labels[(*index[:depth], slice(None), *index[depth:])]
        table = measure_volumes(stack, partial(_read, image, planes), spacing_um(image))
        n = table["label"].size
        if n:
            where = {letter: np.full(n, at) for letter, at in zip(letters, index, strict=True)}
            tables.append(where | table | _commonest_classes(stack, table["label"], planes, classes_of))
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]} if tables else {}


def with_mothers(table: Columns, labels: NDArray[np.int32], time: int) -> Columns:
    """Add when each object is seen first and last, and the number of the one that divided into it, or 0."""
    from napari_unet.objects.lineage import read_tracks

    tracks = read_tracks(labels.__getitem__, labels.shape[:-2], time)
    at = np.searchsorted(tracks[:, 0], table["label"])
    return table | {"first_seen": tracks[at, 1], "last_seen": tracks[at, 2], "mother": tracks[at, 3]}


def spacing_um(image: ImageSource) -> tuple[float, float, float] | None:
    """Return the distance of planes, height and width of a pixel in µm, where scale and units tell all of them."""
    if "Z" not in image.axes or len(image.scale) != len(image.axes) or len(image.units) != len(image.axes):
        return None
    found = []
    for axis in "ZYX":
        k = image.axes.index(axis)
        factor = MICROMETRES.get(str(image.units[k]))
        if factor is None or not np.isfinite(image.scale[k]):
            return None
        found.append(abs(float(image.scale[k])) * factor)
    return found[0], found[1], found[2]


def _read(image: ImageSource, planes: Sequence[Plane], z: int) -> NDArray[Any]:
    return image.plane(planes[z])


def _letter(name: str, axes: str) -> str:
    return axes[int(name[6:])].lower() if name.startswith("plane-") else name


def _commonest_classes(
    stack: NDArray[np.int32], numbers: NDArray[Any], planes: Sequence[Plane], classes_of: ClassesOf
) -> dict[str, NDArray[Any]]:
    """Return the class that most voxels of each object have, by its planes."""
    weights: dict[str, NDArray[np.float64]] = {}
    for place, plane in zip(planes, stack, strict=True):
        present, area = np.unique(plane[plane > 0], return_counts=True)
        for names in classes_of(place, present).values() if present.size else ():
            at = np.searchsorted(numbers, present)
            for name in np.unique(names):
                some = names == name
                weights.setdefault(str(name), np.zeros(numbers.size))[at[some]] += area[some]
    if not weights:
        return {}
    names = np.array(list(weights))
    return {"class": names[np.argmax(np.stack(list(weights.values())), axis=0)]}
