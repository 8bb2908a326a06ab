"""What training makes small: pure functions of logits, targets and weights."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F


def weighted_cross_entropy(logits: Tensor, classes: Tensor, weights: Tensor) -> Tensor:
    """Mean over pixels of the cross-entropy of the softmax, each pixel counted with its weight.

    ``sum(w · -log p[class]) / sum(w)``, the energy of Ronneberger et al. (2015, equation 1) divided by the
    sum of the weights, so that its size depends neither on the patch nor on how much of it is annotated.

    Parameters
    ----------
    logits : Tensor, (N, K, [Z,] Y, X) float
        The network's output without the distance channel.
    classes : Tensor, (N, [Z,] Y, X) int64
        True class of every pixel; must be within 0..K-1 also where the weight is 0.
    weights : Tensor, (N, [Z,] Y, X) float, ≥ 0
        The weight map; 0 where nothing is annotated.

    Returns
    -------
    Tensor, scalar
        0, with a gradient of 0, when all weights are 0.
    """
    entropy = F.cross_entropy(logits, classes, reduction="none")  # (N, [Z,] Y, X)
    return _weighted_mean(entropy, weights)


def distance_loss(logits: Tensor, distance: Tensor, known: Tensor) -> Tensor:
    """Mean over known pixels of the divergence of the predicted distance from the true one.

    The binary cross-entropy between ``sigmoid(logits)`` and `distance`, both read as the probability to lie
    at the object's centre, less the entropy of `distance` itself: 0 for a perfect prediction, gradient
    ``sigmoid(logits) - distance`` that never vanishes on a wrong one.

    Parameters
    ----------
    logits : Tensor, (N, [Z,] Y, X) float
        The last channel of the network's output.
    distance : Tensor, (N, [Z,] Y, X) float in 0..1
        Distance to the object's border, 1 at the object's deepest point and 0 in the background.
    known : Tensor, (N, [Z,] Y, X) bool (or float weights ≥ 0)
        Where the distance is known.

    Returns
    -------
    Tensor, scalar
        0, with a gradient of 0, when nothing is known.
    """
    cross = F.binary_cross_entropy_with_logits(logits, distance, reduction="none")
    own = torch.xlogy(distance, distance) + torch.xlogy(1 - distance, 1 - distance)
    return _weighted_mean(cross + own, known.to(logits.dtype))


def _weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    total = weights.sum()
    # Not `clamp`: weights may be of any scale. Where all are 0, 0 / 1 keeps value and gradient finite.
    return (values * weights).sum() / torch.where(total > 0, total, torch.ones_like(total))


@torch.no_grad()
def wrongness(logits: Tensor, classes: Tensor, weights: Tensor, cell: int) -> NDArray[np.float32]:
    """Mean probability of wrong classes over annotated pixels, per cell (N, [d,] h / cell, w / cell), or NaN."""
    right = torch.softmax(logits, dim=1).gather(1, classes[:, None])[:, 0]
    known = (weights > 0).float()
    planes = [part.flatten(0, -3)[:, None] for part in ((1 - right) * known, known)]
    wrong, there = (F.avg_pool2d(part, cell) for part in planes)
    shape = (*classes.shape[:-2], *wrong.shape[-2:])
    result: NDArray[np.float32] = (wrong / there).reshape(shape).cpu().numpy()
    return result
