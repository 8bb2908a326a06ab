"""Fit how objects are made to what a person outlined: no threshold and no method wins everywhere."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_unet.callbacks import OnProgress, ShouldStop, never_stop, no_progress
from napari_unet.objects.em_measures import foreground_restricted_rand
from napari_unet.objects.measures import match
from napari_unet.objects.overlaps import BoolArray, FloatArray, Int32Array
from napari_unet.objects.separate import SeparationSettings, SplitMethod, separate

THRESHOLDS = (0.5, 0.4, 0.6, 0.3, 0.7)
DEPTHS = (0.25, 0.1, 0.4)
OWN_BORDERS = (0.0, 0.5, 0.6, 0.7)
LEVELS = (0.5, 0.7, 0.85)
"""IoU thresholds that the score averages over: with few objects a single one can't tell settings apart."""
SMALLEST_SHARE = 0.4
"""The smallest object that is kept has this share of the area of the smallest of many true objects."""
SLIP = 0.01
"""What has less than this share of the median area was left behind by a brush."""
MARGIN = 0.01
"""Settings must be better than those begun with by this much, however many objects there are."""
MARGIN_OF_ONE = 0.3
"""By how much more they must be better if there is one object; by half as much for two, and so on."""
SMALLEST_SHARE_OF_VOLUME = 0.1
"""The smallest object of a volume has this share of the ball that the median section belongs to: how small the
smallest is, sections do not tell, since every object has small ones at its ends."""
LARGEST_SIDE = 512


@dataclass(frozen=True, eq=False)
class Example:
    """One place where the truth is known: in a plane, or in some planes of a volume.

    Attributes
    ----------
    probability
        Shape ``([Z,] Y, X)``, 0–1.
    distance
        Learned distance to the object's border, of the same shape, ``None`` where the network has none.
    truth
        Complete objects, int32 of the same shape, 0 elsewhere; in a volume those of each plane, whatever they are
        called on others.
    valid
        Where the truth is known, bool of the same shape.
    plane_step
        Distance of the planes of a volume in px of the plane.
    """

    probability: FloatArray
    distance: FloatArray | None
    truth: Int32Array
    valid: BoolArray
    plane_step: float = 1.0


Section = tuple[Int32Array, Int32Array, BoolArray]


def sections(labels: Int32Array, truth: Int32Array, valid: BoolArray) -> Iterator[Section]:
    """Go through the planes in which the truth is known: what was found there, the truth, where it is known."""
    if labels.ndim == 2:
        yield labels, truth, valid
        return
    for plane in np.flatnonzero(valid.any(axis=(1, 2))):
        yield labels[plane], truth[plane], valid[plane]


def fit_separation(
    examples: Sequence[Example],
    scale: float = 1.0,
    typical_size: float | None = None,
    start: SeparationSettings | None = None,
    on_progress: OnProgress = no_progress,
    should_stop: ShouldStop = never_stop,
) -> tuple[SeparationSettings, float]:
    """Find the settings that make the best objects of the examples.

    First the threshold for the method begun with, then the method and its depth, then whether each object has a border
    of its own, then the threshold once more and whether holes are filled: at most 24 separations per example, of the
    512² px of it that hold the most.

    Parameters
    ----------
    scale
        Network px per px of the examples.
    typical_size
        Diameter of a typical object in px of the examples.
    start
        What is known from elsewhere to work, by default the defaults: the fewer objects there are to try settings
        on, the better others must be to take its place.

    Returns
    -------
    settings, score
        The score is the mean of AP at IoU thresholds of 0.5, 0.7 and 0.85 and of the foreground-restricted Rand
        score, in 0–1; 0 without any object.

    Notes
    -----
    Asked to stop, it returns the best settings so far.
    """
    crops = [_crop(example) for example in examples if example.truth.any()]
    if not crops:
        return start or SeparationSettings(), 0.0
    start = (start or SeparationSettings()).model_copy(update={"smallest": _smallest(crops)})
    margin = MARGIN + MARGIN_OF_ONE / sum(np.unique(crop.truth[crop.truth > 0]).size for crop in crops)

    def score(settings: SeparationSettings) -> float:
        found = [_score(crop, settings, scale, typical_size) for crop in crops]
        return float(np.average(found, weights=[np.unique(crop.truth).size for crop in crops]))

    best, best_score = start, score(start)
    learned = all(crop.distance is not None for crop in crops)
    stages = (_thresholds, lambda chosen: _methods(chosen, learned), _borders, _thresholds, _holes)
    for stage, vary in enumerate(stages):
        tried = vary(best)
        for i, settings in enumerate(tried):
            if should_stop():
                return best, best_score
            on_progress((stage + i / len(tried)) / len(stages), "Fitting how objects are made")
            new = score(settings)
            if new > best_score + margin:
                best, best_score = settings, new
    return best, best_score


def _methods(start: SeparationSettings, learned: bool) -> list[SeparationSettings]:
    methods = [SplitMethod.DISTANCE, SplitMethod.PROBABILITY, *([SplitMethod.LEARNED] if learned else [])]
    tried = [start.model_copy(update={"method": SplitMethod.COMPONENTS})]
    for method in methods:
        tried += [start.model_copy(update={"method": method, "seed_depth": depth}) for depth in DEPTHS]
    return tried


def _thresholds(best: SeparationSettings) -> list[SeparationSettings]:
    return [best.model_copy(update={"threshold": t}) for t in THRESHOLDS if t != best.threshold]


def _borders(best: SeparationSettings) -> list[SeparationSettings]:
    return [best.model_copy(update={"own_border": b}) for b in OWN_BORDERS if b != best.own_border]


def _holes(best: SeparationSettings) -> list[SeparationSettings]:
    return [best.model_copy(update={"fill_holes": not best.fill_holes})]


def _smallest(crops: Sequence[Example]) -> float:
    """Return the area below which nothing is an object; objects cut off by the edge do not count."""
    known = [part for crop in crops for part in sections(crop.truth, crop.truth, crop.valid)]
    areas = [area for truth, _, _ in known for area in _whole_areas(truth)]
    if not areas:
        return SeparationSettings().smallest
    if crops[0].truth.ndim == 3:
        ball = 4 / (3 * np.sqrt(np.pi)) * float(np.median(areas)) ** 1.5 / crops[0].plane_step
        return SMALLEST_SHARE_OF_VOLUME * float(ball)
    areas = [area for area in areas if area >= SLIP * float(np.median(areas))]
    # One speck among the true objects should not let all other specks pass, but must pass itself. The smallest of a
    # few objects is seldom the smallest of all.
    share = SMALLEST_SHARE * len(areas) / (len(areas) + 10)
    return min(share * float(np.percentile(areas, 5)), 0.8 * min(areas))


def _whole_areas(truth: Int32Array) -> list[int]:
    counts = np.bincount(truth.ravel())
    counts[0] = 0
    for edge in (truth[0], truth[-1], truth[:, 0], truth[:, -1]):
        counts[np.unique(edge)] = 0
    return [int(n) for n in counts[counts > 0]]


def _score(crop: Example, settings: SeparationSettings, scale: float, typical_size: float | None) -> float:
    """Return how good the objects of a crop are, 0–1.

    AP counts objects alike: where cells fill the image, two merged large ones cost it little and the Rand score much.
    """
    labels = separate(crop.probability, settings, crop.distance, scale, typical_size, crop.plane_step)
    found, objects = [], []
    for part, truth, valid in sections(labels, crop.truth, crop.valid):
        matched = [match(part, truth, level, valid=valid).ap for level in LEVELS]
        found.append(float(np.nanmean([*matched, foreground_restricted_rand(part, truth, valid)])))
        objects.append(np.unique(truth).size)
    return float(np.average(found, weights=objects))


def _crop(example: Example) -> Example:
    """Keep the part of a large example that holds the most known pixels, so that fitting stays quick."""
    height, width = example.truth.shape[-2:]
    if height <= LARGEST_SIDE and width <= LARGEST_SIDE:
        return example
    known = example.valid.reshape(-1, height, width)
    rows = _window(known.sum(axis=(0, 2)), min(height, LARGEST_SIDE))
    columns = _window(known[:, rows].sum(axis=(0, 1)), min(width, LARGEST_SIDE))
    box = (..., rows, columns)
    distance = None if example.distance is None else example.distance[box]
    return replace(
        example,
        probability=example.probability[box],
        distance=distance,
        truth=example.truth[box],
        valid=example.valid[box],
    )


def _window(counts: np.ndarray[tuple[int], np.dtype[np.int64]], side: int) -> slice:
    total = np.concatenate([[0], np.cumsum(counts)])
    start = int(np.argmax(total[side:] - total[:-side]))
    return slice(start, start + side)
