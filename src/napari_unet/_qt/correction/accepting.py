"""Objects of the segmentation become annotation: one, those of a region or a plane, or those that are sure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_unet._qt.correction.gestures import Gestures
from napari_unet._qt.words import Words
from napari_unet.session import Plane, Session


class Accepting(QObject):
    """Accepts what is shown.

    Parameters
    ----------
    plane
        Returns the plane that is shown, or raises `UserError`.

    Signals
    -------
    done()
        Something was accepted, or it was annotated already.
    """

    done = Signal()

    def __init__(
        self, session: Session, words: Words, gestures: Gestures, plane: Callable[[], Plane]
    ) -> None:
        super().__init__()
        self._session, self._words, self._gestures, self._plane = session, words, gestures, plane

    def accept_object(self, value: int) -> None:
        """Accept one object of the plane that is shown, or on all of its planes."""
        with self._words.telling("Accepting"):
            plane = self._plane()
            if self._gestures.is_whole(plane):
                self._words.say("info", self._gestures.accept_whole(plane, value))
            else:
                self.accept(values=[value])

    def accept(self, values: Sequence[int] | None = None, region: Any = None) -> None:
        """Take objects of the segmentation into the annotation where nothing is annotated."""
        with self._words.telling("Accepting"):
            n = self._session.accept(self._plane(), values, region)
            self._words.say(
                "info",
                f"Accepted: {n:,} px are annotated now." if n else "All of it was annotated already.",
            )
            self.done.emit()

    def accept_sure(self, percent: float) -> None:
        """Accept the objects of the plane that the network is at least this sure of."""
        with self._words.telling("Accepting"):
            n, n_pixels = self._session.correcting.accept_sure(self._plane(), percent / 100)
            who = {0: "No object is", 1: "One object is"}.get(n, f"{n} objects are")
            news = f"{n_pixels:,} px are annotated now" if n_pixels else "nothing of it was left to annotate"
            self._words.say("info", f"{who} that sure{': ' + news if n else ''}.")
            self.done.emit()
