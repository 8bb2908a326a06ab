"""How large the painted objects are, measured where it disturbs nobody, and the scale that follows from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_unet.annotation.coding import LabelsAre
from napari_unet.annotation.weight_map import WeightMapSettings
from napari_unet.errors import UserError
from napari_unet.session.painting import Painting
from napari_unet.session.state import State

if TYPE_CHECKING:
    from napari_unet.network.model_file import ModelDescription

ASSUMED_OBJECT_SIZE = 28.0
"""Diameter in px that is assumed as long as no complete object was painted and none was given."""


@dataclass(frozen=True)
class Measured:
    """What an annotation says about sizes.

    Attributes
    ----------
    object_size
        Median diameter (px) of the complete objects, ``None`` as long as there is none.
    scale
        Network px per image px that a first training would choose.
    """

    object_size: float | None
    scale: float


@dataclass(frozen=True, eq=False)
class SizeQuestion:
    """How large the objects are for a network, asked on one thread and answered on another.

    Attributes
    ----------
    given
        Diameter (px) that the user gave.
    measured
        What is known of the complete objects, or what is still to be measured.
    found
        Diameter (px) that a network found in the image before.
    """

    given: float | None = None
    measured: Measured | MeasuringTask | None = None
    found: float | None = None

    def answer(self, per_image: bool) -> float | None:
        """Return the diameter in px to segment with; ``None`` where the network decides.

        Parameters
        ----------
        per_image
            Whether the network wants to see every image at the scale of its own objects; others keep that of their
            training unless the user gave a size.
        """
        if self.given is not None or not per_image:
            return self.given
        measured = self.measured.run() if isinstance(self.measured, MeasuringTask) else self.measured
        return (measured.object_size if measured is not None else None) or self.found


@dataclass(frozen=True, eq=False)
class MeasuringTask:
    """A measurement that is ready to run; a plane of 2048² with 500 objects takes a good tenth of a second.

    Attributes
    ----------
    painting
        A copy that shares the pixels: a stroke that comes meanwhile is half in it, and makes it out of date.
    object_size
        Diameter (px) that the user gave, ``None`` where it is to be measured.
    """

    painting: Painting
    object_size: float | None

    def run(self) -> Measured:
        """Measure; safe in any thread."""
        from napari_unet.workflow.size import initial_scale, measure_object_size

        images = self.painting.snapshot(None, ())
        labels_are = self.painting.labels_are
        measured = measure_object_size(images) if labels_are is LabelsAre.OBJECTS else None
        return Measured(measured, initial_scale(images, labels_are, self.object_size or measured))


class Sizes:
    """Object size and scale of a session; what was measured holds until something else is painted."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._last: Measured | None = None
        self._measured: MeasuringTask | None = None
        self._found: float | None = None

    @property
    def last(self) -> Measured | None:
        """What was measured last on this annotation, perhaps before the latest strokes."""
        return self._last if self._measured is not None and self._is_of_now(self._measured) else None

    @property
    def found(self) -> float | None:
        """Diameter (px) that a network found in the image."""
        return self._found

    @property
    def known(self) -> bool:
        """Whether `object_size` knows the size without measuring, though perhaps from before the last strokes."""
        state = self._state
        return state.painting is None or state.object_size_override is not None or self.last is not None

    def object_size(self, anew: bool = True) -> tuple[float, str]:
        """Return the object size in px in use and where it comes from.

        "set by you", "measured" on complete objects, "found in the image" by a network, or "assumed".

        Parameters
        ----------
        anew
            Measure what was painted since the last measurement; otherwise its result holds.
        """
        if self._state.object_size_override:
            return self._state.object_size_override, "set by you"
        measured = self._measure(anew).object_size if self._state.painting else None
        if measured:
            return measured, "measured"
        return (self._found, "found in the image") if self._found else (ASSUMED_OBJECT_SIZE, "assumed")

    def ask(self) -> SizeQuestion:
        """Get ready to tell a segmentation how large objects are."""
        state = self._state
        measured = self.prepare() or self.last
        return SizeQuestion(state.object_size_override, measured, self._found)

    def take_found(self, size: float | None) -> None:
        """Take the size in px that a network found in the image; ``None`` for another image."""
        self._found = size

    def set(self, size: float | None) -> None:
        """Set the object size in px; ``None`` goes back to measuring it."""
        if size is not None and not 1 <= size <= 10_000:
            raise UserError(f"An object size of {size:g} px makes no sense; give 1 to 10,000 px.")
        self._state.object_size_override = size

    def scale(self, anew: bool = True) -> float:
        """Return network px per image px: of the current round, or what a first training would choose.

        Parameters
        ----------
        anew
            As in `object_size`.
        """
        state = self._state
        if state.rounds.current is not None:
            return self.scale_for(state.rounds.current.description, anew)
        return self._measure(anew).scale if state.painting else 1.0

    def scale_for(self, description: ModelDescription, anew: bool = True) -> float:
        """Return network px per image px at which a network would see the image."""
        from napari_unet.workflow.scale import scale_of

        state, size = self._state, self._state.object_size_override
        if description.magnification == "per image":
            known, origin = self.object_size(anew)
            size = None if origin == "assumed" else known
        return scale_of(description, size, state.image.pixel_size_um if state.image else None)

    def border_reach(self) -> float:
        """Return how far (image px) the border weight reaches around an object: three σ at the network's scale."""
        return 3.0 * WeightMapSettings().sigma / max(self.scale(anew=False), 1e-3)

    def prepare(self) -> MeasuringTask | None:
        """Get ready to measure; ``None`` where nothing changed since the last time."""
        painting, override = self._state.painting, self._state.object_size_override
        done = self._measured
        if painting is None or (
            done is not None
            and self._is_of_now(done)
            and (done.painting.version, done.object_size) == (painting.version, override)
        ):
            return None
        # The task may run in another thread while painting goes on.
        return MeasuringTask(replace(painting, object_classes=dict(painting.object_classes)), override)

    def finish(self, task: MeasuringTask, measured: Measured) -> bool:
        """Take what a task measured, unless another annotation was started meanwhile.

        Returns
        -------
        bool
            Whether the sizes are other ones now.
        """
        if not self._is_of_now(task):
            return False
        other = measured != self.last
        self._last, self._measured = measured, task
        return other

    def _measure(self, anew: bool) -> Measured:
        self._state.need_painting()
        task = self.prepare() if anew or self.last is None else None
        if task is not None:
            self.finish(task, task.run())
        assert self._last is not None
        return self._last

    def _is_of_now(self, task: MeasuringTask) -> bool:
        painting = self._state.painting
        return painting is not None and painting.labels is task.painting.labels
