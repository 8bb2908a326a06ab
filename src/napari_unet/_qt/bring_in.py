"""Labels that exist already, in a layer or a file of another program, become annotation or segmentation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari.layers import Labels
from qtpy.QtWidgets import QFileDialog, QSpinBox, QVBoxLayout, QWidget

from napari_unet._qt.bringing_run import BringingRun
from napari_unet._qt.job import Job, start_job
from napari_unet._qt.layers.adoption import coding_said_by
from napari_unet._qt.layers.sources import full_resolution, geometry, labels_layers
from napari_unet._qt.loop import Loop
from napari_unet._qt.rows import button, combo, hint, refill, row
from napari_unet.annotation.coding import Coding, CodingPreview, LabelsAre, describe_coding
from napari_unet.errors import UserError
from napari_unet.formats.paths import KINDS, ROI_ENDINGS
from napari_unet.session import Which
from napari_unet.session.bringing_in import REPLACED, BringingIn, read_for

CODINGS = [
    ("0 background, 1… objects or classes", Coding.MASKS),
    ("0 background, the rest one mask", Coding.BINARY),
    ("0 not annotated, one is background", Coding.ILASTIK),
    ("0 not annotated, 1 background, 2…", Coding.PROJECT),
    ("0 background, 1 not annotated, 2…", Coding.MATLAB2016),
]
ENDINGS = " ".join(f"*{ending}" for ending in (*KINDS, *ROI_ENDINGS))
NO_LAYER = "Choose a file, or open a label image and convert it to labels."


class BringIn(QWidget):
    """Asks what the numbers mean, and shows what came of the answer before it is used: never guessed.

    Parameters
    ----------
    kind
        Tells whether values stand for objects or classes.
    """

    def __init__(self, loop: Loop, kind: Callable[[], LabelsAre]) -> None:
        super().__init__()
        self._loop, self._kind = loop, kind
        self._job: Job | None = None
        self._looking: Job | None = None
        self._again = False
        self._came: Labels | None = None
        self._run = BringingRun(loop.session, loop.layers, loop.words, self)
        self._run.shown.connect(self._tell_shown)
        self._run.ended.connect(self._end)
        loop.adopting.changed.connect(self.preview)
        loop.adopting.taken.connect(self._keep)
        self._wanted: Labels | None = None
        loop.album.leaving.connect(self._run.stop)
        loop.ended.connect(self._run.stop)
        self._source: Labels | None = None
        self._generation = 0
        self.layer = combo([], "The Labels layer to use.")
        self.file = button(
            "From a file …",
            "A label image (ilastik, Labkit, Cellpose) or an ImageJ ROI zip; it becomes a layer to look at first.",
            self._choose_file,
        )
        self.coding = combo(
            [("What do its values mean?", None), *CODINGS],
            "How the values are to be read: only you know it. From 1 or 2 on, each object or class has its own; one "
            "mask is 1 or 255 everywhere; in ilastik and Labkit any value may be the background; the last coding is "
            "that of the MATLAB plugin of 2016.",
        )
        self.background = QSpinBox()
        self.background.setRange(0, 2**31 - 1)
        self.background.setValue(1)
        self.background.setMinimumWidth(80)  # Qt would keep room for the longest number
        self.background.setToolTip("<p>Hover over the background in the image: napari shows its value.</p>")
        self.background_row = row("Background’s value", self.background, stretch=1)
        self.sentence = hint()
        self.use = button(
            "As annotation",
            "The truth that the network learns from. The layer itself is not changed.",
            self._use,
        )
        self.show_as_found = button(
            "As segmentation",
            "As if the network had found them: correct, accept, measure and save them. The annotation stays on top.",
            self._bring_in,
        )
        self.layer.currentIndexChanged.connect(self.preview)
        self.coding.currentIndexChanged.connect(self.preview)
        self.background.valueChanged.connect(self.preview)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (
            row(self.layer, self.file, stretch=0),
            self.coding,
            self.background_row,
            self.sentence,
            row(self.use, self.show_as_found),
        ):
            layout.addWidget(part)
        self.reset_choices()

    def reset_choices(self) -> None:
        """Read which Labels layers there are."""
        ours = [self._loop.layers.layer(which) for which in Which]
        layers = [layer for layer in labels_layers(self._loop.layers.viewer()) if layer not in ours]
        chosen = self.layer.currentData()
        if self._came is not None and self._came in layers:
            chosen, self._came = self._came, None
        choices = [(layer.name, layer) for layer in layers]
        if [layer for _, layer in choices] != self._choices() or chosen != self.layer.currentData():
            refill(self.layer, choices, chosen)
            self.preview()

    def preview(self, *_: object) -> None:
        """Say what the labels would be, counted beside the window; only the newest question waits."""
        layer, coding = self.layer.currentData(), self.coding.currentData()
        self.background_row.setVisible(coding is Coding.ILASTIK)
        self._set_usable(False)
        if layer is None or coding is None:
            self.sentence.setText(NO_LAYER if layer is None else _asked(layer))
            return
        if self._looking is not None:
            self._again = True
            return
        try:
            self._loop.session.annotating.check_size(full_resolution(layer).shape)
        except UserError as error:
            self.sentence.setText(str(error))
            return
        labels, kind, background = full_resolution(layer), self._kind(), self._background()
        self.sentence.setText("Looking at the values …")
        self._looking = start_job(
            "labels",
            lambda on_report, should_stop: describe_coding(labels, coding, kind, background),
            completed=self._tell,
            failed=self._tell_refusal,
            finished=self._end_looking,
            asks=False,
        )

    @property
    def _is_busy(self) -> bool:
        return self._job is not None or self._run.is_running or self._loop.adopting.is_running

    def _choices(self) -> list[Any]:
        return [self.layer.itemData(i) for i in range(self.layer.count())]

    def _background(self) -> int | None:
        return int(self.background.value()) if self.coding.currentData() is Coding.ILASTIK else None

    def _set_usable(self, usable: bool) -> None:
        for made in (self.use, self.show_as_found):
            made.setEnabled(usable and not self._is_busy)

    def _tell(self, preview: CodingPreview) -> None:
        if not self._again:
            self.sentence.setText(preview.sentence)
            self._set_usable(True)

    def _tell_refusal(self, error: Exception) -> None:
        if not self._again:
            self.sentence.setText(str(error))

    def _end_looking(self) -> None:
        self._looking = None
        if self._again:
            self._again = False
            self.preview()

    def _choose_file(self) -> None:
        image = self._loop.session.image
        if image is None or self._is_busy:
            return
        path, _ = QFileDialog.getOpenFileName(self, "Labels of this image", "", f"Labels ({ENDINGS})")
        if not path:
            return
        self._generation = self._loop.session.state.generation
        self._job = start_job(
            "reading labels",
            lambda on_report, should_stop: (Path(path).name, *read_for(Path(path), image)),
            completed=self._add_layer,
            failed=self._loop.tell_failure,
            finished=self._end,
        )
        self._loop.say("info", f"Reading {path} …")
        self.file.setEnabled(False)
        self._set_usable(False)

    def _add_layer(self, read: tuple[str, Any, str]) -> None:
        name, labels, sentence = read
        if self._generation != self._loop.session.state.generation:
            self._loop.say("warning", REPLACED)
            return
        with self._loop.telling("Showing the labels"):
            viewer, image = self._loop.layers.viewer(), self._loop.layers.images[0]
            self._came = Labels(labels, name=name, **geometry(image))
            viewer.add_layer(self._came)
            self.reset_choices()
            self._loop.say(
                "warning" if sentence else "info",
                f"{name} is a layer now; say what its values mean. {sentence}".strip(),
            )

    def _use(self) -> None:
        layer, coding = self.layer.currentData(), self.coding.currentData()
        if layer is not None and coding is not None and not self._is_busy:
            self._wanted = layer
            self._loop.adopt(layer, coding, self._kind(), background=self._background())

    def _keep(self, layer: Labels) -> None:
        """Begin a project: what the user took as the truth is kept like what they paint."""
        if layer is self._wanted:
            self._loop.keeping.begin()

    def _bring_in(self) -> None:
        layer, coding = self.layer.currentData(), self.coding.currentData()
        if layer is None or coding is None or self._is_busy:
            return
        with self._loop.telling("Taking the labels"):
            self._loop.layers.settle()
            state = self._loop.session.state
            labels = full_resolution(layer)
            self._run.start(BringingIn.of(state, labels, coding, self._kind(), self._background()))
            self._source = layer
        self._set_usable(False)

    def _tell_shown(self, n: int) -> None:
        layer = self._source
        if layer is not None:
            layer.visible = False
            things = "objects" if self._loop.session.labels_are is LabelsAre.OBJECTS else "classes"
            self._loop.say("info", f"{n:,} {things} of “{layer.name}” are the segmentation now.")
            self._loop.segmented.emit()

    def _end(self) -> None:
        self._job = self._source = None
        self.file.setEnabled(True)
        self.preview()
        self._loop.refresh_soon()


def _asked(layer: Labels) -> str:
    said = coding_said_by(layer)
    if said is not None:
        return f"Its maker says: {said[0].value}."
    return "Say what its values mean to see how it is read."
