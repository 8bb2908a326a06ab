"""What live work does in its threads: snapshots taken on the owner's thread, run on another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.coding import LabelsAre
from napari_unet.callbacks import ShouldStop
from napari_unet.session.backdrop import Backdrop
from napari_unet.session.image import ImageSource
from napari_unet.session.live.placing import put_into
from napari_unet.session.live.view import Place
from napari_unet.session.painting import Painting
from napari_unet.session.round_network import RoundNetwork
from napari_unet.session.separating import scaled

if TYPE_CHECKING:
    from napari_unet.network.model_file import Model, ModelDescription
    from napari_unet.objects.separate import SeparationSettings
    from napari_unet.workflow.fields import Field
    from napari_unet.workflow.preview import Preview


@dataclass(frozen=True, eq=False)
class Eye:
    """The network that looks at an image, and how large it sees it.

    Attributes
    ----------
    weights
        ``None`` for the bundled network, which is read when it is first used.
    given
        Diameter (px) of an object that the user said.
    known
        The one that was measured or found.
    """

    image: ImageSource
    channels: tuple[int, ...]
    weights: RoundNetwork | None
    given: float | None
    known: float | None
    device: str

    def network(self) -> Model:
        """Return the model; safe in any thread."""
        from napari_unet.network.bundled import bundled_for

        return bundled_for(len(self.channels)) if self.weights is None else self.weights.load()

    def scale(self) -> float:
        """Return network px per image px; safe in any thread."""
        from napari_unet.workflow.scale import scale_of

        description = self.network().description
        size = self.given or (self.known if description.magnification == "per image" else None)
        return scale_of(description, size, self.image.pixel_size_um)

    def see(self, place: Place, should_stop: ShouldStop) -> Field:
        """Look at a place; safe in any thread."""
        from napari_unet.workflow.fields import grey_range_of, see_field

        model, pixels = self.network(), self.image.plane(place.plane, self.channels)
        return see_field(
            model,
            pixels,
            place.plane,
            place.box,
            place.reduction,
            self.scale(),
            grey_range_of(model, pixels),
            self.device,
            should_stop,
        )

    def measure(self, place: Place, should_stop: ShouldStop) -> float | None:
        """Return how large (px) the network finds objects to be on a plane; safe in any thread."""
        from napari_unet.network.scaling import normalise
        from napari_unet.workflow.fields import grey_range_of
        from napari_unet.workflow.magnification import estimate_object_size

        model, pixels = self.network(), self.image.plane(place.plane, self.channels)
        grey = normalise(pixels, grey_range_of(model, pixels))
        return estimate_object_size(model, grey, self.device, should_stop)


@dataclass(frozen=True, eq=False)
class FitTask:
    """Strokes in fields, ready to be learned from.

    Attributes
    ----------
    parts
        Fields, and what is annotated in each: labels of its box, regions applied.
    """

    parts: Sequence[tuple[Field, NDArray[np.int32]]]
    labels_are: LabelsAre
    object_classes: dict[int, int]
    n_named: int
    trained: bool
    last: Preview | None

    @classmethod
    def of(cls, fields: Sequence[Field], painting: Painting, trained: bool, last: Preview | None) -> FitTask:
        """Take what is painted in fields now; those without strokes are left out."""
        parts = []
        for seen in fields:
            y0, y1, x0, x1 = seen.box
            labels = painting.with_regions(seen.plane, (slice(y0, y1), slice(x0, x1)))
            if labels.any():
                parts.append((seen, labels))
        classes, n_named = dict(painting.object_classes), len(painting.class_names)
        return cls(parts, painting.labels_are, classes, n_named, trained, last)

    def run(self) -> Preview | None:
        """Fit a head; ``None`` as long as one class only is painted. Safe in any thread."""
        from napari_unet.workflow.preview import annotated_pixels, fit_preview

        objects = self.labels_are is LabelsAre.OBJECTS
        if objects:
            n_classes = max([1, *self.object_classes.values(), self.n_named]) + 1
        else:
            largest = max((int(labels.max(initial=0)) for _, labels in self.parts), default=0)
            n_classes = max(largest, self.n_named + 1, 2)
        classes = self.object_classes if objects else None
        pixels = [annotated_pixels(field, labels, self.labels_are, classes) for field, labels in self.parts]
        return fit_preview(pixels, n_classes, self.trained, self.last)


@dataclass(frozen=True, eq=False)
class Overlay:
    """How a place is shown.

    Attributes
    ----------
    settled
        The whole plane ``(Y, X)``, numbers kept, annotation on top.
    labels
        The same before that.
    entropy
        float32 of the place's box: 0 the preview is sure, 1 it has no idea.
    looked
        What the network is like that looked, and network px per image px.
    """

    place: Place
    backdrop: Backdrop
    settled: NDArray[np.int32]
    labels: NDArray[np.int32]
    entropy: NDArray[np.float32]
    looked: tuple[ModelDescription, float]


@dataclass(frozen=True, eq=False)
class ShowTask:
    """A field that is ready to be shown.

    Attributes
    ----------
    seen
        What was seen there, or ``None``: then it is looked at first, and not kept.
    settings
        In px² of the image; ``None`` as long as nobody chose any: then those of the network that looks.
    size
        Diameter (px) of a typical object, where known.
    """

    eye: Eye
    place: Place
    seen: Field | None
    preview: Preview
    backdrop: Backdrop
    shape: tuple[int, int]
    settings: SeparationSettings | None
    size: float | None

    def run(self, should_stop: ShouldStop) -> Overlay:
        """Make the overlay; safe in any thread."""
        from napari_unet.network.scaling import resample_probability
        from napari_unet.objects.separate import SeparationSettings
        from napari_unet.workflow.preview import preview_labels

        seen = self.seen or self.eye.see(self.place, should_stop)
        description, scale = self.eye.network().description, self.eye.scale()
        settings = self.settings or scaled(
            SeparationSettings.model_validate(description.separation), 1 / scale
        )
        probabilities = self.preview.probabilities(seen)
        found = preview_labels(probabilities, seen, settings, self.backdrop.labels_are, self.size)
        labels = put_into(self.backdrop.before, self.shape, seen.box, found, self.backdrop.labels_are)
        y0, y1, x0, x1 = seen.box
        entropy = resample_probability(entropy_of(probabilities)[None], (y1 - y0, x1 - x0))[0]
        place = Place(seen.plane, seen.box, seen.reduction)
        settled = self.backdrop.settle(labels)
        return Overlay(place, self.backdrop, settled, labels, entropy, (description, scale))


def entropy_of(probabilities: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Return the entropy of class probabilities (K, Y, X), 0 (sure) to 1 (no idea)."""
    p = np.clip(probabilities, 1e-6, 1.0)
    entropy: NDArray[np.float32] = (-(p * np.log(p)).sum(axis=0) / np.log(p.shape[0])).astype(np.float32)
    return entropy
