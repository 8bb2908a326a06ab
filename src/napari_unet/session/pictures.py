"""The pixels of a project's image, from its file or from the project, as an image of the session."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import JsonValue

from napari_unet.errors import UserError
from napari_unet.formats.images import ImageFile, plane_axes, read_image
from napari_unet.project import ImageDescription, ImageEntry, Project
from napari_unet.session.image import ImageSource
from napari_unet.session.restoring import channels_of

FOLDERS = "image_folders"
"""Name of the project's note of folders in which the user has found images again."""
FILE_CHANNELS = "file_channels"
"""Name of an image's note: which of its file's channels are worked on."""

_MOST_FOLDERS = 20


@dataclass(frozen=True, eq=False)
class Picture:
    """What an image of a project looks like.

    Attributes
    ----------
    file
        Where it is, ``None`` where its pixels are in the project.
    content
        ``None`` where only napari or one of its plugins can read the file.
    """

    file: Path | None
    content: ImageFile | None


def read_picture(project: Project, entry: ImageEntry, image_at: Path | None = None) -> Picture:
    """Read an image of a project; safe in any thread.

    Parameters
    ----------
    image_at
        Its file, where the user had to say where that is; other images are looked for beside it from now on.

    Raises
    ------
    ImageMissing
        If the file is not found.
    UserError
        If it is not the image that was annotated, or the project's pixels cannot be read.
    """
    described = entry.description
    if described.file is None:
        name, size = described.name, described.pixel_size_um
        project.flush()  # they may have come a moment ago
        return Picture(None, ImageFile(name, entry.pixels(), _axes_of(described), size, described.rgb))
    file = image_at or entry.find_file(_folders(project))
    content = None
    with suppress(UserError):  # then napari, or a plugin of it, may know the kind of file
        content = _as_annotated(read_image(file), described)
    if image_at is not None:
        if content is not None:
            source_of(content, described)  # before anything is noted
        entry.relocate(image_at)
        _remember(project, image_at.absolute().parent)
    return Picture(file, content)


def source_of(
    content: ImageFile, described: ImageDescription, file_channels: JsonValue = None
) -> ImageSource:
    """Return what a file holds as the image that was annotated.

    Parameters
    ----------
    file_channels
        Which of the file's channels were worked on, as noted; as many as were known from the first on by default.

    Raises
    ------
    UserError
        If it has another size than the image that was annotated.
    """
    array, channel_axis = content.array, None
    if "C" in content.axes:
        channel_axis = content.axes.index("C")
        chosen = _chosen(file_channels, described, array.shape[channel_axis])
        if len(chosen) < array.shape[channel_axis]:
            array = array.take(chosen, axis=channel_axis)
    source = ImageSource(
        described.name,
        array,
        channel_axis,
        content.rgb,
        described.scale,
        described.units,
        tuple(described.axes),
    )
    if source.spatial_shape != described.spatial_shape:
        is_size, was_size = (" × ".join(map(str, s)) for s in (source.spatial_shape, described.spatial_shape))
        raise UserError(
            f"“{described.name}” is {is_size} px now and was {was_size} px: choose the file it was then."
        )
    return source


def as_source(content: ImageFile) -> ImageSource:
    """Return a file that comes into a project as the window would show it."""
    scale, units = geometry_of(content)
    channel_axis = content.axes.index("C") if "C" in content.axes else None
    labels = tuple(axis for axis in content.axes if axis not in "CS")
    return ImageSource(content.name, content.array, channel_axis, content.rgb, scale, units, labels)


def geometry_of(content: ImageFile) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """Return scale and units per spatial axis, empty where the file does not tell the width of a pixel."""
    if content.pixel_size_um is None:
        return (), ()
    distance = content.plane_distance_um
    steps = [
        (distance, "um") if axis == "Z" and distance else (1.0, "pixel") for axis in plane_axes(content.axes)
    ]
    steps += [(content.pixel_size_um, "um")] * 2
    return tuple(size for size, _ in steps), tuple(unit for _, unit in steps)


def _as_annotated(content: ImageFile, described: ImageDescription) -> ImageFile:
    """Return a file's content with the axes that it was annotated with, where they can be read otherwise, too."""
    array, axes = content.array, content.axes
    if "C" not in axes:
        content = replace(content, name=described.name)  # though the file may be called otherwise by now
    if "C" in axes and described.channel_axis is None and array.shape == described.shape:
        return replace(content, axes=axes.replace("C", "A"))  # channels that napari showed as planes
    if described.rgb and not content.rgb:  # three equal colours are read as grey
        colours = np.repeat(array[..., np.newaxis], 3, axis=-1)
        return replace(content, array=colours, axes=axes + "S", rgb=True)
    return content


def _chosen(noted: JsonValue, described: ImageDescription, n: int) -> list[int]:
    known = 1 if described.channel_axis is None else described.shape[described.channel_axis]
    return channels_of(noted, n) or list(range(min(known, n)))


def _axes_of(described: ImageDescription) -> str:
    axes: list[Any] = list(described.axes)
    if described.channel_axis is not None:
        axes.insert(described.channel_axis, "S" if described.rgb else "C")
    return "".join(axes)


def _folders(project: Project) -> Sequence[Path]:
    noted = project.notes.get(FOLDERS)
    return [Path(str(folder)) for folder in noted] if isinstance(noted, list) else []


def _remember(project: Project, folder: Path) -> None:
    known = _folders(project)
    if folder not in known:
        folders: list[JsonValue] = [str(path) for path in (folder, *known)]
        project.note(FOLDERS, folders[:_MOST_FOLDERS])
