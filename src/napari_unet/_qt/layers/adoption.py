"""Labels that were made elsewhere: what their maker said, and whether they can be edited as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Labels, Layer

from napari_unet.annotation.coding import Coding, LabelsAre

SAID = "napari_unet"
"""Key in a layer's metadata under which its maker says the coding; samples do."""


def coding_said_by(layer: Layer) -> tuple[Coding, LabelsAre, tuple[str, ...]] | None:
    """Return coding, kind and class names that came with a layer, ``None`` where nobody said them."""
    said: Any = layer.metadata.get(SAID) if isinstance(layer, Labels) else None
    if not isinstance(said, dict) or "coding" not in said or "labels_are" not in said:
        return None
    return Coding(said["coding"]), LabelsAre(said["labels_are"]), tuple(said.get("class_names", ()))


def fits_as_it_is(layer: Labels, coding: Coding) -> bool:
    """Whether the layer's own array can become the annotation that is painted on."""
    return (
        coding is Coding.PROJECT
        and isinstance(layer.data, np.ndarray)
        and layer.data.dtype == np.int32
        and layer.data.flags.writeable
    )
