"""What a live training is given, and what it hands over: in other threads than its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_unet.workflow.annotated import AnnotatedImage
    from napari_unet.workflow.training import TrainedModel


@dataclass(frozen=True, eq=False)
class Annotation:
    """What is painted at a moment.

    Attributes
    ----------
    read
        Returns the annotated planes; called in the thread that trains.
    object_size
        Diameter (px) of a typical object, where known.
    shown_agreement
        Mean probability that a preview gives to what was painted: a network has to do better before it is shown.
    """

    read: Callable[[], Sequence[AnnotatedImage]]
    class_names: tuple[str, ...] = ()
    object_size: float | None = None
    shown_agreement: float = 0.0


class Inbox:
    """Holds the newest annotation for the thread that trains."""

    def __init__(self) -> None:
        self._newest: Annotation | None = None
        self._came = threading.Condition()

    def put(self, annotation: Annotation) -> None:
        """Take an annotation in the place of an older one."""
        with self._came:
            self._newest = annotation
            self._came.notify_all()

    def take(self, seconds: float = 0.0) -> Annotation | None:
        """Return what came since the last time, waiting so long for it."""
        with self._came:
            if self._newest is None and seconds:
                self._came.wait(seconds)
            newest, self._newest = self._newest, None
        return newest

    @property
    def is_empty(self) -> bool:
        """Whether nothing came."""
        with self._came:
            return self._newest is None


@dataclass(frozen=True, eq=False)
class Better:
    """Weights that are better than those before.

    Attributes
    ----------
    agreement
        Mean probability that they give to what was painted, 0–1.
    """

    trained: TrainedModel
    agreement: float
    seconds: float


@dataclass(frozen=True)
class State:
    """How far it is; `rests` when nothing got better and nothing new was painted."""

    steps: int
    seconds: float
    rests: bool
