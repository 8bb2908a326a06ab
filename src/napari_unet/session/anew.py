"""Against forgetting: a round that goes on from the last one is compared with a short start from the bundled network.

Both train on all that is annotated now, neither in the lineage's held-out places, and there they are compared. A
lineage that was corrected again and again in one corner loses what it knew of the rest; one that begins anew has all
annotations before it at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from napari_unet.callbacks import ShouldStop
from napari_unet.errors import Stopped

if TYPE_CHECKING:
    from napari_unet.network.model_file import Model
    from napari_unet.network.training import TrainingReport
    from napari_unet.network.training_settings import TrainingSettings
    from napari_unet.workflow import TrainedModel

    OnReport = Callable[[TrainingReport], None]

SHARE = 0.2
"""Of the minutes that the beginning anew gets; as many steps come on top where the budget is in steps."""


KIND = ("dimensions", "width", "depth", "normalisation")
"""What two networks must have in common for the same weights to begin with."""


class Train(Protocol):
    """A training of which all but this is decided."""

    def __call__(
        self,
        *,
        settings: TrainingSettings,
        start: Model,
        continues: Model | None,
        on_report: OnReport,
        should_stop: ShouldStop,
    ) -> TrainedModel:
        """Train."""


def train_and_compare(
    train: Train,
    settings: TrainingSettings,
    start: Model,
    bundled: Model,
    on_report: OnReport,
    should_stop: ShouldStop,
) -> TrainedModel:
    """Go on from a start, briefly begin anew as well, and return the better of the two, which it says.

    Where nothing is held out nobody can tell which is better: then nothing is compared, as after a stop.

    Parameters
    ----------
    bundled
        The bundled network, of the start's architecture.
    """
    first, second = _share(settings)
    later = 60 * (second.minutes or 0.0)

    def report_first(report: TrainingReport) -> None:
        left = None if report.seconds_left is None else report.seconds_left + later
        on_report(replace(report, fraction=report.fraction * (1 - SHARE), seconds_left=left))

    def report_second(report: TrainingReport) -> None:
        # Its losses belong to another network: they would draw a jump into the curve.
        fraction = 1 - SHARE + SHARE * report.fraction
        on_report(
            replace(report, fraction=fraction, loss=math.nan, held_out=None, step=went_on.outcome.steps)
        )

    went_on = train(
        settings=first, start=start, continues=None, on_report=report_first, should_stop=should_stop
    )
    ours = (went_on.outcome.held_out or {}).get("score")
    if ours is None or went_on.outcome.stopped or should_stop():
        return went_on
    news = "Comparing with a short start from the bundled network, so that nothing is forgotten."
    from napari_unet.network.training_outcome import TrainingReport

    on_report(TrainingReport(went_on.outcome.steps, 1 - SHARE, math.nan, None, 0.0, later or None, news))
    try:
        anew = train(
            settings=second, start=bundled, continues=start, on_report=report_second, should_stop=should_stop
        )
    except Stopped:
        return went_on
    theirs = (anew.outcome.held_out or {}).get("score", 0.0)
    if anew.outcome.stopped or theirs <= ours:
        return replace(went_on, sentences=[*went_on.sentences, _kept(ours, theirs)])
    from napari_unet.network.model_file import digest_of

    sentence = (
        f"A short start from the bundled network on all annotations is better ({theirs:.2f} held out) than going on "
        f"({ours:.2f}), and is kept: earlier rounds had forgotten something."
    )
    return replace(anew, sentences=[sentence, *anew.sentences], begun_anew=digest_of(bundled))


def can_begin_anew(start: Model, bundled: Model, settings: TrainingSettings) -> bool:
    """Whether a lineage is of the bundled network's kind, and the training has an end."""
    ours, theirs = start.description.network, bundled.description.network
    same = all(getattr(ours, name) == getattr(theirs, name) for name in KIND)
    return same and not (settings.minutes is None and settings.steps is None)


def _share(settings: TrainingSettings) -> tuple[TrainingSettings, TrainingSettings]:
    if settings.steps is not None:
        return settings, settings.model_copy(update={"steps": max(round(SHARE * settings.steps), 1)})
    minutes = settings.minutes or 0.0
    first, second = (1 - SHARE) * minutes, SHARE * minutes
    return settings.model_copy(update={"minutes": first}), settings.model_copy(update={"minutes": second})


def _kept(ours: float, theirs: float) -> str:
    return (
        f"A short start from the bundled network on all annotations is not better ({theirs:.2f} held out, going on "
        f"{ours:.2f}): going on is kept."
    )
