"""A classifier on features that is fitted in milliseconds: multinomial logistic regression, a convex problem.

There is one best solution, so a fit that begins with the last one ends where one from nothing would, only sooner.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

Float32 = NDArray[np.float32]
Floats = NDArray[np.floating[Any]]

PENALTY = 0.3
"""Weight of the squared coefficients beside the mean loss of the pixels; chosen on images of the training
folders, where 0.03 to 1 differ little."""
FIRM_PENALTY = 3.0
"""The same where scores are there already, offset included: with `PENALTY` and a free offset a few strokes, which
know nothing of how much of the image is background, spoil the borders that the network had found."""
STRIP = 16_384
"""Pixels that are classified at once."""
MOST_ROUNDS = 8
CLOSE = 1e-3
"""Largest change of a coefficient at which it is done."""


@dataclass(frozen=True, eq=False)
class Head:
    """Coefficients for features as they are, background's are 0.

    Attributes
    ----------
    coefficients
        float32 ``(K − 1, F)``.
    offsets
        float32 ``(K − 1,)``.
    means, spreads
        float32 ``(F,)``: of the pixels that it was fitted on.
    """

    coefficients: Float32
    offsets: Float32
    means: Float32
    spreads: Float32

    def probabilities(self, features: NDArray[np.float16], base: Floats | None = None) -> Float32:
        """Return probabilities float32 (K, Y, X) for features (F, Y, X), on top of scores (K − 1, Y, X) if given."""
        n, shape = features.shape[0], features.shape[1:]
        flat = features.reshape(n, -1)
        scores = np.empty((len(self.offsets), flat.shape[1]), np.float32)
        for begin in range(
            0, flat.shape[1], STRIP
        ):  # a copy of all features in float32 would not fit the caches
            strip = slice(begin, begin + STRIP)
            scores[:, strip] = self.coefficients @ flat[:, strip].astype(np.float32)
        scores = (scores + self.offsets[:, None]).reshape(-1, *shape)
        return softmax(scores if base is None else scores + base).astype(np.float32)


def softmax(scores: Floats) -> Floats:
    """Return probabilities of all classes from the scores of all but the first, whose score is 0; classes first."""
    top = np.maximum(scores.max(axis=0), 0)
    exponentials = np.concatenate([np.exp(-top)[None], np.exp(scores - top)])
    result: Floats = exponentials / exponentials.sum(axis=0)
    return result


def fit_head(
    features: Float32,
    classes: NDArray[np.integer[Any]],
    weights: Float32,
    n_classes: int,
    start: Head | None = None,
    base: Float32 | None = None,
) -> Head:
    """Fit by Newton's method.

    Parameters
    ----------
    features
        float32 ``(n, F)``.
    classes
        ``(n,)``, 0 … K − 1.
    weights
        ``(n,)``, how much each pixel counts.
    start
        The last fit, for a sooner end.
    base
        float32 ``(n, K − 1)``: scores that are there already; what is fitted is added to them, and is
        held near nothing (`FIRM_PENALTY`), so that they change only where they are wrong.
    """
    means = features.mean(axis=0)
    spreads = features.std(axis=0) + 1e-3
    x = np.concatenate(
        [(features - means) / spreads, np.ones((len(features), 1), np.float32)], axis=1
    ).astype(np.float64)
    w = (weights / weights.sum()).astype(np.float64)
    k, f = n_classes - 1, x.shape[1]
    beta = np.zeros((k, f)) if start is None else _carried_over(start, means, spreads)
    onehot = (classes[None] == np.arange(1, n_classes)[:, None]).astype(np.float64)
    known = 0.0 if base is None else base.T.astype(np.float64)
    ridge = np.append(np.full(f - 1, PENALTY), 1e-6) if base is None else np.full(f, FIRM_PENALTY)
    pixels = np.arange(len(x))

    def loss(at: NDArray[np.float64]) -> float:
        p = softmax(at @ x.T + known)
        return float(-(w * np.log(np.maximum(p[classes, pixels], 1e-12))).sum() + (ridge * at**2).sum() / 2)

    last = loss(beta)
    for _ in range(MOST_ROUNDS):
        p = softmax(beta @ x.T + known)[1:]
        step = _newton_step(p, x, w, ridge, ((p - onehot) * w) @ x + ridge * beta)
        new = loss(beta - step)
        while new > last and np.abs(step).max() > CLOSE:  # too far where the problem is far from quadratic
            step = step / 2
            new = loss(beta - step)
        beta, last = beta - step, new
        if np.abs(step).max() < CLOSE:
            break
    coefficients = beta[:, :-1] / spreads
    offsets = beta[:, -1] - coefficients @ means
    return Head(coefficients.astype(np.float32), offsets.astype(np.float32), means, spreads)


def _newton_step(p: Floats, x: Floats, w: Floats, ridge: Floats, gradient: Floats) -> NDArray[np.float64]:
    """Solve for the step; p are the probabilities (K − 1, n) of all classes but the first."""
    k, f = gradient.shape
    hessian = np.empty((k, f, k, f))
    for a in range(k):
        for b in range(a, k):
            curvature = w * (p[a] * ((a == b) - p[b]))
            block = (x * curvature[:, None]).T @ x
            hessian[a, :, b] = block
            hessian[b, :, a] = block
    flat = hessian.reshape(k * f, k * f)
    flat[np.diag_indices(k * f)] += np.tile(ridge, k)
    solved: NDArray[np.float64] = linalg.solve(flat, gradient.ravel(), assume_a="pos").reshape(k, f)
    return solved


def _carried_over(start: Head, means: Float32, spreads: Float32) -> NDArray[np.float64]:
    own = start.coefficients * spreads
    return np.concatenate([own, (start.offsets + start.coefficients @ means)[:, None]], axis=1).astype(
        np.float64
    )
