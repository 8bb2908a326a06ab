"""Layers whose axes are in the order that napari shows: channels apart, planes first, rows and columns last."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer

from napari_unet._qt.layers.sources import full_resolution, geometry_of_axes

_COLOURS = ("green", "magenta", "cyan", "yellow", "red", "blue", "gray", "gray")


def is_arranged(axes: str) -> bool:
    """Whether napari shows such an image plane by plane, and each of its channels alone."""
    return axes.endswith("YX") and "C" not in axes


def arrange(viewer: Any, layer: Image, axes: str) -> list[Image]:
    """Add the layer's channels as layers with rows and columns last, and hide it; no pixel is read or copied.

    Parameters
    ----------
    axes
        One letter per axis of the layer.
    """
    data = full_resolution(layer)
    if not isinstance(data, np.ndarray) and not hasattr(data, "dask"):
        import dask.array

        data = dask.array.from_array(data)
    kept = [axis for axis in axes if axis not in "CYX"] + ["Y", "X"]
    order = [axes.index(axis) for axis in kept]
    place = geometry_of_axes(layer, order)
    place["axis_labels"] = tuple(kept)
    channel = axes.find("C")
    made = []
    for number in range(int(data.shape[channel]) if channel >= 0 else 1):
        index = tuple(number if axis == channel else slice(None) for axis in range(len(axes)))
        after = [axis - (0 <= channel < axis) for axis in order]
        look = {"colormap": _COLOURS[number % len(_COLOURS)], "blending": "additive"} if channel >= 0 else {}
        name = f"{layer.name} channel {number + 1}" if channel >= 0 else f"{layer.name} by planes"
        made.append(viewer.add_image(data[index].transpose(after), name=name, **look, **place))
    layer.visible = False
    return made


def name_layer_axes(layers: list[Layer], axes: str) -> None:
    """Let napari call the axes of our layers by these letters, too."""
    for layer in layers:
        labels = tuple(axes)
        if layer.ndim == len(labels) and tuple(layer.axis_labels) != labels:
            layer.axis_labels = labels


def layers_of(binding: Any) -> list[Layer]:
    """Return the image's layers, and the labels on top of them."""
    labels: list[Labels] = [mirror.layer for mirror in binding.mirrors.values()]
    return [*binding.images, *labels]
