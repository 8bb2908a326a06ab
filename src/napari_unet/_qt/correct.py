"""Step 5: correct what is wrong, accept what is right."""

from __future__ import annotations

from qtpy.QtWidgets import QSpinBox, QVBoxLayout, QWidget

from napari_unet._qt.correction.tool_buttons import ToolButtons
from napari_unet._qt.inbox.panel import InboxPanel
from napari_unet._qt.loop import Loop
from napari_unet._qt.rows import Fold, button, column, hint, row
from napari_unet.annotation.coding import LabelsAre
from napari_unet.session import Which

TOOLTIP = "Correct the Segmentation layer: every object that you touch becomes part of your annotation."

SURE = 95
"""Percent that is offered: of what a trained network is this sure of, hardly anything is wrong."""


class CorrectStep(QWidget):
    """The tools, the way to napari's own, what is right, and undo."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self.inbox = InboxPanel(loop)
        self.tools = ToolButtons(loop)
        self.edit = button(
            "Brush", "napari's brush on the Segmentation layer; its eraser cuts (keys P and E).", self._edit
        )
        self.pick = button("Pick", "Click on an object to select it.", self._pick)
        self.accept_object = button(
            "Object",
            "Take the selected object into the annotation. Y does it under the mouse.",
            self._accept_object,
        )
        self.accept_region = button(
            "In regions",
            "Take what lies inside the selected region (or all regions) into the annotation.",
            self._accept_region,
        )
        self.accept_plane = button(
            "Plane", "Take all of this plane into the annotation: it is right.", self._accept_plane
        )
        self.sure = QSpinBox()
        self.sure.setRange(50, 100)
        self.sure.setSuffix(" %")
        self.sure.setValue(SURE)
        self.sure.setToolTip("<p>The network's probability, averaged over the object.</p>")
        self.accept_sure = button(
            "Sure ones",
            "Take all objects of this plane into the annotation that the network is at least this sure of. "
            "Look through them first: sure is not right.",
            self._accept_sure,
        )
        self.undo = button("Undo", "Take back the last action (Ctrl+Z).", loop.undo)
        self.redo = button("Redo", "Do it again (Ctrl+Shift+Z).", loop.redo)
        self.nothing = hint("Segment first; then you correct here what is wrong.")
        self.accept_surely = row("Accept", self.accept_sure, "from", self.sure)
        self.corrections = column(
            Fold(
                "Worth a look",
                "What of this plane is most likely wrong, ranked, with a proposed fix each; and where to paint next.",
                self.inbox,
            ),
            self.tools,
            row("Extend or cut", self.pick, self.edit),
            row("Accept", self.accept_object, self.accept_region, self.accept_plane),
            self.accept_surely,
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (self.nothing, self.corrections, row(self.undo, self.redo)):
            layout.addWidget(part)

    def state(self) -> str:
        """Return a few words for the title line."""
        name = self._loop.session.canvas.history.undo_name
        return f"last: {name}" if name else ""

    def refresh(self) -> None:
        """Show the session's state."""
        session, layers = self._loop.session, self._loop.layers
        history = session.canvas.history
        has = session.segmentation is not None and layers.layer(Which.SEGMENTATION) is not None
        objects = session.labels_are is LabelsAre.OBJECTS
        self.nothing.setVisible(not has)
        self.corrections.setVisible(has)
        self.tools.refresh()
        for made in (self.edit, self.pick):
            made.setEnabled(has)
        self.accept_sure.setEnabled(has and objects)
        self.accept_surely.setVisible(objects)
        self.accept_object.setEnabled(has)
        self.accept_plane.setEnabled(has)
        self.accept_region.setEnabled(has and bool(session.regions))
        self.accept_object.setText("Object" if objects else "Class")
        self.undo.setEnabled(history.undo_name is not None)
        self.redo.setEnabled(history.redo_name is not None)
        self.undo.setText(f"Undo: {history.undo_name}" if history.undo_name else "Undo")
        self.redo.setText(f"Redo: {history.redo_name}" if history.redo_name else "Redo")

    def _edit(self) -> None:
        self._loop.layers.edit(Which.SEGMENTATION, "paint")

    def _pick(self) -> None:
        self._loop.tools.put_down()
        self._loop.layers.edit(Which.SEGMENTATION, "pick")

    def _accept_object(self) -> None:
        layer = self._loop.layers.layer(Which.SEGMENTATION)
        if layer is not None:
            self._loop.accepting.accept_object(int(layer.selected_label))

    def _accept_region(self) -> None:
        with self._loop.telling("Accepting"):
            plane = self._loop.plane()
            for region in self._loop.layers.chosen_regions():
                if tuple(region.plane) == tuple(plane):
                    self._loop.accepting.accept(region=region)

    def _accept_plane(self) -> None:
        self._loop.accepting.accept()

    def _accept_sure(self) -> None:
        self._loop.accepting.accept_sure(self.sure.value())
