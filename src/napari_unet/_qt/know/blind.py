"""*How good are people?*: eight objects are drawn again with all objects hidden, in a crop of the image."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image, Labels, Points
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_unet._qt.layers.sources import OURS, plane_geometry
from napari_unet._qt.loop import Loop
from napari_unet._qt.rows import button, hint, row
from napari_unet.annotation.coding import LabelsAre
from napari_unet.session.blind import OWN_AGREEMENT, Agreement, BlindTest, begin_blind_test

_CROP, _DRAWN, _WHICH = "Crop", "Draw it again", "Which one"


class BlindPanel(QWidget):
    """Begins the test, leads through it, tells how it went.

    Signals
    -------
    agreed()
        The project has another agreement.
    """

    agreed = Signal()

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self._test: BlindTest | None = None
        self._layers: list[Any] = []
        self._hidden: list[Any] = []
        self.words = hint()
        self.begin = button(
            "Draw eight again",
            "Eight of your objects are chosen by chance and hidden; you draw them again. How well you agree with "
            "yourself is the most that a network can reach.",
            self._begin,
        )
        self.next = button("Next", "This object is drawn; show the next one.", self._next, strong=True)
        self.cancel = button("Cancel", "Put all layers back as they were; nothing is kept.", self._end)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.words)
        layout.addWidget(row(self.begin, self.next, self.cancel))
        loop.album.leaving.connect(self._end)
        self.refresh()

    def refresh(self) -> None:
        """Show how far it is."""
        session, running = self._loop.session, self._test is not None
        possible = session.painting is not None and session.labels_are is LabelsAre.OBJECTS
        self.begin.setVisible(not running)
        self.begin.setEnabled(possible)
        self.next.setVisible(running)
        self.cancel.setVisible(running)
        if self._test is not None:
            self.words.setText(
                f"Object {len(self._test.ious) + 1} of {len(self._test.objects)}: paint the object under the cross "
                "whole, with the brush, as you did the first time. Then press Next."
            )
            return
        own, unknown = self._known(), "Nobody agrees with themselves entirely; see how far you do."
        self.words.setText(str(own) if own is not None else unknown)

    # ---- inside --------------------------------------------------------------------------------------------

    def _known(self) -> Agreement | None:
        project = self._loop.keeping.project
        return Agreement.read(project.notes.get(OWN_AGREEMENT)) if project is not None else None

    def _begin(self) -> None:
        with self._loop.telling("Drawing again"):
            self._loop.layers.settle()
            plane = self._loop.plane()
            self._test = begin_blind_test(self._loop.session.state, [plane], np.random.default_rng())
            viewer = self._loop.layers.viewer()
            self._hidden = [layer for layer in viewer.layers if layer.visible]
            for layer in self._hidden:
                layer.visible = False
            self._show()
        self.refresh()

    def _show(self) -> None:
        """Show the crop around the next object, an empty layer to draw in, and a cross in it."""
        self._remove()
        assert self._test is not None
        hidden = self._test.next
        assert hidden is not None
        loop, viewer, image = self._loop, self._loop.layers.viewer(), self._loop.layers.images[0]
        state = loop.session.state
        source = state.need_image()
        pixels = source.plane(hidden.plane, state.channels)[(slice(None), *hidden.box)]
        rgb = source.rgb and len(pixels) == 3
        shown = np.moveaxis(pixels, 0, -1) if rgb else pixels.mean(axis=0)
        geometry = plane_geometry(image)
        corner = np.array([side.start for side in hidden.box], float)
        # The crop lies where it was cut out, whatever scale, turn or shift the image has.
        geometry["translate"] = np.asarray(geometry["translate"]) + np.asarray(geometry["rotate"]) @ (
            corner * np.asarray(geometry["scale"])
        )
        limits = None if rgb else tuple(float(v) for v in np.percentile(shown, (0.5, 99.8)))
        if limits is not None and limits[0] >= limits[1]:
            limits = None
        crop = Image(shown, rgb=rgb, name=_CROP, contrast_limits=limits, metadata={OURS: _CROP}, **geometry)
        drawn = Labels(
            np.zeros(hidden.shape.shape, np.uint8),
            name=_DRAWN,
            metadata={OURS: _DRAWN},
            opacity=0.5,
            **geometry,
        )
        which = Points(
            [hidden.centre], name=_WHICH, symbol="cross", size=max(min(hidden.shape.shape) / 25, 2),
            face_color="#e69f00", metadata={OURS: _WHICH}, **geometry,
        )  # fmt: skip
        self._layers = [crop, which, drawn]
        for layer in self._layers:
            viewer.layers.append(layer)
        viewer.layers.selection.active = drawn
        drawn.selected_label = 1
        drawn.brush_size = max(round(np.sqrt(np.count_nonzero(hidden.shape)) / 4), 2)
        drawn.mode = "paint"
        height, width = hidden.shape.shape
        middle = drawn.data_to_world((height / 2, width / 2))
        camera = viewer.scene.camera if hasattr(viewer, "scene") else viewer.camera
        camera.center = (0, *map(float, middle[-2:]))
        extent = max(height * drawn.scale[-2], width * drawn.scale[-1])
        canvas = viewer.canvas if hasattr(viewer, "canvas") else None
        size = min(getattr(canvas, "size", None) or (600, 600))
        camera.zoom = 0.9 * size / float(extent)

    def _next(self) -> None:
        test = self._test
        if test is None:
            return
        with self._loop.telling("Drawing again"):
            drawn = self._layers[-1]
            if drawn not in self._loop.layers.viewer().layers:
                self._end()
                self._loop.say("warning", "The layer to draw in was removed; the test is cancelled.")
                return
            test.take(np.asarray(drawn.data) > 0)
            if test.next is not None:
                self._show()
            else:
                self._finish(Agreement(tuple(test.ious)))
        self.refresh()

    def _finish(self, own: Agreement) -> None:
        self._end()
        project = self._loop.keeping.project
        if project is not None:
            project.note(OWN_AGREEMENT, own.as_json())
        self._loop.say("info", str(own))
        self.agreed.emit()

    def _end(self, *_: object) -> None:
        self._test = None
        self._remove()
        for layer in self._hidden:
            layer.visible = True
        self._hidden = []
        self.refresh()

    def _remove(self) -> None:
        viewer = self._loop.layers.viewer()
        for layer in self._layers:
            if layer in viewer.layers:
                viewer.layers.remove(layer)
        self._layers = []
