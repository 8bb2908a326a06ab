"""A look around twice a second: the place one looks at, how large the project is, what tells nobody of itself."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, QTimer

from napari_unet._qt.project import work
from napari_unet._qt.project.sight import sight_of
from napari_unet.session.keeping import Keeper

if TYPE_CHECKING:
    from napari_unet._qt.project.keeping import Keeping

_TICK_MS = 500
_MEASURE_EVERY = 10.0
"""Seconds between two looks at how large the project is."""


class Watch(QObject):
    """Looks around as long as something is kept.

    Attributes
    ----------
    n_bytes : int
        Room that the project takes, 0 as long as that is not known.
    """

    def __init__(self, keeping: Keeping) -> None:
        super().__init__()
        self._keeping = keeping
        self.n_bytes, self._measured_at = 0, 0.0
        self._sight: dict[str, Any] = {}
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self._look_around)

    def start(self) -> None:
        """Look around from now on, in another project or on another image."""
        self._sight, self._measured_at, self.n_bytes = {}, 0.0, 0
        self._tick.start()
        self._look_around()

    def stop(self) -> None:
        """Look around no more."""
        self._tick.stop()

    def _look_around(self) -> None:
        keeper = self._keeping.keeper
        if keeper is None:
            self.stop()
            return
        if not keeper.is_of_now:
            self._keeping.let_go()
            return
        self._keeping.tell()  # before new notes: they are saved a moment later
        keeper.keep_settings()
        sight = sight_of(self._keeping.layers)
        for name, value in sight.items():
            if value == self._sight.get(name):  # the view came to rest
                keeper.note(name, value)
        self._sight = sight
        self._measure(keeper)

    def _measure(self, keeper: Keeper) -> None:
        keeping, now = self._keeping, time.monotonic()
        painting, errands = keeping.session.painting, keeping.errands
        if painting is None or errands.busy or now - self._measured_at < _MEASURE_EVERY:
            return
        self._measured_at = now

        def measured(found: tuple[int, int]) -> None:
            if keeping.keeper is keeper:
                self.n_bytes = found[0]
                counts = {**(keeper.project.notes.get("objects") or {}), keeper.entry.id: found[1]}
                if counts != keeper.project.notes.get("objects"):
                    keeper.project.note("objects", counts)

        project, labels = keeper.project, painting.labels
        errands.run(lambda: work.measure(project, labels), measured, keeping.tell_failure)
