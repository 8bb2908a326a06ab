"""How the layers look: contrast, colours, opacity, brush. Noted with an image, and shown again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, Any

from napari.layers import Image, Labels
from napari.utils.colormaps import AVAILABLE_COLORMAPS
from pydantic import BaseModel, Field, ValidationError

from napari_unet._qt.layers.binding import Binding
from napari_unet._qt.layers.sources import image_layers
from napari_unet.session import Which

Value = Annotated[float, Field(ge=-1e15, le=1e15)]
Part = Annotated[float, Field(ge=0, le=1)]


class _ImageLook(BaseModel):
    visible: bool
    opacity: Part
    contrast: tuple[Value, Value] | None = None
    gamma: Annotated[float, Field(ge=0.2, le=2)] = 1.0
    colours: str = Field(default="", max_length=100)


class _LabelsLook(BaseModel):
    opacity: Part
    brush: Annotated[int, Field(ge=1, le=1000)]
    filled: bool


def appearance_of(layers: Binding) -> dict[str, Any]:
    """Return how annotation, segmentation and the images look, as JSON."""
    looks = {which.value: _of_labels(layer, layers.looks.filled[which]) for which, layer in _labels(layers)}
    return {**looks, "images": {layer.name: _of_image(layer) for layer in image_layers(layers.viewer())}}


def show_appearance(layers: Binding, kept: Any) -> None:
    """Let the layers look so again; what makes no sense, and layers of other names, are left as they are."""
    if not isinstance(kept, dict):
        return
    for which, layer in _labels(layers):
        with suppress(ValidationError):
            look = _LabelsLook.model_validate(kept.get(which.value))
            layer.opacity, layer.brush_size = look.opacity, look.brush
            layers.looks.filled[which] = look.filled
            layers.looks.colour(which)
    images = kept.get("images")
    for layer in image_layers(layers.viewer()):
        with suppress(ValidationError):
            _show(
                layer, _ImageLook.model_validate(images.get(layer.name) if isinstance(images, dict) else None)
            )


def _labels(layers: Binding) -> Iterator[tuple[Which, Labels]]:
    for which in Which:
        layer = layers.layer(which)
        if layer is not None:
            yield which, layer


def _of_labels(layer: Labels, filled: bool) -> dict[str, Any]:
    return {"opacity": float(layer.opacity), "brush": round(layer.brush_size), "filled": filled}


def _of_image(layer: Image) -> dict[str, Any]:
    look: dict[str, Any] = {"visible": bool(layer.visible), "opacity": float(layer.opacity)}
    if not layer.rgb:
        look["contrast"] = [float(limit) for limit in layer.contrast_limits]
        look["gamma"], look["colours"] = float(layer.gamma), str(layer.colormap.name)
    return look


def _show(layer: Image, look: _ImageLook) -> None:
    layer.visible, layer.opacity = look.visible, look.opacity
    if layer.rgb:
        return
    layer.gamma = look.gamma
    if look.contrast is not None and look.contrast[0] < look.contrast[1]:
        layer.contrast_limits = look.contrast
    if look.colours in AVAILABLE_COLORMAPS:
        layer.colormap = look.colours
