"""What a training tells while it goes on, and what it leaves behind."""

from dataclasses import dataclass, field

from torch import Tensor

from napari_unet.network.best_weights import BestWeights

Shrinking = tuple[int, int, int]
"""Steps done when memory ran out; patches per step and side of a patch (px) from there on."""


@dataclass(frozen=True)
class TrainingReport:
    """How far a training is. `held_out` is given right after an evaluation, `message` when there is news.

    `fraction` is that of the budget and `seconds_left` None if it trains until stopped; `loss` is smoothed.
    """

    step: int
    fraction: float
    loss: float
    held_out: dict[str, float] | None
    steps_per_second: float
    seconds_left: float | None
    message: str = ""


@dataclass
class Curves:
    """What there is to draw: one entry per step, and one per evaluation."""

    loss: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    held_out: list[tuple[int, dict[str, float]]] = field(default_factory=list)  # (step, scores)


@dataclass(frozen=True)
class TrainingOutcome:
    """What a training leaves behind.

    Attributes
    ----------
    state : dict of str to Tensor
        ``state_dict`` of the best network, on the CPU; empty where a model beside it holds the weights.
    curves : Curves
    best_step : int
        Step that the state comes from.
    steps : int
        Steps that were made.
    seconds : float
        Time that it took.
    held_out : dict or None
        Scores of the state on the held-out places.
    stopped : bool
        Whether the user ended it.
    sentence : str
        How it went, for the user.
    patch_size, batch_size : int
        As at the end (px of the target, patches per step); smaller than asked for when memory was short.
    threads : int
    device : str
        "cpu", "cuda" or "mps".
    shrunk : tuple of (int, int, int)
        Where memory ran out: steps done, patches per step and their side from there on.
    """

    state: dict[str, Tensor]
    curves: Curves
    best_step: int
    steps: int
    seconds: float
    held_out: dict[str, float] | None
    stopped: bool
    sentence: str
    patch_size: int
    batch_size: int
    threads: int
    device: str = ""
    shrunk: tuple[Shrinking, ...] = ()


def describe_outcome(reason: str, stopped: bool, steps: int, seconds: float, best: BestWeights) -> str:
    """Say how a training went.

    Parameters
    ----------
    reason
        Why it ended before its budget, empty where it did not.
    stopped
        Whether the user was the reason.
    """
    took = f"{seconds / 60:.1f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
    sentence = reason or f"Trained {steps} steps in {took}."
    if stopped:
        sentence = f"Stopped after {steps} steps and {took}."
    if best.scores:
        score = f"with a held-out score of {best.scores['score']:.2f}"
        if best.step == 0:
            return f"{sentence} It did not improve on its start, which is kept, {score}."
        kept = "The last weights are" if best.step == steps else f"The weights of step {best.step} are"
        sentence += f" {kept} kept, {score}."
    return sentence
