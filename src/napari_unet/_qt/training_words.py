"""What the Train step says: of its buttons, of the time, of a round."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from napari_unet.session.depth import plane_step_of

STOP = "Stop (keeps the best so far)"
STEPS_TO_STOP = 1.5
"""A training looks up between the two halves of a step; a last look at its network takes about as long as one."""


def words_of_stop(reports: Sequence[Any]) -> str:
    """Tell what Stop does, and how long it takes where that is more than a second: large networks make long steps."""
    speed = next((report.steps_per_second for report in reversed(reports) if report.steps_per_second), None)
    seconds = STEPS_TO_STOP / speed if speed else 0.0
    return STOP if seconds <= 1 else f"Stop (within {clock(math.ceil(seconds))}; keeps the best so far)"


def words_of_step(image: Any) -> str:
    """Tell how far apart the planes of a stack are taken to be."""
    step = plane_step_of(image)
    if step is None:
        return "Planes are taken to be as far apart as pixels are wide; set the image layer’s scale if they are not."
    return f"Planes are {step:.3g} px apart, as the scale of the image layer says."


def clock(seconds: float) -> str:
    """Return a time as people read it."""
    minutes, rest = divmod(max(round(seconds), 0), 60)
    return f"{minutes}:{rest:02d} min" if minutes else f"{rest} s"


def result_of(current: Any) -> str:
    """Tell what a round cost and how good it is; nothing where there is none."""
    if current is None:
        return ""
    sure = [f"{name} {current.sure_scores[name]}" for name in ("F1", "IoU") if name in current.sure_scores]
    scores = sure or [f"{name} {value:.2f}" for name, value in current.held_out.items() if name != "score"]
    text = f"{current.name}: {current.outcome.steps} steps in {clock(current.outcome.seconds)}"
    held_out = f"; held out, never trained on: {'; '.join(scores)}" if scores else "; nothing was held out"
    return f"{text}{held_out}."
