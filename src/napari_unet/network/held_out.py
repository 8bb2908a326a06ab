"""Places that no patch ever trains on, so that quality can be told honestly."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import EllipsisType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.network.sampling import TrainingImage

FRACTION, MOST = 0.2, 1 / 3
"""Fraction of the complete objects (or annotated pixels) that is aimed at, and that is never passed."""
FEWEST_OBJECTS = 12
"""Complete objects below which nothing is held out: the network needs them all."""
FEWEST_HELD_OUT = 3
FEWEST_PIXELS = 20_000
"""Annotated pixels at the network's scale below which nothing is held out of an annotation by classes."""
FEWEST_CLASS_PIXELS = 1_000
MANY_IMAGES = 8
"""From this number of annotated images on, whole images are held out instead of blocks."""
SMALLEST_BLOCK = 48
BLOCK_DIAMETERS = 3.5
"""Side of a block in diameters of a typical object."""


@dataclass(frozen=True)
class HeldOutPlace:
    """One place that is held out: an image and a box in it.

    Attributes
    ----------
    image : str
        Name of the `TrainingImage`.
    box : tuple of int
        (y0, y1, x0, x1), half open, in px at the network's scale.
    """

    image: str
    box: tuple[int, int, int, int]

    @property
    def slices(self) -> tuple[EllipsisType, slice, slice]:
        """The box as an index into a plane (Y, X), or into all planes of a volume (Z, Y, X)."""
        y0, y1, x0, x1 = self.box
        return ..., slice(y0, y1), slice(x0, x1)

    def meets(self, other: "HeldOutPlace") -> bool:
        """Tell whether two places share a pixel."""
        (y0, y1, x0, x1), (v0, v1, u0, u1) = self.box, other.box
        return self.image == other.image and y0 < v1 and v0 < y1 and x0 < u1 and u0 < x1


@dataclass(frozen=True)
class _Candidate:
    place: HeldOutPlace
    amount: NDArray[np.int64]  # complete objects (one number), or annotated pixels per class


def choose_held_out(
    images: Sequence[TrainingImage], seed: int, trained: Sequence[HeldOutPlace] = ()
) -> tuple[list[HeldOutPlace], str]:
    """Choose places with about a fifth of what is annotated, or none when there is too little.

    Complete objects are counted when there are any; otherwise (scribbles or classes) annotated pixels, and
    every class must then be both held out and left to train on.

    Parameters
    ----------
    images : sequence of TrainingImage
        With different names, at the network's scale.
    seed : int
        Another seed, other places.
    trained : sequence of HeldOutPlace
        Where earlier rounds trained: what overlaps them is never chosen.

    Returns
    -------
    places : list of HeldOutPlace
        Empty when there is too little annotation.
    sentence : str
        What was held out, or why nothing was.
    """
    n_objects = sum(_count_objects(image.objects) for image in images)
    if n_objects == 0:
        return _choose_by_pixels(images, np.random.default_rng(seed), trained)
    if n_objects < FEWEST_OBJECTS:
        return [], (
            f"Quality is not measured: {n_objects} complete object{' is' if n_objects == 1 else 's are'} too few "
            f"to spare some for a test. Annotate {FEWEST_OBJECTS} or more whole objects."
        )
    candidates = []
    for image in images:
        areas = np.bincount(image.objects.ravel())
        for place in _possible_places(image, images, trained):
            count = _count_inside(image, place, areas)
            if count:
                candidates.append(_Candidate(place, np.array([count])))
    chosen = _choose(candidates, np.array([n_objects]), np.random.default_rng(seed), FEWEST_HELD_OUT)
    if not chosen:
        return [], "Quality is not measured: the objects lie too close together to hold some of them out."
    n_chosen = sum(int(candidate.amount[0]) for candidate in chosen)
    return [c.place for c in chosen], (
        f"{n_chosen} of {n_objects} complete objects are held out, in {_describe(chosen)}: "
        "the network never trains on them, and quality is measured there."
    )


def _choose_by_pixels(
    images: Sequence[TrainingImage], rng: np.random.Generator, trained: Sequence[HeldOutPlace]
) -> tuple[list[HeldOutPlace], str]:
    """Choose places for an annotation without complete objects."""
    n_classes = max((int(image.classes.max(initial=0)) for image in images), default=0) + 1
    total = sum((_count_pixels(image, _whole(image), n_classes) for image in images), np.zeros(n_classes))
    present = total > 0
    if total.sum() < FEWEST_PIXELS or (total[present] < FEWEST_CLASS_PIXELS).any():
        return [], (
            "Quality is not measured: too few pixels are annotated to spare some for a test. "
            "Annotate more whole objects, or larger areas of every class."
        )
    candidates = [
        _Candidate(place, amount[present])
        for image in images
        for place in _possible_places(image, images, trained)
        if (amount := _count_pixels(image, place, n_classes)).sum() > 0
    ]
    chosen = _choose(candidates, total[present], rng, 1)
    held = sum((c.amount for c in chosen), np.zeros(present.sum()))
    if (held == 0).any():
        return [], "Quality is not measured: one class lies in too few places to hold one of them out."
    return [c.place for c in chosen], (
        f"{held.sum() / total.sum():.0%} of the annotated pixels are held out, in {_describe(chosen)}: "
        "the network never trains on them, and quality is measured there."
    )


def _possible_places(
    image: TrainingImage, images: Sequence[TrainingImage], trained: Sequence[HeldOutPlace]
) -> list[HeldOutPlace]:
    """List whole images when there are many, otherwise the blocks of a grid over this one."""
    used = np.zeros(image.classes.shape, bool)
    for place in trained:
        if place.image == image.name:
            used[place.slices] = True
    return [place for place in _all_places(image, images) if not used[place.slices].any()]


def _all_places(image: TrainingImage, images: Sequence[TrainingImage]) -> list[HeldOutPlace]:
    height, width = _ends(image)
    annotated = sum(bool((i.weights > 0).any()) for i in images)
    if annotated >= MANY_IMAGES:
        return [_whole(image)]
    sizes = np.concatenate([np.bincount(i.objects.ravel())[1:] for i in images])
    diameter = 2 * np.sqrt(np.median(sizes[sizes > 0]) / np.pi) if (sizes > 0).any() else 0
    side = max(SMALLEST_BLOCK, BLOCK_DIAMETERS * diameter)
    rows, columns = (np.linspace(0, n, max(1, round(n / side)) + 1).astype(int) for n in (height, width))
    return [
        HeldOutPlace(image.name, (int(y0), int(y1), int(x0), int(x1)))
        for y0, y1 in itertools.pairwise(rows)
        for x0, x1 in itertools.pairwise(columns)
    ]


def _choose(
    candidates: list[_Candidate], total: NDArray[Any], rng: np.random.Generator, fewest: int
) -> list[_Candidate]:
    """Take candidates in random order, image by image in turn, until a fifth of the total is held out."""
    turn: dict[str, int] = {}
    shuffled = [candidates[i] for i in rng.permutation(len(candidates))]
    ranks = []
    for candidate in shuffled:
        ranks.append(turn.get(candidate.place.image, 0))
        turn[candidate.place.image] = ranks[-1] + 1
    order = np.argsort(ranks, kind="stable")
    chosen: list[_Candidate] = []
    held = np.zeros(len(total))
    for candidate in (shuffled[i] for i in order):
        enough = held.sum() >= max(fewest, FRACTION * total.sum()) and (held > 0).all()
        if enough:
            break
        if (held + candidate.amount <= MOST * total).all():
            chosen.append(candidate)
            held = held + candidate.amount
    return chosen if held.sum() >= fewest else []


def without_held_out(images: Sequence[TrainingImage], places: Sequence[HeldOutPlace]) -> list[TrainingImage]:
    """Take the places out of what is trained on: there, and in objects that reach into them, all weighs 0.

    Places in images that are not given are left out.
    """
    kept = []
    for image in images:
        boxes = _boxes(image, places)
        touched = np.zeros(int(image.objects.max(initial=0)) + 1, bool)
        touched[image.objects[boxes]] = True
        touched[0] = False
        hidden = boxes | touched[image.objects]
        kept.append(
            replace(
                image,
                weights=np.where(hidden, 0, image.weights).astype(np.float32),
                distance_known=image.distance_known & ~hidden,
                objects=np.where(hidden, 0, image.objects).astype(np.int32),
            )
            if hidden.any()
            else image
        )
    return kept


def _boxes(image: TrainingImage, places: Sequence[HeldOutPlace]) -> NDArray[np.bool_]:
    mask = np.zeros(image.classes.shape, bool)
    for place in places:
        if place.image == image.name:
            mask[place.slices] = True
    return mask


def _whole(image: TrainingImage) -> HeldOutPlace:
    height, width = _ends(image)
    return HeldOutPlace(image.name, (0, height, 0, width))


def _ends(image: TrainingImage) -> tuple[int, int]:
    return image.classes.shape[-2], image.classes.shape[-1]


def _count_inside(image: TrainingImage, place: HeldOutPlace, areas: NDArray[np.intp]) -> int:
    """Count the objects with more than half of their area in the place, given the areas (px) of all objects."""
    inside = np.bincount(image.objects[place.slices].ravel(), minlength=len(areas))
    return int(np.count_nonzero(2 * inside[1:] > areas[1:]))


def _count_objects(objects: NDArray[np.int32]) -> int:
    return int(np.count_nonzero(np.bincount(objects.ravel())[1:]))


def _count_pixels(image: TrainingImage, place: HeldOutPlace, n_classes: int) -> NDArray[np.int64]:
    known = image.weights[place.slices] > 0
    return np.bincount(image.classes[place.slices][known], minlength=n_classes)


def _describe(chosen: Sequence[_Candidate]) -> str:
    n, images = len(chosen), len({c.place.image for c in chosen})
    return f"{n} place{'s' * (n != 1)} of {images} image{'s' * (images != 1)}"
