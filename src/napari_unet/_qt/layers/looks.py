"""How annotation and segmentation look: their colours, and what napari tells of an object under the mouse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from napari.layers import Labels

from napari_unet._qt import colours
from napari_unet._qt.layers.features import describe, describe_new
from napari_unet.annotation.coding import LabelsAre
from napari_unet.objects.edit import Change
from napari_unet.session import Session, Which
from napari_unet.session.notes import ObjectNotes
from napari_unet.session.painting import Painting


class _Described(NamedTuple):
    """What napari was told last; objects that are painted since are told one by one."""

    layer: Labels
    painting: Painting
    notes: ObjectNotes
    listed: bool


class Looks:
    """What the layers of a session look like.

    Parameters
    ----------
    layer
        Returns the layer that shows an array, ``None`` where there is none.

    Attributes
    ----------
    class_colours
        One per class that has a name.
    colour_by_class
        Objects that are annotated have the colour of their class instead of one of their own.
    filled
        Whether an array is shown filled, or as outlines.
    """

    def __init__(self, session: Session, layer: Callable[[Which], Labels | None]) -> None:
        self._session, self._layer = session, layer
        self.class_colours: list[str] = []
        self.colour_by_class = False
        self.filled = {Which.ANNOTATION: True, Which.SEGMENTATION: False}
        self._described: _Described | None = None

    def colour(self, which: Which) -> None:
        """Colour a layer for what its values mean, filled or as outlines."""
        layer = self._layer(which)
        if layer is None:
            return
        classes = self._session.labels_are is LabelsAre.CLASSES
        if which is Which.ANNOTATION:
            layer.colormap = self._annotation_colours(classes)
        else:
            layer.colormap = (
                colours.found_class_colours(self.class_colours) if classes else colours.segmentation_colours()
            )
        contour = 0 if self.filled[which] else 2
        if layer.contour != contour:
            layer.contour = contour

    def describe_objects(self) -> None:
        """Let napari show class and completeness of the object under the mouse."""
        layer, painting = self._layer(Which.ANNOTATION), self._session.painting
        if layer is None or painting is None:
            return
        last, notes = self._described, painting.notes
        same = last is not None and last.layer is layer and last.painting is painting
        if last is None or not same or last.notes != notes:
            listed = describe(layer, painting, listed=last is not None and same and last.listed)
            self._described = _Described(layer, painting, notes, listed)
        if self.colour_by_class and painting.labels_are is LabelsAre.OBJECTS:
            self.colour(Which.ANNOTATION)

    def describe_new(self, which: Which, change: Change) -> None:
        """Do so for objects that a change of the annotation brings."""
        layer, painting = self._layer(Which.ANNOTATION), self._session.painting
        if which is Which.ANNOTATION and layer is not None and painting is not None:
            describe_new(layer, painting, change)

    def _annotation_colours(self, classes: bool) -> Any:
        painting = self._session.painting
        if classes:
            return colours.class_colours(self.class_colours)
        if self.colour_by_class and self.class_colours and painting is not None:
            return colours.kind_colours(painting.object_classes, self.class_colours)
        return colours.annotation_colours()
