"""Steps without an end, on images that change."""

import threading
from dataclasses import replace

import numpy as np
import torch
from training_images import disc_image

from napari_unet.network.augmentation import AugmentationSettings
from napari_unet.network.continuous import ContinuousTraining
from napari_unet.network.patch_source import CELL, PatchSource
from napari_unet.network.sampling import PatchSampler
from napari_unet.network.training_settings import TrainingSettings
from napari_unet.network.unet import UNet, UNetConfig

torch.set_num_threads(1)
QUICK = TrainingSettings(width=4, depth=2, patch_size=32, batch_size=2, threads=1, device="cpu")


def test_it_goes_on_with_more_and_leaves_no_thread():
    image = disc_image()
    half = replace(image, weights=np.where(np.arange(96)[:, None] < 48, image.weights, 0).astype(np.float32))
    network = UNet(UNetConfig(in_channels=1, classes=2, distance=True, width=4, depth=2))
    with ContinuousTraining([half], network, QUICK, rgb=False, warm=False) as training:
        assert all(training.step(lambda: False) for _ in range(5))
        training.take([image], {"discs": (0.0, 0.0)})
        assert all(training.step(lambda: False) for _ in range(20))
        assert training.steps == 25
        assert not training.step(lambda: True)
        averaged = training.averaged()
        assert not averaged.training
        outcome = training.outcome(averaged.state_dict(), None, 1.0)
        assert (outcome.steps, outcome.patch_size, outcome.device) == (25, 32, "cpu")
    assert not [t for t in threading.enumerate() if t.name == "napari-unet-patches"]


def test_what_is_new_is_drawn_most_and_what_was_learned_is_remembered():
    rng = np.random.default_rng(0)
    image = disc_image()
    known = np.zeros((96, 96), bool)
    known[:32] = True
    before = PatchSource(replace(image, weights=known.astype(np.float32)), rng)
    before._errors[before._errors > 0] = 0.01  # learned
    # The new image begins 16 px further down than the old one, and is annotated 16 px further.
    cut = {
        name: getattr(image, name)[..., 16:, :]
        for name in ("image", "classes", "distance", "distance_known", "objects")
    }
    later = np.zeros((80, 96), np.float32)
    later[:32] = 1
    now = PatchSource(replace(image, weights=later, **cut), rng)
    now.carry_on(before, (16.0, 0.0))
    errors = now._errors[0]
    assert (errors[: 16 // CELL] == 0.01).all()
    assert (errors[16 // CELL : 32 // CELL] == 1.0).all()
    assert (errors[32 // CELL :] == 0).all()
    drawn = [now.draw_centre(np.random.default_rng(seed)) for seed in range(300)]
    assert np.mean([y >= 16 for _, y, _ in drawn]) > 0.55


def test_images_that_were_not_there_before_begin_anew():
    first, second = disc_image(name="a"), disc_image(name="b")
    old = PatchSampler([first], 32, 0, np.random.default_rng(0), AugmentationSettings())
    new = PatchSampler([first, second], 32, 0, np.random.default_rng(0), AugmentationSettings())
    for source in old._sources:
        source._errors[:] = 0.5
    new.carry_on(old, {"a": (0.0, 0.0)})
    assert [float(source._errors.max()) for source in new._sources] == [0.5, 1.0]
