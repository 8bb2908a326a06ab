"""What lives as long as its viewer: session, layers and jobs. Docks come, go, and attach to it."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet._qt.job import Job, start_job
from napari_unet._qt.layers.adoption import coding_said_by, fits_as_it_is
from napari_unet._qt.layers.binding import Binding
from napari_unet._qt.layers.sources import image_layers
from napari_unet.annotation.coding import Coding, LabelsAre
from napari_unet.errors import UserError
from napari_unet.session import Session, Which

_log = logging.getLogger("napari_unet")
_loops: dict[int, Loop] = {}


def loop_of(viewer: Any) -> Loop:
    """Return the loop of a viewer, begun where there is none yet."""
    viewer = getattr(
        viewer, "__wrapped__", viewer
    )  # plugins get a proxy; the dictionary needs the viewer itself
    if id(viewer) not in _loops:
        _loops[id(viewer)] = Loop(viewer)
        weakref.finalize(viewer, _end, id(viewer)).atexit = False  # then Qt is gone already
    return _loops[id(viewer)]


def _end(key: int) -> None:
    loop = _loops.pop(key, None)
    if loop is not None:
        loop.close()


def _load(on_report: object, should_stop: object) -> None:
    import torch

    import napari_unet.workflow.training  # noqa: F401

    # The first optimiser loads torch's compiler, which takes as long as torch itself.
    torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))])


class Loop(QObject):
    """Session, layers and jobs of one viewer.

    Widgets read the state in their ``refresh`` whenever ``refreshed`` comes; they hold none of their own.

    Signals
    -------
    refreshed()
        Something changed; sent once for many changes.
    said(str, str)
        ``(level, sentence)`` for the message line.
    reported(list)
        Reports of the running training since the last ones.
    segmenting(float, str)
        Progress of the running segmentation.
    round_done()
        A training brought a new round.
    segmented()
        A segmentation is shown.
    edited()
        A stroke ended or an undo was made.
    """

    refreshed = Signal()
    said = Signal(str, str)
    reported = Signal(list)
    segmenting = Signal(float, str)
    round_done = Signal()
    segmented = Signal()
    edited = Signal()

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.session = Session()
        self.layers = Binding(viewer, self.session)
        self.training: Job | None = None
        self.segmentation: Job | None = None
        self.stopping = False
        self._closed = False
        self.reports: list[Any] = []
        self.last_words: tuple[str, str] | None = None
        self.empty_sentence: str | None = None
        self.n_segmented = 0
        self.warm = False
        self._warming: Job | None = None
        self._counted: tuple[tuple[int, ...], int] | None = None
        self.segment_after_training = True
        self._training_task: Any = None
        self._segmentation_task: Any = None
        self._result: Any = None
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(100)
        self._later.timeout.connect(lambda: self._finish_segmentation(self._result))
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self.refreshed)
        self.layers.edited.connect(self._record)
        self.layers.regions_drawn.connect(self._take_regions)
        self.layers.undo_wanted.connect(self.undo)
        self.layers.redo_wanted.connect(self.redo)
        self.layers.accept_wanted.connect(self.accept_object)
        self.layers.changed.connect(self.refresh_soon)
        self.layers.misfit.connect(self._warn)
        session = self.session
        session.said.connect(self.say)
        session.canvas.edited.connect(self._note_change)
        for signal in (session.state_changed, session.rounds_changed, session.canvas.history_changed):
            signal.connect(self.refresh_soon)

    # Life

    def watch_window(self, window: QObject) -> None:
        """End with the window: the running job is told to stop."""
        window.destroyed.connect(self.end)

    def end(self, window: QObject | None = None) -> None:
        """Forget the viewer."""
        for key, loop in list(_loops.items()):
            if loop is self:
                _end(key)

    def close(self) -> None:
        """Tell the jobs to stop and let go of the layers."""
        for job in (self.training, self.segmentation):
            if job is not None:
                job.quit()
        self.training = self.segmentation = None
        self._closed = True
        self._soon.stop()
        self.layers.close()

    # Words

    def say(self, level: str, sentence: str) -> None:
        """Show a sentence in the dock."""
        self.last_words = (level, sentence)
        self.said.emit(level, sentence)

    def _warn(self, sentence: str) -> None:
        self.say("warning", sentence)

    def refresh_soon(self, *_: Any) -> None:
        """Let the widgets read the state once this event is over."""
        if not self._closed:
            self._soon.start()

    @contextmanager
    def telling(self, what: str) -> Iterator[None]:
        """Turn what goes wrong inside into one sentence; the traceback goes to the log ``napari_unet``."""
        try:
            yield
        except UserError as error:
            self.say("error", str(error))
        except (
            Exception
        ) as error:  # the boundary to Qt: a slot that raises would leave the window half-changed
            _log.exception("%s failed", what)
            self.say(
                "error", f"{what} failed: {error or type(error).__name__}. The log napari_unet tells more."
            )

    def warm_up(self) -> None:
        """Load what a training needs in a thread once there is something to paint on: it takes seconds."""
        if not self.warm and self._warming is None:
            self._warming = start_job(
                "loading PyTorch",
                _load,
                completed=self._take_warmth,
                failed=self.tell_failure,
                finished=self._warmed,
            )

    def _take_warmth(self, result: None) -> None:
        self.warm = True

    def _warmed(self) -> None:
        self._warming = None
        self.refresh_soon()

    # Annotation

    def begin_with_what_is_open(self) -> None:
        """Choose an image, and an annotation whose maker said what its values mean."""
        viewer = self.layers.viewer()
        candidates = image_layers(viewer)
        if self.session.image is None and candidates:
            active = viewer.layers.selection.active
            with self.telling("Choosing the image"):
                self.layers.choose_images([active if active in candidates else candidates[0]])
        if self.session.image is None or self.session.annotation is not None:
            return
        for layer in viewer.layers:
            said = coding_said_by(layer)
            if said is not None and layer.data.shape == self.session.image.spatial_shape:
                self.adopt(layer, *said)
                return

    def adopt(
        self, layer: Labels, coding: Coding, labels_are: LabelsAre, class_names: Sequence[str] = ()
    ) -> None:
        """Use a Labels layer as the annotation; in another coding it is left as it is, hidden, and copied."""
        with self.telling("Using the labels"):
            as_it_is = fits_as_it_is(layer, coding)
            if as_it_is:
                self.layers.attach(Which.ANNOTATION, layer)
            self.session.adopt_annotation(self.layers.hold(layer), coding, labels_are, class_names)
            self.layers.colour(Which.ANNOTATION)
            if not as_it_is:
                layer.visible = False
            self.layers.paint_with(
                self.session.next_object_value() if labels_are is LabelsAre.OBJECTS else 2, True
            )
        self.refresh_soon()

    def _record(self, which: Which, offset: tuple[int, ...], values: Any) -> None:
        with self.telling("Taking the stroke"):
            name = "Paint" if which is Which.ANNOTATION else "Correct"
            self.session.record_stroke(which, offset, values, name)
            self.edited.emit()

    def _take_regions(self, regions: list[Any], others: int) -> None:
        with self.telling("Taking the regions"):
            self.session.annotating.set_regions(regions)
            if others:
                self._warn("Only rectangles and polygons count as regions; other shapes are left out.")
            self.edited.emit()

    def undo(self) -> None:
        """Take back the last action, over all layers that it touched."""
        with self.telling("Undo"):
            self.layers.settle()
            name = self.session.undo()
            self.say("info", f"Undone: {name}." if name else "There is nothing to undo.")
            self.edited.emit()

    def redo(self) -> None:
        """Do again what was undone."""
        with self.telling("Redo"):
            name = self.session.redo()
            self.say("info", f"Done again: {name}." if name else "There is nothing to redo.")
            self.edited.emit()

    # Jobs

    def train(self, start: str, settings: Any) -> None:
        """Start a training, unless one runs."""
        if self.training is not None:
            return
        with self.telling("Training"):
            self.layers.settle()
            task = self.session.prepare_training(start, _leave_a_core(settings))
            self.reports, self.stopping, self._training_task = [], False, task
            self.training = start_job(
                "training",
                task.run,
                progressed=self._take_reports,
                completed=self._finish_training,
                stopped=self._training_stopped,
                failed=self.tell_failure,
                finished=self._training_ended,
            )
            self.say(
                "info", "Training runs; paint on meanwhile, what you paint now counts from the next round on."
            )
        self.refresh_soon()

    def stop_training(self) -> None:
        """Ask the training to end; it hands over its best network."""
        if self.training is not None:
            self.stopping = True
            self.training.quit()
            self.refresh_soon()

    def segment(self, planes: Sequence[tuple[int, ...]] | None, averaging: str = "none") -> None:
        """Start to segment these planes, all where None, unless a segmentation runs."""
        if self.segmentation is not None:
            return
        with self.telling("Segmenting"):
            task = self.session.prepare_segmentation(planes, averaging)
            self._segmentation_task = task
            self.segmentation = start_job(
                "segmentation",
                task.run,
                progressed=self._take_progress,
                completed=self._finish_segmentation,
                stopped=self._segmentation_stopped,
                failed=self.tell_failure,
                finished=self._segmentation_ended,
            )
        self.refresh_soon()

    def stop_segmenting(self) -> None:
        """Ask the segmentation to end; planes that are done are shown."""
        if self.segmentation is not None:
            self.segmentation.quit()

    def accept_object(self, value: int) -> None:
        """Accept one object of the plane that is shown."""
        self.accept(values=[value])

    def accept(self, values: Sequence[int] | None = None, region: Any = None) -> None:
        """Take objects of the segmentation into the annotation where nothing is annotated."""
        with self.telling("Accepting"):
            plane = self.plane()
            n = self.session.accept(plane, values, region)
            self.say(
                "info", f"Accepted: {n:,} px are annotated now." if n else "All of it was annotated already."
            )
            self.edited.emit()

    def plane(self) -> tuple[int, ...]:
        """Return the plane that is shown.

        Raises
        ------
        UserError
            When there is no image, or the view shows other axes than rows and columns.
        """
        if self.session.image is None:
            raise UserError(
                "No image is open; open one with File › Open, or a sample with File › Open Sample."
            )
        plane = self.layers.current_plane()
        if plane is None:
            raise UserError(
                "Show rows and columns in 2D: the view is turned or in 3D, so there is no current plane."
            )
        return plane

    def n_objects(self) -> int:
        """Return how many objects the plane that is shown has; counted once per change."""
        plane, segmentation = self.layers.current_plane(), self.session.segmentation
        if plane is None or segmentation is None:
            return 0
        if self._counted is None or self._counted[0] != plane:
            counts = np.bincount(segmentation[plane].ravel())
            self._counted = (plane, int(np.count_nonzero(counts[1:])))
        return self._counted[1]

    def _note_change(self, which: Which, change: Any) -> None:
        if which is Which.SEGMENTATION:
            self._counted = None

    def _take_reports(self, reports: list[Any]) -> None:
        self.reports.extend(reports)
        self.reported.emit(reports)

    def _finish_training(self, trained: Any) -> None:
        with self.telling("Taking the new network"):
            self.session.finish_training(self._training_task, trained)
            self.round_done.emit()
            if self.segment_after_training:
                self.segment([self.plane()])

    def _training_stopped(self) -> None:
        self.say("warning", "The training was stopped before its first step; there is nothing to keep.")

    def _training_ended(self) -> None:
        self.training, self.stopping = None, False
        self.refresh_soon()

    def _take_progress(self, reports: list[Any]) -> None:
        fraction, message = reports[-1]
        self.segmenting.emit(float(fraction), str(message))

    def _finish_segmentation(self, result: Any) -> None:
        if self.layers.dragging():  # never replace a layer under the brush
            self._result = result
            self._later.start()
            return
        with self.telling("Showing the segmentation"):
            sentences = self.session.finish_segmentation(self._segmentation_task, result)
            self.n_segmented += 1
            self.empty_sentence = " ".join(sentences) or None
            for sentence in sentences:
                self._warn(sentence)
            self.segmented.emit()

    def _segmentation_stopped(self) -> None:
        self.say("info", "Segmentation stopped; nothing was changed.")

    def _segmentation_ended(self) -> None:
        self.segmentation = None
        self.refresh_soon()

    def tell_failure(self, error: Exception) -> None:
        """Say why a job failed."""
        if isinstance(error, UserError):
            self.say("error", str(error))
        else:
            self.say("error", f"It failed: {error or type(error).__name__}. The log napari_unet tells more.")


def _leave_a_core(settings: Any) -> Any:
    """Train with one thread less than PyTorch would take, so that the window is drawn meanwhile."""
    if settings is None or settings.threads is not None:
        return settings
    import torch

    return settings.model_copy(update={"threads": max(torch.get_num_threads() - 1, 1)})
