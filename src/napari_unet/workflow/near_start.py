"""How far a short training may carry a network away from one that has seen much: as far as held-out objects ask for.

Weights between those before and after a fine-tuning are often better than either on images unlike those it was tuned on
(Wortsman et al. 2022, "Robust fine-tuning of zero-shot models"), and lose where the start knew nothing of such images.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from napari_unet.errors import Stopped
from napari_unet.network.training_outcome import TrainingOutcome
from napari_unet.network.unet import UNet
from napari_unet.workflow.scoring import HeldOutScore

SHARES = (0.25, 0.5, 0.75)
"""Of the trained weights, that are tried; all of them and none are measured by the training itself."""
TOLERANCE = 0.5
"""Standard errors of the held-out score by which what lies nearer to the start may score lower."""
LARGEST_TOLERANCE = 0.03
"""The same in absolute terms: with few held-out objects chance explains everything."""
CHANCE, LARGEST_CHANCE = 1.5, 0.06
"""By how many standard errors, and by how much, the training may have gained on its start at most: whoever gains
more had to learn something new, and loses it again near the start. On EM, new to it (gain 0.23), half of the way scored
nearly as well in the held-out places, 0.68 and 0.70, and AP fell from 0.58 to 0.37 elsewhere."""

_log = logging.getLogger("napari_unet")


def keep_near_start(
    network: UNet, start: Mapping[str, Tensor], outcome: TrainingOutcome, score: HeldOutScore
) -> TrainingOutcome:
    """Return the outcome with the weights nearest to the start that are as good in the held-out places.

    That is, where the training gained no more there than chance may give.

    Parameters
    ----------
    network
        Any with the weights' shapes; it is changed.
    start
        State before the training, on the CPU.
    outcome
        Of a training that began with a measurement. Returned as it is where the start itself was kept, or nothing
        could be measured.
    """
    if not outcome.held_out or outcome.best_step == 0:
        return outcome
    gain = outcome.held_out["score"] - outcome.curves.held_out[0][1]["score"]
    if gain > min(CHANCE * score.standard_error, LARGEST_CHANCE):
        return outcome
    tried = [(1.0, outcome.state, outcome.held_out)]
    try:
        for share in reversed(SHARES):
            state = _between(start, outcome.state, share)
            network.load_state_dict(state)
            tried.append((share, state, score(network)))
    except Stopped:
        return replace(outcome, stopped=True)
    tolerance = min(TOLERANCE * score.standard_error, LARGEST_TOLERANCE)
    enough = max(scores["score"] for _, _, scores in tried) - tolerance
    share, state, scores = min((one for one in tried if one[2]["score"] >= enough), key=lambda one: one[0])
    _log.info(
        "Held-out score by share of the trained weights: %s; %g is kept.",
        ", ".join(f"{one[0]:g}: {one[2]['score']:.3f}" for one in tried),
        share,
    )
    if share == 1:
        return outcome
    sentence = (
        f"{outcome.sentence} They are mixed with those of its start ({100 * (1 - share):.0f} %), which has seen "
        "more images and does as well here."
    )
    return replace(outcome, state=state, held_out=scores, sentence=sentence)


def _between(start: Mapping[str, Tensor], end: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    return {
        name: start[name].lerp(tensor, share) if tensor.is_floating_point() else tensor
        for name, tensor in end.items()
    }
