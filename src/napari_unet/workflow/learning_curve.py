"""Would more labels help? The bundled network is trained on parts of the annotation and read where none trained.

The same held-out places are read after every training, so that luck with the places is the same for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from scipy import stats

from napari_unet.annotation.coding import LabelsAre
from napari_unet.callbacks import OnProgress, ShouldStop
from napari_unet.errors import Stopped, UserError
from napari_unet.network.held_out import without_held_out
from napari_unet.network.model_file import Model
from napari_unet.network.sampling import TrainingImage
from napari_unet.network.training import TrainingReport, train
from napari_unet.network.training_settings import TrainingSettings
from napari_unet.network.unet import UNet, adapt
from napari_unet.objects.intervals import LEVEL, Interval
from napari_unet.objects.separate import SeparationSettings
from napari_unet.objects.tally import Tally, sure_scores
from napari_unet.workflow.annotated import AnnotatedImage
from napari_unet.workflow.columns import spared_at_network_scale
from napari_unet.workflow.honest import tally_held_out
from napari_unet.workflow.lineage import Lineage, at_network_scale, continue_lineage
from napari_unet.workflow.preparation import Prepared, prepare

SHARES = (0.25, 0.5, 1.0)
"""Parts of what is not held out that are trained on."""
REPEATS = 2
"""Choices of held-out places and of the parts."""
STEPS = 40
"""Of each training: few, but equal for all."""
FEWEST = 16
"""Complete objects besides the held-out ones below which parts of them would be too small."""
NEXT = 20
"""Objects whose gain is told."""


@dataclass(frozen=True)
class Point:
    """Trainings on so many objects.

    Attributes
    ----------
    n : float
        Mean number of objects that were trained on.
    f1 : Interval
        In the held-out places.
    """

    n: float
    f1: Interval


@dataclass(frozen=True)
class LearningCurve:
    """How F1 grows with the annotation.

    Attributes
    ----------
    points : tuple of Point
        Fewest objects first.
    gain, low, high : float
        What the next `NEXT` objects would add to F1, and where that lies nine times in ten.
    """

    points: tuple[Point, ...]
    gain: float
    low: float
    high: float

    @property
    def tells(self) -> bool:
        """Whether the interval is narrow enough to say anything."""
        return (self.high - self.low) / 2 <= 0.1

    def __str__(self) -> str:
        shown = f"{NEXT} more objects would change F1 by about {self.gain:+.2f} ({self.low:+.2f} to {self.high:+.2f})"
        if not self.tells:
            return f"{shown}: too little to tell."
        if self.low > 0:
            return f"{shown}: go on annotating."
        return f"{shown}: it may be enough." if self.high < 0.03 else f"{shown}."


def measure_learning_curve(
    images: Sequence[AnnotatedImage],
    start: Model,
    settings: TrainingSettings,
    *,
    class_names: Sequence[str] = (),
    object_size: float | None = None,
    rgb: bool = False,
    steps: int = STEPS,
    on_progress: OnProgress,
    should_stop: ShouldStop,
) -> LearningCurve:
    """Train on parts of the annotation and see how good each training becomes.

    Parameters
    ----------
    images
        Planes with objects.
    start
        The bundled network.
    settings
        How to train; steps and seed are chosen here.
    steps
        Of each training.

    Raises
    ------
    UserError
        If too little is annotated to hold some out and to leave parts out of the rest.
    Stopped
        When asked to stop.
    """
    prepared = prepare(images, LabelsAre.OBJECTS, class_names, settings.weight_map, object_size=object_size)
    found: list[list[tuple[int, tuple[Tally, ...]]]] = []
    n_runs = REPEATS * len(SHARES)
    for seed in range(REPEATS):
        lineage, sentence = continue_lineage(Lineage(), prepared, seed)
        places = at_network_scale(prepared, lineage.held_out)
        if not places:
            raise UserError(sentence)
        spared = spared_at_network_scale(prepared, lineage.held_out)
        left = without_held_out(prepared.images, spared)
        if _count(left) < FEWEST:
            raise UserError(
                f"{_count(left)} complete objects are left besides the held-out ones; {FEWEST} or more are needed "
                "to see what fewer would do."
            )
        runs: list[tuple[int, tuple[Tally, ...]]] = []
        for share in SHARES:
            done = (seed * len(SHARES) + len(runs)) / n_runs
            on_progress(done, f"Training {seed * len(SHARES) + len(runs) + 1} of {n_runs}")
            part = thin_out(prepared.images, left, share, np.random.default_rng([seed, round(100 * share)]))
            chosen = settings.model_copy(
                update={"steps": steps, "minutes": None, "early_stop": False, "seed": seed}
            )
            network = _network(start, prepared)

            def report(news: TrainingReport, done: float = done) -> None:
                on_progress(done + news.fraction / n_runs, "")

            outcome = train(
                part,
                network,
                chosen,
                spared,
                None,
                on_report=report,
                should_stop=should_stop,
                rgb=rgb,
                warm=True,
            )
            if outcome.stopped or should_stop():
                raise Stopped
            network.load_state_dict(outcome.state)
            network.eval()
            separation = SeparationSettings.model_validate(start.description.separation)
            tallies = tally_held_out(network, prepared.images, places, LabelsAre.OBJECTS, separation)
            runs.append((_count(without_held_out(part, spared)), tallies))
        found.append(runs)
    return fit_curve(found)


def fit_curve(found: Sequence[Sequence[tuple[int, tuple[Tally, ...]]]]) -> LearningCurve:
    """Return the curve through what was found.

    F1 is taken to rise with the logarithm of the number of objects, which for the next few is close to any law. The
    slope's interval comes from leaving out one place (or image) after another.

    Parameters
    ----------
    found
        For each repeat, and in it for each share: the number of objects trained on, and the tallies of its held-out
        places, in the same order for all shares.
    """
    shares = list(zip(*found, strict=True))
    points = []
    for runs in shares:
        f1 = sure_scores([each for _, tallies in runs for each in tallies]).get("F1")
        if f1 is None:
            raise UserError("No object lies in the held-out places; annotate more of them.")
        points.append(Point(float(np.mean([n for n, _ in runs])), f1))
    ns = np.array([point.n for point in points])
    units = [
        [runs[repeat][1][place] for runs in shares]
        for repeat in range(len(found))
        for place in range(len(found[repeat][0][1]))
    ]  # (place, share)
    slope = _slope(ns, units)
    step = math.log((ns[-1] + NEXT) / ns[-1])
    k = len(units)
    if k < 2:
        return LearningCurve(tuple(points), slope * step, -1.0, 1.0)
    without = np.array([_slope(ns, units[:i] + units[i + 1 :]) for i in range(k)])
    error = math.sqrt((k - 1) / k * float(np.sum((without - without.mean()) ** 2)))
    # Three trainings of a line leave one degree of freedom to chance in training itself.
    chance = _scatter(ns, units)
    wide = float(stats.t.ppf((1 + LEVEL) / 2, k - 1)) * math.hypot(error, chance)
    return LearningCurve(tuple(points), slope * step, (slope - wide) * step, (slope + wide) * step)


def thin_out(
    images: Sequence[TrainingImage], left: Sequence[TrainingImage], share: float, rng: np.random.Generator
) -> list[TrainingImage]:
    """Leave out some of the objects, and of the rest what lies nearer to them than to any that stays.

    Parameters
    ----------
    images
        All that is annotated.
    left
        The same without what is held out: a share of these objects stays.
    """
    thinned = []
    for image, rest in zip(images, left, strict=True):
        values = np.unique(rest.objects[rest.objects > 0])
        n = max(round(share * values.size), min(values.size, 2))
        dropped = rng.permutation(values)[n:]
        thinned.append(image if not dropped.size else _without(image, dropped))
    return thinned


def _without(image: TrainingImage, dropped: NDArray[np.int32]) -> TrainingImage:
    nearest = ndi.distance_transform_edt(image.objects == 0, return_distances=False, return_indices=True)
    gone = np.isin(image.objects[tuple(nearest)], dropped)
    return replace(
        image,
        weights=np.where(gone, 0, image.weights).astype(np.float32),
        distance_known=image.distance_known & ~gone,
        objects=np.where(gone, 0, image.objects).astype(np.int32),
    )


def _network(start: Model, prepared: Prepared) -> UNet:
    old = start.description.network
    config = old.model_copy(
        update={"in_channels": int(prepared.images[0].image.shape[0]), "classes": prepared.n_classes}
    )
    network = UNet(config)
    network.load_state_dict(adapt(start.network.state_dict(), old, config))
    return network


def _count(images: Sequence[TrainingImage]) -> int:
    return sum(int(np.unique(image.objects[image.objects > 0]).size) for image in images)


def _f1(tallies: Sequence[Tally]) -> float:
    both = sum(2 * each.tp + each.fp + each.fn for each in tallies)
    return sum(2 * each.tp for each in tallies) / both if both else 1.0


def _slope(ns: NDArray[np.float64], units: Sequence[Sequence[Tally]]) -> float:
    """Return by how much F1 rises with the logarithm of the number of objects."""
    scores = [_f1([unit[s] for unit in units]) for s in range(len(ns))]
    return float(np.polyfit(np.log(ns), scores, 1)[0])


def _scatter(ns: NDArray[np.float64], units: Sequence[Sequence[Tally]]) -> float:
    """Return the standard error of the slope by how far the scores lie off the line."""
    scores = np.array([_f1([unit[s] for unit in units]) for s in range(len(ns))])
    x = np.log(ns)
    off = scores - np.polyval(np.polyfit(x, scores, 1), x)
    return float(math.sqrt(np.sum(off**2) / max(len(ns) - 2, 1) / np.sum((x - x.mean()) ** 2)))
