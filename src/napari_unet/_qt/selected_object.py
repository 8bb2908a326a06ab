"""The object whose number is selected: its class, whether it counts as complete, and why not."""

from __future__ import annotations

from qtpy.QtCore import QSignalBlocker, QTimer
from qtpy.QtWidgets import QCheckBox, QLabel, QVBoxLayout, QWidget

from napari_unet._qt.job import Job, start_job
from napari_unet._qt.loop import Loop
from napari_unet._qt.rows import combo, hint, row, small_button, swatch
from napari_unet.annotation.coding import FIRST, LabelsAre
from napari_unet.annotation.problems_of_object import Completeness
from napari_unet.session import Which
from napari_unet.session.painting import Painting

_QUIET_MS = 150

_COMPLETE = (
    "Tick it if you painted all of this object although nothing closes it in. Size, borders and how well "
    "objects are found are learned from complete objects only; of all others only their pixels are."
)


class SelectedObject(QWidget):
    """Shows and says what is known about one annotated object."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self.name = QLabel()
        self.kind = combo([], "The class of this object. Name classes under “Classes of objects”.")
        self.kind.setMinimumContentsLength(4)
        self.kind.activated.connect(self._set_class)
        self.complete = QCheckBox("Complete")
        self.complete.setToolTip(f"<p>{_COMPLETE}</p>")
        self.complete.clicked.connect(self._set_complete)
        self.pick = small_button(
            "Pick", "Then click on an annotated object in the image, to see and change what is known about it.",
            self._pick,
        )  # fmt: skip
        self.sentence = hint()
        self._quiet = QTimer(self)
        self._quiet.setSingleShot(True)
        self._quiet.setInterval(_QUIET_MS)
        self._quiet.timeout.connect(self._judge)
        self._job: Job | None = None
        self._is_behind = False  # something changed since the job began
        self._absent: int | None = None  # the object that was looked for last, if the plane does not hold it
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(row(self.name, self.kind, self.complete, self.pick, stretch=0))
        layout.addWidget(self.sentence)
        loop.edited.connect(self._quiet.start)
        loop.layers.value_chosen.connect(self.refresh)

    def value(self) -> int | None:
        """Return the selected object, ``None`` where not annotated or background is selected."""
        layer = self._loop.layers.layer(Which.ANNOTATION)
        if layer is None or self._loop.session.labels_are is not LabelsAre.OBJECTS:
            return None
        return int(layer.selected_label) if layer.selected_label >= FIRST else None

    def refresh(self) -> None:
        """Show which object is selected; how complete it is follows in a moment."""
        session, value = self._loop.session, self.value()
        names = session.class_names
        self._name(value)
        self.sentence.setVisible(value is not None and bool(self.sentence.text()))
        self.kind.setVisible(bool(names) and value is not None)
        with QSignalBlocker(self.kind):
            self.kind.clear()
            for name, colour in zip(names, self._loop.layers.looks.class_colours, strict=False):
                self.kind.addItem(name)
                self.kind.setItemIcon(self.kind.count() - 1, swatch(colour))
            if value is not None and session.painting is not None:
                self.kind.setCurrentIndex(session.painting.object_classes.get(value, 1) - 1)
        self._quiet.start()

    def _judge(self) -> None:
        """Look for the object in a thread: on a plane of 8192² that takes a third of a second."""
        painting, plane, value = self._loop.session.painting, self._loop.layers.current_plane(), self.value()
        if painting is None or plane is None or value is None:
            self._say("")
            return
        self._is_behind = self._job is not None
        if not self._is_behind:
            version = painting.version
            self._job = start_job(
                "looking at the object",
                lambda on_report, should_stop: (
                    painting,
                    version,
                    value,
                    painting.completeness(plane, value),
                ),
                completed=self._take,
                failed=self._loop.tell_failure,
                finished=self._ended,
                asks=False,
            )

    def _take(self, judged: tuple[Painting, int, int, Completeness]) -> None:
        painting, version, value, found = judged
        is_newest = painting is self._loop.session.painting and painting.version == version
        if is_newest and value == self.value():
            self._show(found)
        else:
            self._is_behind = True

    def _ended(self) -> None:
        self._job = None
        if self._is_behind:
            self._quiet.start()

    def _show(self, found: Completeness) -> None:
        with QSignalBlocker(self.complete):
            self.complete.setChecked(found.complete)
        self.kind.setEnabled(found.present)
        self.complete.setEnabled(not found.closed_in)  # then nothing that the user says could change it
        self._absent = None if found.present else self.value()
        self._name(self.value())
        self._say(found.sentence if found.present else "")

    def _name(self, value: int | None) -> None:
        absent = value is not None and value == self._absent
        named = f"Object {value}: not painted here yet" if absent else f"Object {value}"
        self.name.setText("No object selected" if value is None else named)
        self.complete.setVisible(value is not None and not absent)

    def _say(self, sentence: str) -> None:
        self.sentence.setText(sentence)
        self.sentence.setVisible(bool(sentence))

    def _set_class(self, index: int) -> None:
        value = self.value()
        if value is not None and index >= 0:
            with self._loop.telling("Giving the object a class"):
                self._loop.session.annotating.set_object_class(value, index + 1)

    def _set_complete(self, checked: bool) -> None:
        value = self.value()
        if value is not None:
            with self._loop.telling("Saying that the object is complete"):
                self._loop.session.annotating.mark_complete([value], checked)
                self._loop.edited.emit()

    def _pick(self) -> None:
        self._loop.layers.edit(Which.ANNOTATION, "pick")
