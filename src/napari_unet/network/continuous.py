"""Training without an end, on an annotation that grows while it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

import numpy as np
import torch
from torch import Tensor

from napari_unet.callbacks import ShouldStop
from napari_unet.network.class_balance import measure_class_bias
from napari_unet.network.device import choose_device, computing_with
from napari_unet.network.sampling import PatchSampler, Prefetch, TrainingImage
from napari_unet.network.training import Training
from napari_unet.network.training_outcome import TrainingOutcome
from napari_unet.network.training_settings import TrainingSettings
from napari_unet.network.unet import UNet


class ContinuousTraining:
    """Steps of a training whose images can be exchanged between two steps.

    Use as a context manager: patches are drawn in a thread.

    Parameters
    ----------
    images
        As for `train`, without what is held out.
    network
        Begins with its weights, which it changes.
    settings
        Without a budget: the learning rate stays as it is after its rise.
    """

    def __init__(
        self,
        images: Sequence[TrainingImage],
        network: UNet,
        settings: TrainingSettings,
        rgb: bool,
        warm: bool,
    ) -> None:
        settings = settings.model_copy(update={"minutes": None, "steps": None, "early_stop": False})
        device = choose_device(settings.device)
        self._training = Training(images, network, settings, device, rgb, warm, None)
        self._training.evaluate = None
        self._training.on_report = lambda report: None
        self._sampler = self._make_sampler()
        self._patches = Prefetch(self._sampler, self._training.sizes.batch_size)

    def __enter__(self) -> Self:
        self._patches.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._patches.__exit__(kind, error, trace)

    @property
    def steps(self) -> int:
        """Steps made so far."""
        return self._training.budget.step

    @property
    def loss(self) -> float:
        """The loss, smoothed."""
        return self._training.smooth_loss

    def take(self, images: Sequence[TrainingImage], shifts: Mapping[str, tuple[float, float]]) -> None:
        """Go on with other images; what is new in them is drawn most until it is learned.

        Parameters
        ----------
        shifts
            By name, how far (px) each image begins below and right of where it began before.
        """
        training, before = self._training, self._sampler
        training.images = images
        n_classes = training.network.config.classes
        training.class_bias = measure_class_bias(images, training.settings, n_classes).to(training.device)
        training.calibration.forget()
        sampler = self._make_sampler()
        self._patches.__exit__(None, None, None)
        sampler.carry_on(before, shifts)
        self._sampler, self._patches = sampler, Prefetch(sampler, training.sizes.batch_size)
        self._patches.__enter__()

    def step(self, should_stop: ShouldStop) -> bool:
        """Make one step; ``False`` where it was asked to stop, or can't go on."""
        training = self._training
        training.should_stop = should_stop
        with computing_with(training.settings.threads):
            before = training.budget.step
            training.make_step(self._patches)
        return training.budget.step > before

    def averaged(self) -> UNet:
        """Return the mean of the last weights, in evaluation mode; it goes on changing with further steps."""
        with computing_with(self._training.settings.threads):
            self._training.calibrate()
        return self._training.average.network

    def outcome(
        self, state: dict[str, Tensor], held_out: dict[str, float] | None, seconds: float
    ) -> TrainingOutcome:
        """Describe weights that came out of it."""
        training = self._training
        return TrainingOutcome(
            state=state,
            curves=training.curves,
            best_step=self.steps,
            steps=self.steps,
            seconds=seconds,
            held_out=held_out,
            stopped=False,
            sentence=f"Trained {self.steps} steps while you painted.",
            patch_size=training.sizes.patch_size,
            batch_size=training.sizes.batch_size,
            threads=training.settings.threads or torch.get_num_threads(),
            device=training.device.type,
        )

    def _make_sampler(self) -> PatchSampler:
        training = self._training
        rng = np.random.default_rng([training.settings.seed, training.budget.step])
        return training.make_sampler(rng, training.settings.augmentation)


def pause(seconds: float, should_stop: Callable[[], bool]) -> None:
    """Leave the processor to others for a while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not should_stop():
        time.sleep(min(0.02, seconds))
