"""What lives as long as its viewer: session, layers and jobs. Docks come, go, and attach to it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from napari.layers import Labels
from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet._qt.adopting import Adopting
from napari_unet._qt.bugs import log_naparis_errors
from napari_unet._qt.correction.accepting import Accepting
from napari_unet._qt.correction.control import Tools
from napari_unet._qt.counting import Counting
from napari_unet._qt.job import Job
from napari_unet._qt.know.comparing import Comparing
from napari_unet._qt.layers.adoption import coding_said_by
from napari_unet._qt.layers.binding import Binding
from napari_unet._qt.layers.sources import image_layers
from napari_unet._qt.live.run import LiveRun
from napari_unet._qt.project.album import Album
from napari_unet._qt.project.closing import Closing
from napari_unet._qt.project.keeping import Keeping
from napari_unet._qt.project.moves import Moves
from napari_unet._qt.segmentation_run import SegmentationRun
from napari_unet._qt.training_run import TrainingRun
from napari_unet._qt.warming import Warming
from napari_unet._qt.words import Words
from napari_unet.annotation.coding import Coding, LabelsAre
from napari_unet.errors import UserError
from napari_unet.log import start_log
from napari_unet.session import Session, Which


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
    themed()
        napari has another theme.
    ended()
        The viewer is gone, or goes.
    """

    refreshed = Signal()
    said = Signal(str, str)
    reported = Signal(list)
    segmenting = Signal(float, str)
    round_done = Signal()
    segmented = Signal()
    edited = Signal()
    themed = Signal()
    ended = Signal()

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        start_log("window")
        log_naparis_errors()
        self.session = session = Session()
        self.layers = Binding(viewer, session)
        self.words = Words()
        self.warming = Warming(self.words)
        self.tools = Tools(session, self.layers, self.words)
        self.accepting = Accepting(session, self.words, self.tools.gestures, self.plane)
        self.adopting = Adopting(session, self.layers, self.words)
        self.training_run = TrainingRun(session, self.words)
        self.segmentation_run = SegmentationRun(session, self.layers, self.words)
        self.keeping = Keeping(session, self.layers, self.words)
        self.live_run = LiveRun(session, self.layers, self.words, self.training_run, self.keeping)
        self.moves = Moves(self.keeping)
        self.album = Album(self.keeping, self.moves)
        self.closing = Closing(self.keeping)
        self.comparing = Comparing(self)
        self.counting = Counting(session, self.layers, self.words)
        self.segment_after_training = True
        self._closed = False
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self.refreshed)
        self._connect()

    def _connect(self) -> None:
        # Not by each dock: napari would keep what it was connected to, when the dock is gone.
        self.layers.viewer().events.theme.connect(self._tell_theme)
        self.words.said.connect(self.said)
        self.refreshed.connect(self.keeping.look)
        self.album.leaving.connect(self.segmentation_run.leave_image)
        self.warming.ended.connect(self.refresh_soon)
        self.adopting.changed.connect(self.refresh_soon)
        self.training_run.reported.connect(self.reported)
        self.training_run.round_done.connect(self._go_on_after_round)
        self.training_run.changed.connect(self.refresh_soon)
        self.segmentation_run.progressed.connect(self.segmenting)
        self.segmentation_run.done.connect(self.segmented)
        self.segmentation_run.changed.connect(self.refresh_soon)
        self.live_run.shown.connect(self.refresh_soon)
        self.layers.edited.connect(self._record)
        self.layers.regions_drawn.connect(self._take_regions)
        self.layers.undo_wanted.connect(self.undo)
        self.layers.redo_wanted.connect(self.redo)
        self.layers.accept_wanted.connect(self.accepting.accept_object)
        self.accepting.done.connect(self.edited)
        self.layers.changed.connect(self.refresh_soon)
        self.tools.changed.connect(self.refresh_soon)
        self.tools.done.connect(self.edited)
        self.layers.misfit.connect(self.words.warn)
        session = self.session
        session.said.connect(self.say)
        self.counting.counted.connect(self.refresh_soon)
        session.state_changed.connect(self.layers.looks.describe_objects)
        for signal in (session.state_changed, session.rounds_changed, session.canvas.history_changed):
            signal.connect(self.refresh_soon)

    # What runs

    @property
    def training(self) -> Job | None:
        """The training that runs."""
        return self.training_run.job

    @property
    def reports(self) -> list[Any]:
        """All reports of the training that runs, or ran last."""
        return self.training_run.reports

    @property
    def stopping(self) -> bool:
        """Whether the training was asked to stop."""
        return self.training_run.stopping

    @property
    def segmentation(self) -> Job | None:
        """The segmentation that runs."""
        return self.segmentation_run.job

    @property
    def n_segmented(self) -> int:
        """How many segmentations were shown so far."""
        return self.segmentation_run.n_done

    def train(self, start: str, settings: Any) -> None:
        """Start a training, unless one runs."""
        if self.training is None:
            with self.telling("Training"):
                self.layers.settle()
                note, companions = self.keeping.note_training, self.keeping.companions()
                self.training_run.start(start, settings, note, companions)
            self.refresh_soon()

    def segment(self, planes: Sequence[tuple[int, ...]] | None, averaging: str = "none") -> None:
        """Start to segment these planes, all where None, unless a segmentation runs."""
        if self.segmentation is None:
            with self.telling("Segmenting"):
                self.segmentation_run.start(planes, averaging)
            self.refresh_soon()

    def _go_on_after_round(self) -> None:
        self.round_done.emit()
        if self.segment_after_training:
            with self.telling("Segmenting"):
                self.segment([self.plane()])

    # Life

    def watch_window(self, window: QObject) -> None:
        """End with the window: the running job is told to stop."""
        window.destroyed.connect(self.end)
        self.closing.watch(window)

    def end(self, window: QObject | None = None) -> None:
        """Stop what runs and forget the viewer."""
        if not self._closed:
            self.close()
            self.ended.emit()

    def close(self) -> None:
        """Tell the jobs to stop and let go of the layers."""
        self._closed = True
        self.live_run.end()
        self.training_run.abandon()
        self.segmentation_run.abandon()
        self.adopting.abandon()
        self.album.end()
        self._soon.stop()
        self.keeping.end()
        self.tools.close()
        self.layers.close()

    # Words

    def say(self, level: str, sentence: str) -> None:
        """Show a sentence in the dock."""
        self.words.say(level, sentence)

    def telling(self, what: str) -> AbstractContextManager[None]:
        """Turn what goes wrong inside into one sentence, as `Words.telling`."""
        return self.words.telling(what)

    def tell_failure(self, error: Exception) -> None:
        """Say why a job failed."""
        self.words.tell_failure(error)

    def refresh_soon(self, *_: Any) -> None:
        """Let the widgets read the state once this event is over."""
        if not self._closed:
            self._soon.start()

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
        self,
        layer: Labels,
        coding: Coding,
        labels_are: LabelsAre,
        class_names: Sequence[str] = (),
        background: int | None = None,
    ) -> None:
        """Use a Labels layer as the annotation, as `Adopting.adopt`."""
        self.adopting.adopt(layer, coding, labels_are, class_names, background)

    def _record(self, which: Which, offset: tuple[int, ...], values: Any) -> None:
        with self.telling("Taking the stroke"):
            name = "Paint" if which is Which.ANNOTATION else "Correct"
            self.session.record_stroke(which, offset, values, name)
            self.edited.emit()

    def _take_regions(self, regions: list[Any], others: int) -> None:
        with self.telling("Taking the regions"):
            self.session.annotating.draw_regions(regions)
            if others:
                self.words.warn("Only rectangles and polygons count as regions; other shapes are left out.")
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
            self.layers.settle()
            name = self.session.redo()
            self.say("info", f"Done again: {name}." if name else "There is nothing to redo.")
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

    def _tell_theme(self, event: object) -> None:
        self.themed.emit()
