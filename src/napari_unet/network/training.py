"""The life of a U-Net between random (or earlier) weights and the best ones that a budget allows."""

import math
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_unet.callbacks import ShouldStop, never_stop
from napari_unet.errors import Stopped, UserError, is_out_of_memory
from napari_unet.network.augmentation import AugmentationSettings
from napari_unet.network.batch_sizes import BatchSizes
from napari_unet.network.best_weights import TOLERANCE, BestWeights
from napari_unet.network.budget import SMOOTH_STEPS, Budget
from napari_unet.network.calibration import Calibration
from napari_unet.network.class_balance import begin_at_frequencies, measure_class_bias
from napari_unet.network.device import choose_device, computing_with
from napari_unet.network.held_out import HeldOutPlace, without_held_out
from napari_unet.network.losses import distance_loss, weighted_cross_entropy, wrongness
from napari_unet.network.machine import Machine
from napari_unet.network.record import TrainingRecord
from napari_unet.network.sampling import CELL, Batch, PatchSampler, Prefetch, TrainingImage
from napari_unet.network.score_times import ScoreTimes
from napari_unet.network.training_outcome import (
    Curves,
    TrainingOutcome,
    TrainingReport,
    describe_outcome,
)
from napari_unet.network.training_settings import Recipe, TrainingSettings
from napari_unet.network.unet import UNet, freeze_statistics
from napari_unet.network.weight_average import WeightAverage

__all__ = ["Curves", "Evaluate", "Training", "TrainingOutcome", "TrainingReport", "TrainingSettings", "train"]

Evaluate = Callable[[UNet], dict[str, float]]
"""Scores a network (evaluation mode) on the held-out places: the higher "score", the better."""

LARGEST_GRADIENT = 1.0
"""Norm that gradients are cut to: one strange patch must not undo what was learnt."""
REPORT_INTERVAL = 0.1
"""Seconds between two reports, unless there is something to say."""
STOPPED = "stopped"
NOT_A_NUMBER = (
    "Training ended early because its loss was no longer a number; the last good weights are kept. "
    "Try a lower learning rate, and look for extreme grey values in the images."
)
NEVER_A_NUMBER = (
    "Nothing was trained: the loss was no number from the first step on. "
    "Start from other weights, and look for extreme grey values in the images."
)


def train(
    images: Sequence[TrainingImage],
    network: UNet,
    settings: TrainingSettings,
    held_out: Sequence[HeldOutPlace] = (),
    evaluate: Evaluate | None = None,
    on_report: Callable[[TrainingReport], None] = lambda report: None,
    should_stop: ShouldStop = never_stop,
    rgb: bool = False,
    warm: bool = False,
    record: TrainingRecord | None = None,
) -> TrainingOutcome:
    """Train a network on annotated images, from the weights it has, until the budget is spent.

    The same seed, steps and threads give the same weights on a CPU, bit for bit; so does a training that follows
    the record of one that was given minutes, or was stopped.

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
        May raise `Stopped`. Its attribute `standard_error`, if it has one, says how uncertain the score is.
    on_report : callable
        Gets a `TrainingReport` about ten times a second, in the thread that trains.
    should_stop : callable
        Asked before every forward and every backward pass. The best weights so far are kept.
    rgb : bool
        Whether the three channels are colours, which then vary together.
    warm : bool
        Whether the weights have learned something worth keeping: the statistics of their normalisation then stay as
        they are, and the weights themselves are the first that are scored.
    record : TrainingRecord or None
        Do what another training did, step by step, instead of what time and memory allow now.

    Raises
    ------
    UserError
        If nothing is annotated, the device is not there, memory does not suffice for one patch, or the loss is no
        number from the first step on.
    Stopped
        If asked to stop before the first step was done.
    """
    device = choose_device(settings.device)
    with computing_with(settings.threads), torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        if record is not None:
            settings = settings.model_copy(
                update={"steps": record.steps, "minutes": None, "early_stop": False}
            )
        training = Training(without_held_out(images, held_out), network, settings, device, rgb, warm, record)
        training.best.tolerance = max(TOLERANCE, getattr(evaluate, "standard_error", 0.0))
        training.evaluate, training.on_report, training.should_stop = evaluate, on_report, should_stop
        return training.run()


class Training:
    """One training under way."""

    evaluate: Evaluate | None
    on_report: Callable[[TrainingReport], None]
    should_stop: ShouldStop

    def __init__(
        self,
        images: Sequence[TrainingImage],
        network: UNet,
        settings: TrainingSettings,
        device: torch.device,
        rgb: bool,
        warm: bool,
        record: TrainingRecord | None,
    ) -> None:
        self.images, self.settings, self.device, self.rgb = images, settings, device, rgb
        self.record = record
        self.has_own_statistics = network.config.normalisation == "batch" and not warm
        self.warm = warm
        recipe = settings.recipe()
        self.learning_rate = recipe.learning_rate
        patch_size = network.config.patch_size(recipe.patch_size)
        recorded = record.sizes if record is not None else {}
        self.sizes = BatchSizes(recipe.batch_size, patch_size, network.config, recorded)
        self.n_planes = network.config.patch_planes(recipe.patch_planes)
        self.machine = Machine(device, network.config.dimensions, settings.precision)
        self.machine.take(network)
        self.network = network.train()
        if not self.has_own_statistics:
            freeze_statistics(network)
        self.class_bias = measure_class_bias(images, settings, network.config.classes).to(device)
        begin_at_frequencies(network, self.class_bias)
        self.optimiser = _make_optimiser(network, recipe)
        self.average = WeightAverage(network)
        self.budget = Budget(settings.steps, settings.minutes)
        self.best, self.curves = BestWeights(), Curves()
        self.smooth_loss, self.last_report = 0.0, 0.0
        self.score_times = ScoreTimes(self.budget)
        self.calibration = Calibration(self.machine)
        self.reason = ""  # why it ended before its budget

    def run(self) -> TrainingOutcome:
        """Train until the budget, the user, the held-out score or an error ends it."""
        if self.warm and self.evaluate is not None:
            self._score()
        while not self._is_over():
            try:
                if self.sizes.follow(self.budget.step):
                    self._begin_with_other_sizes()
                with self._open_patches() as patches:
                    while not self._is_over() and not self.sizes.change_at(self.budget.step):
                        self.make_step(patches)
                        if self._is_to_score():
                            self._score()
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self._shrink()
        return self._finish()

    def _open_patches(self) -> Prefetch:
        sizes = self.sizes
        # after a change of sizes the stream goes on from a state of its own, but the same one each time
        rng = np.random.default_rng(
            [self.settings.seed, self.budget.step, sizes.batch_size, sizes.patch_size]
        )
        return Prefetch(self.make_sampler(rng, self.settings.augmentation), sizes.batch_size)

    def make_sampler(self, rng: np.random.Generator, augmentation: AugmentationSettings) -> PatchSampler:
        margin, side = self.network.config.margin, self.sizes.patch_size
        return PatchSampler(self.images, side, margin, rng, augmentation, self.rgb, self.n_planes)

    def make_step(self, patches: Prefetch) -> None:
        """Forward, backward, and one change of the weights; or nothing, if asked to stop."""
        batch = patches.next()
        if self._asked_to_stop():
            return
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate()
        loss, errors = self._measure_loss(batch)
        patches.report(batch, errors)
        if self._asked_to_stop():
            return
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        gradient = torch.nn.utils.clip_grad_norm_(self.network.parameters(), LARGEST_GRADIENT)
        value = float(loss.detach())
        if not (math.isfinite(value) and math.isfinite(float(gradient))):
            if self.budget.step == 0:
                raise UserError(NEVER_A_NUMBER)
            self.reason = NOT_A_NUMBER
            return
        self.optimiser.step()
        self.average.update(self.network)
        self.budget.step += 1
        self.curves.loss.append(value)
        self.curves.learning_rate.append(self.optimiser.param_groups[0]["lr"])
        self.smooth_loss += (value - self.smooth_loss) / min(self.budget.step, SMOOTH_STEPS)
        self._report()

    def _rate(self) -> float:
        if self.record is not None:
            return self.record.learning_rate[self.budget.step]
        return self.learning_rate * self.budget.rate_factor

    def _measure_loss(self, batch: Batch) -> tuple[Tensor, NDArray[np.float32]]:
        """Loss of a batch, and how wrong the network is in its cells."""
        put = self.machine.put
        with self.machine.multiplying():
            logits = self.network(self.machine.put_patches(batch.image))
        logits, n_classes = logits.float(), self.network.config.classes
        balanced = logits[:, :n_classes] + self.class_bias
        classes, weights = put(batch.classes).long(), put(batch.weights)
        loss = weighted_cross_entropy(balanced, classes, weights)
        if self.network.config.distance:
            known = put(batch.distance_known)
            distance = distance_loss(logits[:, n_classes], put(batch.distance), known)
            loss = loss + self.settings.distance_weight * distance
        return loss, wrongness(balanced.detach(), classes, weights, CELL)

    def _is_over(self) -> bool:
        return bool(self.reason) or self._asked_to_stop() or self.budget.fraction >= 1

    def _is_to_score(self) -> bool:
        if self.evaluate is None or self.reason:
            return False
        if self.record is not None:
            return self.budget.step in self.record.scored
        return self.score_times.is_due

    def _asked_to_stop(self) -> bool:
        if not self.reason and self.should_stop():
            if self.budget.step == 0:
                raise Stopped("Training was stopped before its first step.")
            self.reason = STOPPED
        return bool(self.reason)

    def _score(self) -> None:
        """Measure the averaged weights in the held-out places and keep them if they are the best."""
        assert self.evaluate is not None
        start = time.monotonic()
        try:
            self.calibrate(self.should_stop)
            scores = self.evaluate(self.average.network)
        except Stopped:
            if self.budget.step == 0:
                raise
            self.reason = STOPPED
            return
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            self._go_on_unmeasured()
            return
        self.score_times.took(time.monotonic() - start)
        fraction = self.budget.fraction
        self.curves.held_out.append((self.budget.step, scores))
        self.best.offer(self.budget.step, fraction, self.average.state(), scores)
        if self.settings.early_stop and fraction < 1 and self.best.has_stopped_rising(fraction):
            self.reason = "Training ended early: the held-out score had stopped rising."
        self._report(held_out=scores)

    def _go_on_unmeasured(self) -> None:
        """Train on without scores, after there was no memory for them: better than no network at all."""
        self.evaluate = None
        self.calibration.forget()
        self._report(message="Memory ran out while quality was measured: it is not measured from here on.")

    def calibrate(self, should_stop: ShouldStop = never_stop) -> None:
        """Measure the statistics of batch normalisation for the averaged weights."""
        if not self.has_own_statistics:
            return
        if not self.calibration.has_patches:
            rng = np.random.default_rng(self.settings.seed)
            sampler = self.make_sampler(rng, self.settings.augmentation)
            self.calibration.draw(sampler, self.sizes.batch_size, should_stop)
        self.calibration.apply(self.average, should_stop)

    def _shrink(self) -> None:
        """Go on with less, after memory ran out."""
        self.sizes.halve(self.budget.step)
        self._begin_with_other_sizes()
        self._report(message=f"Memory ran out: going on with {self.sizes} per step.")

    def _begin_with_other_sizes(self) -> None:
        self.optimiser.zero_grad(set_to_none=True)
        self.calibration.forget()
        # nobody knows how many random numbers were drawn until memory ran out
        torch.manual_seed(self.settings.seed + self.budget.step)

    def _finish(self) -> TrainingOutcome:
        if self.evaluate is not None and not self.reason and self.record is None:
            self._score()
        was_stopped = self.record.stopped if self.record is not None else self.reason == STOPPED
        if self.best.step is None:
            if not was_stopped:  # who waits for Stop gets the running statistics instead
                try:
                    self.calibrate()
                except (RuntimeError, MemoryError) as error:  # and so does who has no memory for it
                    if not is_out_of_memory(error):
                        raise
            self.best.step, self.best.state = self.budget.step, self.average.state()
        was_ended = self.reason == STOPPED
        steps, seconds = self.budget.step, self.budget.elapsed
        return TrainingOutcome(
            state=self.best.state,
            curves=self.curves,
            best_step=self.best.step,
            steps=steps,
            seconds=seconds,
            held_out=self.best.scores or None,
            stopped=was_ended,
            sentence=describe_outcome(self.reason, was_ended, steps, seconds, self.best),
            patch_size=self.sizes.patch_size,
            batch_size=self.sizes.batch_size,
            threads=torch.get_num_threads(),
            device=self.device.type,
            shrunk=tuple(self.sizes.shrunk),
        )

    def _report(self, held_out: dict[str, float] | None = None, message: str = "") -> None:
        budget = self.budget
        elapsed = budget.elapsed
        if held_out is None and not message and elapsed - self.last_report < REPORT_INTERVAL:
            return
        self.last_report = elapsed
        speed = budget.step / max(elapsed - self.score_times.seconds, 1e-9)
        self.on_report(
            TrainingReport(
                budget.step, budget.fraction, self.smooth_loss, held_out, speed, budget.seconds_left, message
            )
        )


def _make_optimiser(network: UNet, recipe: Recipe) -> torch.optim.Optimizer:
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(network.parameters(), lr=recipe.learning_rate, momentum=0.99)
    return torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=1e-2)
