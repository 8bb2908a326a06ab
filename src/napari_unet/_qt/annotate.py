"""Step 2: say what is what."""

from __future__ import annotations

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_unet._qt.brushes import Brushes
from napari_unet._qt.kinds import Kinds
from napari_unet._qt.live.switch import LiveSwitch
from napari_unet._qt.loop import Loop
from napari_unet._qt.new_annotation import NewAnnotation
from napari_unet._qt.problems import Problems
from napari_unet._qt.propose import Propose
from napari_unet._qt.rows import Fold, button, column, hint, row
from napari_unet._qt.selected_object import SelectedObject
from napari_unet.annotation.coding import LabelsAre
from napari_unet.session import Which

TOOLTIP = (
    "Paint a few objects and some background around them; what you leave out is simply not learned from."
)


class AnnotateStep(QWidget):
    """Makes the annotation, chooses what the brush paints, and tells what hinders a good training."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self.new = NewAnnotation(loop)
        self.lost = column(
            hint("The annotation layer was removed. What you painted is kept."),
            row(button("Show it again", "Make the layer again with all that you painted.", self._show_again)),
        )
        self.region = button(
            "Region",
            "Draw a rectangle or polygon that says: inside, all is annotated. What you left out there counts "
            "as background.",
            self._draw_region,
        )
        self.brushes = Brushes(loop, self.region)
        self.selected = SelectedObject(loop)
        self.problems = Problems(loop, self.selected.pick)
        self.propose = Fold(
            "Propose objects",
            "Start from a threshold instead of an empty image: it fills the Segmentation layer; accept what "
            "is right.",
            lambda: Propose(loop),
        )
        self.again = Fold(
            "Start over, or use other labels",
            "Begin another annotation layer; the present one stays in the layer list.",
            lambda: self._make_again(),
        )
        self.kinds = Fold(
            "Classes of objects",
            "When your objects are of several kinds, such as living and dead cells: name the kinds here, then "
            "give each object its class above. The network learns to tell them apart.",
            lambda: Kinds(loop),
        )
        self.live = LiveSwitch(loop)
        self._tools = column(self.brushes, self.live, self.selected, self.problems)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (self.new, self.lost, self._tools, self.kinds, self.propose, self.again):
            layout.addWidget(part)

    def state(self) -> str:
        """Return a few words for the title line."""
        session = self._loop.session
        if session.image is None:
            return ""
        if session.annotation is None:
            return "start here"
        kind = "objects" if session.labels_are is LabelsAre.OBJECTS else "classes"
        return f"{kind} · {self.problems.summary()}"

    def reset_choices(self, event: object = None) -> None:
        """Read which Labels layers there are."""
        self.new.reset_choices()
        if self.again.body is not None:
            self.again.body.reset_choices()

    def refresh(self) -> None:
        """Show the session's state."""
        session = self._loop.session
        has_image, has_annotation = session.image is not None, session.annotation is not None
        lost = has_annotation and self._loop.layers.layer(Which.ANNOTATION) is None
        if has_annotation:
            self._loop.warming.start()
        self.new.setVisible(has_image and not has_annotation)
        self.lost.setVisible(lost)
        self._tools.setVisible(has_annotation and not lost)
        objects = session.labels_are is LabelsAre.OBJECTS
        self.propose.setVisible(has_image and objects)
        self.selected.setVisible(has_annotation and not lost and objects)
        self.kinds.setVisible(has_annotation and not lost and objects)
        self.again.setVisible(has_annotation)
        self.brushes.refresh()
        self.live.refresh()
        self.selected.refresh()
        if self.kinds.body is not None:
            self.kinds.body.refresh()
        self.problems.refresh()
        self.new.refresh()

    def _make_again(self) -> NewAnnotation:
        made = NewAnnotation(self._loop)
        made.reset_choices()
        return made

    def _show_again(self) -> None:
        with self._loop.telling("Showing the annotation"):
            self._loop.layers.show(Which.ANNOTATION)
        self._loop.refresh_soon()

    def _draw_region(self) -> None:
        with self._loop.telling("Making the regions layer"):
            self._loop.layers.add_regions()
