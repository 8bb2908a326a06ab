"""napari with the dock open, as the command line starts it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import napari
from napari.layers import Layer

from napari_unet._qt.loops import loop_of
from napari_unet._qt.project.sight import CHANNEL, FILE
from napari_unet.formats.images import ImageFile, read_image
from napari_unet.session.pictures import geometry_of


def open_napari(
    files: Sequence[Path],
    layers: Sequence[tuple[Any, dict[str, Any], str]] = (),
    project: Path | None = None,
) -> None:
    """Open napari with images and the dock, and return when its window is closed.

    Parameters
    ----------
    files
        Images; channels become layers of their own.
    layers
        Layer data, as samples give it.
    project
        Folder of a project to go on with.

    Raises
    ------
    UserError
        If an image can't be read; no window is opened then.
    """
    images = [read_image(path) for path in files]
    viewer = napari.Viewer(title="napari-unet")
    for path, image in zip(files, images, strict=True):
        before = list(viewer.layers)
        add_image(viewer, image)
        for layer in viewer.layers:
            if layer not in before:
                layer.metadata[FILE] = str(path)
    for data, attributes, kind in layers:
        viewer.add_layer(Layer.create(data, attributes, kind))
    viewer.window.add_plugin_dock_widget("napari-unet")
    if project is not None:
        loop_of(viewer).moves.open_project(project)
    napari.run()


def add_image(viewer: napari.Viewer, image: ImageFile) -> None:
    """Add an image to a viewer, with the width of its pixels."""
    scale, units = geometry_of(image)
    place: dict[str, Any] = {"scale": scale, "units": units} if scale else {}
    place["axis_labels"] = tuple(axis for axis in image.axes if axis not in "CS")
    if "C" in image.axes and image.array.shape[image.axes.index("C")] > 1:
        made = viewer.add_image(image.array, name=image.name, channel_axis=image.axes.index("C"), **place)
        for number, layer in enumerate(made):
            layer.metadata[CHANNEL] = number
        return
    if "C" in image.axes:
        image_array = image.array.take(0, axis=image.axes.index("C"))
        viewer.add_image(image_array, name=image.name, rgb=image.rgb, **place)
        return
    viewer.add_image(image.array, name=image.name, rgb=image.rgb, **place)
