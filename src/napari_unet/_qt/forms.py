"""A form made from a settings model, where titles, tooltips, ranges and defaults are written down once."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any, Generic, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QDoubleSpinBox, QFormLayout, QLabel, QSpinBox, QWidget

from napari_unet._qt.choice import Choice
from napari_unet.errors import UserError

_Model = TypeVar("_Model", bound=BaseModel)
_UNBOUNDED = 1e6


class Form(QWidget, Generic[_Model]):
    """Edits the fields of a pydantic model that are numbers, switches or choices.

    Fields of other kinds keep the value that :meth:`setValue` brought.

    Parameters
    ----------
    value
        What is shown first; its class tells which fields there are.
    only
        Names of the fields to show, in this order; all that can be shown by default.
    """

    valueChanged = Signal(object)

    def __init__(self, value: _Model, only: Sequence[str] = ()) -> None:
        super().__init__()
        self._value = value
        self.editors: dict[str, QWidget] = {}
        self._labels: dict[str, QLabel] = {}
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        fields = type(value).model_fields
        for name in only or fields:
            editor = _make_editor(fields[name], getattr(value, name))
            if editor is not None:
                self._add_row(layout, name, fields[name], editor)
        self.setValue(value)

    def value(self) -> _Model:
        """Return the settings as they are shown."""
        return self._value

    def setValue(self, value: _Model) -> None:
        """Show other settings, without a signal."""
        self._value = value
        for name, editor in self.editors.items():
            editor.blockSignals(True)
            _show(editor, getattr(value, name))
            editor.blockSignals(False)

    def set_field_visible(self, name: str, visible: bool) -> None:
        """Show or hide one row."""
        self.editors[name].setVisible(visible)
        self._labels[name].setVisible(visible)

    def _add_row(self, layout: QFormLayout, name: str, field: FieldInfo, editor: QWidget) -> None:
        title = field.title or name.replace("_", " ").capitalize()
        label = QLabel(title)
        for widget in (label, editor):
            widget.setToolTip(_wrap(field.description or title))
        editor.setAccessibleName(title)
        layout.addRow(label, editor)
        self.editors[name] = editor
        self._labels[name] = label
        _changed_signal(editor).connect(lambda *_: self._take(name))

    def _take(self, edited_name: str) -> None:
        # Only the field that was edited: an editor shows fewer decimals than its value may have.
        edited = {edited_name: _read(self.editors[edited_name])}
        fields = {name: getattr(self._value, name) for name in type(self._value).model_fields}
        try:
            value = type(self._value)(**(fields | edited))
        except ValueError as error:
            self.setValue(self._value)
            raise UserError(f"These settings do not go together: {error}.") from error
        if value != self._value:
            self._value = value
            self.valueChanged.emit(value)


def _make_editor(field: FieldInfo, value: Any) -> QWidget | None:
    kind = field.annotation
    if kind is bool:
        return QCheckBox()
    if kind is int or kind is float:
        return _number(field, kind)
    choices = _choices(kind)
    if choices:
        combo = Choice()
        for choice in choices:
            text = str(getattr(choice, "value", choice))
            combo.addItem(_LABELS.get(text, text.replace("_", " ")), choice)
        return combo
    return None


_LABELS = {
    "ronneberger2015": "Ronneberger 2015",
    "falk2019": "Falk 2019",
    "components": "not at all",
    "distance": "at necks",
    "probability": "at faint seams",
    "learned": "as learned",
}


def _choices(kind: Any) -> tuple[Any, ...]:
    if get_origin(kind) is Literal:
        return get_args(kind)
    return tuple(kind) if isinstance(kind, type) and issubclass(kind, Enum) else ()


def _number(field: FieldInfo, kind: type) -> QSpinBox | QDoubleSpinBox:
    low, high = -_UNBOUNDED, _UNBOUNDED
    tiny = 1 if kind is int else 10.0**-3
    for bound in field.metadata:
        low = getattr(bound, "ge", None) if getattr(bound, "ge", None) is not None else low
        high = getattr(bound, "le", None) if getattr(bound, "le", None) is not None else high
        low = bound.gt + tiny if getattr(bound, "gt", None) is not None else low
        high = bound.lt - tiny if getattr(bound, "lt", None) is not None else high
    box: QSpinBox | QDoubleSpinBox = QSpinBox() if kind is int else _Number()
    if isinstance(box, QDoubleSpinBox):
        fine = high - low <= 2
        box.setDecimals(3 if fine else 1)
        box.setSingleStep(0.01 if fine else 1.0)
    box.setRange(kind(low), kind(high))
    box.setKeyboardTracking(False)
    return box


class _Number(QDoubleSpinBox):
    """Shows 0.5 where three decimals could be typed, not 0.500."""

    def textFromValue(self, value: float) -> str:
        text, point = super().textFromValue(value), str(self.locale().decimalPoint())
        return text.rstrip("0").removesuffix(point) if point in text else text


def _show(editor: QWidget, value: Any) -> None:
    if isinstance(editor, QCheckBox):
        editor.setChecked(value)
    elif isinstance(editor, Choice):
        editor.setCurrentIndex(next(i for i in range(editor.count()) if editor.itemData(i) == value))
    else:
        editor.setValue(value)


def _read(editor: QWidget) -> Any:
    if isinstance(editor, QCheckBox):
        return editor.isChecked()
    return editor.currentData() if isinstance(editor, Choice) else editor.value()


def _changed_signal(editor: QWidget) -> Any:
    if isinstance(editor, QCheckBox):
        return editor.toggled
    return editor.currentIndexChanged if isinstance(editor, Choice) else editor.valueChanged


def _wrap(text: str) -> str:
    # A tooltip in rich text is wrapped by Qt; plain text would be one long line.
    return f"<p>{text.replace('<', '&lt;')}</p>".replace("\n", "<br>")
