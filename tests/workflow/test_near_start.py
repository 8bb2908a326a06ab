"""How far from its start a training stays: as near as the held-out places allow."""

from dataclasses import replace

import pytest
import torch

from napari_unet.errors import Stopped
from napari_unet.network.training import Curves, TrainingOutcome
from napari_unet.network.unet import UNet, UNetConfig
from napari_unet.workflow.near_start import keep_near_start


class ScoreBy:
    """Scores a network by the share of the trained weights (all 1) over those of the start (all 0)."""

    def __init__(self, standard_error: float, **by_share: float) -> None:
        self.standard_error, self.by_share = standard_error, by_share

    def __call__(self, network: UNet) -> dict[str, float]:
        share = float(network.classify.weight.detach().flatten()[0])
        return {"score": self.by_share[f"at_{round(100 * share)}"]}


def tiny() -> UNet:
    return UNet(UNetConfig(in_channels=1, classes=2, width=4, depth=2))


def filled_with(value: float) -> dict[str, torch.Tensor]:
    return {
        name: torch.full_like(tensor, value) if tensor.is_floating_point() else tensor
        for name, tensor in tiny().state_dict().items()
    }


def outcome(score: float | None, best_step: int = 10, start: float = 0.79) -> TrainingOutcome:
    return TrainingOutcome(
        state=filled_with(1.0),
        curves=Curves(held_out=[] if score is None else [(0, {"score": start}), (10, {"score": score})]),
        best_step=best_step,
        steps=10,
        seconds=1.0,
        held_out=None if score is None else {"score": score},
        stopped=False,
        sentence="Trained 10 steps in 1 seconds.",
        patch_size=64,
        batch_size=2,
        threads=1,
    )


@pytest.mark.parametrize(
    ("error", "at_25", "at_50", "at_75", "at_100", "share"),
    [
        (0.04, 0.80, 0.80, 0.80, 0.80, 0.25),
        (0.04, 0.80, 0.84, 0.85, 0.85, 0.5),
        (0.04, 0.40, 0.50, 0.60, 0.80, 1.0),
        (0.04, 0.90, 0.90, 0.90, 0.90, 1.0),
        (0.04, 0.40, 0.80, 0.70, 0.60, 0.5),
        (0.30, 0.75, 0.76, 0.76, 0.80, 1.0),
    ],
    ids=[
        "as good",
        "within the error",
        "it must learn",
        "it gained much",
        "the mean is best",
        "few objects tell little",
    ],
)
def test_the_nearest_weights_that_are_as_good_are_kept(error, at_25, at_50, at_75, at_100, share):
    score = ScoreBy(error, at_25=at_25, at_50=at_50, at_75=at_75)
    kept = keep_near_start(tiny(), filled_with(0.0), outcome(at_100), score)
    assert all((tensor == share).all() for tensor in kept.state.values() if tensor.is_floating_point())
    expected = {0.25: at_25, 0.5: at_50, 1.0: at_100}[share]
    assert kept.held_out == {"score": expected}
    assert ("mixed with those of its start" in kept.sentence) == (share < 1)


@pytest.mark.parametrize(
    "unmeasured", [outcome(None), outcome(0.9, best_step=0)], ids=["no score", "start kept"]
)
def test_what_was_not_measured_or_is_the_start_stays(unmeasured):
    assert keep_near_start(tiny(), filled_with(0.0), unmeasured, ScoreBy(0.1)) is unmeasured


def test_who_asks_to_stop_meanwhile_gets_what_was_trained():
    class Score(ScoreBy):
        def __call__(self, network):
            raise Stopped

    trained = outcome(0.80)
    kept = keep_near_start(tiny(), filled_with(0.0), trained, Score(0.04))
    assert kept == replace(trained, stopped=True)  # or a replay would do what was left out
