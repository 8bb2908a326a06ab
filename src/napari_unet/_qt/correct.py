"""Step 5: correct what is wrong, accept what is right."""

from __future__ import annotations

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_unet._qt.loop import Loop
from napari_unet._qt.rows import button, hint, row
from napari_unet.annotation.coding import LabelsAre
from napari_unet.session import Which

TOOLTIP = "Edit the Segmentation layer: every object that you touch becomes part of your annotation."

HOW = (
    "Repair objects with napari's brush, eraser and fill: what you touch becomes part of your annotation. "
    "Accept what is right. Then train again."
)


class CorrectStep(QWidget):
    """Leads to napari's tools, accepts, undoes."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self.edit = button(
            "Edit the segmentation", "Select the Segmentation layer and napari's brush for it.", self._edit
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
        self.undo = button("Undo", "Take back the last action (Ctrl+Z).", loop.undo)
        self.redo = button("Redo", "Do it again (Ctrl+Shift+Z).", loop.redo)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (
            hint(HOW),
            row(self.edit, self.pick),
            row("Accept", self.accept_object, self.accept_region, self.accept_plane),
            row(self.undo, self.redo),
        ):
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
        for made in (self.edit, self.pick):
            made.setEnabled(has)
        self.accept_object.setEnabled(has)
        self.accept_plane.setEnabled(has)
        self.accept_region.setEnabled(has and bool(session.regions))
        self.accept_object.setText("Object" if session.labels_are is LabelsAre.OBJECTS else "Class")
        self.undo.setEnabled(history.undo_name is not None)
        self.redo.setEnabled(history.redo_name is not None)
        self.undo.setText(f"Undo: {history.undo_name}" if history.undo_name else "Undo")
        self.redo.setText(f"Redo: {history.redo_name}" if history.redo_name else "Redo")

    def _edit(self) -> None:
        self._loop.layers.edit(Which.SEGMENTATION, "paint")

    def _pick(self) -> None:
        self._loop.layers.edit(Which.SEGMENTATION, "pick")

    def _accept_object(self) -> None:
        layer = self._loop.layers.layer(Which.SEGMENTATION)
        if layer is not None:
            self._loop.accept_object(int(layer.selected_label))

    def _accept_region(self) -> None:
        with self._loop.telling("Accepting"):
            plane = self._loop.plane()
            for region in self._loop.layers.chosen_regions():
                if tuple(region.plane) == tuple(plane):
                    self._loop.accept(region=region)

    def _accept_plane(self) -> None:
        self._loop.accept()
