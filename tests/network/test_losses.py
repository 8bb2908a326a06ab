"""The losses: against plain arithmetic, and where nothing is annotated."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_unet.network.losses import distance_loss, weighted_cross_entropy

torch.set_num_threads(1)


@given(seed=st.integers(0, 1000), classes=st.integers(2, 4), scale=st.sampled_from([1e-6, 1.0, 1e6]))
@settings(deadline=None, max_examples=30)
def test_cross_entropy_equals_its_formula_for_weights_of_any_scale(seed, classes, scale):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, classes, 3, 4, generator=generator)
    truth = torch.randint(0, classes, (2, 3, 4), generator=generator)
    weights = torch.rand(2, 3, 4, generator=generator)
    total = 0.0
    for n in range(2):
        for y in range(3):
            for x in range(4):
                odds = logits[n, :, y, x].double().exp()
                total -= float(weights[n, y, x] * (odds[truth[n, y, x]] / odds.sum()).log())
    loss = weighted_cross_entropy(logits, truth, weights * scale)
    assert float(loss) == pytest.approx(total / float(weights.sum()), rel=1e-4)


def test_nothing_annotated_gives_zero_with_a_zero_gradient():
    logits = torch.randn(1, 3, 4, 4, requires_grad=True)
    nothing = torch.zeros(1, 4, 4)
    loss = weighted_cross_entropy(logits[:, :2], nothing.long(), nothing)
    loss = loss + distance_loss(logits[:, 2], nothing, nothing.bool())
    loss.backward()
    assert float(loss.detach()) == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_unlabelled_pixels_teach_nothing():
    logits = torch.randn(1, 2, 4, 4, requires_grad=True)
    weights = torch.zeros(1, 4, 4)
    weights[0, 1, 2] = 3.0
    weighted_cross_entropy(logits, torch.ones(1, 4, 4, dtype=torch.long), weights).backward()
    assert logits.grad is not None
    assert set(map(tuple, logits.grad.nonzero()[:, 2:].tolist())) == {(1, 2)}


def test_a_perfect_distance_costs_nothing_and_a_wrong_one_does():
    distance = torch.tensor([[[0.0, 0.25, 0.5, 1.0]]])
    known = torch.ones_like(distance, dtype=torch.bool)
    perfect = torch.logit(distance, eps=1e-6)
    assert float(distance_loss(perfect, distance, known)) == pytest.approx(0, abs=1e-4)
    wrong = distance_loss(torch.zeros_like(distance), distance, known)
    expected = math.log(2) + (0.25 * math.log(0.25) + 0.75 * math.log(0.75) + math.log(0.5)) / 4
    assert float(wrong) == pytest.approx(expected, rel=1e-5)


def test_unknown_distances_are_left_out():
    logits, distance = torch.tensor([[[0.0, 9.0]]]), torch.tensor([[[1.0, 0.0]]])
    loss = distance_loss(logits, distance, torch.tensor([[[True, False]]]))
    assert float(loss) == pytest.approx(math.log(2))
