"""Everything that is done in a session goes into a project as it is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from pydantic import JsonValue

from napari_unet.errors import UserError
from napari_unet.project import ImageEntry, KeptRound, Project, RoundDocument
from napari_unet.session.choices import TRAINING_CHOICES
from napari_unet.session.described import describe_round, regions_as_json
from napari_unet.session.history import Action, Which
from napari_unet.session.image import Plane
from napari_unet.session.lessons import corrections_as_json
from napari_unet.session.recording import installed, with_revision
from napari_unet.session.rounds import Round
from napari_unet.session.session import Session
from napari_unet.session.tasks import TrainingTask

CURRENT_ROUND = "current_round"
"""Name of the project's note of which round segments."""
OPEN_IMAGE = "open_image"
"""Name of the project's note of which image was worked on last."""

BEFORE = (
    "The annotation of before is kept in a snapshot of the project (Project › Open project … › snapshots)."
)
NOT_BEFORE = (
    "The annotation of before could not be kept in a snapshot of the project: take its layer, hidden in the layer "
    "list, under “Use labels that exist”, or save it with File › Save."
)
SETTINGS = {"object_size", "channels", "separation", "axes", "linking", "class_names", "labels_are"}
"""Notes whose values stand in the history."""

_NOTHING = object()


class Keeper:
    """Binds a session to an image of a project, from now on until `close`.

    All methods are called on the session's thread and return at once; the project's own thread writes.

    Parameters
    ----------
    session : Session
    project : Project
    entry : ImageEntry
        Opened.
    written : bool
        The project holds what the session holds, as it was just read from it; otherwise all of it is written.
    before : Keeper, optional
        What kept another image of the project until now: its rounds are the same.
    """

    def __init__(
        self,
        session: Session,
        project: Project,
        entry: ImageEntry,
        written: bool = False,
        before: Keeper | None = None,
    ) -> None:
        self.project, self.entry = project, entry
        self._session = session
        self._noted: dict[str, object] = {}  # what was noted last, as the session holds it
        self._rounds: dict[Round, int] = {}  # number that each has in the project
        self._names: dict[Round, str] = {}  # under which each was kept
        self._probabilities: dict[Plane, Any] = {}
        self._was_painted = self._ended = False
        self._is_new = True
        self._trained_on = 0  # the state of the annotation when the last training began
        self._replaced: Future[None] | None = None  # a snapshot on its way
        self._revisions: dict[int, str] = {}  # what was kept of it, by the number of the round
        self._canvas = session.canvas
        there = entry.arrays if written or before is not None else ()
        self._arrays = {which for which in self._canvas.arrays if which.value in there}
        for which in set(self._canvas.arrays) - self._arrays:
            self._keep_array(which)
        if written:
            self._rounds = {done: done.number for done in session.rounds.all}
            self._names = {done: done.name for done in session.rounds.all}
            self._probabilities = session.separating.stored.all()
            self._noted = {name: source for name, source, _ in self._sources()}
            self._noted[CURRENT_ROUND] = session.current
            self._noted[TRAINING_CHOICES] = session.state.training_choices
        if before is not None:
            self._rounds, self._revisions = before._rounds, before._revisions
            self._names = before._names
            self._probabilities = session.separating.stored.all()
            self._noted = {name: before._noted.get(name) for name in (CURRENT_ROUND, TRAINING_CHOICES)}
        self._canvas.applied.connect(self._keep_action)
        self._canvas.array_replaced.connect(self._keep_other_array)
        session.rounds_changed.connect(self.keep_rounds)
        session.state_changed.connect(self.keep_settings)
        if project.notes.get(OPEN_IMAGE) != entry.id:
            project.note(OPEN_IMAGE, entry.id)
        self._look_for_work()
        self.keep_settings()
        self.keep_rounds()

    def close(self) -> None:
        """Keep nothing more; the project stays open."""
        self._canvas.applied.disconnect(self._keep_action)
        self._canvas.array_replaced.disconnect(self._keep_other_array)
        self._session.rounds_changed.disconnect(self.keep_rounds)
        self._session.state_changed.disconnect(self.keep_settings)
        self._session.state.n_images = 1

    @property
    def is_of_now(self) -> bool:
        """Whether the session still works on what is kept. With an image of another shape it begins anew, for ever."""
        image, painted = self._session.image, self._session.painting is not None
        other = image is None or image.spatial_shape != self.entry.description.spatial_shape
        self._ended = self._ended or other or (self._was_painted and not painted)
        self._was_painted = self._was_painted or painted
        return not self._ended

    def note(self, name: str, value: JsonValue) -> None:
        """Keep a small thing that the session does not know: the place looked at, colours."""
        if self._noted.get(name, _NOTHING) != value:
            self._noted[name] = value
            self._tell(self.entry.note, name, value)

    def note_training(self, task: TrainingTask, start: str) -> TrainingTask:
        """Note that a training begins; return the task that keeps all that goes into it, so that it can be repeated."""
        self._trained_on = self.entry.sequence
        said: dict[str, JsonValue] = {"start": start, "settings": task.settings.model_dump(mode="json")}
        self.note("training", said["settings"])
        self.project.log("Train", self.entry.id, sequence=self._trained_on, versions={**installed()}, **said)
        begun_from = next(
            (self._rounds.get(done) for done in self._session.rounds.all if done.key == start), None
        )
        return with_revision(task, self.project, self.entry.id, start, begun_from, self._revisions)

    def keep_settings(self) -> None:
        """Keep what was said since the last time; cheap where there is nothing new."""
        if not self.is_of_now:
            return
        state = self._session.state
        state.n_images = len(self.project.images)
        self._tell_of_replaced()
        if self._noted.get(TRAINING_CHOICES) != state.training_choices:
            self._noted[TRAINING_CHOICES] = state.training_choices
            chosen = state.training_choices.model_dump(mode="json")
            self.project.note(TRAINING_CHOICES, chosen)
            self.project.log("Set", self.entry.id, training=chosen)
        if self._session.regions:
            self.begin_work()
        for name, source, as_json in self._sources():
            if self._noted.get(name, _NOTHING) is not source:
                other = self._noted.get(name, _NOTHING) != source
                self._noted[name] = source
                if other:
                    value = as_json(source)
                    self._tell(self.entry.note, name, value)
                    if name in SETTINGS:
                        self.project.log("Set", self.entry.id, **{name: value})
        self._keep_probabilities()

    def begin_work(self) -> None:
        """Note that something is annotated on the image, where it was new."""
        if self._is_new:
            self._is_new = False
            summary = next((image for image in self.project.images if image.id == self.entry.id), None)
            if summary is not None and summary.progress == "new":
                self.project.set_progress(self.entry.id, "work")

    def keep_rounds(self) -> None:
        """Keep the rounds that are new, and which one is the current one."""
        for done in self._session.rounds.all:
            if done not in self._rounds:
                number = max(done.number, self.project.rounds.next_number)
                self._rounds[done] = number
                seen = dict(done.revisions) or {self.entry.id: self._trained_on}
                document = describe_round(done, number, seen, self._revisions.get(done.number, ""))
                self._tell(self._keep_round, done, document)
                self.project.log("Round", self.entry.id, number=number, name=done.name)
            elif self._names.get(done, done.name) != done.name:
                self._tell(self.project.rounds.rename, self._rounds[done], done.name)
            self._names[done] = done.name
        current = self._session.current
        if self._noted.get(CURRENT_ROUND) is not current:
            self._noted[CURRENT_ROUND] = current
            used = None if current is None else self._rounds[current]
            self.project.note(CURRENT_ROUND, used)
            self.project.log("Use round", self.entry.id, number=used)

    def number_of(self, done: Round) -> int:
        """Return the number that a round has in the project."""
        return self._rounds[done]

    def move(self, project: Project, entry: ImageEntry, since: int, there: Sequence[KeptRound]) -> None:
        """Go on in a copy of the project.

        Parameters
        ----------
        entry
            The image in the copy, opened.
        since
            Number of the last change that the copy surely holds: where there were later ones, all is written anew.
        there
            The rounds of the copy, read in a thread: hundreds of files.
        """
        behind = self.entry.sequence != since
        self.project, self.entry = project, entry
        numbered = {kept.document.number: kept for kept in there}
        self._rounds = {done: number for done, number in self._rounds.items() if number in numbered}
        for done, number in self._rounds.items():
            done.network.keep_as(numbered[number])
        self._noted.pop(CURRENT_ROUND, None)
        if behind:
            self._noted.clear()
            for which in self._canvas.arrays:
                self._keep_array(which)
        self.keep_settings()
        self.keep_rounds()

    # ---- inside --------------------------------------------------------------------------------------------

    def _sources(self) -> list[tuple[str, Any, Callable[[Any], Any]]]:
        """Return what there is to note: name, the session's own value, and how that is written.

        A value that was noted is known again by identity, so that a thousand regions cost nothing with every stroke.
        """
        state, painting = self._session.state, self._session.painting
        sources: list[tuple[str, Any, Callable[[Any], Any]]] = [
            ("object_size", state.object_size_override, lambda size: size),
            ("channels", state.channels, list),
            ("separation", self._session.separating.settings, lambda s: s.model_dump(mode="json")),
        ]
        if state.image is not None and len(state.image.spatial_shape) > 2:
            sources += [
                ("axes", state.image.axes, str),
                ("linking", self._session.segmenting.linking.as_json(), lambda choice: choice),
            ]
        if painting is not None:
            sources += [
                ("labels_are", painting.labels_are, str),
                ("class_names", painting.class_names, list),
                ("regions", painting.regions, regions_as_json),
                ("object_classes", painting.object_classes, lambda c: {str(k): int(v) for k, v in c.items()}),
                ("complete", painting.marked, lambda marked: sorted(int(value) for value in marked)),
                ("corrections", painting.corrections, corrections_as_json),
            ]
        return sources

    def _keep_round(self, done: Round, document: RoundDocument) -> None:
        done.network.keep_as(self.project.add_round(done.network.load, document))

    def _keep_action(self, action: Action, how: str) -> None:
        if not self.is_of_now:
            return
        for which, _ in action.changes:
            if which not in self._arrays:
                self._keep_array(which)
        if action.changes:
            self.entry.record(action.changes, owned=True)
        if any(which is Which.ANNOTATION for which, _ in action.changes):
            self.begin_work()
        touched: list[JsonValue] = [str(which) for which in dict.fromkeys(w for w, _ in action.changes)]
        facts: dict[str, JsonValue] = {"sequence": self.entry.sequence, "arrays": touched}
        if action.regions is not None:
            facts["regions"] = len(action.regions[1])
        self.project.log(action.name, self.entry.id, **facts, **({} if how == "do" else {"how": how}))
        self.keep_settings()

    def _keep_other_array(self, which: Which) -> None:
        """Keep an array that takes the place of another one; of an annotation, that is not thrown away."""
        then = self.entry.id, self.entry.sequence
        begun = next((i.progress != "new" for i in self.project.images if i.id == self.entry.id), False)
        if which is Which.ANNOTATION and which in self._arrays and begun and self.is_of_now:
            self._replaced = self.project.snapshot_before(f"before annotation {then[1]}", *then)
        self._keep_array(which)

    def _tell_of_replaced(self) -> None:
        """Say what became of the annotation whose place another one took."""
        if self._replaced is None or not self._replaced.done():
            return
        replaced, self._replaced = self._replaced, None
        if replaced.cancelled() or replaced.exception() is not None:
            self._session.said.emit("warning", NOT_BEFORE)
        else:
            self.project.log("Snapshot", self.entry.id)
            self._session.said.emit("info", BEFORE)

    def _keep_array(self, which: Which) -> None:
        """Keep a whole array; while it is being written, what changes in it is recorded besides."""
        if not self.is_of_now:
            return
        self._arrays.add(which)
        self.entry.replace_array(which, self._canvas.arrays[which], owned=True)
        if which is Which.ANNOTATION:
            self._look_for_work()
        self.project.log(f"New {which}", self.entry.id, sequence=self.entry.sequence)

    def _look_for_work(self) -> None:
        """Have noted that the image is in work where an annotation came with it."""
        if self._is_new and (labels := self._canvas.arrays.get(Which.ANNOTATION)) is not None:
            self.project.look_for_work(self.entry.id, labels)

    def _keep_probabilities(self) -> None:
        now = self._session.separating.stored.all()
        if self._probabilities and not now:
            self.entry.probabilities.forget()
        for plane, kept in now.items():
            if self._probabilities.get(plane) is not kept:
                self.entry.probabilities.keep(
                    plane, kept.probabilities, kept.distance, kept.scale, kept.typical_size
                )
        self._probabilities = now

    def _tell(self, keep: Callable[..., object], *what: Any) -> None:
        """Keep something; where that is refused, the loop goes on and the user is told."""
        try:
            keep(*what)
        except UserError as error:
            self._session.said.emit("error", str(error))
