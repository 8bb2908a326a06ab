"""From napari's layers to images of the session, and the geometry that our layers take from them."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer
from napari.utils.transforms import Affine

from napari_unet.errors import UserError
from napari_unet.session.image import ImageSource, stack_channels

OURS = "napari_unet_shows"
"""Key in a layer's metadata: this layer shows a result of ours, so it is no image to segment."""

MOST_CHANNELS = 8
"""An axis in front that is longer is taken for planes or time without asking."""


LARGEST_PLANE = 8192**2
"""Pixels of a plane up to which it is painted on and segmented as it is; of larger ones, a part."""


def image_layers(viewer: Any) -> list[Image]:
    """Return the layers that can be segmented in one piece, topmost last."""
    images = [layer for layer in viewer.layers if isinstance(layer, Image) and OURS not in layer.metadata]
    return [layer for layer in images if not is_large(layer)]


def is_large(layer: Image) -> bool:
    """Whether a plane of a layer is too large to be painted on, and to be segmented in one piece."""
    height, width = ([0, 0, *spatial_shape(layer)])[-2:]
    return height * width > LARGEST_PLANE


def labels_layers(viewer: Any) -> list[Labels]:
    """Return all Labels layers, topmost last."""
    return [layer for layer in viewer.layers if isinstance(layer, Labels)]


def source_of(layers: list[Image]) -> ImageSource:
    """Return the image of one layer, or of several layers as its channels.

    Raises
    ------
    UserError
        When a layer can't be segmented, or the layers are of different shapes.
    """
    return stack_channels([_one(layer) for layer in layers])


def spatial_shape(layer: Layer) -> tuple[int, ...]:
    """Return the shape of a layer at full resolution, without the colours of RGB."""
    shape = tuple(int(n) for n in full_resolution(layer).shape)
    return shape[:-1] if getattr(layer, "rgb", False) else shape


def full_resolution(layer: Layer) -> Any:
    """Return the layer's array, level 0 of a multiscale one."""
    return layer.data[0] if getattr(layer, "multiscale", False) else layer.data


def channel_axis_of(layer: Image) -> int | None:
    """Return an axis in front of Y and X that is short enough to be one of channels."""
    if layer.rgb or layer.ndim < 3:
        return None
    short = [i for i, n in enumerate(spatial_shape(layer)[:-2]) if 1 < n <= MOST_CHANNELS]
    return short[-1] if short else None


def geometry(layer: Layer) -> dict[str, Any]:
    """Return what a layer on top needs to lie exactly on this one."""
    return {
        "scale": layer.scale,
        "translate": layer.translate,
        "rotate": layer.rotate,
        "shear": layer.shear,
        "affine": layer.affine,
        "units": layer.units,
        "axis_labels": layer.axis_labels,
    }


def plane_geometry(layer: Layer) -> dict[str, Any]:
    """Return the geometry of one plane of the layer: its last two axes."""
    # A rotation or shear that mixes planes has no two-dimensional part; what remains is the in-plane part.
    return geometry_of_axes(layer, [layer.ndim - 2, layer.ndim - 1])


def geometry_of_axes(layer: Layer, kept: list[int]) -> dict[str, Any]:
    """Return the geometry of some axes of a layer, in this order."""
    shear = np.asarray(layer.shear)
    if shear.ndim == 1:  # napari gives the entries above the diagonal
        shear = np.eye(layer.ndim)
        shear[np.triu_indices(layer.ndim, 1)] = layer.shear
    matrix = np.asarray(layer.affine.affine_matrix)
    rows = [*kept, layer.ndim]
    return {
        "scale": layer.scale[kept],
        "translate": layer.translate[kept],
        "rotate": np.asarray(layer.rotate)[np.ix_(kept, kept)],
        "shear": shear[np.ix_(kept, kept)],
        "affine": Affine(affine_matrix=matrix[np.ix_(rows, rows)], ndim=len(kept)),
        "units": tuple(layer.units[k] for k in kept),
        "axis_labels": tuple(layer.axis_labels[k] for k in kept),
    }


def _one(layer: Image) -> ImageSource:
    data = full_resolution(layer)
    if len(spatial_shape(layer)) < 2:
        raise UserError(f"“{layer.name}” has one axis only; choose an image with rows and columns.")
    return ImageSource(
        name=layer.name,
        data=data,
        rgb=bool(layer.rgb),
        scale=tuple(float(s) for s in layer.scale),
        units=tuple(str(unit) for unit in layer.units),
        axis_labels=tuple(str(label) for label in layer.axis_labels),
    )
