"""The loop's two computations, on arrays: train on painted images, segment others.

The parts are loaded when they are first asked for, because most of them need torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_unet.workflow.annotated import AnnotatedImage
    from napari_unet.workflow.segmentation import Segmented, segment_image, separate_probabilities
    from napari_unet.workflow.training import TrainedModel, train_model

__all__ = [
    "AnnotatedImage",
    "Segmented",
    "TrainedModel",
    "segment_image",
    "separate_probabilities",
    "train_model",
]

_HOMES = {
    "AnnotatedImage": "annotated",
    "Segmented": "segmentation",
    "TrainedModel": "training",
    "segment_image": "segmentation",
    "separate_probabilities": "segmentation",
    "train_model": "training",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
