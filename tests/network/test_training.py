import math
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from training_images import disc_image

from napari_unet.annotation.weight_map import class_factors
from napari_unet.errors import Stopped, UserError
from napari_unet.network import training
from napari_unet.network.augmentation import AugmentationSettings
from napari_unet.network.best_weights import BestWeights
from napari_unet.network.budget import Budget
from napari_unet.network.held_out import HeldOutPlace
from napari_unet.network.sampling import PatchSampler
from napari_unet.network.training import TrainingReport, TrainingSettings, train
from napari_unet.network.unet import UNet, UNetConfig, initialise
from napari_unet.network.weight_average import WeightAverage

SMALL = TrainingSettings(
    steps=6, width=4, depth=2, patch_size=32, batch_size=2, threads=1, device="cpu", learning_rate=1e-2
)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def network_of(settings: TrainingSettings, channels: int = 1, distance: bool = True) -> UNet:
    network = UNet(settings.network_config(channels, 2, distance))
    initialise(network, settings.seed)
    return network


def changed(**values: object) -> TrainingSettings:
    return SMALL.model_copy(update=values)


def test_it_learns_to_find_discs() -> None:
    image = disc_image()
    settings = changed(steps=40, batch_size=4)
    network = network_of(settings)
    outcome = train([image], network, settings)
    network.load_state_dict(outcome.state)
    with torch.inference_mode():
        logits = network.eval()(torch.from_numpy(disc_image(5).image)[None])
    found = (logits[0, 1] > logits[0, 0]).numpy()
    assert (found == disc_image(5).classes).mean() > 0.93
    assert np.mean(outcome.curves.loss[-5:]) < 0.7 * np.mean(outcome.curves.loss[:5])
    assert outcome.steps == len(outcome.curves.loss) == len(outcome.curves.learning_rate) == 40
    assert outcome.curves.learning_rate[-1] < 0.01 * max(outcome.curves.learning_rate)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_same_seed_and_steps_give_the_same_weights_bit_for_bit(dropout: float) -> None:
    def weights(seed: int, pause: float) -> torch.Tensor:
        settings = changed(seed=seed)
        network = UNet(settings.network_config(1, 2, True).model_copy(update={"dropout": dropout}))
        score = {"score": 0.5}
        state = train(
            [disc_image(0), disc_image(1, (40, 70), 4, name="b")],
            network,
            settings,
            evaluate=lambda network: score,
            on_report=lambda report: time.sleep(pause),
        ).state
        return torch.cat([tensor.double().ravel() for tensor in state.values()])

    first = weights(3, 0.0)
    assert torch.equal(first, weights(3, 0.02))
    assert not torch.equal(first, weights(4, 0.0))


def test_other_random_numbers_of_torch_are_left_alone() -> None:
    network = network_of(SMALL)
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    train([disc_image()], network, changed(steps=1))
    assert torch.equal(torch.rand(3), expected)


def test_a_time_budget_is_kept_with_the_rate_at_zero_in_the_end() -> None:
    reports: list[TrainingReport] = []
    once = changed(steps=1)
    train(
        [disc_image()], network_of(once), once
    )  # what torch loads at its first step is no part of the budget
    settings = changed(steps=None, minutes=3 / 60)
    start = time.monotonic()
    outcome = train([disc_image()], network_of(settings), settings, on_report=reports.append)
    assert 1.5 < time.monotonic() - start < 8  # the upper bound leaves room for a busy machine
    assert outcome.curves.learning_rate[-1] < 0.2 * max(outcome.curves.learning_rate)
    assert all(a.fraction <= b.fraction + 0.1 for a, b in pairwise(reports))
    assert reports[-1].steps_per_second > 0


def test_budgets() -> None:
    steps = Budget(10, minutes=1.0)
    factors = []
    for steps.step in range(10):
        factors.append(steps.rate_factor)
    assert max(factors) <= 1
    assert factors.index(max(factors)) <= 1
    assert factors[1:] == sorted(factors[1:], reverse=True)
    steps.step = 10
    assert steps.fraction == 1
    open_end = Budget(None, None)
    open_end.step = 10_000
    assert open_end.is_open
    assert open_end.fraction == 0
    assert open_end.rate_factor == 0.5
    assert open_end.seconds_left is None


@pytest.mark.parametrize("asked", [4, 5, 6, 7, 8])
def test_stop_keeps_what_was_learnt_at_whichever_point_it_is_asked(asked: int) -> None:
    questions = 0

    def should_stop() -> bool:
        nonlocal questions
        questions += 1
        return questions > asked

    outcome = train([disc_image()], network_of(SMALL), changed(steps=1000), should_stop=should_stop)
    assert outcome.stopped
    assert outcome.steps in (1, 2)
    assert f"Stopped after {outcome.steps} steps" in outcome.sentence
    assert all(torch.isfinite(tensor).all() for tensor in outcome.state.values())


def test_stop_before_the_first_step_has_nothing_to_keep() -> None:
    with pytest.raises(Stopped):
        train([disc_image()], network_of(SMALL), SMALL, should_stop=lambda: True)


def test_stop_during_a_score() -> None:
    def evaluate(network: UNet) -> dict[str, float]:
        raise Stopped

    outcome = train([disc_image()], network_of(SMALL), SMALL, evaluate=evaluate)
    assert outcome.stopped
    assert outcome.held_out is None


def test_the_best_held_out_weights_are_kept() -> None:
    scores = iter([0.3, 0.9, 0.5, *[0.4] * 20])
    reports: list[TrainingReport] = []
    outcome = train(
        [disc_image()],
        network_of(SMALL),
        changed(steps=12, early_stop=False),
        evaluate=lambda network: {"score": next(scores)},
        on_report=reports.append,
    )
    second = outcome.curves.held_out[1]
    assert second[1] == {"score": 0.9}
    assert outcome.best_step == second[0] < outcome.steps == 12
    assert outcome.held_out == {"score": 0.9}
    assert "0.90" in outcome.sentence
    assert sum(report.held_out is not None for report in reports) == len(outcome.curves.held_out)


@pytest.mark.slow
def test_it_ends_early_when_the_score_stops_rising_but_not_in_the_first_third() -> None:
    outcome = train([disc_image()], network_of(SMALL), changed(steps=24), evaluate=lambda n: {"score": 0.7})
    assert 8 < outcome.steps < 24
    assert "stopped rising" in outcome.sentence
    rising = iter(np.linspace(0.1, 0.9, 30))
    outcome = train(
        [disc_image()],
        network_of(SMALL),
        changed(steps=24),
        evaluate=lambda n: {"score": float(next(rising))},
    )
    assert outcome.steps == 24


def test_scores_take_at_most_a_tenth_of_the_time() -> None:
    def evaluate(network: UNet) -> dict[str, float]:
        assert not network.training
        time.sleep(0.1)
        return {"score": 0.5}

    settings = changed(steps=None, minutes=3 / 60, early_stop=False)
    outcome = train([disc_image()], network_of(settings), settings, evaluate=evaluate)
    # one before its cost is known, then a tenth of three seconds, and the last one
    assert 1 <= len(outcome.curves.held_out) <= 5


def test_later_weights_win_within_the_noise() -> None:
    best = BestWeights()
    for step, score in enumerate([0.5, 0.7, 0.695, 0.6, math.nan]):
        best.offer(step, step / 5, {}, {"score": score})
    assert best.step == 2


def test_a_good_start_does_not_end_the_training() -> None:
    best = BestWeights()
    best.offer(0, 0.0, {}, {"score": 0.9})
    best.offer(20, 0.4, {}, {"score": 0.7})
    assert not best.has_stopped_rising(0.7)
    assert best.step == 0
    assert best.has_stopped_rising(0.95)


def test_few_held_out_objects_tell_less_and_later_weights_win_sooner() -> None:
    class Evaluate:
        standard_error = 0.1

        def __init__(self) -> None:
            self.scores = iter([0.70, 0.62, 0.55])

        def __call__(self, network: UNet) -> dict[str, float]:
            return {"score": next(self.scores, 0.55)}

    settings = changed(steps=12, early_stop=False)
    chosen = train([disc_image()], network_of(settings), settings, evaluate=Evaluate())
    scores = [scores["score"] for _, scores in chosen.curves.held_out]
    assert chosen.held_out == {"score": 0.62}
    assert chosen.best_step == chosen.curves.held_out[scores.index(0.62)][0]


def test_nothing_held_out_is_trained_on(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    draw = PatchSampler.draw

    def remember(self: PatchSampler, n: int) -> object:
        drawn.append(draw(self, n))
        return drawn[-1]

    monkeypatch.setattr(PatchSampler, "draw", remember)
    image = disc_image(n=1)  # its object reaches into the place, and so is out as a whole
    train([image], network_of(SMALL), SMALL, held_out=[HeldOutPlace("discs", (0, 48, 0, 96))])
    assert drawn
    assert all((batch.classes[batch.weights > 0] == 0).all() for batch in drawn)


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory"), RuntimeError])
def test_out_of_memory_halves_the_batch_then_the_patch(
    error: Exception | type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    if isinstance(error, type):
        error = RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes.")
    settings = changed(patch_size=64, batch_size=4)
    network = network_of(settings)
    forward = network.forward

    def hungry(x: torch.Tensor) -> torch.Tensor:
        if network.training and x.numel() > 32 * 32:
            raise error
        return forward(x)

    monkeypatch.setattr(network, "forward", hungry)
    messages: list[str] = []
    outcome = train(
        [disc_image()],
        network,
        settings,
        on_report=lambda r: messages.append(r.message) if r.message else None,
    )
    assert (outcome.steps, outcome.batch_size, outcome.patch_size) == (6, 1, 32)
    assert len(messages) == 3
    assert "1 patch of 32 px" in messages[-1]


@pytest.mark.parametrize("step", ["evaluate", "calibrate"])
def test_a_training_survives_that_there_is_no_memory_to_measure_it(
    step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was lost, all steps of it."""
    network, messages = network_of(SMALL), []

    def fail(*what: object) -> dict[str, float]:
        raise torch.OutOfMemoryError("CUDA out of memory")

    if step == "calibrate":
        monkeypatch.setattr(training.Training, "calibrate", fail)
    outcome = train(
        [disc_image()],
        network,
        SMALL,
        evaluate=fail if step == "evaluate" else lambda network: {"score": 0.5},
        on_report=lambda r: messages.append(r.message) if r.message else None,
    )
    assert outcome.steps == SMALL.steps
    assert outcome.held_out is None
    assert any("it is not measured from here on" in message for message in messages)


def test_no_memory_for_one_patch_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_of(SMALL)

    def fail(x: torch.Tensor) -> torch.Tensor:
        raise MemoryError

    monkeypatch.setattr(network, "forward", fail)
    with pytest.raises(UserError, match="Not enough memory"):
        train([disc_image()], network, SMALL)


def test_other_errors_of_torch_are_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_of(SMALL)

    def fail(x: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(network, "forward", fail)
    with pytest.raises(RuntimeError, match="mat1"):
        train([disc_image()], network, SMALL)


def test_a_loss_that_is_no_number_keeps_the_last_good_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_of(SMALL)
    forward, calls = network.forward, 0

    def fail_in_the_fourth_step(x: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += 1
        return forward(x) * (math.nan if calls >= 4 else 1.0)

    monkeypatch.setattr(network, "forward", fail_in_the_fourth_step)
    outcome = train([disc_image()], network, SMALL)
    assert outcome.steps == 3
    assert not outcome.stopped
    assert "no longer a number" in outcome.sentence
    assert all(torch.isfinite(tensor).all() for tensor in outcome.state.values())


def test_a_loss_that_never_was_a_number_leaves_no_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_of(SMALL)
    forward = network.forward
    monkeypatch.setattr(network, "forward", lambda x: forward(x) * math.nan)
    with pytest.raises(UserError, match="Nothing was trained"):
        train([disc_image()], network, SMALL)


def test_a_batch_without_any_weight_changes_nothing_badly() -> None:
    """A lone annotated pixel, which most patches miss or lose to rotation."""
    image = disc_image()
    weights = np.zeros_like(image.weights)
    weights[50, 50] = 1
    lonely = replace(image, weights=weights, objects=np.zeros_like(image.objects), distance_known=weights > 0)
    outcome = train([lonely], network_of(SMALL), SMALL)
    assert outcome.steps == 6
    assert np.isfinite(outcome.curves.loss).all()


def test_a_rare_class_is_learnt_with_more_weight_but_not_predicted_too_often() -> None:
    """Where the image tells nothing, the probability is the class's frequency, whatever it weighs."""
    rng = np.random.default_rng(0)
    classes = (rng.uniform(size=(96, 96)) < 0.1).astype(np.uint8)
    image = disc_image()
    weights = class_factors(classes, np.ones_like(classes, bool), 2)[classes]
    blind = replace(
        image,
        image=np.zeros_like(image.image),
        classes=classes,
        weights=weights,
        objects=np.zeros_like(image.objects),
    )
    settings = changed(steps=30, batch_size=4, augmentation=AugmentationSettings.none())
    network = network_of(settings)
    network.load_state_dict(train([blind], network, settings).state)
    with torch.inference_mode():
        predicted = torch.softmax(network.eval()(torch.zeros(1, 1, 64, 64))[:, :2], dim=1)[0, 1].mean()
    assert predicted == pytest.approx(classes.mean(), abs=0.08)


def test_warm_start_goes_on_from_the_weights_it_gets() -> None:
    settings = changed(steps=20, batch_size=4)
    first = train([disc_image()], network_of(settings), settings)
    network = network_of(settings)
    network.load_state_dict(first.state)
    gentle = changed(steps=4, batch_size=4, learning_rate=1e-4)
    second = train([disc_image()], network, gentle)
    assert np.mean(second.curves.loss) < 0.75 * np.mean(first.curves.loss[:4])


def test_the_papers_network_trains_on_patches_larger_than_their_targets() -> None:
    settings = changed(preset="ronneberger2015", batch_size=None, learning_rate=None, patch_size=24, steps=3)
    assert settings.recipe().optimiser == "sgd"
    assert settings.recipe().batch_size == 1
    network = network_of(settings, channels=2, distance=True)
    assert network.config.margin > 0
    assert not network.config.distance
    outcome = train([disc_image(channels=2)], network, settings)
    assert outcome.steps == 3
    assert outcome.patch_size >= 24


def test_the_mean_of_the_weights_follows_and_measures_its_statistics_anew() -> None:
    network = UNet(UNetConfig(in_channels=1, classes=2, width=4, depth=1))
    average = WeightAverage(network)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(1.0)
    for _ in range(200):
        average.update(network)
    assert all(torch.allclose(p, torch.ones_like(p), atol=1e-4) for p in average.network.parameters())
    x = torch.randn(4, 1, 16, 16) * 3 + 5
    average.calibrate([x, x + 1])
    first = average.network.contract[0].conv1(torch.cat([x, x + 1]))
    measured = average.network.contract[0].norm1.running_mean
    assert torch.allclose(measured, first.mean(dim=(0, 2, 3)), rtol=1e-4)
    assert not average.network.training
    assert not any(module.training for module in average.network.modules())


def test_a_network_that_has_found_nothing_yet_is_not_given_up() -> None:
    best = BestWeights()
    best.offer(1, 0.05, {}, {"score": 0.0})
    assert not best.has_stopped_rising(0.99)
    best.offer(2, 0.1, {}, {"score": 0.4})
    assert best.has_stopped_rising(0.99)


def test_a_warm_start_keeps_its_statistics_and_is_a_candidate_itself() -> None:
    settings = changed(steps=6)
    taught = train([disc_image()], network_of(settings), settings)
    network = network_of(settings)
    network.load_state_dict(taught.state)
    scores = iter([0.9])

    def evaluate(network: UNet) -> dict[str, float]:
        return {"score": next(scores, 0.2)}

    outcome = train([disc_image()], network, settings, evaluate=evaluate, warm=True)
    assert outcome.best_step == 0
    assert outcome.held_out == {"score": 0.9}
    for name, tensor in outcome.state.items():
        torch.testing.assert_close(tensor, taught.state[name])
    later = train([disc_image()], network, changed(steps=6, seed=5), warm=True)
    changed_names = {name for name, tensor in later.state.items() if not tensor.equal(taught.state[name])}
    assert not any("running" in name for name in changed_names)
    assert any("conv" in name for name in changed_names)


def test_who_asks_to_stop_waits_for_no_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    """It took 96 patches and a score of all held-out places, five seconds of a processor for 20 images."""
    asked, unchanged, scored = [], [], []
    calibrate = WeightAverage.calibrate

    def watched(self: WeightAverage, batches: Iterator[torch.Tensor]) -> None:
        before = self.state()
        asked.append(True)
        try:
            calibrate(self, batches)
        finally:
            unchanged.append(all(torch.equal(now, before[name]) for name, now in self.state().items()))

    def evaluate(network: UNet) -> dict[str, float]:
        scored.append(network)
        return {"score": 0.5}

    monkeypatch.setattr(WeightAverage, "calibrate", watched)
    outcome = train(
        [disc_image()], network_of(SMALL), SMALL, evaluate=evaluate, should_stop=lambda: bool(asked)
    )
    assert outcome.stopped
    assert unchanged == [True]
    assert not scored


def test_a_stop_while_a_warm_start_is_measured_has_nothing_to_keep() -> None:
    def evaluate(network: UNet) -> dict[str, float]:
        raise Stopped

    with pytest.raises(Stopped):
        train([disc_image()], network_of(SMALL), SMALL, evaluate=evaluate, warm=True)


def test_statistics_for_which_memory_runs_out_stay_what_they_were() -> None:
    network = UNet(UNetConfig(in_channels=1, classes=2, width=4, depth=1))
    average = WeightAverage(network)
    average.calibrate([torch.randn(4, 1, 16, 16) * 3 + 5])
    before = average.state()

    def batches() -> Iterator[torch.Tensor]:
        yield torch.randn(4, 1, 16, 16)
        raise MemoryError

    with pytest.raises(MemoryError):
        average.calibrate(batches())
    assert all(torch.equal(now, before[name]) for name, now in average.state().items())
    assert not any(module.training for module in average.network.modules())
    assert average.network.contract[0].norm1.momentum == network.contract[0].norm1.momentum
