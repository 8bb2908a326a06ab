"""The weight map of the shown plane, made and kept up with the brush in a thread."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_unet._qt.job import Job, start_job
from napari_unet._qt.loop import Loop
from napari_unet.annotation.terms import WeightMapSettings
from napari_unet.session import Which

Patch = tuple[Any, tuple[slice, slice]]
"""New labels ``(Y, X)``, and the box of the plane that they fill."""


class LiveWeights(QObject):
    """Makes a map on request; each stroke after it changes only its neighbourhood.

    Signals
    -------
    made(object)
        The map of the plane that was asked for last, float32 ``(Y, X)``.
    followed()
        That array changed in place.
    """

    made = Signal(object)
    followed = Signal()

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self._job: Job | None = None
        self._wanted: tuple[tuple[int, ...], WeightMapSettings] | None = None
        self._map: Any = None
        self._waiting: list[tuple[slice, slice]] = []
        loop.session.canvas.edited.connect(self._note_edit)

    def show(self, plane: tuple[int, ...], settings: WeightMapSettings) -> None:
        """Make the map of a plane, and let it follow the brush from then on."""
        self._wanted, self._map = (plane, settings), None
        self._work()

    def hide(self) -> None:
        """Forget the map."""
        self._wanted = self._map = None
        self._waiting.clear()

    def is_making(self) -> bool:
        """Whether a map was asked for that is not there yet."""
        return self._wanted is not None and self._map is None

    def _note_edit(self, which: Which, change: Any) -> None:
        if which is not Which.ANNOTATION or self._wanted is None:
            return
        plane, box = self._wanted[0], tuple(change.box)
        if all(s.start <= i < s.stop for s, i in zip(box, plane, strict=False)):
            self._waiting.append((box[-2], box[-1]))
            self._work()

    def _work(self) -> None:
        if self._job is not None or self._wanted is None:
            return
        if self._map is not None and _area(self._waiting) > self._map.weights.size / 4:
            self._map = None  # so much changed that a new map is made sooner
        if self._map is None:
            self._waiting.clear()
            self._run(self._loop.session.prepare_weight_map(*self._wanted).run)
        elif self._waiting:
            painting, plane, live = self._loop.session.painting, self._wanted[0], self._map
            patches = [(painting.with_regions(plane, box), box) for box in self._waiting]
            self._waiting.clear()
            self._run(lambda: _follow(live, patches))

    def _run(self, work: Any) -> None:
        wanted = self._wanted
        self._job = start_job(
            "weight map",
            lambda on_report, should_stop: (wanted, work()),
            completed=self._take,
            failed=self._fail,
            finished=self._ended,
            asks=False,
        )

    def _take(self, result: tuple[Any, Any]) -> None:
        wanted, live = result
        if wanted is not self._wanted:  # another plane or other settings were asked for meanwhile
            return
        if self._map is live:
            self.followed.emit()
        else:
            self._map = live
            self.made.emit(live.weights)

    def _fail(self, error: Exception) -> None:
        self.hide()
        self._loop.tell_failure(error)

    def _ended(self) -> None:
        self._job = None
        self._work()


def _area(boxes: list[tuple[slice, slice]]) -> int:
    return sum((rows.stop - rows.start) * (columns.stop - columns.start) for rows, columns in boxes)


def _follow(live: Any, patches: list[Patch]) -> Any:
    for labels, box in patches:
        live.follow(labels, box)
    return live
