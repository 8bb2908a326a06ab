"""From a project back into a session: read in any thread, put in place on the session's."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from pydantic import JsonValue, ValidationError

from napari_unet.annotation.coding import LabelsAre
from napari_unet.errors import UserError
from napari_unet.objects.separate import SeparationSettings
from napari_unet.project import ImageEntry, ImageState, PlaneProbabilities, Project
from napari_unet.session.choices import TRAINING_CHOICES, TrainingChoices
from napari_unet.session.described import regions_from_json, round_of
from napari_unet.session.history import Which
from napari_unet.session.image import ImageSource, Plane
from napari_unet.session.keeping import CURRENT_ROUND
from napari_unet.session.lessons import corrections_from_json
from napari_unet.session.measuring import ASSUMED_OBJECT_SIZE
from napari_unet.session.naming import restore_planes
from napari_unet.session.notes import ObjectNotes
from napari_unet.session.painting import Painting
from napari_unet.session.rounds import LAST, Round
from napari_unet.session.session import Session
from napari_unet.session.stored import MOST_BYTES, Stored

if TYPE_CHECKING:
    from napari_unet.network.model_file import Model


@dataclass(frozen=True, eq=False)
class Kept:
    """What a project holds of an image, in memory.

    Attributes
    ----------
    state
        Arrays and notes.
    current
        Number of the round that segments.
    choices
        What was chosen for the next training.
    files
        Model files to start from, by their keys.
    sentences
        What the user must know: damage that was found.
    """

    state: ImageState
    rounds: tuple[Round, ...] = ()
    current: int | None = None
    probabilities: dict[Plane, PlaneProbabilities] = field(default_factory=dict)
    choices: TrainingChoices = field(default_factory=TrainingChoices)
    files: dict[str, Model] = field(default_factory=dict)
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
    kept = read_image_only(entry)
    rounds = []
    documents, damaged = project.rounds.all()
    current = project.notes.get(CURRENT_ROUND)
    for i, document in enumerate(documents):
        soon = document.document.number == current or i >= len(documents) - LAST
        try:
            rounds.append(round_of(document, load=soon))
        except UserError as error:
            damaged.append(str(error))
    choices = TrainingChoices.read(project.notes.get(TRAINING_CHOICES))
    return Kept(
        kept.state,
        tuple(rounds),
        current if isinstance(current, int) else None,
        kept.probabilities,
        choices,
        _model_files(choices.start),
        (*kept.sentences, *damaged),
    )


def read_image_only(entry: ImageEntry) -> Kept:
    """Read what a project holds of an image, where the rounds are known already; safe in any thread."""
    state = entry.open()
    probabilities: dict[Plane, PlaneProbabilities] = {}
    room = MOST_BYTES
    for plane in entry.probabilities.planes():
        found = entry.probabilities.read(plane) if room > 0 else None
        if found is not None:
            probabilities[plane] = found
            room -= found.probabilities.nbytes
    sentences = (*state.sentences, *_without_negative_values(state))
    return Kept(state, probabilities=probabilities, sentences=sentences)


def restore(kept: Kept, session: Session) -> None:
    """Let a session on the same image be as it was when it was kept.

    Raises
    ------
    UserError
        If the image has another shape.
    """
    image, notes = session.state.need_image(), kept.notes
    check_fits(kept.state, image)
    channels = channels_of(notes.get("channels"), image.n_channels)
    if channels:
        session.set_image(image, channels)
    restore_painting(kept, session)
    session.set_object_size(size_of(notes))
    session.rounds.files.update(kept.files)
    _restore_rounds(kept, session)
    with suppress(ValidationError):  # those of the round, or the defaults, then
        session.separating.settings = SeparationSettings.model_validate(notes.get("separation"))
    restore_segmentation(kept, session)
    restore_planes(notes, session.state, session.segmenting.linking)
    session.state.training_choices = kept.choices
    session.state.changed.emit()


def check_fits(state: ImageState, image: ImageSource) -> None:
    """Raise `UserError` where what was kept is of another size than the image."""
    for array in state.arrays.values():
        if array.shape != image.spatial_shape:
            is_size, was_size = (" × ".join(map(str, s)) for s in (image.spatial_shape, array.shape))
            raise UserError(
                f"“{image.name}” is {is_size} px, what was kept is {was_size} px; open the image it belongs to."
            )


def painting_of(state: ImageState) -> Painting | None:
    """Return what was painted and said about it, ``None`` where no annotation was begun."""
    labels, notes = state.arrays.get(Which.ANNOTATION.value), state.notes
    if labels is None:
        return None
    names, classes, complete = (notes.get(name) for name in ("class_names", "object_classes", "complete"))
    return Painting(
        labels,
        LabelsAre.CLASSES if notes.get("labels_are") == LabelsAre.CLASSES else LabelsAre.OBJECTS,
        tuple(str(name) for name in names) if isinstance(names, list) else (),
        regions_from_json(notes.get("regions")),
        frozenset(v for v in complete if _is_number(v)) if isinstance(complete, list) else frozenset(),
        {int(k): v for k, v in classes.items() if _is_value(k) and _is_number(v)}
        if isinstance(classes, dict)
        else {},
        corrections_from_json(notes.get("corrections")),
    )


def restore_painting(kept: Kept, session: Session, class_names: tuple[str, ...] = ()) -> bool:
    """Put back the annotation and what was said about it; tell whether there was one.

    Parameters
    ----------
    class_names
        Those of the image that was open before: the newer ones.
    """
    painting = painting_of(kept.state)
    if painting is None:
        return False
    names = (*class_names, *painting.class_names[len(class_names) :])
    said = ObjectNotes(painting.object_classes, painting.marked, names, painting.corrections)
    session.annotating.restore(painting.labels, painting.labels_are, painting.regions, said)
    return True


def restore_segmentation(kept: Kept, session: Session) -> None:
    """Put back what the network found, and the probabilities that it was made of."""
    image = session.state.need_image()
    segmentation = kept.state.arrays.get(Which.SEGMENTATION.value)
    if segmentation is not None:
        session.canvas.add(Which.SEGMENTATION, segmentation)
    for plane, found in kept.probabilities.items():
        if found.probabilities.shape[1:] == image.plane_shape and len(plane) == len(image.spatial_shape) - 2:
            size = found.typical_size or ASSUMED_OBJECT_SIZE / found.scale
            stored = Stored(found.probabilities, found.distance, found.scale, size)
            session.separating.stored.put_back(plane, stored)


def size_of(notes: dict[str, JsonValue]) -> float | None:
    """Return the object size in px that the user set."""
    size = notes.get("object_size")
    return float(size) if isinstance(size, int | float) and 1 <= size <= 10_000 else None


def channels_of(kept: Any, n: int) -> list[int]:
    """Return which channels were chosen, none where an image of `n` channels has not all of them."""
    sound = isinstance(kept, list) and all(isinstance(c, int) and 0 <= c < n for c in kept)
    return kept if sound else []


def _without_negative_values(state: ImageState) -> list[str]:
    """Make pixels 0 whose value no object can have: those of a file that somebody or something changed."""
    sentences = []
    for which, array in state.arrays.items():
        if array.size and array.min() < 0:
            array[array < 0] = 0
            sentences.append(
                f"The {which} held negative values, which no object can have; they are empty now."
            )
    return sentences


def _is_number(kept: object) -> TypeGuard[int]:
    """Tell whether something can be an object's value or a class's number."""
    return isinstance(kept, int) and not isinstance(kept, bool) and 0 <= kept < 2**31


def _is_value(text: str) -> bool:
    """Tell whether the name of a field can be an object's value."""
    return text.isascii() and text.isdecimal() and len(text) <= 10 and _is_number(int(text))


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


def _model_files(start: str) -> dict[str, Model]:
    """Return the model file from which the next training was to start, where it is there still."""
    if not start.endswith(".safetensors") or not Path(start).is_file():
        return {}
    from napari_unet.network.model_file import load_model

    with suppress(UserError):
        return {start: load_model(Path(start))}
    return {}
