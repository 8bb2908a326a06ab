"""The loop's two computations, on arrays: train on painted images, segment others."""

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
