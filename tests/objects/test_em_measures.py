"""The measures of the ISBI 2012 challenge."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from object_scenes import write_values
from skimage.metrics import adapted_rand_error, variation_of_information

from napari_unet.objects.em_measures import (
    foreground_restricted_information,
    foreground_restricted_rand,
    rand_error,
    thin_borders,
)
from napari_unet.objects.overlaps import replace_values

cells = arrays(np.int32, (7, 8), elements=st.sampled_from([0, 1, 2, 3]))
filled = arrays(np.int32, (7, 8), elements=st.sampled_from([1, 2, 3, 4]))
SCORES = [foreground_restricted_rand, foreground_restricted_information]


def test_a_hand_made_case_with_membrane_in_a_cell() -> None:
    truth = write_values("1111.22")
    pred = write_values("55.5566")
    # Foreground 6 px. Truth 4² + 2²; prediction 3² + 2² + 1² (the membrane pixel alone); both alike.
    both, of_pred, of_truth = 3**2 + 2**2 + 1, 3**2 + 2**2 + 1, 4**2 + 2**2
    assert rand_error(pred, truth) == pytest.approx(1 - 2 * both / (of_pred + of_truth))
    # Thinned, the membrane pixel goes to a neighbour that is the same cell.
    assert foreground_restricted_rand(pred, truth) == 1


def test_splits_and_merges_are_told_apart() -> None:
    truth, merged = write_values("111222"), write_values("111111")
    assert foreground_restricted_rand(merged, truth, alpha=0) == 1
    assert foreground_restricted_rand(merged, truth, alpha=1) == pytest.approx(18 / 36)
    assert foreground_restricted_rand(truth, merged, alpha=0) == pytest.approx(18 / 36)
    assert foreground_restricted_rand(truth, merged, alpha=1) == 1
    assert foreground_restricted_information(truth, merged, alpha=0.5) == 0  # one cell tells nothing
    quarters = write_values("112233")
    # I = H(truth) = ln 2, H(prediction) = ln 3, both together: 1/3, 1/6, 1/6, 1/3
    joint = -(2 / 3 * np.log(1 / 3) + 1 / 3 * np.log(1 / 6))
    information = np.log(2) + np.log(3) - joint
    assert foreground_restricted_information(quarters, truth) == pytest.approx(
        2 * information / (np.log(2) + np.log(3))
    )


def test_no_cell_in_the_truth_and_none_in_the_prediction() -> None:
    nothing, cell = np.zeros((4, 4), int), np.ones((4, 4), int)
    assert np.isnan(rand_error(cell, nothing))
    for score in SCORES:
        assert np.isnan(score(cell, nothing))
        assert 0 <= score(nothing, cell) < 0.3
        assert score(cell, cell) == 1


def test_only_the_known_part_counts() -> None:
    truth, pred = write_values("111222"), write_values("111122")
    valid = np.array([[True, True, True, False, True, True]])
    assert rand_error(pred, truth) > 0
    assert rand_error(pred, truth, valid) == 0
    assert foreground_restricted_rand(pred, truth, valid) == 1


def test_thinning_gives_border_pixels_to_the_nearest_object() -> None:
    assert np.array_equal(thin_borders(write_values("1..22")), write_values("11222"))
    assert not thin_borders(np.zeros((3, 3), int)).any()


@settings(max_examples=50, deadline=None)
@given(pred=cells, truth=cells)
def test_identity_range_and_numbers(pred: np.ndarray, truth: np.ndarray) -> None:
    if not truth.any():
        return
    assert rand_error(truth, truth) == 0
    assert 0 <= rand_error(pred, truth) <= 1
    renumbered = replace_values(pred, {1: 70_000, 2: 1, 3: 2})
    assert rand_error(renumbered, truth) == pytest.approx(rand_error(pred, truth))
    for score in SCORES:
        assert score(truth, truth) == pytest.approx(1)
        assert -1e-9 <= score(pred, truth) <= 1 + 1e-9
        assert score(renumbered, truth) == pytest.approx(score(pred, truth), abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(a=filled, b=filled)
def test_without_membrane_they_are_symmetric_and_agree_with_scikit_image(
    a: np.ndarray, b: np.ndarray
) -> None:
    for score in SCORES:
        assert score(a, b) == pytest.approx(score(b, a), abs=1e-9)
    # scikit-image counts pairs of distinct pixels, so that it differs by the n pairs of a pixel with itself
    n, error = a.size, rand_error(a, b)
    together = sum(np.sum(np.unique(x, return_counts=True)[1] ** 2) for x in (a, b))
    expected = 1 - ((1 - error) * together - 2 * n) / (together - 2 * n)
    assert adapted_rand_error(b, a, ignore_labels=())[0] == pytest.approx(expected, abs=1e-9)
    entropies = [-np.sum(p * np.log2(p)) for p in (np.unique(x, return_counts=True)[1] / n for x in (a, b))]
    variation = sum(variation_of_information(b, a))
    information = (sum(entropies) - variation) / 2
    if sum(entropies) > 0:
        assert foreground_restricted_information(a, b) == pytest.approx(
            2 * information / sum(entropies), abs=1e-9
        )
