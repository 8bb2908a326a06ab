"""How an annotation begins: empty, of objects or of classes, or from labels that exist already."""

from __future__ import annotations

from qtpy.QtWidgets import QButtonGroup, QRadioButton, QVBoxLayout, QWidget

from napari_unet._qt.layers.adoption import coding_said_by
from napari_unet._qt.layers.sources import labels_layers
from napari_unet._qt.loop import Loop
from napari_unet._qt.rows import Fold, button, column, combo, hint, refill
from napari_unet.annotation.coding import Coding, LabelsAre, describe_coding
from napari_unet.errors import UserError
from napari_unet.session import Which

CODINGS = [
    ("0 background, 1… objects or classes", Coding.MASKS),
    ("0 background, the rest one mask", Coding.BINARY),
    ("0 not annotated, 1 background, 2…", Coding.PROJECT),
    ("0 background, 1 not annotated, 2…", Coding.MATLAB2016),
]


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
            "Take a Labels layer that was made elsewhere.",
            self._make_import(),
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
        ours = [self._loop.layers.layer(which) for which in Which]
        layers = [layer for layer in labels_layers(self._loop.layers.viewer()) if layer not in ours]
        refill(self.layer, [(layer.name, layer) for layer in layers], self.layer.currentData())
        self._preview()

    def refresh(self) -> None:
        """Show the session's state."""
        self.reset_choices()

    def _make_import(self) -> QWidget:
        self.layer = combo([], "The Labels layer to use.")
        self.coding = combo(
            [("What do its values mean?", None), *CODINGS],
            "How the values are to be read: only you know it. From 1 or 2 on, each object or class has its own; one "
            "mask is 1 or 255 everywhere; the last coding is that of the MATLAB plugin of 2016.",
        )
        self.sentence = hint()
        self.use = button("Use these labels", "The layer itself is not changed.", self._use)
        self.layer.currentIndexChanged.connect(self._preview)
        self.coding.currentIndexChanged.connect(self._preview)
        return column(self.layer, self.coding, self.sentence, self.use)

    def _start(self) -> None:
        with self._loop.telling("Making the annotation layer"):
            kind = self.labels_are()
            names = () if kind is LabelsAre.OBJECTS else ("class 1", "class 2")
            self._loop.layers.class_colours = []
            self._loop.session.annotating.start(kind, names)
            self._loop.layers.paint_with(2, new_object=kind is LabelsAre.OBJECTS)
        self._loop.refresh_soon()

    def _preview(self, *_: object) -> None:
        layer, coding = self.layer.currentData(), self.coding.currentData()
        text, usable = "", False
        if layer is None:
            text = "There is no other Labels layer. Open a label image and convert it to labels."
        elif coding is None:
            said = coding_said_by(layer)
            text = (
                f"Its maker says: {said[0].value}."
                if said
                else "Say what its values mean to see how it is read."
            )
        else:
            try:
                self._loop.session.annotating.check_size(layer.data.shape)
                labels = self._loop.layers.hold(layer)
                text = describe_coding(labels, coding, self.labels_are()).sentence
                usable = True
            except UserError as error:
                text = str(error)
        self.sentence.setText(text)
        self.use.setEnabled(usable)

    def _use(self) -> None:
        layer, coding = self.layer.currentData(), self.coding.currentData()
        if layer is not None and coding is not None:
            self._loop.adopt(layer, coding, self.labels_are())
