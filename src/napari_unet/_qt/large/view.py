"""A large layer as an image that is read box by box, and the part of it that one looks at."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image
from napari.utils.transforms import Affine
from numpy.typing import NDArray

from napari_unet._qt.layers.places import canvas_size
from napari_unet._qt.layers.sources import OURS, full_resolution, is_large, plane_geometry, source_of
from napari_unet.formats.axes import guess_axes
from napari_unet.formats.lazy import LazyImage, open_lazily
from napari_unet.workflow.blocks.grid import Box

PART = 2048
"""Side in px of the largest part that is worked on at a time."""
LEAST_PART = 512


def large_layers(viewer: Any) -> list[Image]:
    """Return the image layers that are too large to be painted on or segmented in one piece."""
    return [
        layer
        for layer in viewer.layers
        if isinstance(layer, Image) and OURS not in layer.metadata and is_large(layer)
    ]


def chosen_large(viewer: Any) -> Image | None:
    """Return the large layer that is meant: the selected one, else the topmost."""
    layers = large_layers(viewer)
    active = viewer.layers.selection.active
    return active if active in layers else layers[-1] if layers else None


def lazy_of(layer: Image) -> LazyImage:
    """Return a layer's full resolution as an image that is read box by box.

    Raises
    ------
    UserError
        When it has several planes.
    """
    data, path = full_resolution(layer), layer.source.path
    # Workers on the same disk may open the file themselves, if there is the same image in it.
    again = None if not path else partial(open_lazily, Path(path).resolve())
    axes = guess_axes(data, rgb=bool(layer.rgb))
    return LazyImage(layer.name, data, axes, source_of([layer]).pixel_size_um, again=again)


def box_in_view(viewer: Any, layer: Image) -> Box:
    """Return the part of a layer that the canvas shows, in px of its full resolution; it may reach beyond it."""
    camera = viewer.scene.camera if hasattr(viewer, "scene") else viewer.camera
    middle = np.asarray(camera.center, float)[-2:]
    reach = np.asarray(canvas_size(viewer), float) / 2 / camera.zoom
    leading = (0.0,) * (layer.ndim - 2)
    corners = [middle + reach * sign for sign in ((-1, -1), (-1, 1), (1, -1), (1, 1))]
    seen = np.array([layer.world_to_data((*leading, *corner))[-2:] for corner in corners])
    (y0, x0), (y1, x1) = np.floor(seen.min(axis=0)).astype(int), np.ceil(seen.max(axis=0)).astype(int)
    return int(y0), int(y1), int(x0), int(x1)


def part_in_view(viewer: Any, layer: Image, shape: tuple[int, int]) -> Box:
    """Return a part of at most `PART` px around the middle of what the canvas shows."""
    view = box_in_view(viewer, layer)
    sides = []
    for low, high, size in ((view[0], view[1], shape[0]), (view[2], view[3], shape[1])):
        side = min(max(high - low, LEAST_PART), PART, size)
        first = min(max((low + high - side) // 2, 0), size - side)
        sides += [first, first + side]
    return sides[0], sides[1], sides[2], sides[3]


def read_part(image: LazyImage, box: Box) -> NDArray[Any]:
    """Read a part: (Y, X), or (Y, X, C) of colours."""
    pixels = image.read(*box, image.shape[0])
    return pixels[0] if len(pixels) == 1 else np.ascontiguousarray(np.moveaxis(pixels, 0, -1))


def part_layer(layer: Image, pixels: NDArray[Any], box: Box) -> Image:
    """Return a layer that shows a part where it lies in the whole."""
    geometry = plane_geometry(layer)
    placing = {name: geometry[name] for name in ("scale", "translate", "rotate", "shear")}
    geometry["translate"] = Affine(**placing)((box[0], box[2]))
    made = Image(pixels, name=f"{layer.name} at {box[0]}, {box[2]}", rgb=bool(layer.rgb), **geometry)
    if not layer.rgb:
        made.contrast_limits = layer.contrast_limits
        made.colormap = layer.colormap
    return made
