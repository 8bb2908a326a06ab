"""An annotator with exact truth, who paints and corrects as a person would, and what every action costs them.

The costs were written down before the first run and are not fitted to anything: seconds of somebody who knows the
program, with the mouse on the image.
"""

from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage as ndi
from skimage.measure import approximate_polygon, find_contours

from napari_unet.errors import UserError
from napari_unet.objects.doubts.doubt import Doubt, brought_up_to_date, still_holds
from napari_unet.objects.numbering import free_numbers
from napari_unet.session import Plane, Session, Which

COSTS = {
    "paint": 10.0,  # outline and fill one object with the brush
    "background": 3.0,  # a ring of background around it
    "loop": 4.0,  # a loose circle around an object that was missed
    "split": 3.0,  # a click into each half
    "merge": 2.5,  # a line through both pieces
    "delete": 1.5,  # a click
    "accept": 1.0,  # Y over an object
    "look": 1.0,  # look at one object and judge it
    "search": 2.0,  # look for the next bad one by eye, over image and overlay
    "jump": 0.5,  # a key of the inbox: the next place is shown
    "answer": 0.5,  # a key of the inbox: accept, or take the fix
}
"""Seconds per action."""

RIGHT = 0.75
"""IoU with the truth from which on a person leaves an outline as it is."""
WRONG = 0.5
"""IoU below which a person sees at once that it is wrong."""
MOST_AT_ONCE = 2
"""True objects that a person puts right at one entry of the inbox; of a clump of many the rest comes again."""
RING = 6
"""Width in px of the background that is painted around a first object."""


@dataclass
class Effort:
    """What was spent."""

    seconds: float = 0.0
    actions: dict[str, int] = field(default_factory=dict)

    def spend(self, action: str) -> None:
        """Count one action."""
        self.seconds += COSTS[action]
        self.actions[action] = self.actions.get(action, 0) + 1


class Annotator:
    """Works in a session on a stack whose truth (N, Y, X) they know."""

    def __init__(self, session: Session, truth: np.ndarray) -> None:
        self.session, self.truth, self.effort = session, truth, Effort()

    # What they see

    def shown(self, plane: Plane) -> np.ndarray:
        """The objects of a plane as the window shows them."""
        return self.session.canvas.plane(Which.SEGMENTATION, plane)

    def decided(self, plane: Plane) -> np.ndarray:
        """Where they have annotated."""
        return self.session.painting.labels[plane] != 0

    def quality(self, plane: Plane) -> dict[int, float]:
        """Best IoU of every true object of a plane."""
        ious = ious_of(self.truth[plane], self.shown(plane))
        return {k: max((iou for _, iou in ious.get(k, ())), default=0.0) for k in present(self.truth[plane])}

    def ghosts(self, plane: Plane) -> list[int]:
        """Objects that are none: no true one has an IoU of 0.1 with them, and nobody decided on them."""
        shown = self.shown(plane)
        ious = ious_of(shown, self.truth[plane])
        free = set(present(np.where(self.decided(plane), 0, shown)))
        return [
            k for k in present(shown) if k in free and max((i for _, i in ious.get(k, ())), default=0) < 0.1
        ]

    def undecided(self, plane: Plane) -> list[int]:
        """True objects of which most is not annotated."""
        truth = self.truth[plane]
        areas = np.bincount(truth.ravel())
        done = np.bincount(truth[self.decided(plane)], minlength=areas.size)
        return [k for k in present(truth) if 2 * done[k] < areas[k]]

    # What they do

    def begin(self, plane: Plane, n: int, rng: np.random.Generator) -> None:
        """Paint a few neighbouring objects, and background around them."""
        truth = self.truth[plane]
        centres = np.array(ndi.center_of_mass(truth > 0, truth, present(truth)))
        first = int(rng.integers(len(centres)))
        near = np.argsort(np.square(centres - centres[first]).sum(axis=1))[:n]
        chosen = np.isin(truth, np.array(present(truth))[near])
        ring = (ndi.distance_transform_edt(~chosen) <= RING) & (truth == 0)
        labels = self.session.painting.labels[plane].copy()
        labels[ring] = 1
        labels[chosen] = truth[chosen] + 1
        self._stroke(Which.ANNOTATION, plane, labels)
        for _ in near:
            self.effort.spend("paint")
            self.effort.spend("background")

    def decide(self, plane: Plane, target: int) -> None:
        """Accept a true object where it is shown right, else correct it."""
        truth, shown = self.truth[plane] == target, self.shown(plane)
        number, iou = best_of(shown, truth)
        if iou >= RIGHT:
            self._accept(plane, number, "accept")
        else:
            self.correct(plane, target)

    def correct(self, plane: Plane, target: int) -> None:
        """Make a true object right with the tool that a person would take, and with the brush where that fails."""
        truth = self.truth[plane] == target
        with suppress(UserError):  # the tool said that it can't: so they paint
            self._use_tool(plane, target, truth)
        number, iou = best_of(self.shown(plane), truth)
        if iou < RIGHT:
            number = self._paint(plane, truth)
        self._accept(plane, number, "accept")

    def delete(self, plane: Plane, number: int) -> None:
        """Erase an object that is none."""
        pixels = np.argwhere(self.shown(plane) == number)
        self.session.correcting.delete(plane, pixels[len(pixels) // 2].astype(float))
        self.effort.spend("delete")

    def answer(self, plane: Plane, doubt: Doubt) -> None:
        """Answer one entry of the inbox."""
        self.effort.spend("jump")
        self.effort.spend("look")
        inbox = self.session.inbox
        truth, shown = self.truth[plane], self.shown(plane)
        if self._is_right(shown, truth, doubt):
            inbox.accept(plane, doubt)
            self.effort.spend("answer")
            return
        after = self._after_fix(plane, doubt)
        if after is not None:
            inbox.take_fix(plane, doubt)
            self.effort.spend("answer")
            return
        for target in self._concerned(shown, truth, doubt)[:MOST_AT_ONCE]:
            self.correct(plane, target)
        for number in doubt.values:
            if number in self.ghosts(plane):
                self.delete(plane, number)

    # Inside

    def _is_right(self, shown: np.ndarray, truth: np.ndarray, doubt: Doubt) -> bool:
        if not doubt.values:
            mask = _wanted(doubt)
            return bool((truth[doubt.fix.change.box][mask] > 0).mean() < 0.2)
        return all(best_of(truth, shown == k)[1] >= RIGHT for k in doubt.values)

    def _after_fix(self, plane: Plane, doubt: Doubt) -> np.ndarray | None:
        """The plane after the fix, where that makes all of it right."""
        shown, truth = self.shown(plane), self.truth[plane]
        if doubt.fix is None or not still_holds(shown, doubt.fix.change):
            return None
        change = brought_up_to_date(shown, doubt.fix.change)
        if change is None:
            return None
        if doubt.fix.name == "Delete":
            return shown if all(best_of(truth, shown == k)[1] < 0.1 for k in doubt.values) else None
        after = shown.copy()
        after[change.box] = change.new
        touched = present(np.where(change.old != change.new, change.new, 0))
        numbers = {*touched, *doubt.values} & set(present(after[change.box]))
        return after if all(best_of(truth, after == k)[1] >= RIGHT for k in numbers) else None

    def _concerned(self, shown: np.ndarray, truth: np.ndarray, doubt: Doubt) -> list[int]:
        """True objects that have a third of themselves, or of what is shown, there."""
        if doubt.values:
            there = np.isin(shown, doubt.values)
        else:
            there = np.zeros(shown.shape, bool)
            there[doubt.fix.change.box] = _wanted(doubt)
        parts = {k: np.count_nonzero(there & (truth == k)) for k in present(truth[there])}
        mine = [k for k, n in parts.items() if 3 * n > min(np.count_nonzero(truth == k), there.sum())]
        return sorted(mine, key=lambda k: -parts[k])

    def _use_tool(self, plane: Plane, target: int, truth: np.ndarray) -> None:
        shown, whole = self.shown(plane), self.truth[plane]
        counts = np.bincount(shown[truth])
        counts[0] = 0
        number = int(counts.argmax()) if counts.any() else 0
        correcting = self.session.correcting
        if number == 0 or counts[number] < 0.2 * truth.sum():
            self.effort.spend("loop")
            correcting.add_inside(plane, loop_around(truth))
            return
        inside = shown == number
        others = [
            k
            for k in present(whole[inside])
            if k != target and np.count_nonzero(inside & (whole == k)) > 0.5 * np.count_nonzero(whole == k)
        ]
        pieces = [k for k in present(shown[truth]) if counts[k] > 0.5 * np.count_nonzero(shown == k)]
        if others:
            self.effort.spend("split")
            correcting.split_at(
                plane, inner_point(truth & inside), inner_point((whole == others[0]) & inside)
            )
        elif len(pieces) > 1:
            self.effort.spend("merge")
            path = np.array([inner_point(truth & (shown == k)) for k in pieces], float)
            correcting.merge(plane, path, through=True)

    def _paint(self, plane: Plane, truth: np.ndarray) -> int:
        self.effort.spend("paint")
        shown = self.shown(plane)
        number, iou = best_of(shown, truth)
        if iou < 0.2:
            number = free_numbers(1, 1, shown)[0]
        new = shown.copy()
        new[shown == number] = 0
        new[truth] = number
        self._stroke(Which.SEGMENTATION, plane, new)
        return number

    def _accept(self, plane: Plane, number: int, action: str) -> None:
        if number:
            self.session.accept(plane, [number])
            self.effort.spend(action)

    def _stroke(self, which: Which, plane: Plane, new: np.ndarray) -> None:
        self.session.record_stroke(which, (*plane, 0, 0), new[np.newaxis].astype(np.int32))


def present(labels: np.ndarray) -> list[int]:
    """Objects that there are."""
    return np.unique(labels[labels > 0]).tolist()


def ious_of(first: np.ndarray, second: np.ndarray) -> dict[int, list[tuple[int, float]]]:
    """For every object of the first image the objects of the second that it meets, with the IoU."""
    areas, others = np.bincount(first.ravel()), np.bincount(second.ravel())
    met, counts = np.unique(np.stack([first.ravel(), second.ravel()]), axis=1, return_counts=True)
    found: dict[int, list[tuple[int, float]]] = {}
    for (a, b), n in zip(met.T.tolist(), counts.tolist(), strict=True):
        if a and b:
            found.setdefault(a, []).append((b, n / (areas[a] + others[b] - n)))
    return found


def best_of(labels: np.ndarray, mask: np.ndarray) -> tuple[int, float]:
    """The object with the best IoU with a mask, and that."""
    counts = np.bincount(labels[mask], minlength=1)
    counts[0] = 0
    best, iou = 0, 0.0
    for k in np.flatnonzero(counts).tolist():
        value = counts[k] / (np.count_nonzero(labels == k) + np.count_nonzero(mask) - counts[k])
        best, iou = (k, float(value)) if value > iou else (best, iou)
    return best, iou


def loop_around(mask: np.ndarray) -> np.ndarray:
    """A loose circle around an object, as a hand draws it: a few px off."""
    loose = np.pad(ndi.binary_dilation(mask, iterations=3), 1)
    contours = find_contours(loose.astype(float), 0.5)
    return approximate_polygon(max(contours, key=len), 1.5) - 1


def inner_point(mask: np.ndarray) -> np.ndarray:
    """The point of a mask that is farthest from its outline."""
    depth = ndi.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    return np.array(np.unravel_index(int(depth.argmax()), mask.shape), float)


def _wanted(doubt: Doubt) -> np.ndarray:
    return doubt.fix.change.old != doubt.fix.change.new
