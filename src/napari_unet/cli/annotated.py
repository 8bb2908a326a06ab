"""Images with their labels, as they are read for a training from a shell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.coding import Coding, LabelsAre
from napari_unet.cli.console import tell
from napari_unet.errors import UserError
from napari_unet.formats.annotations import read_foreign_labels
from napari_unet.formats.images import (
    ImageFile,
    find_images,
    find_labels,
    pair_by_name,
    plane_axes,
    planes,
    read_image,
)

if TYPE_CHECKING:
    from napari_unet.workflow import AnnotatedImage, Stack


def read_annotated(
    images: Sequence[Path],
    labels: Path,
    coding: Coding,
    labels_are: LabelsAre,
    axes: str | None = None,
    plane_distance: float | None = None,
    background: int | None = None,
) -> tuple[list[AnnotatedImage], bool]:
    """Read images with their labels, plane by plane; those without anything painted are left out.

    Parameters
    ----------
    axes
        What the axes of the images are, where the files say it wrong or not at all.
    plane_distance
        How far apart the planes of stacks are, in widths of a pixel; as the files say by default.
    background
        As in `to_annotation`.

    Returns
    -------
    annotated : list of AnnotatedImage
    rgb : bool
        Whether the three channels are colours; grey images among colour images become colour images.

    Raises
    ------
    UserError
        If something is not there, can't be read, has no partner or another shape than its partner.
    """
    from napari_unet.annotation.coding import to_annotation
    from napari_unet.workflow import AnnotatedImage
    from napari_unet.workflow.stack_files import StackSettings
    from napari_unet.workflow.volume_files import stack_in, with_channels

    found = find_images(images)
    pairs = pair_by_name(found, find_labels(labels), every_image=False)
    if len(pairs) < len(found):
        tell(f"{len(found) - len(pairs)} image(s) without labels are left out.")
    planes_found: list[
        tuple[str, tuple[int, ...], NDArray[Any], NDArray[np.int32], ImageFile, Stack | None]
    ] = []
    rgb, named = False, StackSettings(axes)
    for image_path, labels_path in pairs:
        image = named.named(read_image(image_path))
        painted, sentence = read_foreign_labels(labels_path, *_without_channels(image), coding)
        if sentence:
            tell(f"{labels_path.name}: {sentence}")
        rgb = rgb or image.rgb
        image_planes, label_planes = planes(image.array, image.axes), planes(painted.array, painted.axes)
        whole = dict(image_planes)
        matching = list(zip(whole.items(), list(label_planes), strict=False))
        for (index, pixels), (_, values) in matching:
            if pixels.shape[1:] != values.shape[1:] or _n_planes(image) != _n_planes(painted):
                raise UserError(
                    f"{image_path} is {_size(image)} and {labels_path} is {_size(painted)}; "
                    "an image and its labels must have the same size."
                )
            name = image.name + "".join(
                f" {a}{i}" for a, i in zip(plane_axes(image.axes), index, strict=True)
            )
            annotation = to_annotation(values[0], coding, labels_are, background)
            if len(matching) > 1 and not annotation.any():  # of a stack, single planes are painted
                continue
            planes_found.append(
                (name, index, pixels, annotation, image, stack_in(image, whole, index, plane_distance))
            )
    if not planes_found:
        raise UserError(f"Nothing is annotated in {labels}: paint objects and background on some planes.")
    n_channels = 3 if rgb else planes_found[0][2].shape[0]
    return [
        with_channels(
            AnnotatedImage(
                name,
                pixels,
                values,
                pixel_size_um=image.pixel_size_um,
                picture=image.name,
                plane=index,
                stack=stack,
            ),
            n_channels,
            name,
        )
        for name, index, pixels, values, image, stack in planes_found
    ], rgb


def _without_channels(file: ImageFile) -> tuple[tuple[int, ...], str]:
    """Return shape and axes of an image without its channels."""
    axes = "".join(axis for axis in file.axes if axis not in "CS")
    return tuple(file.array.shape[file.axes.index(axis)] for axis in axes), axes


def _n_planes(file: Any) -> int:
    return math.prod(n for n, axis in zip(file.array.shape, file.axes, strict=True) if axis not in "CSYX")


def _size(file: Any) -> str:
    sizes = [str(n) for n, axis in zip(file.array.shape, file.axes, strict=True) if axis not in "CS"]
    return " × ".join(sizes) + " px"
