"""What all parts of a session know in common: the image, what was painted on it, the rounds."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_unet.annotation.coding import LabelsAre
from napari_unet.errors import UserError
from napari_unet.session.canvas import Canvas
from napari_unet.session.choices import TrainingChoices
from napari_unet.session.history import Which
from napari_unet.session.image import ImageSource
from napari_unet.session.painting import Painting
from napari_unet.session.rounds import Rounds
from napari_unet.session.through import Through

NO_IMAGE = "No image is open; open one with File › Open, or a sample with File › Open Sample."


@dataclass(eq=False)
class State:
    """One image and all that belongs to it.

    Attributes
    ----------
    canvas
        Annotation and segmentation, with the undo over both.
    channels
        Channels of the image that the network sees.
    painting
        The annotation and what was said about it, ``None`` as long as there is none.
    generation
        Counts the images: what was prepared for another one is not shown any more.
    object_size_override
        Object size in px that the user gave, ``None`` where it is measured.
    device
        Where to segment.
    training_choices
        How the next training is to go.
    n_images
        How many images the project has.
    through
        Along which axes objects of different planes are one.

    Signals
    -------
    changed
        Image, annotation's kind, regions, object size or separation changed.
    """

    changed = Signal()

    canvas: Canvas = field(default_factory=Canvas)
    image: ImageSource | None = None
    channels: tuple[int, ...] = ()
    painting: Painting | None = None
    rounds: Rounds = field(default_factory=Rounds)
    generation: int = 0
    object_size_override: float | None = None
    device: str = "auto"
    training_choices: TrainingChoices = field(default_factory=TrainingChoices)
    n_images: int = 1
    through: Through = Through.NOTHING

    @property
    def annotation(self) -> NDArray[np.int32] | None:
        """What was painted, in the project's coding."""
        return self.canvas.arrays.get(Which.ANNOTATION)

    @property
    def segmentation(self) -> NDArray[np.int32] | None:
        """What is shown as the network's objects, annotation on top."""
        return self.canvas.arrays.get(Which.SEGMENTATION)

    @property
    def labels_are(self) -> LabelsAre:
        """Whether values ≥ 2 of the annotation are objects or classes."""
        return self.painting.labels_are if self.painting else LabelsAre.OBJECTS

    def need_image(self) -> ImageSource:
        """Return the image, or raise `UserError` where none is open."""
        if self.image is None:
            raise UserError(NO_IMAGE)
        return self.image

    def need_painting(self) -> Painting:
        """Return the painting, or raise `UserError` where nothing can be painted on yet."""
        if self.painting is None:
            raise UserError("There is no annotation layer yet; press “New annotation layer” and paint.")
        return self.painting
