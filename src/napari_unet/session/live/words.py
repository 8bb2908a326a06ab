"""What Live says to the user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_unet.session.bringing_in import BRING_IN

if TYPE_CHECKING:
    from napari_unet.workflow.live_exchange import Better, State

NOTHING_PAINTED = "Paint a stroke inside an object and one beside it: the overlay begins by itself."
ONE_CLASS = "Paint something else as well, such as background: one kind alone says nothing."
PREVIEW = "Preview from your strokes, nothing is trained yet"
BUNDLED = "The bundled network"
INSTEAD = "Shown is what came of “{what}”; your next stroke shows the preview again."
INSTEADS = ("Segment", "Propose", BRING_IN)
"""Actions of the user that show something else."""
LEARNED = "Network that learned from your strokes for {seconds:.0f} s"
GOES_ON = "It goes on learning: step {steps}, {seconds:.0f} s."
RESTS = "It rests: nothing gets better until you paint more."
CORRECTED = "{name}, corrected by your strokes"


def describe_shown(best: Better | None, corrected: str | None, state: State | None) -> str:
    """Say what is shown, and how the training goes.

    Parameters
    ----------
    best
        The weights that were learned meanwhile and are shown.
    corrected
        Name of the network that is shown where there are none, and that the strokes only correct.
    state
        Of the training that goes on.
    """
    if best is not None:
        shown = LEARNED.format(seconds=best.seconds)
    else:
        shown = PREVIEW if corrected is None else CORRECTED.format(name=corrected)
    if state is None:
        return f"{shown}."
    return f"{shown}. {RESTS if state.rests else GOES_ON.format(seconds=state.seconds, steps=state.steps)}"
