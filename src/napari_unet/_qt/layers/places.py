"""Where things are: the plane that is shown, the middle of the canvas, the object under a stroke."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from napari.layers import Labels, Layer

from napari_unet.annotation.coding import BACKGROUND

_SMALLEST, _ENLARGED, _LARGEST = 0.04, 0.12, 0.7
"""Parts of the canvas that a box takes: below the first it is enlarged to the second, above the last made to fit."""


def plane_shown(viewer: Any, layer: Layer, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the index of the plane that is shown, ``None`` when rows and columns are not what is seen.

    Parameters
    ----------
    shape
        Spatial shape of the image.
    """
    n = viewer.dims.ndim
    if tuple(viewer.dims.displayed) != (n - 2, n - 1):
        return None
    if len(shape) == 2:
        return ()
    position = np.asarray(layer.world_to_data(viewer.dims.point))[-len(shape) : -2]
    return tuple(int(i) for i in np.clip(np.round(position), 0, np.array(shape[:-2]) - 1))


def show_place(viewer: Any, layer: Layer, position: Sequence[int]) -> None:
    """Show a pixel of a layer in the middle of the canvas."""
    world = layer.data_to_world(position)
    for axis in range(len(world) - 2):
        viewer.dims.set_point(viewer.dims.ndim - len(world) + axis, world[axis])
    camera = viewer.scene.camera if hasattr(viewer, "scene") else viewer.camera
    camera.center = (0, float(world[-2]), float(world[-1]))


def show_box(viewer: Any, layer: Layer, position: Sequence[int], box: tuple[slice, ...]) -> None:
    """Show a box of a plane in the middle of the canvas; the zoom stays unless it is tiny or does not fit.

    Parameters
    ----------
    position
        A pixel of the layer on that plane; the box's middle is what is shown.
    """
    middle = [(side.start + side.stop) / 2 for side in box[-2:]]
    show_place(viewer, layer, (*position[:-2], *(round(m) for m in middle)))
    scene = viewer.scene if hasattr(viewer, "scene") else viewer
    side = max((s.stop - s.start) * float(scale) for s, scale in zip(box[-2:], layer.scale[-2:], strict=True))
    canvas = min(canvas_size(viewer))
    share = side * scene.camera.zoom / canvas
    if not _SMALLEST <= share <= _LARGEST:
        scene.camera.zoom = (_ENLARGED if share < _SMALLEST else _LARGEST) * canvas / max(side, 1e-9)


def canvas_size(viewer: Any) -> Sequence[int]:
    """Height and width of the canvas in px."""
    canvas = viewer.canvas if hasattr(viewer, "canvas") else viewer
    return tuple(getattr(canvas, "size", None) or getattr(canvas, "_canvas_size", (600, 600)))


def begins_new_object(
    layer: Labels, index: tuple[int, ...], is_used: Callable[[Sequence[int], int], bool]
) -> bool:
    """Whether a brush stroke that starts at this pixel lies off the object that the brush paints.

    A number that is not in use yet does not move on: the first stroke of an object keeps its own.

    Parameters
    ----------
    is_used
        Tells whether a plane of the annotation holds a number.
    """
    value = layer.selected_label
    if layer.mode != "paint" or value <= BACKGROUND:
        return False
    radius = max(1, int(layer.brush_size // 2))
    around = tuple(slice(max(i - radius, 0), max(i + radius + 1, 0)) for i in index[-2:])
    plane = np.asarray(layer.data[index[:-2]])
    return not (plane[around] == value).any() and is_used(index[:-2], value)
