"""How far a network agrees with what was painted: finer than any score of objects, and quick to measure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_unet.network.held_out import HeldOutPlace
from napari_unet.network.prediction import predict
from napari_unet.network.sampling import TrainingImage
from napari_unet.network.unet import UNet
from napari_unet.workflow.scoring import Place

PART = 192
MOST_PARTS = 6
"""Parts of the annotation, of so many px, on which the agreement is measured: spread over all of it."""


def agreement(network: UNet, parts: Sequence[Place], n_classes: int) -> float:
    """Return the mean probability that a network gives to what was painted, every class counting the same."""
    sums, counts = np.zeros(n_classes), np.zeros(n_classes)
    for part in parts:
        output = predict(network, part.image)
        right = np.take_along_axis(output, part.classes[None].astype(np.intp), axis=0)[0][part.known]
        classes = part.classes[part.known]
        sums += np.bincount(classes, right, minlength=n_classes)
        counts += np.bincount(classes, minlength=n_classes)
    there = counts > 0
    return float((sums[there] / counts[there]).mean()) if there.any() else 0.0


def annotated_parts(images: Sequence[TrainingImage]) -> list[HeldOutPlace]:
    """Return parts of the images in which something is annotated, evenly chosen among all."""
    found = []
    for image in images:
        height, width = image.classes.shape
        for y in range(0, height, PART):
            for x in range(0, width, PART):
                place = HeldOutPlace(image.name, (y, min(y + PART, height), x, min(x + PART, width)))
                if (image.weights[place.slices] > 0).any():
                    found.append(place)
    if not found:
        return []
    chosen = np.unique(np.linspace(0, len(found) - 1, MOST_PARTS).round().astype(int))
    return [found[i] for i in chosen]
