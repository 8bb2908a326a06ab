"""The classes that objects can have."""

from __future__ import annotations

from qtpy.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from napari_unet._qt.classes import ClassList
from napari_unet._qt.loop import Loop
from napari_unet._qt.rows import hint
from napari_unet.session import Which


class Kinds(QWidget):
    """Names the classes of objects, and shows objects in their colours."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self._how = hint()
        self.classes = ClassList(loop, "One more kind of objects.")
        self.by_class = QCheckBox("Colour objects by class")
        self.by_class.setToolTip(
            "<p>Show each annotated object in the colour of its class instead of one of its own.</p>"
        )
        self.by_class.toggled.connect(self._colour)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (self._how, self.classes, self.by_class):
            layout.addWidget(part)
        self.refresh()

    def refresh(self) -> None:
        """Show the session's state."""
        names = self._loop.session.class_names
        self._how.setText(
            f"Objects without a class count as “{names[0]}”."
            if names
            else "All objects are of one kind. Add classes if yours are of several, such as living and dead."
        )
        self.classes.refresh()
        self.by_class.setVisible(bool(names))
        self.by_class.blockSignals(True)
        self.by_class.setChecked(self._loop.layers.looks.colour_by_class)
        self.by_class.blockSignals(False)

    def _colour(self, by_class: bool) -> None:
        self._loop.layers.looks.colour_by_class = by_class
        self._loop.layers.looks.colour(Which.ANNOTATION)
