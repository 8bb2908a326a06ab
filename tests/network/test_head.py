"""The head is the one best solution of a convex problem."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from napari_unet.network.head import PENALTY, fit_head, softmax


def problem(seed, n_classes, n=120, f=4):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, f)).astype(np.float32) * [1, 10, 0.1, 1] + [0, 50, 0, -3]
    classes = (x[:, 0] + rng.normal(0, 0.7, n) > 0).astype(np.uint8) + (n_classes > 2) * (x[:, 3] > -3)
    return x.astype(np.float32), classes.astype(np.uint8), rng.uniform(0.2, 1, n).astype(np.float32)


def read(head, x, base=None):
    return head.probabilities(x.T[:, None], None if base is None else base.T[:, None])[:, 0]


@pytest.mark.parametrize("n_classes", [2, 3])
def test_it_agrees_with_a_general_solver(n_classes):
    x, classes, weights = problem(3, n_classes)
    head = fit_head(x, classes, weights, n_classes)
    z = (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-3)

    def loss(flat):
        beta = flat.reshape(n_classes - 1, -1)
        p = softmax(beta[:, :-1] @ z.T + beta[:, -1:])
        fit = -(weights * np.log(p[classes, np.arange(len(z))])).sum() / weights.sum()
        return fit + PENALTY / 2 * (beta[:, :-1] ** 2).sum()

    best = optimize.minimize(loss, np.zeros((n_classes - 1) * 5), method="BFGS").x.reshape(n_classes - 1, 5)
    np.testing.assert_allclose(head.coefficients * (x.std(axis=0) + 1e-3), best[:, :-1], atol=2e-2)
    np.testing.assert_allclose(read(head, x), softmax(best[:, :-1] @ z.T + best[:, -1:]), atol=1e-2)


@given(seed=st.integers(0, 1000), n_classes=st.integers(2, 3))
@settings(max_examples=20, deadline=None)
def test_a_warm_start_ends_at_the_same_place(seed, n_classes):
    x, classes, weights = problem(seed, n_classes)
    other, other_classes, other_weights = problem(seed + 1, n_classes)
    start = fit_head(other, other_classes, other_weights, n_classes)
    cold, warm = (fit_head(x, classes, weights, n_classes, begin) for begin in (None, start))
    np.testing.assert_allclose(read(warm, x), read(cold, x), atol=5e-3)


def test_scores_that_are_right_already_stay():
    x, classes, weights = problem(0, 2)
    base = np.where(classes[:, None] > 0, 6.0, -6.0).astype(np.float32)
    head = fit_head(x, classes, weights, 2, base=base)
    found = read(head, x, base)
    assert np.abs(found[1] - classes).max() < 0.05
    assert np.abs(head.coefficients * x.std(axis=0)).max() < 0.02


def test_probabilities_add_up_in_strips_of_pixels():
    x, classes, weights = problem(0, 3)
    head = fit_head(x, classes, weights, 3)
    image = np.tile(x.T[:, :, None], (1, 1, 300)).astype(np.float16)  # more pixels than are read at once
    found = head.probabilities(image)
    assert found.shape == (3, 120, 300)
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-5)
    np.testing.assert_array_equal(found[:, :, 0], found[:, :, -1])
