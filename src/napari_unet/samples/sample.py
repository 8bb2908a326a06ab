"""A sample: an image to try the loop on, with a few annotated objects to begin from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.coding import LabelsAre

LayerData = tuple[NDArray[Any], dict[str, Any], str]


@dataclass(frozen=True)
class Sample:
    """An image with an annotation that is enough to press Train.

    Attributes
    ----------
    name : str
        The image layer's name.
    image : (Y, X), (Y, X, 3), (Z, Y, X) or (T, Y, X) array
        Grey or RGB.
    annotation : (Y, X), (Z, Y, X) or (T, Y, X) int32
        In the project's coding: 0 not annotated, 1 background, 2 and up objects or classes.
    labels_are : LabelsAre
        What the values of the annotation are.
    class_names : tuple of str
        Names of the classes with the values 2, 3, …; empty for objects.
    truth : int32 array of the annotation's shape, or None
        All objects, 0 background, to score against where nothing was painted.
    sentence : str
        What is seen, for people.
    pixel_size_um : float or None
        Width of a pixel.
    axes : str
        One letter per axis of the annotation.
    step : float
        Distance of two planes: in µm along Z, in minutes along T.
    """

    name: str
    image: NDArray[Any]
    annotation: NDArray[np.int32]
    labels_are: LabelsAre
    class_names: tuple[str, ...]
    truth: NDArray[np.int32] | None
    sentence: str
    pixel_size_um: float | None = None
    axes: str = "YX"
    step: float = 1.0


def as_layers(sample: Sample) -> list[LayerData]:
    """Turn a sample into napari's layer data: the image, and the annotation with its coding.

    Parameters
    ----------
    sample : Sample

    Returns
    -------
    list of (data, attributes, layer type)
        An ``"image"`` and a ``"labels"`` layer named "<name> annotation", whose metadata tells coding, kind
        and class names under ``"napari_unet"``.
    """
    place: dict[str, Any] = {}
    if sample.pixel_size_um is not None:
        steps = {"Z": (sample.step, "um"), "T": (sample.step, "min")}
        scale, units = zip(
            *(steps.get(axis, (sample.pixel_size_um, "um")) for axis in sample.axes), strict=True
        )
        place = {"scale": scale, "units": units, "axis_labels": tuple(sample.axes)}
    rgb = sample.image.ndim > sample.annotation.ndim
    coding = {
        "coding": "project",
        "labels_are": str(sample.labels_are),
        "class_names": sample.class_names,
    }
    return [
        (sample.image, {"name": sample.name, "rgb": rgb, **place}, "image"),
        (
            sample.annotation.copy(),
            {"name": f"{sample.name} annotation", "metadata": {"napari_unet": coding}, **place},
            "labels",
        ),
    ]
