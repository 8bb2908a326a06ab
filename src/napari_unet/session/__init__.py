"""The state of one loop, evented; no Qt, no viewer, no threads."""

from napari_unet.session.history import Action, Which
from napari_unet.session.image import ImageSource, Plane, stack_channels
from napari_unet.session.session import SCRATCH, Session
from napari_unet.session.tasks import Round, SegmentationTask, TrainingTask

__all__ = [
    "SCRATCH",
    "Action",
    "ImageSource",
    "Plane",
    "Round",
    "SegmentationTask",
    "Session",
    "TrainingTask",
    "Which",
    "stack_channels",
]
