"""What leaves the loop: labels, a table of objects, the network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_unet.errors import UserError
from napari_unet.session.image import ImageSource, Plane
from napari_unet.session.rounds import Round
from napari_unet.session.state import State


def result(state: State, plane: Plane | None = None) -> NDArray[np.int32]:
    """Return the network's objects with the annotation on top: one plane, or the whole array.

    Raises
    ------
    UserError
        When nothing has been segmented yet.
    """
    found, painting = state.segmentation, state.painting
    if found is None:
        raise UserError("There is no segmentation yet; press Segment first.")
    if plane is not None:
        return painting.on_top(plane, found[plane]) if painting else found[plane]
    whole = np.empty_like(found)
    for index in np.ndindex(*whole.shape[:-2]):
        whole[index] = painting.on_top(index, found[index]) if painting else found[index]
    return whole


def save_labels(path: str | Path, image: ImageSource, labels: NDArray[np.int32]) -> None:
    """Write labels of the image's spatial shape as a label TIFF."""
    from napari_unet.formats.images import write_labels

    write_labels(path, labels, image.pixel_size_um)


def save_table(path: str | Path, image: ImageSource, labels: NDArray[np.int32]) -> None:
    """Write one line per object and plane as CSV.

    Raises
    ------
    UserError
        When there is no object to measure, or the file can't be written.
    """
    from napari_unet.formats.tables import write_table
    from napari_unet.objects.tables import measure_objects

    tables = []
    for plane in image.planes():
        if labels[plane].any():
            table = measure_objects(labels[plane], image.plane(plane), image.pixel_size_um)
            n = len(next(iter(table.values())))
            where = {f"plane-{i}": np.full(n, index) for i, index in enumerate(plane)}
            tables.append(where | table)
    if not tables:
        raise UserError("There is no object to measure; segment first.")
    write_table(path, {key: np.concatenate([t[key] for t in tables]) for key in tables[0]})


def save_model(path: str | Path, current: Round | None) -> None:
    """Write the current round's network as a model file.

    Raises
    ------
    UserError
        When nothing was trained yet, or the file can't be written.
    """
    from napari_unet.network.model_file import save_model as write_model

    if current is None:
        raise UserError("There is no trained network yet; press Train first.")
    write_model(current.model, path)
