"""What one sees: the place, the colours, which file a layer shows. Noted with a project, and shown again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari.layers import Layer
from napari.utils.colormaps.standardize_color import transform_color

from napari_unet._qt.layers.binding import Binding
from napari_unet._qt.project.appearance import appearance_of
from napari_unet.session import Which
from napari_unet.session.pictures import FILE_CHANNELS

FILE = "napari_unet_file"
"""Key in a layer's metadata: the file that it was read from, where napari does not know it."""
CHANNEL = "napari_unet_channel"
"""Key in a layer's metadata: which of its file's channels it shows."""


def file_of(layers: Sequence[Layer]) -> Path | None:
    """Return the file that these layers show, ``None`` where they came without one."""
    for layer in layers:
        path = said_file(layer)
        if path and Path(path).exists():
            return Path(path)
    return None


def said_file(layer: Layer) -> str | None:
    """Return the file that a layer was read from, be it there or not."""
    path = layer.metadata.get(FILE) or layer.source.path
    return str(path) if path else None


def sight_of(layers: Binding) -> dict[str, Any]:
    """Return what is seen now, as JSON; nothing where the viewer is gone."""
    viewer = layers.viewer()
    if viewer is None:
        return {}
    camera = _camera(viewer)
    place = {
        "center": [round(float(x), 3) for x in camera.center],
        "zoom": round(float(camera.zoom), 6),
        "point": [round(float(x), 3) for x in viewer.dims.point],
    }
    channels = [layer.metadata.get(CHANNEL) for layer in layers.images]
    return {
        **({FILE_CHANNELS: channels} if channels and None not in channels else {}),
        "place": place,
        "layers": [layer.name for layer in layers.images],
        "looks": appearance_of(layers),
        "colours": {"classes": list(layers.looks.class_colours), "by_class": layers.looks.colour_by_class},
    }


def show_colours(layers: Binding, kept: Any) -> None:
    """Colour the layers as they were."""
    if isinstance(kept, dict):
        colours = kept.get("classes")
        if isinstance(colours, list) and all(map(_is_colour, colours)):
            layers.looks.class_colours = colours
        layers.looks.colour_by_class = kept.get("by_class") is True
    for which in Which:
        layers.looks.colour(which)


def show_sight(layers: Binding, kept: Any) -> None:
    """Show the place that was looked at; what does not fit the viewer is left out."""
    viewer = layers.viewer()
    if viewer is None or not isinstance(kept, dict):
        return
    camera, center, zoom, point = _camera(viewer), kept.get("center"), kept.get("zoom"), kept.get("point")
    if _are_numbers(point) and len(point) == viewer.dims.ndim:
        for axis, value in enumerate(point[:-2]):
            viewer.dims.set_point(axis, value)
    if _are_numbers(center) and len(center) == 3 and _are_numbers([zoom]) and 0 < zoom < 1e9:
        camera.center, camera.zoom = tuple(center), zoom


def _camera(viewer: Any) -> Any:
    return viewer.scene.camera if hasattr(viewer, "scene") else viewer.camera


def _are_numbers(values: Any) -> bool:
    return isinstance(values, list) and all(
        isinstance(value, int | float) and math.isfinite(value) for value in values
    )


def _is_colour(value: Any) -> bool:
    try:
        return isinstance(value, str) and len(transform_color(value)) == 1
    except (ValueError, KeyError, AttributeError, TypeError):
        return False
