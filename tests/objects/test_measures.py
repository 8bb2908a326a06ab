"""Measures of objects, foreground and classes against hand-made cases, formulas and symmetries."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from object_scenes import write_values

from napari_unet.objects.measures import (
    average_precision,
    foreground_iou,
    iou_matrix,
    match,
    mean_iou,
    merges_and_splits,
    pixel_error,
    seg_score,
)
from napari_unet.objects.overlaps import replace_values

images = arrays(np.int32, (7, 8), elements=st.sampled_from([0, 0, 1, 2, 3, 9]))
thresholds = st.sampled_from([0.1, 0.3, 0.5, 0.7, 1.0])
TRUTH = write_values("""
    1111.2222.
    1111.2222.
    ........33""")
PRED = write_values("""
    5555.66...
    55...66.7.
    ........77""")


def test_a_hand_made_case() -> None:
    # 5 has 6 px of 1 (8 px), 6 has 4 px of 2 (8 px), 7 (3 px) has 1 px of 2 and both px of 3
    assert np.allclose(iou_matrix(PRED, TRUTH), [[6 / 8, 0, 0], [0, 4 / 8, 0], [0, 1 / 10, 2 / 3]])
    found = match(PRED, TRUTH, 0.5)
    assert (found.tp, found.fp, found.fn) == (3, 0, 0)
    assert found.mean_iou_matched == pytest.approx((6 / 8 + 4 / 8 + 2 / 3) / 3)
    found = match(PRED, TRUTH, 0.6)
    assert (found.tp, found.fp, found.fn) == (2, 1, 1)
    assert found.precision == found.recall == found.f1 == pytest.approx(2 / 3)
    assert found.ap == pytest.approx(2 / 4)
    assert found.panoptic_quality == pytest.approx((6 / 8 + 2 / 3) / (2 + 0.5 + 0.5))
    assert np.allclose(average_precision(PRED, TRUTH, (0.5, 0.6, 0.7, 0.8)), [1, 0.5, 0.2, 0])
    # 6 covers just half of 2, which is not more than half
    assert seg_score(PRED, TRUTH) == pytest.approx((6 / 8 + 0 + 2 / 3) / 3)
    assert foreground_iou(PRED, TRUTH) == pytest.approx(13 / 18)
    assert pixel_error(PRED > 0, TRUTH > 0) == pytest.approx(5 / 30)


def test_merges_and_splits_count_objects_that_lie_mostly_in_one() -> None:
    truth = write_values("1112223334444")
    merged = write_values("777777333....")
    assert merges_and_splits(merged, truth) == (1, 0)
    cut = write_values("1112223335566")
    assert merges_and_splits(cut, truth) == (0, 1)
    assert merges_and_splits(np.ones_like(truth), truth) == (3, 0)


def test_class_maps() -> None:
    truth, pred = write_values("00112"), write_values("01112")
    assert mean_iou(pred, truth) == pytest.approx((1 / 2 + 2 / 3 + 1) / 3)
    assert mean_iou(pred, truth, with_background=False) == pytest.approx((2 / 3 + 1) / 2)
    assert pixel_error(pred, truth) == pytest.approx(1 / 5)
    assert np.isnan(mean_iou(pred * 0, truth * 0, with_background=False))
    assert mean_iou(pred, truth, valid=pred == truth) == 1


def test_nothing_to_find() -> None:
    nothing, something = np.zeros((3, 3), int), np.eye(3, dtype=int)
    empty = match(nothing, nothing)
    assert empty.f1 == empty.ap == empty.precision == empty.recall == empty.panoptic_quality == 1
    assert match(something, nothing).f1 == match(nothing, something).f1 == 0
    assert seg_score(nothing, nothing) == 1
    assert np.isnan(seg_score(something, nothing))
    assert foreground_iou(nothing, nothing) == 1
    assert np.isnan(pixel_error(nothing, nothing, np.zeros((3, 3), bool)))


def test_objects_mostly_outside_the_known_area_are_left_out_and_others_are_cut() -> None:
    truth = write_values("11.....22")
    pred = write_values("55.666677")
    valid = np.array([[True] * 4 + [False] * 3 + [True] * 2])
    found = match(pred, truth, 0.9, valid=valid)
    assert (found.tp, found.fp, found.fn) == (2, 0, 0)
    assert match(pred, truth, 0.9).fp == 1
    wide = write_values("55555..77")
    assert match(wide, truth, 0.5, valid=valid).tp == 2  # 2 of 4 px, not of 5
    assert match(wide, truth, 0.5).tp == 1


def test_below_one_half_the_most_pairs_are_found() -> None:
    # Greedily the best pair, 7 with 1, would leave 8 and 2 without partners.
    truth = write_values("1111111222")
    pred = write_values("8877777777")
    assert np.allclose(iou_matrix(pred, truth), [[5 / 10, 3 / 8], [2 / 7, 0]])
    assert match(pred, truth, 0.25).tp == 2
    assert match(pred, truth, 0.25).mean_iou_matched == pytest.approx((3 / 8 + 2 / 7) / 2)


@settings(max_examples=60, deadline=None)
@given(a=images, b=images, t=thresholds)
def test_symmetries(a: np.ndarray, b: np.ndarray, t: float) -> None:
    forth, back = match(a, b, t), match(b, a, t)
    assert (forth.tp, forth.fp, forth.fn) == (back.tp, back.fn, back.fp)
    assert forth.panoptic_quality == pytest.approx(back.panoptic_quality)
    assert np.allclose(iou_matrix(a, b), iou_matrix(b, a).T)
    assert merges_and_splits(a, b) == merges_and_splits(b, a)[::-1]
    assert foreground_iou(a, b) == foreground_iou(b, a)
    assert pixel_error(a, b) == pixel_error(b, a)
    assert mean_iou(a, b) == pytest.approx(mean_iou(b, a))


@settings(max_examples=40, deadline=None)
@given(a=images, t=thresholds)
def test_identity_is_perfect(a: np.ndarray, t: float) -> None:
    found = match(a, a, t)
    assert found.f1 == found.ap == found.panoptic_quality == 1
    assert (found.fp, found.fn) == (0, 0)
    assert seg_score(a, a) == foreground_iou(a, a) == mean_iou(a, a) == 1
    assert np.all(average_precision(a, a) == 1)
    assert merges_and_splits(a, a) == (0, 0)
    assert pixel_error(a, a) == 0


@settings(max_examples=40, deadline=None)
@given(a=images, b=images, t=thresholds)
def test_numbers_do_not_matter(a: np.ndarray, b: np.ndarray, t: float) -> None:
    other = replace_values(a, {1: 9, 9: 40, 2: 100_000, 3: 1})
    assert match(other, b, t).tp == match(a, b, t).tp
    assert match(other, b, t).panoptic_quality == pytest.approx(match(a, b, t).panoptic_quality)
    assert seg_score(other, b) == pytest.approx(seg_score(a, b), nan_ok=True)
    assert merges_and_splits(other, b) == merges_and_splits(a, b)


@settings(max_examples=40, deadline=None)
@given(a=images, b=images, t=thresholds)
def test_the_formulas_hold(a: np.ndarray, b: np.ndarray, t: float) -> None:
    found = match(a, b, t)
    n_a, n_b = len(np.unique(a[a > 0])), len(np.unique(b[b > 0]))
    assert (found.tp + found.fp, found.tp + found.fn) == (n_a, n_b)
    if n_a and n_b:
        assert found.f1 == pytest.approx(2 * found.tp / (2 * found.tp + found.fp + found.fn))
        assert found.ap == pytest.approx(found.tp / (found.tp + found.fp + found.fn))
        assert found.panoptic_quality == pytest.approx(found.mean_iou_matched * found.f1)  # SQ × RQ
        for i, number in enumerate(np.unique(a[a > 0])):
            for j, other in enumerate(np.unique(b[b > 0])):
                both, either = (a == number) & (b == other), (a == number) | (b == other)
                assert iou_matrix(a, b)[i, j] == pytest.approx(both.sum() / either.sum())
