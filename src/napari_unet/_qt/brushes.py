"""What the brush paints: background, a new object, or one of the classes."""

from __future__ import annotations

from qtpy.QtGui import QIcon
from qtpy.QtWidgets import QButtonGroup, QVBoxLayout, QWidget

from napari_unet._qt.classes import ClassList
from napari_unet._qt.colours import BACKGROUND
from napari_unet._qt.loop import Loop
from napari_unet._qt.rows import brush_button, hint, row, swatch
from napari_unet.annotation.coding import BACKGROUND as BACKGROUND_VALUE
from napari_unet.annotation.coding import FIRST, LabelsAre
from napari_unet.session import Which


class Brushes(QWidget):
    """Buttons that select the annotation layer, its brush and the value that it paints."""

    def __init__(self, loop: Loop, *beside: QWidget) -> None:
        super().__init__()
        self._loop = loop
        self.background = brush_button(
            "Background", swatch(BACKGROUND), "Paint what is no object, close around the objects."
        )
        self.background.clicked.connect(self._paint_background)
        self.new_object = brush_button(
            "New object",
            QIcon(),
            "Paint objects: each stroke that starts away from the present object begins another one.",
        )
        self.new_object.clicked.connect(self._paint_object)
        self._choice = QButtonGroup(self)
        for made in (self.background, self.new_object):
            self._choice.addButton(made)
        self.classes = ClassList(loop, "One more kind of pixels.", self._choice)
        self._how = hint()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._how)
        layout.addWidget(row(self.background, self.new_object, *beside))
        layout.addWidget(self.classes)

    def refresh(self) -> None:
        """Show the session's state."""
        session = self._loop.session
        objects = session.labels_are is LabelsAre.OBJECTS
        self.new_object.setVisible(objects)
        self.classes.setVisible(not objects)
        self._how.setText(
            "Paint three or four objects whole, the background right around them, "
            "and a stroke or two of background where nothing is."
            if objects
            else "Paint strokes of each class and of the background; a few of each are enough."
        )
        self._how.setVisible(session.current is None)  # who has trained knows
        if not objects:
            self.classes.refresh()
        self._show_choice()

    def _show_choice(self) -> None:
        layer = self._loop.layers.layer(Which.ANNOTATION)
        value = int(layer.selected_label) if layer is not None else 0
        self.background.setChecked(value == BACKGROUND_VALUE)
        self.new_object.setChecked(value >= FIRST)
        for i, made in enumerate(self.classes.buttons):
            made.setChecked(value == FIRST + i)

    def _paint_background(self) -> None:
        self._loop.layers.paint_with(BACKGROUND_VALUE)

    def _paint_object(self) -> None:
        self._loop.layers.paint_with(self._loop.session.next_object_value(), new_object=True)
