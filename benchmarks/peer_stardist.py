"""StarDist (2D) from scratch on a few crops, as its example notebook trains it; run by `peers.py`.

Its own normalisation, augmentation, network, learning rate and batch; 32 rays on a grid of 2 px as in the
notebook, coarser where objects are larger than what the network sees, which the notebook warns of. All
crops are trained on and also validate: of four, none can be spared. The weights of the lowest validation
loss are kept and the two thresholds are optimised, both as StarDist does it.
"""

import time
from collections.abc import Callable
from pathlib import Path

import csbdeep
import keras
import numpy as np
import stardist
import tensorflow as tf
from csbdeep.utils import normalize
from stardist import calculate_extents, fill_label_holes
from stardist.models import Config2D, StarDist2D

from peer_child import Crop, Trained, run

PATCH = 256  # px, StarDist's own; less where a crop is smaller
COARSEST_GRID = 8
STEPS_PER_EPOCH = 20  # an epoch ends with a validation: often enough to find good weights in few steps
ENDLESS = 10_000  # epochs, ended by the clock


class StopAtTime(keras.callbacks.Callback):
    """Ends a training when its seconds are over; they begin before the first step is compiled."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds, self.start, self.steps = seconds, time.perf_counter(), 0

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        self.steps += 1
        self.model.stop_training = time.perf_counter() - self.start >= self.seconds


def make_augmenter(rng: np.random.Generator) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Flips, quarter turns, brightness, contrast and noise, as in StarDist's example."""

    def augment(image: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        turns = int(rng.integers(4))
        image, labels = np.rot90(image, turns), np.rot90(labels, turns)
        if rng.random() < 0.5:
            image, labels = image[:, ::-1], labels[:, ::-1]
        image = image * rng.uniform(0.6, 2) + rng.uniform(-0.2, 0.2)
        return image + 0.02 * rng.random() * rng.normal(size=image.shape), labels

    return augment


def make_model(channels: int, size: float, smallest_side: int, work: Path) -> StarDist2D:
    """A network whose field of view holds an object of `size` px."""
    grid = 2
    while True:
        divisor = grid * 2**3  # the U-Net halves three times
        patch = min(PATCH, smallest_side // divisor * divisor)
        config = Config2D(
            n_rays=32,
            grid=(grid, grid),
            n_channel_in=channels,
            train_patch_size=(patch, patch),
            train_tensorboard=False,
        )
        model = StarDist2D(config, name=f"grid{grid}", basedir=str(work))
        if size <= min(model._axes_tile_overlap("YX")) or grid == COARSEST_GRID:
            return model
        grid *= 2


def train(crops: list[Crop], seconds: float, seed: int, work: Path) -> Trained:
    """Train for `seconds`, then optimise the thresholds."""
    keras.utils.set_random_seed(seed)  # of numpy, too
    images = [normalise(crop.image) for crop in crops]
    labels = [fill_label_holes(crop.labels) for crop in crops]
    size = float(np.max(calculate_extents(labels, np.median)))
    channels = 1 if images[0].ndim == 2 else images[0].shape[-1]
    smallest_side = min(min(crop.labels.shape) for crop in crops)
    model = make_model(channels, size, smallest_side, work)
    model.prepare_for_training()
    clock = StopAtTime(seconds)
    model.callbacks.append(clock)
    model.train(
        images,
        labels,
        validation_data=(images, labels),
        augmenter=make_augmenter(np.random.default_rng(seed)),
        seed=seed,
        epochs=ENDLESS,
        steps_per_epoch=STEPS_PER_EPOCH,
    )
    trained = time.perf_counter()
    model.optimize_thresholds(images, labels)
    notes = {
        "train_s": round(trained - clock.start, 1),
        "fit_s": round(time.perf_counter() - trained, 1),
        "steps": clock.steps,
        "object_size": round(size, 1),
        "settings": f"grid {model.config.grid[0]}, patch {model.config.train_patch_size[0]}, "
        f"prob {model.thresholds.prob:.2f}, nms {model.thresholds.nms:.2f}",
    }

    def segment(image: np.ndarray) -> np.ndarray:
        normalised = normalise(image)
        return model.predict_instances(normalised, n_tiles=model._guess_n_tiles(normalised))[0]

    return Trained(segment, notes)


def normalise(image: np.ndarray) -> np.ndarray:
    """Grey values from percentile 1 to 99.8 of each channel become 0 to 1."""
    return normalize(image, 1, 99.8, axis=(0, 1))


if __name__ == "__main__":
    run(train, {m.__name__: m.__version__ for m in (stardist, csbdeep, tf, keras, np)})
