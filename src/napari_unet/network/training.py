"""The life of a U-Net between random (or earlier) weights and the best ones that a budget allows."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from napari_unet.callbacks import ShouldStop, never_stop
from napari_unet.errors import Stopped, UserError
from napari_unet.network.device import choose_device
from napari_unet.network.held_out import HeldOutPlace, without_held_out
from napari_unet.network.losses import distance_loss, weighted_cross_entropy
from napari_unet.network.sampling import CELL, Batch, PatchSampler, Prefetch, TrainingImage
from napari_unet.network.training_settings import TrainingSettings
from napari_unet.network.unet import UNet
from napari_unet.network.weight_average import WeightAverage

__all__ = ["Evaluate", "TrainingOutcome", "TrainingReport", "TrainingSettings", "train"]

Evaluate = Callable[[UNet], dict[str, float]]
"""Scores a network (evaluation mode) on the held-out places: the higher "score", the better."""

WARM_UP = 0.05  # fraction of the budget over which the learning rate rises
LARGEST_GRADIENT = 1.0  # norm that gradients are cut to: one strange patch must not undo what was learnt
EVALUATION_SHARE = 0.1  # of the time
EVALUATIONS = 10  # with a number of steps, where time must not decide
FIRST_EVALUATION = 0.15  # fraction of the budget
TOLERANCE = 0.01  # later weights are taken unless they score lower by more: few objects, noisy scores
PATIENCE, EARLIEST_END = 0.35, 0.5  # fractions of the budget without a higher score, and before any early end
REPORT_INTERVAL = 0.1  # seconds between two reports, unless there is something to say
SMALLEST_PATCH = 32
CALIBRATION_PATCHES = 48


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
        ``state_dict`` of the best network, on the CPU.
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
        As at the end; smaller than asked for when memory was short.
    threads : int
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


def train(
    images: Sequence[TrainingImage],
    network: UNet,
    settings: TrainingSettings,
    held_out: Sequence[HeldOutPlace] = (),
    evaluate: Evaluate | None = None,
    on_report: Callable[[TrainingReport], None] = lambda report: None,
    should_stop: ShouldStop = never_stop,
    rgb: bool = False,
) -> TrainingOutcome:
    """Train a network on annotated images, from the weights it has, until the budget is spent.

    The same seed, steps and threads give the same weights on a CPU, bit for bit.

    Parameters
    ----------
    images : sequence of TrainingImage
        At the network's scale.
    network : UNet
        Fresh (`initialise`) or with earlier weights. It is changed; use the outcome's state.
    settings : TrainingSettings
    held_out : sequence of HeldOutPlace
        Nothing trains there.
    evaluate : callable or None
        Measures the quality in the held-out places. Without it the last (averaged) weights are kept.
    on_report : callable
        Gets a `TrainingReport` about ten times a second, in the thread that trains.
    should_stop : callable
        Asked before every forward and every backward pass. The best weights so far are kept.
    rgb : bool
        Whether the three channels are colours, which then vary together.

    Raises
    ------
    UserError
        If nothing is annotated, the device is not there, or memory does not suffice for one patch.
    Stopped
        If asked to stop before the first step was done.
    """
    device = choose_device(settings.device)
    with _threads(settings.threads), torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        training = _Training(without_held_out(images, held_out), network, settings, device, rgb)
        training.evaluate, training.on_report, training.should_stop = evaluate, on_report, should_stop
        return training.run()


class _Training:
    """One training under way."""

    evaluate: Evaluate | None = None
    on_report: Callable[[TrainingReport], None]
    should_stop: ShouldStop

    def __init__(
        self,
        images: Sequence[TrainingImage],
        network: UNet,
        settings: TrainingSettings,
        device: torch.device,
        rgb: bool,
    ) -> None:
        self.images, self.settings, self.device, self.rgb = images, settings, device, rgb
        recipe = settings.recipe()
        self.batch_size, self.learning_rate = recipe.batch_size, recipe.learning_rate
        self.patch_size = _valid_patch(network, recipe.patch_size)
        self.network = network.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        if recipe.optimiser == "sgd":
            self.optimiser: torch.optim.Optimizer = torch.optim.SGD(
                network.parameters(), lr=self.learning_rate, momentum=0.99
            )
        else:
            self.optimiser = torch.optim.AdamW(network.parameters(), lr=self.learning_rate, weight_decay=1e-2)
        self.average = WeightAverage(network)
        self.low_precision = settings.precision == "auto" and _is_bfloat16_faster(device)
        self.curves = Curves()
        self.step, self.smooth_loss = 0, 0.0
        self.start = self.last_report = time.monotonic()
        self.evaluation_seconds, self.last_evaluation_seconds, self.next_evaluation = (
            0.0,
            0.0,
            FIRST_EVALUATION,
        )
        self.best: tuple[int, dict[str, Tensor], dict[str, float]] | None = None  # kept
        self.highest, self.highest_at = -math.inf, 0.0  # score, and fraction of the budget
        self.reason = ""  # why it ended before its budget

    def run(self) -> TrainingOutcome:
        """Train until the budget, the user, the held-out score or an error ends it."""
        while not self._is_over():
            try:
                with self._open_sampler() as patches:
                    while not self._is_over():
                        self._make_step(patches)
                        if self._is_evaluation_due():
                            self._score()
            except (RuntimeError, MemoryError) as error:
                if not _is_out_of_memory(error):
                    raise
                self._shrink()
        return self._finish()

    def _open_sampler(self) -> Prefetch:
        margin = self.network.config.margin
        rng = np.random.default_rng([self.settings.seed, self.step, self.batch_size, self.patch_size])
        sampler = PatchSampler(
            self.images, self.patch_size, margin, rng, self.settings.augmentation, rgb=self.rgb
        )
        return Prefetch(sampler, self.batch_size)

    def _make_step(self, patches: Prefetch) -> None:
        batch = patches.next()
        if self._asked_to_stop():
            return
        for group in self.optimiser.param_groups:
            group["lr"] = self.learning_rate * self._rate_factor()
        x = _to(batch.image, self.device).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.low_precision):
            logits = self.network(x)
        logits = logits.float()
        classes = _to(batch.classes, self.device).long()
        weights = _to(batch.weights, self.device)
        n_classes = self.network.config.classes
        loss = weighted_cross_entropy(logits[:, :n_classes], classes, weights)
        if self.network.config.distance:
            known = _to(batch.distance_known, self.device)
            distance = distance_loss(logits[:, n_classes], _to(batch.distance, self.device), known)
            loss = loss + self.settings.distance_weight * distance
        patches.report(batch, _wrong(logits.detach()[:, :n_classes], classes, weights))
        if self._asked_to_stop():
            return
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        gradient = torch.nn.utils.clip_grad_norm_(self.network.parameters(), LARGEST_GRADIENT)
        value = float(loss.detach())
        if not (math.isfinite(value) and math.isfinite(float(gradient))):
            self.reason = (
                "Training ended early because its loss was no longer a number; the last good weights are kept. "
                "Try a lower learning rate, and look for extreme grey values in the images."
            )
            return
        self.optimiser.step()
        self.average.update(self.network)
        self.step += 1
        self.curves.loss.append(value)
        self.curves.learning_rate.append(self.optimiser.param_groups[0]["lr"])
        self.smooth_loss += (value - self.smooth_loss) / min(self.step, 20)
        self._report()

    # -- the budget ----------------------------------------------------------------------------------------------

    def _fraction(self) -> float:
        """Fraction of the budget that is spent; 0 for ever without one."""
        if self.settings.steps is not None:
            return self.step / self.settings.steps
        if self.settings.minutes is None:
            return 0.0
        step = (time.monotonic() - self.start) / max(
            self.step, 1
        )  # the last step and score must still fit in
        budget = (
            60 * self.settings.minutes - 1.2 * self.last_evaluation_seconds - (step if self.step else 0.0)
        )
        return min(1.0, (time.monotonic() - self.start) / max(budget, 1e-3))

    def _rate_factor(self) -> float:
        """Rise linearly, then fall with a cosine to zero at the end of the budget."""
        if self.settings.steps is None and self.settings.minutes is None:
            return min(1.0, (self.step + 1) / 50) / 2
        fraction = self._fraction()
        rise = min(1.0, (fraction + 1e-2 * WARM_UP) / WARM_UP)
        return max(1e-4, rise * 0.5 * (1 + math.cos(math.pi * fraction)))

    def _is_over(self) -> bool:
        return bool(self.reason) or self._asked_to_stop() or self._fraction() >= 1

    def _asked_to_stop(self) -> bool:
        if not self.reason and self.should_stop():
            if self.step == 0:
                raise Stopped("Training was stopped before its first step.")
            self.reason = "stopped"
        return bool(self.reason)

    # -- quality -------------------------------------------------------------------------------------------------

    def _is_evaluation_due(self) -> bool:
        if self.evaluate is None or self.reason:
            return False
        fraction = self._fraction()
        if self.settings.steps is not None:
            return fraction >= self.next_evaluation
        elapsed = time.monotonic() - self.start
        if self.settings.minutes is None:
            due = self.step >= 50
        else:
            due = fraction >= self.next_evaluation
        return due and self.evaluation_seconds + self.last_evaluation_seconds <= EVALUATION_SHARE * elapsed

    def _score(self) -> None:
        """Measure the averaged weights in the held-out places and keep them if they are the best."""
        if self.evaluate is None:
            return
        start = time.monotonic()
        self.average.calibrate(self._plain_patches())
        scores = self.evaluate(self.average.network)
        self.last_evaluation_seconds = time.monotonic() - start
        self.evaluation_seconds += self.last_evaluation_seconds
        fraction, score = self._fraction(), scores["score"]
        self.next_evaluation = max(self.next_evaluation, fraction) + (1 - FIRST_EVALUATION) / EVALUATIONS
        self.curves.held_out.append((self.step, scores))
        if score > self.highest + TOLERANCE / 4:
            self.highest_at = fraction
        self.highest = max(self.highest, score)
        if self.best is None or score >= self.highest - TOLERANCE:
            self.best = (self.step, self.average.state(), scores)
        elif self.settings.early_stop and fraction >= max(EARLIEST_END, self.highest_at + PATIENCE):
            self.reason = "Training ended early: the held-out score had stopped rising."
        self._report(held_out=scores)

    def _plain_patches(self) -> Iterator[Tensor]:
        """Patches without variation, for the statistics of batch normalisation; always the same ones."""
        settings = self.settings.augmentation.none().model_copy(update={"shift": 0.3})
        rng = np.random.default_rng(self.settings.seed)
        margin = self.network.config.margin
        sampler = PatchSampler(self.images, self.patch_size, margin, rng, settings, rgb=self.rgb)
        for _ in range(-(-CALIBRATION_PATCHES // self.batch_size)):
            x = _to(sampler.draw(self.batch_size).image, self.device)
            yield x.contiguous(memory_format=torch.channels_last)

    # -- ends ----------------------------------------------------------------------------------------------------

    def _shrink(self) -> None:
        """Go on with half the batch, or else half the patch, after memory ran out."""
        self.optimiser.zero_grad(set_to_none=True)
        if self.batch_size > 1:
            self.batch_size //= 2
        else:
            smaller = _valid_patch(self.network, self.patch_size // 2)
            if self.patch_size <= SMALLEST_PATCH or smaller >= self.patch_size:
                raise UserError(
                    f"Not enough memory to train on even one patch of {self.patch_size} px: "
                    "close other programs, or choose a network of less width."
                )
            self.patch_size = smaller
        self._report(
            message=f"Memory ran out: going on with {self.batch_size} patches of {self.patch_size} px per step."
        )

    def _finish(self) -> TrainingOutcome:
        stopped = self.reason == "stopped"
        if self.evaluate is not None and not stopped and not self.reason and self.step:
            last = self.curves.held_out[-1][0] if self.curves.held_out else -1
            if last < self.step:
                self._score()
        if self.best is None:
            if not stopped and self.step:
                self.average.calibrate(self._plain_patches())
            self.best = (self.step, self.average.state(), {})
        best_step, state, scores = self.best
        return TrainingOutcome(
            state=state,
            curves=self.curves,
            best_step=best_step,
            steps=self.step,
            seconds=time.monotonic() - self.start,
            held_out=scores or None,
            stopped=stopped,
            sentence=self._describe(best_step, scores),
            patch_size=self.patch_size,
            batch_size=self.batch_size,
            threads=torch.get_num_threads(),
        )

    def _describe(self, best_step: int, scores: dict[str, float]) -> str:
        seconds = time.monotonic() - self.start
        took = f"{seconds / 60:.1f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
        if self.reason == "stopped":
            sentence = f"Stopped after {self.step} steps and {took}."
        else:
            sentence = self.reason or f"Trained {self.step} steps in {took}."
        if scores:
            kept = "The last weights" if best_step == self.step else f"The weights of step {best_step}"
            sentence += f" {kept} are kept, with a held-out score of {scores['score']:.2f}."
        return sentence

    def _report(self, held_out: dict[str, float] | None = None, message: str = "") -> None:
        now = time.monotonic()
        if held_out is None and not message and now - self.last_report < REPORT_INTERVAL:
            return
        self.last_report = now
        elapsed, fraction = now - self.start, self._fraction()
        left = elapsed * (1 - fraction) / fraction if fraction > 0 else None
        speed = self.step / max(elapsed - self.evaluation_seconds, 1e-9)
        self.on_report(TrainingReport(self.step, fraction, self.smooth_loss, held_out, speed, left, message))


@contextlib.contextmanager
def _threads(number: int | None) -> Iterator[None]:
    """Compute with so many threads, and afterwards with as many as before."""
    before = torch.get_num_threads()
    if number is not None:
        torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _valid_patch(network: UNet, patch_size: int) -> int:
    """Side of the target in px, at least `patch_size`, that the network can give."""
    config = network.config
    return config.output_size(config.input_size(patch_size))


def _is_bfloat16_faster(device: torch.device) -> bool:
    """Tell whether the device multiplies matrices of bfloat16 in hardware made for it."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    has_tiles = getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)  # since torch 2.6
    return device.type == "cpu" and bool(has_tiles())


def _to(array: NDArray[np.generic], device: torch.device) -> Tensor:
    return torch.from_numpy(array).to(device, non_blocking=True)


@torch.no_grad()
def _wrong(logits: Tensor, classes: Tensor, weights: Tensor) -> NDArray[np.float32]:
    """Mean probability (N, h / CELL, w / CELL) of wrong classes in cells, over annotated pixels; NaN without any."""
    right = torch.softmax(logits, dim=1).gather(1, classes[:, None])
    known = (weights > 0).float()[:, None]
    wrong = F.avg_pool2d((1 - right) * known, CELL) / F.avg_pool2d(known, CELL)
    result: NDArray[np.float32] = wrong[:, 0].cpu().numpy()
    return result


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return "out of memory" in text or "not enough memory" in text or "can't allocate memory" in text
