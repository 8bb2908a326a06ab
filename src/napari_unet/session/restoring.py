"""From a project back into a session: read in any thread, put in place on the session's."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue, ValidationError

from napari_unet.annotation.coding import LabelsAre
from napari_unet.errors import UserError
from napari_unet.objects.separate import SeparationSettings
from napari_unet.project import ImageEntry, ImageState, PlaneProbabilities, Project
from napari_unet.session.described import regions_from_json, round_of
from napari_unet.session.history import Which
from napari_unet.session.image import Plane
from napari_unet.session.keeping import CURRENT_ROUND
from napari_unet.session.measuring import ASSUMED_OBJECT_SIZE
from napari_unet.session.notes import ObjectNotes
from napari_unet.session.rounds import Round
from napari_unet.session.session import Session
from napari_unet.session.stored import Stored


@dataclass(frozen=True, eq=False)
class Kept:
    """What a project holds of an image, in memory.

    Attributes
    ----------
    state
        Arrays and notes.
    current
        Number of the round that segments.
    sentences
        What the user must know: damage that was found.
    """

    state: ImageState
    rounds: tuple[Round, ...] = ()
    current: int | None = None
    probabilities: dict[Plane, PlaneProbabilities] = field(default_factory=dict)
    sentences: tuple[str, ...] = ()

    @property
    def notes(self) -> dict[str, JsonValue]:
        """What was noted about the image, by name."""
        return self.state.notes


def read_kept(project: Project, entry: ImageEntry) -> Kept:
    """Read all that a project holds of an image, and open it there; safe in any thread.

    Raises
    ------
    UserError
        If nothing of the image can be read.
    """
    state = entry.open()
    rounds, sentences = [], list(state.sentences)
    documents, damaged = project.rounds.all()
    for kept in documents:
        try:
            rounds.append(round_of(kept.document, kept.load()))
        except UserError as error:
            damaged.append(str(error))
    probabilities = {}
    for plane in entry.probabilities.planes():
        found = entry.probabilities.read(plane)
        if found is not None:
            probabilities[plane] = found
    current = project.notes.get(CURRENT_ROUND)
    return Kept(
        state,
        tuple(rounds),
        current if isinstance(current, int) else None,
        probabilities,
        (*sentences, *damaged),
    )


def restore(kept: Kept, session: Session) -> None:
    """Let a session on the same image be as it was when it was kept.

    Raises
    ------
    UserError
        If the image has another shape.
    """
    image, notes = session.state.need_image(), kept.notes
    for array in kept.state.arrays.values():
        if array.shape != image.spatial_shape:
            is_size, was_size = (" × ".join(map(str, s)) for s in (image.spatial_shape, array.shape))
            raise UserError(
                f"“{image.name}” is {is_size} px, what was kept is {was_size} px; open the image it belongs to."
            )
    channels = _channels(notes.get("channels"), image.n_channels)
    if channels:
        session.set_image(image, channels)
    _restore_painting(kept, session)
    segmentation = kept.state.arrays.get(Which.SEGMENTATION.value)
    if segmentation is not None:
        session.canvas.add(Which.SEGMENTATION, segmentation)
    size = notes.get("object_size")
    session.set_object_size(float(size) if isinstance(size, int | float) and 1 <= size <= 10_000 else None)
    _restore_rounds(kept, session)
    with suppress(ValidationError):  # those of the round, or the defaults, then
        session.separating.settings = SeparationSettings.model_validate(notes.get("separation"))
    for plane, found in kept.probabilities.items():
        if found.probabilities.shape[1:] == image.plane_shape and len(plane) == len(image.spatial_shape) - 2:
            size = found.typical_size or ASSUMED_OBJECT_SIZE / found.scale
            stored = Stored(found.probabilities, found.distance, found.scale, size)
            session.separating.stored.put_back(plane, stored)
    session.state.changed.emit()


def _restore_painting(kept: Kept, session: Session) -> None:
    labels, notes = kept.state.arrays.get(Which.ANNOTATION.value), kept.notes
    if labels is None:
        return
    labels_are = LabelsAre.CLASSES if notes.get("labels_are") == LabelsAre.CLASSES else LabelsAre.OBJECTS
    names, classes, complete = (notes.get(name) for name in ("class_names", "object_classes", "complete"))
    said = ObjectNotes(
        {int(k): int(v) for k, v in classes.items() if k.isdigit() and isinstance(v, int)}
        if isinstance(classes, dict)
        else {},
        frozenset(v for v in complete if isinstance(v, int)) if isinstance(complete, list) else frozenset(),
        tuple(str(name) for name in names) if isinstance(names, list) else (),
    )
    session.annotating.restore(labels, labels_are, regions_from_json(notes.get("regions")), said)


def _restore_rounds(kept: Kept, session: Session) -> None:
    session.rounds.all[:] = kept.rounds
    session.rounds.current = None
    current = next((done for done in kept.rounds if done.number == kept.current), None)
    if current is None and kept.rounds:
        current = kept.rounds[-1]
    if current is not None:
        session.use_round(current)
    else:
        session.rounds_changed.emit()


def _channels(kept: Any, n: int) -> list[int]:
    """Return which channels were chosen, none where an image of `n` channels has not all of them."""
    sound = isinstance(kept, list) and all(isinstance(c, int) and 0 <= c < n for c in kept)
    return kept if sound else []
