"""napari-unet: paint a few cells, press Train, correct, train again.

What is listed here is loaded when it is first used, so that importing the package stays fast and loads
neither PyTorch nor Qt nor napari.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_unet.annotation.coding import Coding, LabelsAre, from_annotation, to_annotation
    from napari_unet.annotation.targets import make_target
    from napari_unet.annotation.weight_map import WeightMapSettings, weight_map
    from napari_unet.errors import UserError
    from napari_unet.formats.images import read_image, read_labels, to_channels_first, write_labels
    from napari_unet.network.model_file import load_model, save_model
    from napari_unet.network.training import TrainingSettings
    from napari_unet.objects.measures import match
    from napari_unet.synthetic.cells import touching_cells
    from napari_unet.workflow import AnnotatedImage, segment_image, train_model

__version__ = "0.1.0"

__all__ = [
    "AnnotatedImage",
    "Coding",
    "LabelsAre",
    "TrainingSettings",
    "UserError",
    "WeightMapSettings",
    "__version__",
    "from_annotation",
    "load_model",
    "make_target",
    "match",
    "read_image",
    "read_labels",
    "save_model",
    "segment_image",
    "to_annotation",
    "to_channels_first",
    "touching_cells",
    "train_model",
    "weight_map",
    "write_labels",
]

_HOMES = {
    "AnnotatedImage": "workflow",
    "Coding": "annotation.coding",
    "LabelsAre": "annotation.coding",
    "TrainingSettings": "network.training",
    "UserError": "errors",
    "WeightMapSettings": "annotation.weight_map",
    "from_annotation": "annotation.coding",
    "load_model": "network.model_file",
    "make_target": "annotation.targets",
    "match": "objects.measures",
    "read_image": "formats.images",
    "read_labels": "formats.images",
    "save_model": "network.model_file",
    "segment_image": "workflow",
    "to_annotation": "annotation.coding",
    "to_channels_first": "formats.images",
    "touching_cells": "synthetic.cells",
    "train_model": "workflow",
    "weight_map": "annotation.weight_map",
    "write_labels": "formats.images",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
