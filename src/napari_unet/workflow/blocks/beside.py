"""What is written beside the labels of an image that memory does not hold: measurements and outlines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.callbacks import OnProgress, ShouldStop
from napari_unet.errors import UserError
from napari_unet.formats.lazy_stacks import Index, LazyStack
from napari_unet.formats.rois import MOST_PX, write_rois
from napari_unet.formats.tables import write_table
from napari_unet.objects.outlines import Outline
from napari_unet.objects.tables import Columns
from napari_unet.workflow.batch_record import Wanted, beside_of
from napari_unet.workflow.blocks.objects import WIDEST, FoundObjects
from napari_unet.workflow.stack_files import table_of_volumes

if TYPE_CHECKING:
    from napari_unet.network.model_file import Model


def check_wanted(wanted: Wanted, image: LazyStack, model: Model) -> None:
    """Raise `UserError`, before any work, about what an image that is segmented in parts can't have."""
    if (wanted.rois or wanted.table) and model.description.labels_are == "classes":
        raise UserError(
            f"{image.name} is segmented block by block, and the network finds classes; then outlines and "
            "measurements can't be had: leave them out."
        )
    if wanted.probabilities and image.n_planes > 1:
        raise UserError(
            f"{image.name} is segmented plane by plane, and probabilities are kept of single planes only: "
            "leave them out."
        )
    if wanted.rois:
        check_rois(image)


def check_rois(image: LazyStack) -> None:
    """Raise `UserError` about an image that is too large for ImageJ's outlines."""
    height, width = (image.array.shape[image.axes.index(axis)] for axis in "YX")
    if max(height, width) > MOST_PX:
        raise UserError(
            f"{image.name} is {height:,} × {width:,} px, and outlines for ImageJ reach to {MOST_PX:,} px: leave them "
            "out, or cut the image; labels and measurements can be had."
        )


def write_beside(
    wanted: Wanted,
    target: Path,
    image: LazyStack,
    labels: LazyStack,
    on_progress: OnProgress,
    should_stop: ShouldStop,
    link: str = "",
) -> list[str]:
    """Write measurements and outlines of labels on disk, part by part; return what the user should know.

    Parameters
    ----------
    labels
        Of the same planes as `image`.
    link
        Along which axes objects go through planes; with Z, a line of the table is a 3D object.

    Raises
    ------
    UserError
        If something can't be written.
    Stopped
        When asked to stop.
    """
    found, paths = find_in_planes(labels, on_progress, should_stop), beside_of(target, wanted)
    if wanted.rois:
        write_rois(paths["rois"], outlines_in(found), f"{labels.letters}YX")
    if wanted.table:
        in_space = "Z" in link
        table = _table_in_space(image, labels) if in_space else table_of(found, image, labels.letters.lower())
        write_table(paths["table"], table or {"label": np.zeros(0, int)})
    return too_large_in(found)


def find_in_planes(
    labels: LazyStack, on_progress: OnProgress, should_stop: ShouldStop
) -> dict[Index, FoundObjects]:
    """Look where the objects of every plane lie."""
    found, n = dict[Index, FoundObjects](), labels.n_planes
    for k, index in enumerate(labels.indices()):

        def report(fraction: float, words: str, k: int = k) -> None:
            on_progress((k + fraction) / n, words)

        found[index] = FoundObjects.find(labels.plane(index), report, should_stop)
    return found


def outlines_in(found: dict[Index, FoundObjects]) -> Iterator[Outline]:
    """Go through the outlines of all planes."""
    for index, objects in found.items():
        for outline in objects.outlines():
            yield replace(outline, plane=index)


def table_of(found: dict[Index, FoundObjects], image: LazyStack | None, names: Any) -> Columns:
    """Measure every object on every plane; columns of these names say on which. Empty where there is none."""
    tables: list[Columns] = []
    for index, objects in found.items():
        table = objects.table(None if image is None else image.plane(index))
        if table:
            where = {name: np.full(table["label"].size, at) for name, at in zip(names, index, strict=True)}
            tables.append(where | table)
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]} if tables else {}


def too_large_in(found: dict[Index, FoundObjects]) -> list[str]:
    """Return what there is to say about objects that are left out."""
    left_out = sum(objects.n_too_large for objects in found.values())
    n = sum(objects.numbers.size for objects in found.values())
    if not left_out:
        return []
    return [
        f"Objects wider or higher than {WIDEST:,} px are neither measured nor outlined ({left_out} of {n:,}); they are "
        "in the label image."
    ]


def _table_in_space(image: LazyStack, labels: LazyStack) -> Columns:
    def plane(stack: LazyStack, index: Index) -> NDArray[Any]:
        one = stack.plane(index)
        channels, height, width = one.shape
        return one.read(0, height, 0, width, channels)

    return table_of_volumes(
        labels.letters,
        labels.plane_shape,
        lambda index: plane(labels, index)[0],
        lambda index: plane(image, index),
        image.spacing_um,
    )
