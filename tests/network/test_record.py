"""A training that follows the record of another comes to the same weights, whatever decided in the other one."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from training_images import disc_image

from napari_unet.network import budget
from napari_unet.network.record import TrainingRecord
from napari_unet.network.training import TrainingOutcome, TrainingSettings, train
from napari_unet.network.unet import UNet, initialise

SETTINGS = TrainingSettings(
    steps=6, width=4, depth=2, patch_size=32, batch_size=4, threads=1, device="cpu", precision="float32"
)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _a_clock_that_nobody_can_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time goes on by another amount at each look, however busy the machine is."""
    now, random = [0.0], np.random.default_rng()

    def monotonic() -> float:
        now[0] += float(random.uniform(0.0, 0.02))
        return now[0]

    monkeypatch.setattr(budget, "time", SimpleNamespace(monotonic=monotonic))


def network_of(settings: TrainingSettings) -> UNet:
    """With drop-out, which draws from torch's own random numbers."""
    network = UNet(settings.network_config(1, 2, True).model_copy(update={"dropout": 0.3}))
    initialise(network, 0)
    return network


def rising(network: UNet) -> dict[str, float]:
    """A score that depends on the weights alone."""
    return {"score": float(torch.tanh(network.classify.weight.abs().mean()))}


def follow(
    settings: TrainingSettings, first: TrainingOutcome, evaluate: Callable[[UNet], dict[str, float]] | None
) -> TrainingOutcome:
    return train(
        [disc_image()], network_of(settings), settings, evaluate=evaluate, record=TrainingRecord.of(first)
    )


def check(again: TrainingOutcome, first: TrainingOutcome) -> None:
    assert again.curves.loss == first.curves.loss
    assert again.curves.learning_rate == first.curves.learning_rate
    assert {step for step, _ in again.curves.held_out} == {step for step, _ in first.curves.held_out}
    assert (again.best_step, again.steps, again.held_out) == (first.best_step, first.steps, first.held_out)
    assert (again.batch_size, again.patch_size) == (first.batch_size, first.patch_size)
    assert TrainingRecord.of(again).sizes == TrainingRecord.of(first).sizes
    for name, tensor in first.state.items():
        assert torch.equal(again.state[name], tensor), name


@pytest.mark.parametrize("evaluate", [None, rising])
def test_minutes(evaluate) -> None:
    settings = SETTINGS.model_copy(update={"steps": None, "minutes": 1 / 60})
    first = train([disc_image()], network_of(settings), settings, evaluate=evaluate)
    assert first.steps > 1
    slower = settings.model_copy(
        update={"minutes": 0.1 / 60}
    )  # what the settings say about time is of no account
    check(follow(slower, first, evaluate), first)


@pytest.mark.parametrize("evaluate", [None, rising])
def test_a_stop(evaluate) -> None:
    settings = SETTINGS.model_copy(update={"steps": None, "minutes": None})
    seen: list[int] = []
    first = train(
        [disc_image()],
        network_of(settings),
        settings,
        evaluate=evaluate,
        on_report=lambda report: seen.append(report.step),
        should_stop=lambda: bool(seen) and seen[-1] >= 5,
    )
    assert first.stopped
    check(follow(settings, first, evaluate), first)


def test_memory_that_ran_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice before the second step; drop-out had drawn random numbers by then."""
    network, calls = network_of(SETTINGS), []
    forward = UNet.forward

    def hungry(self: UNet, x: torch.Tensor) -> torch.Tensor:
        result = forward(self, x)
        if self is network and self.training and x.shape[0] > 1:
            calls.append(x.shape[0])
            if len(calls) in (2, 3):
                raise MemoryError
        return result

    monkeypatch.setattr(UNet, "forward", hungry)
    first = train([disc_image()], network, SETTINGS, evaluate=rising)
    assert first.shrunk == ((1, 2, 32), (1, 1, 32))
    assert first.steps > 3
    check(follow(SETTINGS, first, rising), first)


def test_an_early_end_and_a_loss_that_is_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = SETTINGS.model_copy(update={"steps": 24})
    first = train([disc_image()], network_of(settings), settings, evaluate=lambda network: {"score": 0.7})
    assert first.steps < 24
    check(follow(settings, first, lambda network: {"score": 0.7}), first)
    network = network_of(settings)
    forward, calls = UNet.forward, []

    def fails(self: UNet, x: torch.Tensor) -> torch.Tensor:
        calls.extend([1] * (self is network))
        return forward(self, x) * (float("nan") if self is network and len(calls) == 8 else 1.0)

    monkeypatch.setattr(UNet, "forward", fails)
    broken = train([disc_image()], network, settings)
    assert broken.steps == 7
    check(follow(settings, broken, None), broken)
