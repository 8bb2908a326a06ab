"""Step 4: run the network, and make objects of what it says."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import QCheckBox, QProgressBar, QVBoxLayout, QWidget

from napari_unet._qt.batch import Batch
from napari_unet._qt.forms import Form
from napari_unet._qt.large.rows import WholeRow
from napari_unet._qt.large.stack_run import stack_run_of
from napari_unet._qt.linking import LinkRow
from napari_unet._qt.loop import Loop
from napari_unet._qt.rows import Fold, button, column, combo, hint, row
from napari_unet._qt.scope_buttons import ScopeButtons
from napari_unet._qt.separation_run import SeparationRun
from napari_unet._qt.views import Views
from napari_unet.annotation.coding import LabelsAre
from napari_unet.session import Which
from napari_unet.session.scope import Scope, planes_of
from napari_unet.session.stack_on_disk import is_for_disk

TOOLTIP = (
    "Let the network outline everything on this plane or in the whole stack. Before the first training the bundled "
    "network does it, which has seen many kinds of cells."
)
WITHOUT_TRAINING = (
    "Not trained yet: the bundled network segments. Correct what is wrong, or paint a few objects, then train: it "
    "learns your image."
)
ONLY_OBJECTS = "The bundled network finds objects only: train first to find your classes."

_AVERAGING = [
    ("none (fast)", "none"),
    ("4 flips", "flips"),
    ("8 flips and turns", "eight"),
    ("7 rotations (2015)", "rotations7"),
]
_MAIN_FIELDS = ("threshold", "smallest", "method")
_FURTHER_FIELDS = ("own_border", "seed_depth", "fill_holes", "gap")


class SegmentStep(QWidget):
    """Segment, choose how it looks, and how objects are made of the probabilities."""

    def __init__(self, loop: Loop, views: Views) -> None:
        super().__init__()
        self._loop, self._views = loop, views
        self.scopes = ScopeButtons()
        self.scopes.pressed.connect(self._segment)
        self.this_plane = self.scopes.buttons[Scope.PLANE]
        self.linking = LinkRow(loop)
        self.stop = button("Stop", "Planes that are done are kept.", self._stop)
        self._to_disk = stack_run_of(loop)
        self._to_disk.changed.connect(self._follow_disk)
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.empty = hint()
        self.look = combo([("outlines", False), ("filled", True)], "How the Segmentation layer is drawn.")
        self.look.currentIndexChanged.connect(self._set_look)
        self.probability = QCheckBox("Probability")
        self.probability.setToolTip("<p>How likely each pixel belongs to an object, as a layer.</p>")
        self.probability.toggled.connect(lambda on: views.want("Probability", on))
        self.uncertainty = QCheckBox("Uncertainty")
        self.uncertainty.setToolTip("<p>Where the network does not know: paint there next.</p>")
        self.uncertainty.toggled.connect(lambda on: views.want("Uncertainty", on))
        self.averaging = combo(
            list(_AVERAGING),
            "Average over turned and mirrored copies of the image: a little better, much slower.",
        )
        self.separation = Form(loop.session.separating.settings, only=_MAIN_FIELDS)
        self.further = Form(loop.session.separating.settings, only=_FURTHER_FIELDS)
        self._separating = SeparationRun(loop)
        for form in (self.separation, self.further):
            form.valueChanged.connect(self._note_separation)
        self.more = Fold(
            "More", "Averaging, and how touching objects are cut.",
            column(row("Averaging", self.averaging, stretch=1), self.further),
        )  # fmt: skip
        self.batch = Fold(
            "Batch: many files",
            "Segment all images of a folder in the same way; a table says what became of each.",
            lambda: Batch(loop),
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._running = row(self.progress, self.stop, stretch=0)
        self.looks = column(
            row("Overlay", self.look, stretch=1),
            row("Layers", self.probability, self.uncertainty),
            self.separation,
        )
        for part in (
            self.scopes,
            self._running,
            self.empty,
            self.linking,
            self.looks,
            self.more,
            self.batch,
        ):
            layout.addWidget(part)
        self.whole_image = WholeRow(loop)
        layout.insertWidget(2, self.whole_image)
        loop.segmenting.connect(self._show_progress)

    def state(self) -> str:
        """Return a few words for the title line."""
        session = self._loop.session
        if self._loop.segmentation is not None or self._to_disk.job is not None:
            return "segmenting …"
        if not self._can_segment():
            return "after training" if session.image is not None else ""
        plane = self._loop.layers.current_plane()
        if session.segmentation is None or plane is None:
            return "ready" if session.current is not None else "without training"
        if self._loop.live_run.live.is_preview:
            objects = session.labels_are is LabelsAre.OBJECTS
            return f"{self._loop.counting.words()} (live preview)" if objects else "live preview"
        if session.labels_are is LabelsAre.CLASSES:
            return "segmented" if plane in session.separating.stored else "ready"
        return self._loop.counting.words()

    def refresh(self) -> None:
        """Show the session's state."""
        self.whole_image.refresh()
        loop, session = self._loop, self._loop.session
        running = loop.segmentation is not None or self._to_disk.job is not None
        possible = self._can_segment()
        self.scopes.setVisible(not running)
        self.scopes.show_for(session.image, possible)
        self.looks.setVisible(
            session.segmentation is not None
        )  # before, there is nothing that it could change
        for fold in (self.more, self.batch):
            fold.setVisible(possible)
        self._running.setVisible(running)
        self.linking.refresh()
        told = bool(session.current) or loop.live_run.is_on  # live work says itself what it shows
        self.empty.setText(
            loop.segmentation_run.empty_sentence
            or ("" if told else WITHOUT_TRAINING if possible else ONLY_OBJECTS)
        )
        self.empty.setVisible(session.image is not None and bool(self.empty.text()))
        for form in (self.separation, self.further):
            form.setEnabled(possible)
            if form.value() != session.separating.settings and self._separating.wanted is None:
                form.setValue(session.separating.settings)
        if self.batch.body is not None:
            self.batch.body.averaging = self.averaging.currentData()
            self.batch.body.refresh()
        with QSignalBlocker(self.look):
            self.look.setCurrentIndex(self.look.findData(loop.layers.looks.filled[Which.SEGMENTATION]))
        objects = session.labels_are is LabelsAre.OBJECTS
        for name in ("threshold", "method"):
            self.separation.set_field_visible(name, objects)
        for kind, box in (("Probability", self.probability), ("Uncertainty", self.uncertainty)):
            box.setEnabled(possible)
            box.blockSignals(True)
            box.setChecked(self._views.wants(kind))
            box.blockSignals(False)

    def _can_segment(self) -> bool:
        """Whether there is a network for what the user looks for."""
        session = self._loop.session
        objects = session.labels_are is LabelsAre.OBJECTS
        return session.image is not None and (session.current is not None or objects)

    def _segment(self, scope: Scope) -> None:
        with self._loop.telling("Segmenting"):
            self._show_progress(0.0, "")
            image = self._loop.session.state.need_image()
            # Seen from the side there is no plane that is looked at; then all begins in the middle.
            middle = tuple(n // 2 for n in image.spatial_shape[:-2])
            seen = self._loop.plane() if scope is Scope.PLANE else self._loop.layers.current_plane() or middle
            planes, averaging = planes_of(image, scope, seen), self.averaging.currentData()
            if is_for_disk(image, planes):
                self._to_disk.start(planes, averaging)
            else:
                self._loop.segment(planes, averaging)

    def _stop(self) -> None:
        self._loop.segmentation_run.stop()
        self._to_disk.stop()

    def _follow_disk(self) -> None:
        if self._to_disk.job is not None:
            self._show_progress(*self._to_disk.progress)
        self._loop.refresh_soon()

    def _show_progress(self, fraction: float, message: str) -> None:
        self.progress.setValue(round(1000 * fraction))
        self.progress.setFormat(message or "%p %")

    def _set_look(self, *_: object) -> None:
        self._loop.layers.looks.filled[Which.SEGMENTATION] = self.look.currentData()
        self._loop.layers.looks.colour(Which.SEGMENTATION)

    def _note_separation(self, settings: Any) -> None:
        # Two forms show one model: what neither of them shows is taken from the session.
        shown = self.separation.value(), self.further.value()
        update = {name: getattr(shown[0], name) for name in _MAIN_FIELDS}
        update |= {name: getattr(shown[1], name) for name in _FURTHER_FIELDS}
        self._separating.want(self._loop.session.separating.settings.model_copy(update=update))
