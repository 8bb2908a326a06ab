"""Whether more labels would help: parts of an annotation, the line through the scores, its interval."""

from __future__ import annotations

import numpy as np
import pytest

from napari_unet.annotation.coding import Coding, to_annotation
from napari_unet.callbacks import never_stop, no_progress
from napari_unet.errors import Stopped, UserError
from napari_unet.network.held_out import HeldOutPlace, without_held_out
from napari_unet.network.model_file import Model
from napari_unet.network.sampling import TrainingImage
from napari_unet.network.training_settings import TrainingSettings
from napari_unet.objects.tally import Tally
from napari_unet.synthetic.cells import touching_cells
from napari_unet.workflow import AnnotatedImage, train_model
from napari_unet.workflow.learning_curve import NEXT, fit_curve, measure_learning_curve, thin_out


def tally(found: int, missed: int) -> Tally:
    return Tally(found, missed, missed, 0, 0, 100 * found, 100 * (found + missed))


def runs(rates: tuple[float, ...], seed: int, places: int = 8, per_place: int = 20) -> list:
    """What trainings on 10, 20, 40 objects find, each object with the rate of its training."""
    rng = np.random.default_rng(seed)
    found = []
    for n, rate in zip((10, 20, 40), rates, strict=True):
        hits = rng.binomial(per_place, rate, places)
        found.append((n, tuple(tally(int(k), per_place - int(k)) for k in hits)))
    return found


def test_a_curve_that_rises_says_go_on_and_a_flat_one_does_not() -> None:
    rising = fit_curve([runs((0.5, 0.65, 0.8), seed) for seed in (0, 1)])
    assert 0.15 * np.log2(1 + NEXT / 40) == pytest.approx(rising.gain, abs=0.03)
    assert rising.low > 0
    assert "go on annotating" in str(rising)
    assert [point.n for point in rising.points] == [10, 20, 40]
    flat = fit_curve([runs((0.97, 0.97, 0.97), seed) for seed in (0, 1)])
    assert flat.low < 0 < flat.high
    assert "go on" not in str(flat)


def test_the_interval_holds_the_slope_nine_times_in_ten() -> None:
    true = 0.08 * np.log2(1 + NEXT / 40)
    curves = [
        fit_curve([runs((0.7, 0.78, 0.86), 2 * k), runs((0.7, 0.78, 0.86), 2 * k + 1)]) for k in range(60)
    ]
    assert np.mean([curve.low <= true <= curve.high for curve in curves]) >= 0.85


def test_one_place_tells_nothing() -> None:
    curve = fit_curve([runs((0.5, 0.6, 0.7), 0, places=1)])
    assert "too little to tell" in str(curve)


def test_objects_are_left_out_with_what_lies_around_them() -> None:
    _, truth = touching_cells((120, 160), diameter=18, seed=2)
    objects = truth.astype(np.int32)
    blank = np.zeros((1, *truth.shape), np.float32)
    image = TrainingImage(
        "a", blank, (truth > 0).astype(np.uint8), np.ones(truth.shape, np.float32),
        np.zeros(truth.shape, np.float32), np.ones(truth.shape, bool), objects,
    )  # fmt: skip
    place = HeldOutPlace("a", (0, 60, 0, 60))
    left = without_held_out([image], [place])
    n = np.unique(left[0].objects).size - 1
    (half,) = thin_out([image], left, 0.5, np.random.default_rng(0))
    kept = np.unique(without_held_out([half], [place])[0].objects)
    assert kept.size - 1 == round(0.5 * n)
    gone = (objects > 0) & (half.objects == 0)
    assert gone.any()
    assert not half.weights[gone].any()
    assert (half.weights[half.objects > 0] > 0).all()
    held = np.setdiff1d(objects[:60, :60], left[0].objects)
    assert np.isin(held[held > 0], half.objects).all(), "what is held out is there for every part"
    assert thin_out([image], left, 1.0, np.random.default_rng(0))[0] is image


def test_real_trainings_give_a_curve_or_say_what_is_missing() -> None:
    image, truth = touching_cells((220, 300), diameter=18, seed=1)
    settings = TrainingSettings(
        minutes=None, steps=2, width=4, depth=2, patch_size=32, batch_size=2, threads=1, device="cpu",
        precision="float32",
    )  # fmt: skip
    annotated = AnnotatedImage("cells", image[np.newaxis], to_annotation(truth, Coding.MASKS))
    start: Model = train_model([annotated], settings).model
    said: list[float] = []
    curve = measure_learning_curve(
        [annotated], start, settings, steps=2, on_progress=lambda f, m: said.append(f), should_stop=never_stop
    )
    ns = [point.n for point in curve.points]
    assert ns == sorted(ns)
    assert ns[0] < ns[-1] / 3
    assert said == sorted(said)
    with pytest.raises(Stopped):
        measure_learning_curve(
            [annotated], start, settings, on_progress=no_progress, should_stop=lambda: True
        )
    few = AnnotatedImage(
        "few", image[np.newaxis], to_annotation(np.where(truth < 14, truth, 0), Coding.MASKS)
    )
    with pytest.raises(UserError, match=r"held-out|held out|hold some of them out"):
        measure_learning_curve([few], start, settings, on_progress=no_progress, should_stop=never_stop)
