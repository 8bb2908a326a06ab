"""Label images that memory does not hold: measured, and written for other programs, part by part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.coding import without_background
from napari_unet.callbacks import OnProgress, ShouldStop, never_stop, no_progress
from napari_unet.errors import UserError
from napari_unet.formats.exports import Format
from napari_unet.formats.json_outlines import write_coco, write_geojson
from napari_unet.formats.lazy_stacks import Index, LazyStack, open_stack
from napari_unet.formats.ome_labels import write_ome_zarr_labels
from napari_unet.formats.paths import ROI_ENDINGS
from napari_unet.formats.reading import FRACTIONS
from napari_unet.formats.rois import write_rois
from napari_unet.formats.room import free_memory
from napari_unet.formats.writing import LARGEST_UINT16, write_labels_in_parts
from napari_unet.objects.tables import Columns
from napari_unet.workflow.blocks.beside import (
    check_rois,
    find_in_planes,
    outlines_in,
    table_of,
    too_large_in,
)
from napari_unet.workflow.blocks.objects import FoundObjects, Numbers

WHOLE_BYTES = 50
"""Memory that a label image takes per pixel when it is measured or outlined in one piece."""


def labels_in_parts(path: Path, memory: float | None, background: int | None = None) -> LazyStack | None:
    """Open labels that are too large for the memory, ``None`` where they can be read whole.

    Parameters
    ----------
    memory
        Bytes that they may take; by default half of what is free.
    background
        A value that is background, beside 0.

    Raises
    ------
    UserError
        If such a file has several channels.
    """
    if path.suffix.lower() in ROI_ENDINGS:
        return None
    try:
        stack = open_stack(path)
    except UserError:  # reading it whole says why, or can do it
        return None
    height, width = (stack.array.shape[stack.axes.index(axis)] for axis in "YX")
    if WHOLE_BYTES * stack.n_planes * height * width <= (memory or free_memory() / 2):
        return None
    if stack.plane(next(stack.indices())).shape[0] != 1:
        raise UserError(
            f"{path} has several channels; labels are one number per pixel, so save them as one channel."
        )
    return LabelParts(stack, background).as_stack()


@dataclass(frozen=True, eq=False)
class LabelParts:
    """Labels (…, Y, X) that are read, and seen to, box by box.

    Attributes
    ----------
    stack
        Of one channel, its axes in any order.
    background
        A value that is background, beside 0.
    only
        Numbers that stay, by plane; all where nothing is said.
    """

    stack: LazyStack
    background: int | None = None
    only: Mapping[Index, Numbers] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        """(…, Y, X)."""
        sides = (self.stack.array.shape[self.stack.axes.index(axis)] for axis in "YX")
        return (*self.stack.plane_shape, *sides)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of whole numbers."""
        dtype: np.dtype[Any] = np.dtype(self.stack.array.dtype)
        return dtype if dtype.kind in "ui" else np.dtype(np.int64)

    def __getitem__(self, index: tuple[Any, ...]) -> NDArray[Any]:
        plane = tuple(int(k) for k in index[:-2])
        (top, bottom, _), (left, right, _) = (
            cut.indices(n) for cut, n in zip(index[-2:], self.shape[-2:], strict=True)
        )
        labels = self.stack.plane(plane).read(top, bottom, left, right, 1)[0]
        if labels.dtype.kind == "f" and (not np.isfinite(labels).all() or (labels != np.rint(labels)).any()):
            raise UserError(FRACTIONS.format(self.stack.name))
        labels = without_background(labels.astype(self.dtype, copy=False), self.background)
        only = self.only.get(plane)
        return labels if only is None else np.where(np.isin(labels, only), labels, 0)

    def as_stack(self) -> LazyStack:
        """Return them as an image that is read plane by plane."""
        return replace(self.stack, array=self, axes=f"{self.stack.letters}YX", again=None)


def measure_in_parts(
    labels: LazyStack,
    image: LazyStack | None,
    pixel_size_um: float | None,
    whole_only: bool = False,
    on_progress: OnProgress = no_progress,
    should_stop: ShouldStop = never_stop,
) -> tuple[Columns, list[str]]:
    """Measure every object on every plane, as `measure_planes`; return the table, and what the user should know.

    Parameters
    ----------
    labels, image
        Of the same planes.
    whole_only
        Leave out objects that the image's edge cuts.
    """
    if pixel_size_um is not None:
        labels = replace(labels, pixel_size_um=pixel_size_um)
        image = None if image is None else replace(image, pixel_size_um=pixel_size_um)
    found = _found(labels, whole_only, on_progress, should_stop)
    names = [f"plane-{k}" for k in range(len(labels.plane_shape))]
    return table_of(found, image, names), too_large_in(found)


def export_in_parts(
    labels: LazyStack,
    path: Path,
    what: Format,
    image_name: str,
    whole_only: bool = False,
    on_progress: OnProgress = no_progress,
    should_stop: ShouldStop = never_stop,
) -> list[str]:
    """Write labels in one of the formats, as `export`; return what the user should know.

    Raises
    ------
    UserError
        If the file can't be written, or can't hold so large an image.
    """
    if what is Format.ROIS:
        check_rois(labels)
    found = _found(labels, whole_only, on_progress, should_stop)
    axes, size = labels.axes, labels.pixel_size_um
    if what is Format.ROIS:
        write_rois(path, outlines_in(found), axes)
    elif what is Format.GEOJSON:
        write_geojson(path, outlines_in(found), labels.letters)
    elif what is Format.COCO:
        write_coco(path, labels.array.shape, outlines_in(found), image_name)
    else:
        highest = max(
            (int(objects.numbers[-1]) for objects in found.values() if objects.numbers.size), default=0
        )
        dtype = np.uint16 if highest <= LARGEST_UINT16 else np.int32
        kept = _kept(labels, found) if whole_only else labels.array
        if what is Format.OME_ZARR:
            write_ome_zarr_labels(path, kept, size, axes, dtype)
        else:
            write_labels_in_parts(path, kept, size, axes, dtype, ome=what is Format.OME_TIFF)
        return []
    return too_large_in(found)


def _found(
    labels: LazyStack, whole_only: bool, on_progress: OnProgress, should_stop: ShouldStop
) -> dict[Index, FoundObjects]:
    found = find_in_planes(labels, on_progress, should_stop)
    return {index: objects.whole() for index, objects in found.items()} if whole_only else found


def _kept(labels: LazyStack, found: Mapping[Index, FoundObjects]) -> LabelParts:
    """Return labels without those that were not found."""
    parts: LabelParts = labels.array
    return replace(parts, only={index: objects.numbers for index, objects in found.items()})
