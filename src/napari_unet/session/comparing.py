"""Two rounds on one plane: both segment it, and what differs is told apart by what is annotated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.coding import FIRST, NOT_ANNOTATED, LabelsAre
from napari_unet.annotation.targets import complete_objects
from napari_unet.callbacks import OnProgress, ShouldStop
from napari_unet.errors import UserError
from napari_unet.objects.comparison import Comparison, compare
from napari_unet.objects.overlaps import holds
from napari_unet.session.image import ImageSource, Plane
from napari_unet.session.measuring import SizeQuestion
from napari_unet.session.rounds import Round
from napari_unet.session.state import State

if TYPE_CHECKING:
    from napari_unet.network.model_file import Model

BUNDLED_NAME = "Bundled network"


@dataclass(frozen=True, eq=False)
class Truth:
    """What is annotated on a plane: objects that are whole, and where anything is.

    Attributes
    ----------
    objects
        Shape ``(Y, X)``, int32; 0 where no complete object is.
    known
        Shape ``(Y, X)``, bool.
    """

    objects: NDArray[np.int32]
    known: NDArray[np.bool_]

    @classmethod
    def of(cls, labels: NDArray[np.int32], marked: frozenset[int] = frozenset()) -> Truth:
        """Read it off an annotation with its regions filled."""
        complete = complete_objects(labels, marked)
        whole = holds(labels, np.asarray(complete)) & (labels >= FIRST)
        return cls(np.where(whole, labels, 0).astype(np.int32), labels != NOT_ANNOTATED)


@dataclass(frozen=True, eq=False)
class ComparisonTask:
    """Two rounds that are ready to be compared on a plane.

    Attributes
    ----------
    models
        Give the networks, the earlier one first.
    labels
        The plane's annotation, regions filled; shape ``(Y, X)``.
    """

    image: ImageSource
    channels: tuple[int, ...]
    plane: Plane
    models: tuple[Callable[[], Model], Callable[[], Model]]
    size: SizeQuestion
    labels: NDArray[np.int32]
    marked: frozenset[int]
    device: str

    def run(self, on_progress: OnProgress, should_stop: ShouldStop) -> Comparison:
        """Segment twice and compare; safe in any thread.

        Raises
        ------
        Stopped
            When asked to.
        """
        from napari_unet.workflow import segment_image

        pixels, found = self.image.plane(self.plane, self.channels), []
        for i, load in enumerate(self.models):
            model = load()

            def report(fraction: float, message: str, i: int = i) -> None:
                on_progress((i + fraction) / 2, "Comparing …")

            segmented = segment_image(
                model,
                pixels,
                object_size=self.size.answer(model.description.magnification == "per image"),
                pixel_size_um=self.image.pixel_size_um,
                device=self.device,
                on_progress=report,
                should_stop=should_stop,
            )
            found.append(segmented.labels)
        truth = Truth.of(self.labels, self.marked)
        return compare(found[0], found[1], truth.objects, truth.known)


def prepare_comparison(
    state: State, size: SizeQuestion, plane: Plane, rounds: tuple[Round, Round]
) -> ComparisonTask:
    """Get ready to compare two rounds, the earlier one first.

    Raises
    ------
    UserError
        When there is no image, or classes are annotated, which have no objects to count.
    """
    image = state.need_image()
    if state.labels_are is LabelsAre.CLASSES:
        raise UserError("Rounds are compared object by object; you paint classes.")
    labels, marked = annotation_of(state, plane)
    first, second = rounds
    return ComparisonTask(
        image, state.channels, plane, (first.network.load, second.network.load), size, labels, marked,
        state.device,
    )  # fmt: skip


def annotation_of(state: State, plane: Plane) -> tuple[NDArray[np.int32], frozenset[int]]:
    """Return a copy of a plane's annotation, regions filled, and what was said to be complete."""
    painting = state.painting
    if painting is None:
        return np.zeros(state.need_image().plane_shape, np.int32), frozenset()
    return painting.with_regions(plane).copy(), painting.marked
