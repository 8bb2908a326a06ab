"""What the brush paints: background, a new object, or one of the classes."""

from __future__ import annotations

from qtpy.QtCore import QSize
from qtpy.QtGui import QColor, QIcon, QPixmap
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

from napari_unet._qt.colours import BACKGROUND, class_colour
from napari_unet._qt.loop import Loop
from napari_unet._qt.rows import button, hint, row
from napari_unet.annotation.coding import BACKGROUND as BACKGROUND_VALUE
from napari_unet.annotation.coding import FIRST, LabelsAre
from napari_unet.session import Which


class Brushes(QWidget):
    """Buttons that select the annotation layer, its brush and the value that it paints."""

    def __init__(self, loop: Loop, *beside: QWidget) -> None:
        super().__init__()
        self._loop = loop
        self.background = _brush(
            "Background", swatch(BACKGROUND), "Paint what is no object, close around the objects."
        )
        self.background.clicked.connect(self._paint_background)
        self.new_object = _brush(
            "New object",
            QIcon(),
            "Paint objects: each stroke that starts away from the present object begins another one.",
        )
        self.new_object.clicked.connect(self._paint_object)
        self._choice = QButtonGroup(self)
        for made in (self.background, self.new_object):
            self._choice.addButton(made)
        self._class_rows = QWidget()
        self._grid = QGridLayout(self._class_rows)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self.class_buttons: list[QPushButton] = []
        self.class_names: list[QLineEdit] = []
        self.add_class = button("Add a class", "One more kind of pixels.", self._add_class)
        self._how = hint()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._how)
        layout.addWidget(row(self.background, self.new_object, *beside))
        layout.addWidget(self._class_rows)
        layout.addWidget(row(self.add_class))

    def refresh(self) -> None:
        """Show the session's state."""
        session = self._loop.session
        objects = session.labels_are is LabelsAre.OBJECTS
        self.new_object.setVisible(objects)
        self._class_rows.setVisible(not objects)
        self.add_class.parentWidget().setVisible(not objects)
        self._how.setText(
            "Paint three or four objects whole, the background right around them, "
            "and a stroke or two of background where nothing is."
            if objects
            else "Paint strokes of each class and of the background; a few of each are enough."
        )
        if not objects:
            self._show_classes(list(session.class_names))
        self._show_choice()

    def _show_choice(self) -> None:
        layer = self._loop.layers.layer(Which.ANNOTATION)
        value = int(layer.selected_label) if layer is not None else 0
        self.background.setChecked(value == BACKGROUND_VALUE)
        self.new_object.setChecked(value >= FIRST)
        for i, made in enumerate(self.class_buttons):
            made.setChecked(value == FIRST + i)

    def _show_classes(self, names: list[str]) -> None:
        colours = self._loop.layers.class_colours
        while len(colours) < len(names):
            colours.append(class_colour(len(colours)))
        while len(self.class_buttons) < len(names):
            self._add_row(len(self.class_buttons))
        for i, (made, field) in enumerate(zip(self.class_buttons, self.class_names, strict=True)):
            for widget in (made, field, self._grid.itemAtPosition(i, 0).widget()):
                widget.setVisible(i < len(names))
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
        paint = _brush("Paint", QIcon(), "Paint this class.")
        paint.clicked.connect(lambda *_: self._paint_class(i))
        self._choice.addButton(paint)
        for column, widget in enumerate((colour, name, paint)):
            self._grid.addWidget(widget, i, column)
        self.class_buttons.append(paint)
        self.class_names.append(name)

    def _paint_background(self) -> None:
        self._loop.layers.paint_with(BACKGROUND_VALUE)

    def _paint_object(self) -> None:
        self._loop.layers.paint_with(self._loop.session.next_object_value(), new_object=True)

    def _paint_class(self, i: int) -> None:
        self._loop.layers.paint_with(FIRST + i)

    def _add_class(self) -> None:
        names = self._loop.session.class_names
        self._loop.session.annotating.set_class_names([*names, f"class {len(names) + 1}"])
        self._recolour()

    def _rename(self) -> None:
        n = len(self._loop.session.class_names)
        names = [field.text().strip() or f"class {i + 1}" for i, field in enumerate(self.class_names[:n])]
        if tuple(names) != tuple(self._loop.session.class_names):
            self._loop.session.annotating.set_class_names(names)

    def _choose_colour(self, i: int) -> None:
        chosen = QColorDialog.getColor(
            QColor(self._loop.layers.class_colours[i]), self, "Colour of the class"
        )
        if chosen.isValid():
            self._loop.layers.class_colours[i] = chosen.name()
            self._recolour()

    def _recolour(self) -> None:
        self.refresh()
        for which in Which:
            self._loop.layers.colour(which)


def swatch(colour: str) -> QIcon:
    """Return a small square of a colour."""
    pixmap = QPixmap(QSize(14, 14))
    pixmap.fill(QColor(colour))
    return QIcon(pixmap)


def _brush(text: str, icon: QIcon, tooltip: str) -> QPushButton:
    made = QPushButton(icon, text)
    made.setCheckable(True)
    made.setToolTip(f"<p>{tooltip}</p>")
    return made
