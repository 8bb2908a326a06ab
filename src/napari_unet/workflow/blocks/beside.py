"""What is written beside the labels of an image that memory does not hold: measurements and outlines."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_unet.callbacks import OnProgress, ShouldStop
from napari_unet.errors import UserError
from napari_unet.formats.lazy import LazyImage
from napari_unet.formats.rois import MOST_PX, write_rois
from napari_unet.formats.tables import write_table
from napari_unet.network.model_file import Model
from napari_unet.workflow.batch_record import Wanted, beside_of
from napari_unet.workflow.blocks.objects import WIDEST, FoundObjects


def check_wanted(wanted: Wanted, image: LazyImage, model: Model) -> None:
    """Raise `UserError`, before any work, about what an image that is segmented block by block can't have."""
    if (wanted.rois or wanted.table) and model.description.labels_are == "classes":
        raise UserError(
            f"{image.name} is segmented block by block, and the network finds classes; then outlines and "
            "measurements can't be had: leave them out."
        )
    _, height, width = image.shape
    if wanted.rois and max(height, width) > MOST_PX:
        raise UserError(
            f"{image.name} is {height:,} × {width:,} px, and outlines for ImageJ reach to {MOST_PX:,} px: leave them "
            "out, or cut the image; labels and measurements can be had."
        )


def write_beside(
    wanted: Wanted,
    target: Path,
    image: LazyImage,
    labels: LazyImage,
    on_progress: OnProgress,
    should_stop: ShouldStop,
) -> list[str]:
    """Write measurements and outlines of labels on disk, part by part; return what the user should know.

    Raises
    ------
    UserError
        If something can't be written.
    Stopped
        When asked to stop.
    """
    found, paths = FoundObjects.find(labels, on_progress, should_stop), beside_of(target, wanted)
    if wanted.rois:
        write_rois(paths["rois"], found.outlines())
    if wanted.table:
        write_table(paths["table"], found.table(image) or {"label": np.zeros(0, int)})
    if not found.n_too_large:
        return []
    return [
        f"Objects wider or higher than {WIDEST:,} px are neither measured nor outlined ({found.n_too_large} of "
        f"{found.numbers.size:,}); they are in the label image."
    ]
