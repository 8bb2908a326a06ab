"""Small pieces that all steps are put together from."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QSignalBlocker, QSize, Qt
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import (
    QBoxLayout,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_unet._qt.choice import Choice
from napari_unet._qt.tab_order import tab_in_order


def column(*parts: QWidget | QBoxLayout) -> QWidget:
    """Put parts under one another."""
    widget = QWidget()
    layout = QVBoxLayout(widget)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(6)
    for part in parts:
        if isinstance(part, QWidget):
            layout.addWidget(part)
        else:
            layout.addLayout(part)
    return widget


def row(*parts: QWidget | str, stretch: int | None = None) -> QWidget:
    """Put parts beside one another; a text becomes a label, part `stretch` takes the free room."""
    widget = QWidget()
    layout = QHBoxLayout(widget)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(6)
    for i, part in enumerate(parts):
        layout.addWidget(QLabel(part) if isinstance(part, str) else part, 1 if i == stretch else 0)
    if stretch is None:
        layout.addStretch(1)
    return widget


def form(*rows: tuple[str, QWidget]) -> QWidget:
    """Put labelled parts under one another, the parts aligned."""
    widget = QWidget()
    layout = QFormLayout(widget)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    for text, part in rows:
        layout.addRow(text, part)
    return widget


def hint(text: str = "") -> QLabel:
    """Return a text that wraps."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    return label


def button(text: str, tooltip: str, pressed: Callable[[], None], *, strong: bool = False) -> QPushButton:
    """Return a button; a strong one is what one does next."""
    made = QPushButton(text)
    made.setToolTip(f"<p>{tooltip}</p>")
    made.clicked.connect(lambda *_: pressed())
    made.setMinimumHeight(26)
    made.setMinimumWidth(made.fontMetrics().horizontalAdvance(text) + 22)
    if strong:
        font = made.font()
        font.setBold(True)
        made.setFont(font)
        made.setMinimumHeight(32)
    return made


def small_button(text: str, tooltip: str, pressed: Callable[[], None]) -> QPushButton:
    """Return a button that stands beside a sentence."""
    made = QPushButton(text)
    made.setToolTip(f"<p>{tooltip}</p>")
    made.clicked.connect(lambda *_: pressed())
    made.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
    return made


def brush_button(text: str, icon: QIcon, tooltip: str) -> QPushButton:
    """Return a button that stays pressed while the brush paints what it says."""
    made = QPushButton(icon, text)
    made.setCheckable(True)
    made.setToolTip(f"<p>{tooltip}</p>")
    return made


def swatch(colour: str) -> QIcon:
    """Return a small square of a colour."""
    pixmap = QPixmap(QSize(14, 14))
    pixmap.fill(QColor(colour))
    return QIcon(pixmap)


def combo(choices: list[tuple[str, object]], tooltip: str) -> Choice:
    """Return a choice among texts that stand for values; it never widens the dock."""
    made = Choice()
    made.setToolTip(f"<p>{tooltip}</p>")
    made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    made.setMinimumContentsLength(8)
    for text, value in choices:
        made.addItem(text, value)
    return made


def refill(box: Choice, choices: list[tuple[str, object]], chosen: object) -> None:
    """Give a combo box other choices, without a signal, and keep what is chosen."""
    with QSignalBlocker(box):
        if [(box.itemText(i), box.itemData(i)) for i in range(box.count())] != choices:
            box.clear()
            for text, value in choices:
                box.addItem(text, value)
        values = [value for _, value in choices]
        box.setCurrentIndex(values.index(chosen) if chosen in values else (0 if values else -1))


class Fold(QWidget):
    """A part that is seldom needed: its title opens it, its body may be made when it is first opened."""

    def __init__(self, title: str, tooltip: str, body: QWidget | Callable[[], QWidget]) -> None:
        super().__init__()
        self._make_body = body if not isinstance(body, QWidget) else None
        self.body: QWidget | None = None
        self._title = QToolButton()
        self._title.setText(title)
        self._title.setToolTip(f"<p>{tooltip}</p>")
        self._title.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._title.setArrowType(Qt.ArrowType.RightArrow)
        self._title.setAutoRaise(True)
        self._title.setCheckable(True)
        self._title.toggled.connect(self._show_body)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._title)
        if isinstance(body, QWidget):
            self._take_body(body)

    def is_open(self) -> bool:
        """Whether the body is shown."""
        return bool(self._title.isChecked())

    def set_open(self, opened: bool) -> None:
        """Open or close it."""
        self._title.setChecked(opened)

    def _show_body(self, opened: bool) -> None:
        if opened and self.body is None and self._make_body is not None:
            self._take_body(self._make_body())
            tab_in_order(self._title, self.body)
        if self.body is not None:
            self._room.setVisible(opened)
            self.body.setVisible(opened)
        self._title.setArrowType(Qt.ArrowType.DownArrow if opened else Qt.ArrowType.RightArrow)

    def _take_body(self, body: QWidget) -> None:
        self.body = body
        self._room = QWidget()  # hidden with the body, else its margins would stay
        indented = QVBoxLayout(self._room)
        indented.setContentsMargins(18, 0, 0, 6)
        indented.addWidget(body)
        self.layout().addWidget(self._room)
        body.setVisible(False)
        self._room.setVisible(False)
