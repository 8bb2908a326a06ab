"""Balanced classes in the loss, and unbalanced probabilities all the same."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from napari_unet.network.sampling import TrainingImage
from napari_unet.network.training_settings import TrainingSettings
from napari_unet.network.unet import UNet


def measure_class_bias(images: Sequence[TrainingImage], settings: TrainingSettings, n_classes: int) -> Tensor:
    """Logarithm of the class factors w_c in the weights, (K, [1,] 1, 1), to be added to the logits of the loss.

    A rare class that weighs more would otherwise be predicted too often: nuclei on 5 % of the pixels came out
    with twice their area. So the network learns unweighted probabilities, from balanced gradients (the logit
    adjustment of Menon et al. 2021, turned round).
    """
    bias = torch.zeros(n_classes, *[1] * images[0].classes.ndim)
    if settings.weight_map.preset != "ronneberger2015":  # elsewhere weights fall off with distance
        return bias
    for number in range(n_classes):
        weights = [i.weights[(i.classes == number) & (i.weights > 0)] for i in images]
        if any(w.size for w in weights):  # far from borders, where the border term adds nothing
            bias[number] = math.log(np.percentile(np.concatenate(weights), 1))
    return bias


@torch.no_grad()
def begin_at_frequencies(network: UNet, class_bias: Tensor) -> None:
    """Let a fresh network, whose last biases are 0, begin with each class as likely as it is frequent."""
    bias = network.classify.bias
    if bias is not None and not bias.any():
        bias[: len(class_bias)] = -class_bias.flatten()
