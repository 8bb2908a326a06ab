"""The dock widget: the loop from top to bottom."""

from __future__ import annotations

import napari
from napari.utils.theme import get_theme
from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QMainWindow,
    QScrollArea,
    QSizePolicy,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from napari_unet._qt import annotate, correct, image, segment, takeaway, train
from napari_unet._qt.know.step import TOOLTIP as ABOUT_SCORES
from napari_unet._qt.know.step import KnowStep
from napari_unet._qt.live.uncertainty import UncertaintyWithLive
from napari_unet._qt.loops import loop_of
from napari_unet._qt.messages import MessageLine
from napari_unet._qt.project.offer import Offer
from napari_unet._qt.section import Section
from napari_unet._qt.views import Views
from napari_unet.session import Which

_WIDTH = 380
_LAID_OUT_MS = 150


class Dock(QWidget):
    """Paint, train, segment, correct, train again.

    Parameters
    ----------
    napari_viewer
        The viewer; its loop goes on when this widget is closed, and is found again by the next one.
    """

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        super().__init__()
        self.loop = loop_of(napari_viewer)
        self._viewer = self.loop.layers.viewer
        self.views = Views(self.loop)
        self._uncertainty = UncertaintyWithLive(self.loop, self.views)
        self.image = image.ImageStep(self.loop)
        self.annotate = annotate.AnnotateStep(self.loop)
        self.train = train.TrainStep(self.loop, self.views)
        self.segment = segment.SegmentStep(self.loop, self.views)
        self.correct = correct.CorrectStep(self.loop)
        self.know = KnowStep(self.loop)
        self.takeaway = takeaway.TakeAwayStep(self.loop)
        steps = [
            ("Image", image.TOOLTIP, self.image),
            ("Annotate", annotate.TOOLTIP, self.annotate),
            ("Train", train.TOOLTIP, self.train),
            ("Segment", segment.TOOLTIP, self.segment),
            ("Correct", correct.TOOLTIP, self.correct),
            ("Scores and rounds", ABOUT_SCORES, self.know),
            ("Take away", takeaway.TOOLTIP, self.takeaway),
        ]
        self.steps = [body for _, _, body in steps]
        self.sections = [Section(i + 1, *each) for i, each in enumerate(steps)]
        self.messages = MessageLine()
        self.offer = Offer(self.loop.moves)
        self._opened: set[str] = set()
        self._shown: list[Section] = []
        self._section_to_show: Section | None = None
        self._was_training = self.loop.training is not None
        self._laid_out = QTimer(self)
        self._laid_out.setSingleShot(True)
        self._laid_out.setInterval(_LAID_OUT_MS)
        self._laid_out.timeout.connect(self._show_section)
        self._lay_out()
        self.loop.refreshed.connect(self.refresh)
        self.loop.said.connect(self.messages.say)
        self.loop.keeping.changed.connect(self._show_saved)
        self.sections[0].toggled.connect(self._show_saved)
        self.loop.album.changed.connect(self._show_images)
        if self.loop.words.last is not None:
            self.messages.say(*self.loop.words.last)
        self.loop.themed.connect(self._follow_theme)
        self._follow_theme()
        self.sections[0].set_open(True)
        self.reset_choices()

    def reset_choices(self, event: object = None) -> None:
        """Read which layers there are; napari calls this when they change."""
        self.image.reset_choices()
        self.annotate.reset_choices()
        self.refresh()

    def refresh(self) -> None:
        """Show the session's state in every step and title line."""
        for body, section in zip(self.steps, self.sections, strict=True):
            body.refresh()
            section.set_state(body.state())
        self._open_what_comes_next()
        running = self.loop.training is not None
        if running and not self._was_training:  # its progress and curves may lie below the fold
            self._scroll_to(self.sections[2])
        self._was_training = running

    def showEvent(self, event: QShowEvent) -> None:
        """Learn of the window, whose end ends the loop."""
        super().showEvent(event)
        if isinstance(self.window(), QMainWindow):
            self.loop.watch_window(self.window())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let the wheel scroll the dock instead of changing a number that it passes over."""
        if event.type() == QEvent.Type.Wheel and not watched.hasFocus():
            event.ignore()
            return True
        return bool(super().eventFilter(watched, event))

    def _open_what_comes_next(self) -> None:
        """Open each step once when it becomes possible; what the user folds away stays folded."""
        session = self.loop.session
        reached = {
            "annotate": session.image is not None,
            "train": session.annotation is not None,
            "segment": session.image is not None,
            "correct": session.segmentation is not None
            and self.loop.layers.layer(Which.SEGMENTATION) is not None,
            "scores and rounds": session.current is not None,
            "take away": session.segmentation is not None,
        }
        for section, (name, possible) in zip(self.sections[1:], reached.items(), strict=True):
            if possible and name not in self._opened:
                self._opened.add(name)
                section.set_open(True)
        begins = session.segmentation is None
        if begins and session.annotation is not None and self._show_once(self.sections[2]):
            # Its title line says all that is needed from here on, unless one goes through several images.
            self.sections[0].set_open(len(self.loop.album.images) > 1)
        if session.current is not None or not begins:
            self._show_once(self.sections[3])

    def _show_once(self, section: Section) -> bool:
        """Scroll to a section where that was not done before; tell whether it was not."""
        if section in self._shown:
            return False
        self._shown.append(section)
        self._scroll_to(section)
        return True

    def _scroll_to(self, section: Section) -> None:
        """Scroll to a section as soon as its parts have found their places."""
        self._section_to_show = section
        self._laid_out.start()

    def _show_saved(self, *_: object) -> None:
        self.sections[0].set_state(self.image.state())

    def _show_images(self) -> None:
        """Show the list of images once, when there are several."""
        if len(self.loop.album.images) > 1 and "images" not in self._opened:
            self._opened.add("images")
            self.sections[0].set_open(True)
        self._show_saved()

    def _show_section(self) -> None:
        if self._section_to_show is not None:
            self._area.ensureWidgetVisible(self._section_to_show, 0, 0)

    def _lay_out(self) -> None:
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(6, 4, 6, 4)
        column.setSpacing(4)
        for section in self.sections:
            column.addWidget(section)
        column.addStretch(1)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setFrameShape(QScrollArea.Shape.NoFrame)
        self._area.setWidget(inner)
        self._area.setMinimumWidth(_WIDTH)
        self._area.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._area, 1)
        layout.addWidget(self.offer)
        layout.addWidget(self.messages)
        for kind in (QAbstractSpinBox, QComboBox, QSlider):
            for widget in inner.findChildren(kind):
                widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
                widget.installEventFilter(self)

    def _follow_theme(self) -> None:
        theme = get_theme(self._viewer().theme)
        for step in (self.train, self.know, self.takeaway):
            step.set_colours(theme.text.as_hex(), theme.background.as_hex())


def open_dock(viewer: napari.Viewer) -> Dock:
    """Open the dock in a viewer, or find it where it is open already."""
    _, widget = viewer.window.add_plugin_dock_widget("napari-unet", "U-Net")
    QApplication.processEvents()
    return widget
