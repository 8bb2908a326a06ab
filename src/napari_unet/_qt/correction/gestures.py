"""What a click or a drag with a tool means for the session, and what there is to say about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_unet._qt.correction.tools import BETWEEN, CLASS, DELETE, MERGE, NEW, SMOOTH, SPLIT, Tool
from napari_unet.errors import UserError
from napari_unet.session import Plane, Session
from napari_unet.session.whole_objects import Whole


@dataclass(frozen=True)
class FirstClick:
    """The first of two clicks that belong together."""

    tool: Tool
    plane: Plane
    point: NDArray[np.float64]


class Gestures:
    """Turns clicks and drags into corrections.

    Attributes
    ----------
    first
        A click that waits for the second one.
    class_number
        The class (1, 2, …) that the class tool gives.
    whole
        Objects of a stack are meant on all their planes, as far as the tool and the numbers allow it.
    """

    def __init__(
        self, session: Session, act_through: Callable[[Callable[[], Whole], Callable[[int], str]], str]
    ) -> None:
        self._session = session
        self._act_through = act_through
        self.first: FirstClick | None = None
        self.class_number = 1
        self.whole = False

    def accept_whole(self, plane: Plane, value: int) -> str:
        """Accept an object on all of its planes, as `click`."""
        return self._act_through(
            lambda: self._session.correcting.whole.accept(plane, value),
            lambda n: f"Accepted: {n:,} px are annotated now." if n else "All of it was annotated already.",
        )

    def is_whole(self, plane: Plane) -> bool:
        """Whether an object of a plane is meant on all of its planes."""
        return self.whole and bool(self._session.correcting.whole.axes(plane))

    def click(self, tool: Tool, plane: Plane, point: NDArray[np.float64]) -> str:
        """Use a tool at a point; return what was done, or what is to be done next.

        Raises
        ------
        UserError
            If it can't be done there; nothing was changed then.
        """
        correcting = self._session.correcting
        if tool in (MERGE, SPLIT, BETWEEN):
            return self._click_of_two(tool, plane, point)
        if self.is_whole(plane) and tool == DELETE:
            return self._act_through(lambda: correcting.whole.delete_at(plane, point), _deleted)
        if self.is_whole(plane) and tool == CLASS:
            number = self.class_number
            return self._act_through(
                lambda: correcting.whole.set_class(plane, point, number),
                lambda n: f"Now of class “{self._session.class_names[number - 1]}” on {_planes(n)}.",
            )
        if tool == DELETE:
            correcting.delete(plane, point)
            return "Deleted; it is background now."
        if tool == SMOOTH:
            correcting.smooth(plane, point[np.newaxis])
            return "Filled and smoothed."
        if tool == NEW:
            correcting.add_at(plane, point)
            return "Made a new object. If its outline is wrong, undo and draw a loose circle around it."
        correcting.set_class(plane, point, self.class_number)
        return f"Now of class “{self._session.class_names[self.class_number - 1]}”."

    def drag(self, tool: Tool, plane: Plane, path: NDArray[np.float64]) -> str:
        """Use a tool along a path ``(N, 2)``, as `click`."""
        correcting = self._session.correcting
        if tool not in (CLASS, BETWEEN):
            self.first = None
        if self.is_whole(plane) and tool == MERGE:
            return self._act_through(lambda: correcting.whole.merge(plane, path), _merged)
        if self.is_whole(plane) and tool == DELETE:
            return self._act_through(lambda: correcting.whole.delete_inside(plane, path), _deleted)
        if tool == MERGE:
            return f"Merged {correcting.merge(plane, path)} objects into one."
        if tool == SPLIT:
            return _said_of_split(correcting.split(plane, path))
        if tool == DELETE:
            return f"Deleted {_objects(correcting.delete_inside(plane, path))}."
        if tool == SMOOTH:
            return f"Filled and smoothed {_objects(correcting.smooth(plane, path))}."
        if tool == NEW:
            correcting.add_inside(plane, path)
            return "Made a new object."
        return self.click(tool, plane, path[-1])

    def _click_of_two(self, tool: Tool, plane: Plane, point: NDArray[np.float64]) -> str:
        correcting, first, self.first = self._session.correcting, self.first, None
        if first is not None and first.tool == tool == BETWEEN:
            n = correcting.interpolate((first.plane, first.point), (plane, point))
            return "Drawn on the plane between." if n == 1 else f"Drawn on {n} planes between."
        if first is not None and (first.tool, first.plane) == (tool, plane):
            path = np.stack([first.point, point])
            if tool == MERGE and self.is_whole(plane):
                return self._act_through(lambda: correcting.whole.merge(plane, path, through=False), _merged)
            if tool == MERGE:
                return f"Merged {correcting.merge(plane, path, through=False)} objects into one."
            return _said_of_split(correcting.split_at(plane, *path))
        if correcting.value_at(plane, point) == 0:
            raise UserError("There is no object here; click on one.")
        self.first = FirstClick(tool, plane, point)
        if tool == MERGE:
            return "Now click on the piece that belongs to it (Esc to leave it)."
        if tool == BETWEEN:
            return "Now go to another plane and click on the same object there (Esc to leave it)."
        return "Now click into the other half of the same object (Esc to leave it)."


def _said_of_split(n_new: int) -> str:
    return "Split in two." if n_new == 1 else f"Split; there are {n_new} objects more."


def _objects(n: int) -> str:
    return "one object" if n == 1 else f"{n} objects"


def _deleted(n: int) -> str:
    return f"Deleted on {_planes(n)}."


def _merged(n: int) -> str:
    return f"Merged into one on {_planes(n)}."


def _planes(n: int) -> str:
    return "one plane" if n == 1 else f"{n} planes"
