"""The line that is being drawn, over napari's canvas: no layer, so that nothing of it can be left behind."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from qtpy.QtCore import QPointF, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import QApplication, QWidget

_HALO, _INK = QColor(0, 0, 0, 170), QColor(255, 235, 59)
_RADIUS = 5.0


class DrawnLine(QWidget):
    """Lies on a canvas, lets the mouse through, and shows a line, a loop or a dot.

    Parameters
    ----------
    canvas
        The widget to lie on.
    loop
        Whether the line is closed by a straight one.
    """

    def __init__(self, canvas: QWidget, loop: bool) -> None:
        super().__init__(canvas)
        self._loop = loop
        self._points = QPolygonF()
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setGeometry(canvas.rect())
        self.show()

    def n_points(self) -> int:
        """Return how many points it has."""
        return int(self._points.count())

    def add(self, x: float, y: float) -> None:
        """Go on to a place on the canvas."""
        self._points.append(QPointF(x, y))
        self.update()

    def move_dot(self, x: float, y: float) -> None:
        """Show only a dot, here."""
        self._points.clear()
        self.add(x, y)

    def remove(self) -> None:
        """Take it off the canvas."""
        with suppress(RuntimeError):  # Qt has deleted it with its canvas: the window was closed
            self.hide()
            self.deleteLater()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw it, dark around bright: one of the two shows on any image."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.n_points() == 1:
            painter.setPen(QPen(_HALO, 2))
            painter.setBrush(_INK)
            painter.drawEllipse(self._points.at(0), _RADIUS, _RADIUS)
            return
        for colour, width in ((_HALO, 5), (_INK, 2)):
            painter.setPen(QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawPolyline(self._points)
            if self._loop:
                painter.setPen(QPen(colour, width, Qt.PenStyle.DotLine, Qt.PenCapStyle.RoundCap))
                painter.drawLine(self._points.at(0), self._points.at(self.n_points() - 1))


def canvas_under(event: Any) -> QWidget | None:
    """Return the widget that a mouse event of napari happened on, ``None`` where there is no window."""
    native = getattr(event, "native", None)
    if native is None:
        return None
    place = native.globalPosition().toPoint()
    under = QApplication.widgetAt(place)
    if under is None:  # another program's window lies above
        canvases = [widget for widget in QApplication.allWidgets() if isinstance(widget, QOpenGLWidget)]
        here = (w for w in canvases if w.isVisible() and w.rect().contains(w.mapFromGlobal(place)))
        under = next(here, None)
    return under
