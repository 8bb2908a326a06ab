"""The state of one loop, evented; no Qt, no viewer, no threads."""

from napari_unet.session.history import Action, Which
from napari_unet.session.image import ImageSource, Plane, stack_channels
from napari_unet.session.painting import Painting
from napari_unet.session.rounds import BUNDLED, SCRATCH, Round
from napari_unet.session.session import Session
from napari_unet.session.tasks import SegmentationTask, TrainingTask

__all__ = [
    "BUNDLED",
    "SCRATCH",
    "Action",
    "ImageSource",
    "Painting",
    "Plane",
    "Round",
    "SegmentationTask",
    "Session",
    "TrainingTask",
    "Which",
    "stack_channels",
]
