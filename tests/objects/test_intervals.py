"""Intervals: between 0 and 1, wider with fewer objects and places unlike one another, and right nine times in ten."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from napari_unet.objects.intervals import LEVEL, share_interval
from napari_unet.objects.tally import Tally, sure_scores, tally

counts = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=12)


def interval(parts: list[float], wholes: list[float]) -> tuple[float, float, float]:
    found = share_interval(parts, wholes, sum(wholes))
    assert found is not None
    return found.low, found.value, found.high


def test_many_places_that_are_alike_give_wilsons_interval() -> None:
    places = 400
    low, value, high = interval([8, 9, 10, 9] * (places // 4), [10.0] * places)
    n, z = 10 * places, stats.norm.ppf(0.95)
    middle = (value + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(value * (1 - value) / n + z * z / (4 * n * n))
    assert value == 0.9
    assert (low, high) == pytest.approx((middle - half, middle + half), abs=2e-4)


def test_all_found_is_no_certainty() -> None:
    low, value, high = interval([3, 4, 3], [3, 4, 3])
    assert (value, high) == (1, 1)
    assert 0.5 < low < 0.85
    assert 0.8 < interval([30, 40, 30], [30, 40, 30])[0] < interval([10] * 10, [10] * 10)[0]


def test_places_that_differ_tell_less_than_places_that_are_alike() -> None:
    alike, unlike = interval([8] * 10, [10] * 10), interval([10] * 8 + [0] * 2, [10] * 10)
    assert unlike[2] - unlike[0] > 2 * (alike[2] - alike[0])


def test_nothing_counted_is_no_share() -> None:
    assert share_interval([], [], 0) is None
    assert share_interval([0.0, 0.0], [0.0, 0.0], 0) is None
    assert sure_scores([]) == {}
    assert sure_scores([Tally(0, 0, 0, 0, 0, 0, 0)]) == {}


@settings(max_examples=100, deadline=None)
@given(counts)
def test_the_share_lies_in_its_interval(found: list[tuple[int, int]]) -> None:
    parts, wholes = [float(a) for a, _ in found], [float(a + b) for a, b in found]
    if not sum(wholes):
        return
    low, value, high = interval(parts, wholes)
    assert 0 <= low <= value <= high <= 1
    assert value == pytest.approx(sum(parts) / sum(wholes))


@pytest.mark.parametrize(
    ("places", "per_place", "share", "likeness"),
    [(4, 5, 0.9, 0.05), (4, 25, 0.85, 0.02), (10, 10, 0.95, 0.1), (3, 8, 0.7, 0.05), (30, 4, 0.8, 0.1)],
)
def test_nine_in_ten_hold_the_true_share(places: int, per_place: int, share: float, likeness: float) -> None:
    rng = np.random.default_rng(places)
    strength = 1 / likeness - 1
    held = []
    for _ in range(600):
        of_place = rng.beta(share * strength, (1 - share) * strength, places)
        low, _, high = interval(list(rng.binomial(per_place, of_place)), [per_place] * places)
        held.append(low <= share <= high)
    assert np.mean(held) >= LEVEL - 0.035


def test_scores_of_all_places_together() -> None:
    truth = np.zeros((20, 40), int)
    for k in range(4):
        truth[4:16, 10 * k + 1 : 10 * k + 9] = k + 1
    pred = truth.copy()
    pred[truth == 2] = 1  # not connected, but one object: a merge
    first, second = tally(pred, truth), tally(truth, truth)
    assert (first.tp, first.fp, first.fn, first.merges) == (3, 0, 1, 1)
    scores = sure_scores([first, second])
    assert list(scores) == ["F1", "AP", "IoU", "merges", "splits"]
    assert scores["F1"].value == pytest.approx(14 / 15)
    assert scores["AP"].value == pytest.approx(7 / 8)
    assert scores["AP"].low < scores["F1"].low
    assert scores["merges"].value == 1 / 8
    assert scores["splits"].value == 0 < scores["splits"].high
    assert scores["IoU"].value == 1
    assert not scores["F1"].tells
    assert str(scores["F1"]).endswith("too little to tell")
    assert sure_scores([first, second] * 10)["F1"].tells
