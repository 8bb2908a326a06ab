"""Labels layers on their way to be the annotation: large ones, and those of files, are read in a thread."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_unet._qt.job import Job, start_job
from napari_unet._qt.layers.adoption import fits_as_it_is
from napari_unet._qt.layers.binding import Binding
from napari_unet._qt.layers.sources import full_resolution
from napari_unet._qt.words import Words
from napari_unet.annotation.coding import Coding, LabelsAre
from napari_unet.session import Session, Which
from napari_unet.session.adopting import AdoptionTask
from napari_unet.session.painting import Painting

_AT_ONCE = 1_000_000
"""Pixels in memory that are taken while one waits, in some ten milliseconds."""


class Adopting(QObject):
    """One Labels layer at a time becomes the annotation.

    Signals
    -------
    changed()
        One is on its way, is the annotation now, or could not be.
    taken(object)
        This layer is the annotation now.
    """

    changed = Signal()
    taken = Signal(object)

    def __init__(self, session: Session, layers: Binding, words: Words) -> None:
        super().__init__()
        self._session, self._layers, self._words = session, layers, words
        self._job: Job | None = None
        self._layer: Labels | None = None
        self._task: AdoptionTask | None = None

    @property
    def is_running(self) -> bool:
        """Whether labels are on their way."""
        return self._layer is not None

    def adopt(
        self,
        layer: Labels,
        coding: Coding,
        labels_are: LabelsAre,
        class_names: Sequence[str] = (),
        background: int | None = None,
    ) -> None:
        """Use a Labels layer as the annotation; in another coding it is left as it is, hidden, and copied."""
        if self.is_running:
            return
        with self._words.telling("Using the labels"):
            labels = full_resolution(layer)
            task = AdoptionTask.of(self._session.state, labels, coding, labels_are, class_names, background)
            self._layer, self._task = layer, task
            if isinstance(labels, np.ndarray) and labels.size <= _AT_ONCE:
                try:
                    self._take((task.run(), None))
                finally:
                    self._end()
                return
            self._words.say("info", f"Taking “{layer.name}” as the annotation …")
            self._job = start_job(
                "taking labels",
                lambda on_report, should_stop: _with_copy(task.run()),
                completed=self._take,
                failed=self._words.tell_failure,
                finished=self._end,
            )
        self.changed.emit()

    def abandon(self) -> None:
        """Forget it: the window goes."""
        if self._job is not None:
            self._job.quit()
        self._job = self._layer = self._task = None

    def _take(self, made: tuple[Painting, NDArray[np.int32] | None]) -> None:
        layer, task = self._layer, self._task
        if layer is None or task is None:  # the window goes
            return
        painting, copy = made
        with self._words.telling("Using the labels"):
            as_it_is = fits_as_it_is(layer, task.coding) and layer in self._layers.viewer().layers
            if layer != self._layers.layer(Which.ANNOTATION):
                self._layers.leave(Which.ANNOTATION)
            if as_it_is:
                self._layers.attach(Which.ANNOTATION, layer)
            self._layers.copy_ahead = copy
            try:
                task.finish(self._session.state, self._session.annotating, painting)
            finally:
                self._layers.copy_ahead = None
            self._layers.looks.colour(Which.ANNOTATION)
            if not as_it_is:
                layer.visible = False
            of_objects = task.labels_are is LabelsAre.OBJECTS
            self._layers.paint_with(self._session.next_object_value() if of_objects else 2, True)
            if self._job is not None:
                self._words.say("info", f"“{layer.name}” is the annotation now.")
            self.taken.emit(layer)

    def _end(self) -> None:
        self._job = self._layer = self._task = None
        self.changed.emit()


def _with_copy(painting: Painting) -> tuple[Painting, NDArray[np.int32]]:
    """Return an annotation and the copy of its array that the layer shows."""
    return painting, painting.labels.copy()
