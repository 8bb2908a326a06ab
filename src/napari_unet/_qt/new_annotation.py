"""How an annotation begins: empty, of objects or of classes, or from labels that exist already."""

from __future__ import annotations

from qtpy.QtWidgets import QButtonGroup, QRadioButton, QVBoxLayout, QWidget

from napari_unet._qt.bring_in import BringIn
from napari_unet._qt.loop import Loop
from napari_unet._qt.rows import Fold, button, hint
from napari_unet.annotation.coding import LabelsAre
from napari_unet.session import Which

LEFT = "“{name}” is hidden in the layer list: take it again under “Use labels that exist”."


class NewAnnotation(QWidget):
    """Asks what the numbers mean: never guessed."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self.objects = QRadioButton("Objects: cells, nuclei, coins")
        self.objects.setToolTip("<p>Each object gets a number of its own.</p>")
        self.classes = QRadioButton("Classes: kinds of tissue, membrane")
        self.classes.setToolTip("<p>Each pixel gets a kind; objects of one kind are not told apart.</p>")
        self._kinds = QButtonGroup(self)
        for choice in (self.objects, self.classes):
            self._kinds.addButton(choice)
        self.objects.setChecked(True)
        self.start = button(
            "New annotation layer",
            "An empty layer to paint on, over the image.",
            self._start,
            strong=True,
        )
        self.import_labels = Fold(
            "Use labels that exist",
            "Take a Labels layer, or a file of another program: ilastik, Labkit, Cellpose, ImageJ.",
            lambda: BringIn(loop, self.labels_are),
        )
        self._kinds.buttonToggled.connect(self._preview)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (
            hint("What do you want to find?"),
            self.objects,
            self.classes,
            self.start,
            self.import_labels,
        ):
            layout.addWidget(part)

    def labels_are(self) -> LabelsAre:
        """Return which kind is chosen."""
        return LabelsAre.OBJECTS if self.objects.isChecked() else LabelsAre.CLASSES

    def reset_choices(self, event: object = None) -> None:
        """Read which Labels layers there are."""
        if self.import_labels.body is not None:
            self.import_labels.body.reset_choices()

    def refresh(self) -> None:
        """Show the session's state."""
        self.reset_choices()

    def _start(self) -> None:
        with self._loop.telling("Making the annotation layer"):
            kind = self.labels_are()
            names = () if kind is LabelsAre.OBJECTS else ("class 1", "class 2")
            self._loop.layers.looks.class_colours = []
            before = self._loop.layers.layer(Which.ANNOTATION)
            self._loop.layers.leave(Which.ANNOTATION)
            self._loop.session.annotating.start(kind, names)
            self._loop.layers.paint_with(2, new_object=kind is LabelsAre.OBJECTS)
            if before is not None:
                self._loop.say("info", LEFT.format(name=before.name))
        self._loop.refresh_soon()

    def _preview(self, *_: object) -> None:
        if self.import_labels.body is not None:
            self.import_labels.body.preview()
