"""Cellpose 3 (its convolutional network) from scratch on a few crops, as its authors train it; run by `peers.py`.

`cellpose.train.train_seg` with its defaults, which are those the authors trained their network from scratch
with: AdamW at 0.005, patches of 224 px, any rotation, flips and scale, images resampled so that objects have
30 px. Images with fewer than five objects are not left out. Its schedule must know the number of steps: some
are timed beforehand, on a copy of the network. What Cellpose lets its user adjust, the two thresholds, is
fitted on the crops. Nothing is downloaded.
"""

import copy
import itertools
import math
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from statistics import median

os.environ.setdefault("CELLPOSE_LOCAL_MODELS_PATH", tempfile.mkdtemp())  # no models of the user

import cv2
import numpy as np
import torch
from cellpose import dynamics, metrics, models, train, transforms, utils

from peer_child import Crop, Trained, run

TIMED_STEPS = 6
LONGEST = 1.1  # times the seconds asked for: when steps take longer than the first ones promised
CELLPROB_THRESHOLDS = (
    0.0,
    -1.0,
    1.0,
    -2.0,
    2.0,
    -4.0,
)  # the default first: it is kept unless another is better
FLOW_THRESHOLDS = (0.4, 0.8, 0.0)  # 0: objects are kept whatever their flow's error


class TimeOver(Exception):
    """The training has had its seconds."""


@contextmanager
def watched_steps(deadline: float) -> Iterator[list[float]]:
    """The times at which steps begin, as they are made; raises TimeOver at the first one after `deadline`."""
    original, times = transforms.random_rotate_and_resize, []

    def draw(*args: object, **kwargs: object) -> object:
        if time.perf_counter() > deadline:
            raise TimeOver
        times.append(time.perf_counter())
        return original(*args, **kwargs)

    transforms.random_rotate_and_resize = draw
    try:
        yield times
    finally:
        transforms.random_rotate_and_resize = original


def train_peer(crops: list[Crop], seconds: float, seed: int, work: Path) -> Trained:
    """Train for about `seconds`, then fit the thresholds."""
    torch.manual_seed(seed)  # of the first weights; what Cellpose draws follows the number of the epoch
    images = [channels_first(crop.image) for crop in crops]
    labels = dynamics.labels_to_flows([crop.labels for crop in crops], device=torch.device("cpu"))
    size = float(np.median([max(utils.diameters(crop.labels)[0], 5.0) for crop in crops]))
    model = models.CellposeModel(gpu=False, pretrained_model=False, nchan=len(images[0]))
    steps, train_s = train_in_time(model.net, images, labels, seconds, work)
    model.net.eval()
    trained = time.perf_counter()
    cellprob, flow = fit_thresholds(model, crops, size)
    notes = {
        "train_s": round(train_s, 1),
        "fit_s": round(time.perf_counter() - trained, 1),
        "steps": steps,
        "object_size": round(size, 1),
        "settings": f"cellprob_threshold {cellprob:g}, flow_threshold {flow:g}",
    }

    def segment(image: np.ndarray) -> np.ndarray:
        thresholds = {"cellprob_threshold": cellprob, "flow_threshold": flow}
        return model.eval(channels_first(image), channel_axis=0, diameter=size, **thresholds)[0]

    return Trained(segment, notes)


def channels_first(image: np.ndarray) -> np.ndarray:
    """(Y, X) or (Y, X, 3) -> (2, Y, X) with an empty second channel, as Cellpose has grey images, or (3, Y, X)."""
    if image.ndim == 2:
        return np.stack([image, np.zeros_like(image)]).astype(np.float32)
    return np.moveaxis(image, -1, 0).astype(np.float32)


def train_in_time(
    net: torch.nn.Module, images: list[np.ndarray], labels: list[np.ndarray], seconds: float, work: Path
) -> tuple[int, float]:
    """Train `net` with as many steps as fit into `seconds`; their number and what they took."""
    options = {"train_data": images, "train_labels": labels, "min_train_masks": 0, "save_path": work}
    with watched_steps(math.inf) as times:
        train.train_seg(copy.deepcopy(net), n_epochs=TIMED_STEPS, **options)
    # the first step is slower than all others
    step = median(b - a for a, b in itertools.pairwise(times[1:]))
    start = time.perf_counter()
    with watched_steps(start + LONGEST * seconds) as times, suppress(TimeOver):
        train.train_seg(net, n_epochs=max(1, round(seconds / step)), **options)
    return len(times), time.perf_counter() - start


def fit_thresholds(model: models.CellposeModel, crops: list[Crop], size: float) -> tuple[float, float]:
    """The thresholds of cell probability and flow error that find most objects of the crops at IoU 0.5."""
    read = []
    for crop in crops:
        image = channels_first(crop.image)
        _, flows, _ = model.eval(image, channel_axis=0, diameter=size, compute_masks=False)
        read.append((flows[1], flows[2]))
    truth = [crop.labels for crop in crops]
    best, chosen = -1.0, (CELLPROB_THRESHOLDS[0], FLOW_THRESHOLDS[0])
    for cellprob in CELLPROB_THRESHOLDS:
        niter = 200 * size / model.diam_mean  # as `CellposeModel.eval` has it
        unchecked = [
            dynamics.compute_masks(*one, niter=niter, cellprob_threshold=cellprob, flow_threshold=0.0)
            for one in read
        ]
        for flow in FLOW_THRESHOLDS:
            found = [check(masks, flows, flow) for masks, (flows, _) in zip(unchecked, read, strict=True)]
            precision = float(metrics.average_precision(truth, found, threshold=[0.5])[0].mean())
            if precision > best:
                best, chosen = precision, (cellprob, flow)
    return chosen


def check(masks: np.ndarray, flows: np.ndarray, threshold: float) -> np.ndarray:
    """What Cellpose leaves of objects: those whose flow's error is below the threshold, not too small."""
    masks = masks.copy()
    if threshold > 0 and masks.max() > 0:
        masks = dynamics.remove_bad_flow_masks(masks, flows, threshold=threshold)
    return utils.fill_holes_and_remove_small_masks(masks, min_size=15)


if __name__ == "__main__":
    run(train_peer, {"cellpose": version("cellpose")} | {m.__name__: m.__version__ for m in (torch, np, cv2)})
