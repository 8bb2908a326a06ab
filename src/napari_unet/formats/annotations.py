"""Labels that other programs made: label images and regions of ImageJ, for an image that is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.coding import Coding, check_size
from napari_unet.errors import UserError
from napari_unet.formats.paths import ROI_ENDINGS
from napari_unet.formats.reading import ImageFile, read_labels


def read_foreign_labels(
    path: Path | str, shape: tuple[int, ...], axes: str, coding: Coding | None = None
) -> tuple[ImageFile, str]:
    """Read labels of an image.

    Parameters
    ----------
    path : Path or str
        A label image, or ``.zip`` or ``.roi`` of ImageJ: each region becomes an object.
    shape : tuple of int
        Of the image without channels, ``(…, Y, X)``.
    axes : str
        One letter per axis of `shape`.
    coding : Coding, optional
        Of the numbers that are returned: masks, where outside of regions is background, or ``Coding.PROJECT``, where
        it is not annotated.

    Returns
    -------
    labels : ImageFile
    sentence : str
        What the user should know of it, or nothing.

    Raises
    ------
    UserError
        If it can't be read, or regions can't be told in this coding.
    """
    path = Path(path)
    if path.suffix.lower() not in ROI_ENDINGS:
        return read_labels(path), ""
    from napari_unet.formats.roi_reading import read_rois

    if coding in (Coding.MATLAB2016, Coding.BINARY, Coding.ILASTIK):
        raise UserError(
            f"{path} holds outlines, each an object of its own: choose the coding 'masks' (outside is background) or "
            "'project' (outside is not annotated)."
        )
    read = read_rois(path, shape, axes)
    numbers = read.labels + (read.labels > 0) if coding is Coding.PROJECT else read.labels
    return ImageFile(path.stem, numbers.astype(np.int32), axes, None, rgb=False), read.sentence


def arrange_labels(labels: ImageFile, shape: tuple[int, ...], axes: str) -> NDArray[Any]:
    """Return labels with the axes of an image: others than these are left out where they have one entry.

    Parameters
    ----------
    labels : ImageFile
    shape : tuple of int
        Of the image without channels.
    axes : str
        One letter per axis of `shape`.

    Raises
    ------
    UserError
        If they do not fit the image.
    """
    array, named = labels.array, labels.axes
    if array.ndim > len(shape):
        single = [i for i, axis in enumerate(named) if axis not in axes and array.shape[i] == 1]
        array = array.squeeze(tuple(single))
        named = "".join(axis for i, axis in enumerate(named) if i not in single)
    if named != axes and sorted(named) == sorted(axes):
        array = array.transpose([named.index(axis) for axis in axes])
    check_size(array.shape, shape)
    return array
