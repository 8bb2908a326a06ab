"""Which results are shown as layers, and when they must be shown anew."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import QObject

from napari_unet._qt.live_weights import LiveWeights
from napari_unet._qt.loop import Loop
from napari_unet.annotation.terms import WeightMapSettings


class Views(QObject):
    """Keeps the wanted result layers on the plane that is shown."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self._wanted: set[str] = set()
        self._shown: dict[str, Any] = {}
        self._opacity: dict[str, float] = {}
        self.weight_settings = WeightMapSettings()
        loop.refreshed.connect(self.refresh)
        loop.segmented.connect(self.refresh)
        loop.live_run.shown.connect(self.refresh)
        loop.album.leaving.connect(self._leave_image)
        self._live = LiveWeights(loop)
        self._live.made.connect(self._show_weights)
        self._live.followed.connect(self._redraw_weights)

    def wants(self, kind: str) -> bool:
        """Whether the user asked for this layer."""
        return kind in self._wanted

    def want(self, kind: str, wanted: bool, opacity: float | None = None) -> None:
        """Show a layer as soon as there is something to show, or take it away.

        Parameters
        ----------
        opacity
            With which the layer begins; by default as this kind is shown.
        """
        results = self._loop.layers.results
        self._opacity.pop(kind, None)
        if opacity is not None:
            self._opacity[kind] = opacity
        if wanted:
            self._wanted.add(kind)
            self._shown.pop(kind, None)
        else:
            self._wanted.discard(kind)
            self._shown.pop(kind, None)
            results.hide(kind)
            if kind == "Weight map":
                self._live.hide()
        self.refresh()

    def weigh_with(self, settings: WeightMapSettings) -> None:
        """Use other settings of the weight map."""
        self.weight_settings = settings
        self.refresh()

    def refresh(self) -> None:
        """Show anew what is out of date."""
        if not self._wanted:
            return
        with self._loop.telling("Showing the layer"):
            present = self._loop.layers.results.shown()
            for kind in list(self._wanted):
                awaited = kind == "Weight map" and self._live.is_making()
                if kind in self._shown and kind not in present and not awaited:  # the user removed the layer
                    self._wanted.discard(kind)
                    self._shown.pop(kind)
                    if kind == "Weight map":
                        self._live.hide()
                    continue
                version = self._version(kind)
                if version is not None and self._shown.get(kind) != version:
                    self._show(kind)
                    self._shown[kind] = version

    def _leave_image(self) -> None:
        """Forget what is shown of this image; what is wanted is shown of the next one."""
        self._shown.clear()
        self._live.hide()

    def _version(self, kind: str) -> Any:
        session, plane = self._loop.session, self._loop.layers.current_plane()
        if plane is None:
            return None
        if kind == "Weight map":
            if session.annotation is None:
                return None
            return (
                id(session.annotation),
                plane,
                self.weight_settings,
                session.regions,
                session.painting.notes,
                session.state.object_size_override,
            )
        live = self._loop.live_run.live
        if kind == "Uncertainty" and live.is_on and live.entropy is not None:
            return plane, "live", live.n_shown
        return (plane, self._loop.n_segmented) if plane in session.separating.stored else None

    def _show(self, kind: str) -> None:
        session, plane = self._loop.session, self._loop.plane()
        if kind == "Weight map":
            self._live.show(plane, self.weight_settings)
            return
        live = self._loop.live_run.live
        if kind == "Uncertainty" and live.is_on and live.entropy is not None:
            values, limits = live.entropy, (0.0, 1.0)
        elif kind == "Probability":
            values, limits = 1.0 - session.separating.stored.probability(plane)[0], (0.0, 1.0)
        else:
            values, limits = session.separating.stored.entropy(plane), (0.0, 1.0)
        results, image = self._loop.layers.results, self._loop.layers.images[0]
        results.show(kind, np.asarray(values), limits, image, self._opacity.get(kind))

    def _show_weights(self, values: Any) -> None:
        limits = (0.0, max(float(values.max(initial=0)), 1.0))
        if self._loop.layers.images:
            self._loop.layers.results.show("Weight map", values, limits, self._loop.layers.images[0])

    def _redraw_weights(self) -> None:
        self._loop.layers.results.redraw("Weight map")
