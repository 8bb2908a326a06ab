"""The loop's two computations, on arrays: train on painted images, segment others.

The parts are loaded when they are first asked for, because most of them need torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_unet.workflow.annotated import AnnotatedImage, Stack
    from napari_unet.workflow.segmentation import Segmented, segment_image, separate_probabilities
    from napari_unet.workflow.training import TrainedModel, train_model
    from napari_unet.workflow.volume_segmentation import segment_volume

__all__ = [
    "AnnotatedImage",
    "Segmented",
    "Stack",
    "TrainedModel",
    "segment_image",
    "segment_volume",
    "separate_probabilities",
    "train_model",
]

_HOMES = {
    "AnnotatedImage": "annotated",
    "Segmented": "segmentation",
    "Stack": "annotated",
    "TrainedModel": "training",
    "segment_image": "segmentation",
    "segment_volume": "volume_segmentation",
    "separate_probabilities": "segmentation",
    "train_model": "training",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
