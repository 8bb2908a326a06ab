"""Names and colours of the classes."""

from __future__ import annotations

from qtpy.QtGui import QColor, QIcon
from qtpy.QtWidgets import (
    QButtonGroup,
    QColorDialog,
    QGridLayout,
    QLineEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_unet._qt.colours import class_colour
from napari_unet._qt.loop import Loop
from napari_unet._qt.rows import brush_button, button, row, swatch
from napari_unet.annotation.coding import FIRST
from napari_unet.session import Which


class ClassList(QWidget):
    """One row per class, and a button for one more.

    Parameters
    ----------
    tooltip
        What one more class is.
    brushes
        Group of the buttons that choose what the brush paints, where a class can be painted.
    """

    def __init__(self, loop: Loop, tooltip: str, brushes: QButtonGroup | None = None) -> None:
        super().__init__()
        self._loop, self._brushes = loop, brushes
        self.names: list[QLineEdit] = []
        self.buttons: list[QPushButton] = []
        self.removers: list[QToolButton] = []
        self.add = button("Add a class", tooltip, self._add_class)
        rows = QWidget()
        self._grid = QGridLayout(rows)
        self._grid.setContentsMargins(0, 0, 0, 0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(rows)
        layout.addWidget(row(self.add))

    def refresh(self) -> None:
        """Show the session's classes."""
        names = self._loop.session.class_names
        colours = self._loop.layers.looks.class_colours
        while len(colours) < len(names):
            colours.append(class_colour(len(colours)))
        while len(self.names) < len(names):
            self._add_row(len(self.names))
        for i, field in enumerate(self.names):
            for column in range(self._grid.columnCount()):
                item = self._grid.itemAtPosition(i, column)
                if item is not None:
                    item.widget().setVisible(i < len(names))
            if i < len(names):
                self._grid.itemAtPosition(i, 0).widget().setIcon(swatch(colours[i]))
                if field.text() != names[i] and not field.hasFocus():
                    field.setText(names[i])

    def _add_row(self, i: int) -> None:
        colour = QToolButton()
        colour.setToolTip("Choose this class's colour.")
        colour.clicked.connect(lambda *_: self._choose_colour(i))
        name = QLineEdit()
        name.setToolTip("Name of this class.")
        name.editingFinished.connect(self._rename)
        self.names.append(name)
        self._grid.addWidget(colour, i, 0)
        self._grid.addWidget(name, i, 1)
        if self._brushes is not None:
            paint = brush_button("Paint", QIcon(), "Paint this class.")
            paint.clicked.connect(lambda *_: self._paint(i))
            self._brushes.addButton(paint)
            self.buttons.append(paint)
            self._grid.addWidget(paint, i, 2)
        else:
            remove = QToolButton()
            remove.setText("×")
            remove.setAccessibleName("Remove this class")
            remove.setToolTip(
                "<p>Remove this class: its objects count as the first one then. Undo takes it back.</p>"
            )
            remove.clicked.connect(lambda *_: self._remove(i))
            self.removers.append(remove)
            self._grid.addWidget(remove, i, 2)

    def _paint(self, i: int) -> None:
        self._loop.layers.paint_with(FIRST + i)

    def _add_class(self) -> None:
        names = self._loop.session.class_names
        # A single class is none: the first one gets a second at once.
        added = [f"class {i + 1}" for i in range(len(names), max(len(names) + 1, 2))]
        self._loop.session.annotating.set_class_names([*names, *added])
        self._recolour()

    def _remove(self, i: int) -> None:
        with self._loop.telling("Removing the class"):
            self._loop.session.annotating.remove_class(i + 1)
        self._recolour()

    def _rename(self) -> None:
        n = len(self._loop.session.class_names)
        names = [field.text().strip() or f"class {i + 1}" for i, field in enumerate(self.names[:n])]
        if tuple(names) != tuple(self._loop.session.class_names):
            self._loop.session.annotating.set_class_names(names)

    def _choose_colour(self, i: int) -> None:
        chosen = QColorDialog.getColor(
            QColor(self._loop.layers.looks.class_colours[i]), self, "Colour of the class"
        )
        if chosen.isValid():
            self._loop.layers.looks.class_colours[i] = chosen.name()
            self._recolour()

    def _recolour(self) -> None:
        self.refresh()
        for which in Which:
            self._loop.layers.looks.colour(which)
        self._loop.refresh_soon()
