"""The layers of one loop: which they are, how they are made, and what happens when one goes."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.layers import Image, Labels
from qtpy.QtCore import QObject, Signal

from napari_unet._qt.layers.looks import Looks
from napari_unet._qt.layers.mirror import Mirror
from napari_unet._qt.layers.places import begins_new_object, plane_shown, show_place
from napari_unet._qt.layers.regions import RegionsLayer
from napari_unet._qt.layers.results import ResultLayers
from napari_unet._qt.layers.sources import geometry, source_of, spatial_shape
from napari_unet.annotation.coding import FIRST
from napari_unet.annotation.regions import Region
from napari_unet.objects.edit import Change
from napari_unet.session import Session, Which

_NAMES = {Which.ANNOTATION: "Annotation", Which.SEGMENTATION: "Segmentation"}

_UNDO_KEYS = ("Control-Z", "Control-Shift-Z")


class Binding(QObject):
    """Makes and follows the layers that show a session.

    Signals
    -------
    edited(object, tuple, object)
        ``(which, offset, values)``: a stroke ended, as `Mirror.edited`.
    regions_drawn(list, int)
        The regions that are drawn now, and how many shapes are no regions.
    undo_wanted(), redo_wanted(), accept_wanted(int)
        Keys that were pressed over one of our layers.
    changed()
        A layer of ours came or went, or another plane is shown.
    misfit(str)
        A layer was given data that does not fit.
    value_chosen()
        Another label is selected in the annotation.
    """

    edited = Signal(object, tuple, object)
    regions_drawn = Signal(list, int)
    undo_wanted = Signal()
    redo_wanted = Signal()
    accept_wanted = Signal(int)
    changed = Signal()
    misfit = Signal(str)
    value_chosen = Signal()

    def __init__(self, viewer: Any, session: Session) -> None:
        super().__init__()
        self._viewer_ref = weakref.ref(viewer)
        self._session = session
        self.images: list[Image] = []
        self.mirrors: dict[Which, Mirror] = {}
        self.regions = RegionsLayer()
        self.regions.drawn.connect(self.regions_drawn)
        self.results = ResultLayers(weakref.proxy(viewer))
        self.looks = Looks(session, self.layer)
        self.new_object_tool = False
        self.copy_ahead: Any = None  # of an array that is shown next, made in a thread
        viewer.layers.events.removed.connect(self._forget_layer)
        viewer.dims.events.current_step.connect(self._plane_moved)
        session.canvas.array_changed.connect(self._write)
        session.canvas.edited.connect(self.looks.describe_new)
        session.canvas.array_replaced.connect(self._replace)
        session.canvas.regions_changed.connect(self._draw_regions)

    def viewer(self) -> Any:
        """Return the viewer."""
        return self._viewer_ref()

    def close(self) -> None:
        """Let all layers be ordinary ones."""
        for mirror in self.mirrors.values():
            mirror.detach()
        self.mirrors.clear()
        self._session.canvas.array_changed.disconnect(self._write)
        self._session.canvas.edited.disconnect(self.looks.describe_new)
        self._session.canvas.array_replaced.disconnect(self._replace)
        self._session.canvas.regions_changed.disconnect(self._draw_regions)

    # Image and plane

    def choose_images(self, layers: Sequence[Image], anew: bool = False) -> None:
        """Work on these layers: one image, or its channels; `anew` also where it has the same shape."""
        choose = self._session.begin_image if anew else self._session.set_image
        choose(source_of(list(layers)))
        self.images = list(layers)
        self._drop_misfits()

    def current_plane(self) -> tuple[int, ...] | None:
        """Return the plane that is shown, ``None`` when rows and columns are not what is seen."""
        image = self._session.image
        viewer = self.viewer()
        if image is None or viewer is None or not self.images:
            return None
        return plane_shown(viewer, self.images[0], image.spatial_shape)

    # Annotation and segmentation

    def layer(self, which: Which) -> Labels | None:
        """Return the layer that shows the array, ``None`` where there is none."""
        mirror = self.mirrors.get(which)
        return mirror.layer if mirror is not None else None

    def attach(self, which: Which, layer: Labels) -> None:
        """Let a layer that holds the session's values already be the one that is edited."""
        if which in self.mirrors:
            self.mirrors.pop(which).detach()
        mirror = Mirror(which, layer, self._truth_of(which), self.current_plane)
        mirror.edited.connect(self.edited)
        mirror.misfit.connect(self.misfit)
        mirror.stroke_begins.connect(self._begin_stroke)
        if which is Which.ANNOTATION:
            mirror.value_chosen.connect(self.value_chosen)
        self.mirrors[which] = mirror
        me = weakref.ref(self)
        undo, redo = _UNDO_KEYS
        layer.bind_key(undo, lambda _: me() and me().undo_wanted.emit(), overwrite=True)
        layer.bind_key(redo, lambda _: me() and me().redo_wanted.emit(), overwrite=True)
        if which is Which.SEGMENTATION:
            layer.bind_key("y", lambda _: me() and me()._accept_under_cursor(), overwrite=True)
        self.looks.colour(which)
        self.changed.emit()

    def show(self, which: Which) -> Labels | None:
        """Show the session's array in a layer of ours, made anew where there is none."""
        array = self._truth_of(which)()
        viewer = self.viewer()
        if array is None or viewer is None or not self.images:
            return None
        mirror = self.mirrors.get(which)
        if mirror is not None and mirror.layer.data.shape == array.shape:
            mirror.replace(self._copy_of(array))
            return mirror.layer
        if mirror is not None:
            self.mirrors.pop(which).detach()
        layer = Labels(
            self._copy_of(array),
            name=_NAMES[which],
            opacity=0.6 if which is Which.ANNOTATION else 0.8,
            **geometry(self.images[0]),
        )
        active = viewer.layers.selection.active
        annotation = self.layer(Which.ANNOTATION)
        at = viewer.layers.index(annotation) if annotation in viewer.layers else len(viewer.layers)
        viewer.layers.insert(at if which is Which.SEGMENTATION else len(viewer.layers), layer)
        if active is not None:
            viewer.layers.selection.active = active
        layer.selected_label = FIRST
        layer.brush_size = self._brush_size()
        self.attach(which, layer)
        return layer

    def leave(self, which: Which) -> None:
        """Let the layer that shows an array be an ordinary one, hidden: another comes in its place."""
        mirror = self.mirrors.pop(which, None)
        if mirror is not None:
            mirror.detach()
            for key in _UNDO_KEYS:
                mirror.layer.bind_key(key, None)
            mirror.layer.visible = False

    def dragging(self) -> bool:
        """Whether the user is in the middle of a stroke."""
        return any(mirror.dragging for mirror in self.mirrors.values())

    def settle(self) -> None:
        """Take what was edited by a script or an undo of napari a moment ago, before it is used."""
        for mirror in self.mirrors.values():
            mirror.check_plane()

    def paint_with(self, value: int, new_object: bool = False) -> None:
        """Make the annotation the active layer and its brush paint this value."""
        layer, viewer = self.layer(Which.ANNOTATION), self.viewer()
        if layer is None:
            return
        self.new_object_tool = new_object
        viewer.layers.selection.active = layer
        _make_visible(layer)
        layer.selected_label = value
        layer.mode = "paint"

    def edit(self, which: Which, mode: str) -> None:
        """Make a layer the active one, with one of napari's tools."""
        layer = self.layer(which)
        if layer is not None:
            self.viewer().layers.selection.active = layer
            _make_visible(layer)
            layer.mode = mode

    def go_to(self, position: Sequence[int]) -> None:
        """Show a pixel of the image in the middle of the canvas."""
        show_place(self.viewer(), self.images[0], position)

    # Regions

    def add_regions(self) -> None:
        """Make the regions layer, or select it, with the rectangle as tool."""
        if self.images:
            self.regions.add(self.viewer(), self.images[0])
            self.changed.emit()

    def chosen_regions(self) -> list[Region]:
        """Return the selected regions, all where none is selected."""
        return self.regions.chosen()

    # What napari tells

    def _forget_layer(self, event: Any) -> None:
        layer = event.value
        for which, mirror in list(self.mirrors.items()):
            if mirror.layer == layer:
                self.mirrors.pop(which).detach()
        if self.regions.layer is not None and self.regions.layer == layer:
            self.regions.forget()
        self.changed.emit()

    def _plane_moved(self, event: Any = None) -> None:
        self.changed.emit()

    def _begin_stroke(self, layer: Labels, index: tuple[int, ...]) -> None:
        """Give a stroke that starts off the current object the next number."""
        painting = self._session.painting
        if not self.new_object_tool or painting is None or layer != self.layer(Which.ANNOTATION):
            return
        if begins_new_object(layer, index, painting.holds):
            layer.selected_label = self._session.next_object_value()

    def _accept_under_cursor(self) -> None:
        layer, viewer = self.layer(Which.SEGMENTATION), self.viewer()
        if layer is not None:
            value = layer.get_value(viewer.cursor.position, world=True)
            if value:
                self.accept_wanted.emit(int(value))

    # What the session tells

    def _write(self, which: Which, change: Change) -> None:
        mirror = self.mirrors.get(which)
        if mirror is not None:
            mirror.write(tuple(change.offset), change.new)

    def _replace(self, which: Which) -> None:
        self.show(which)

    def _draw_regions(self, regions: Sequence[Region]) -> None:
        if self.images and self.viewer() is not None:
            self.regions.restore(self.viewer(), self.images[0], regions)

    def _copy_of(self, array: Any) -> Any:
        ahead, self.copy_ahead = self.copy_ahead, None
        return array.copy() if ahead is None else ahead

    def _truth_of(self, which: Which) -> Any:
        return lambda: self._session.canvas.arrays.get(which)

    def _drop_misfits(self) -> None:
        for which in list(self.mirrors):
            if self._truth_of(which)() is None:
                self.mirrors.pop(which).detach()
        if self.regions.layer is not None and self.regions.layer.ndim != len(spatial_shape(self.images[0])):
            self.regions.forget()
        self.changed.emit()

    def _brush_size(self) -> int:
        shape = self._session.image.plane_shape if self._session.image else (512, 512)
        return int(np.clip(min(shape) / 40, 3, 30))


def _make_visible(layer: Labels) -> None:
    if not layer.visible:  # napari draws the whole plane again also where nothing changes
        layer.visible = True
