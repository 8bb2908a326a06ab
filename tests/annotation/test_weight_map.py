import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from label_strategies import small_labels
from plain_weight_map import plain_border_term, plain_distances, scatter_discs
from pydantic import ValidationError

from napari_unet.annotation.distances import nearest, two_nearest
from napari_unet.annotation.targets import make_target
from napari_unet.annotation.weight_map import (
    WeightMapSettings,
    balance_of,
    border_of,
    border_term,
    class_factors,
    weight_map,
)
from napari_unet.errors import UserError

RONNEBERGER = WeightMapSettings.ronneberger2015()
FALK = WeightMapSettings.falk2019()

# in the middle between objects s px apart: Ronneberger's border term, Falk's whole background weight
TABLE = {
    1: (9.80, 50.3),
    2: (9.23, 48.3),
    4: (7.26, 41.0),
    6: (4.87, 31.3),
    8: (2.78, 21.5),
    12: (0.56, 7.6),
    16: (0.06, 2.2),
    20: (0.00, 0.84),
    30: (0.00, 0.39),
}
ALONE = {0: 1.00, 2: 0.98, 5: 0.89, 10: 0.65, 20: 0.22, 30: 0.11, 40: 0.10}


def two_halves(gap, size=61):
    """Two halves of an image with `gap` pixels of background between them."""
    labels = np.full((size, 80 + gap), 1, np.int32)
    labels[:, :40], labels[:, 40 + gap :] = 2, 3
    return labels


@pytest.mark.parametrize("s", TABLE)
def test_border_weight_between_two_objects_is_the_papers_function_of_d1_and_d2(s):
    d1 = d2 = np.float32([s / 2])
    border = border_of(d1, d2, RONNEBERGER)[0]
    background = FALK.v + border_of(d1, d2, FALK)[0] + balance_of(d1, FALK)[0]
    assert border == pytest.approx(TABLE[s][0], abs=0.0051)
    assert background == pytest.approx(TABLE[s][1], abs=0.0501 if s < 20 else 0.0051)


@pytest.mark.parametrize("distance", ALONE)
def test_background_of_one_object_alone_falls_off_as_in_falk(distance):
    weight = FALK.v + balance_of(np.float32([distance]), FALK)[0]
    assert weight == pytest.approx(ALONE[distance], abs=0.0051)


@pytest.mark.parametrize("s", [s for s in TABLE if s > 1])
def test_a_gap_of_n_pixels_is_n_plus_1_wide_on_the_grid(s):
    gap = s - 1
    target = make_target(two_halves(gap))
    column = 40 + gap // 2 if gap % 2 else slice(40 + gap // 2 - 1, 40 + gap // 2 + 1)
    border = border_term(target.objects, RONNEBERGER)[30, column]
    assert np.ravel(border) == pytest.approx(TABLE[s][0], abs=0.0051)
    if gap % 2:  # the middle is a pixel's centre
        weight = weight_map(target, FALK)[30, column]
        assert weight == pytest.approx(TABLE[s][1], abs=0.0501 if s < 20 else 0.0051)


def test_the_gap_cut_between_touching_objects_weighs_as_a_distance_of_one():
    target = make_target(two_halves(0))
    assert (target.classes[30] == 0).nonzero()[0].tolist() == [39, 40]
    assert border_term(target.objects, RONNEBERGER)[30, 39:41] == pytest.approx(9.80, abs=0.005)
    falk = weight_map(target, FALK)[30]
    assert falk[39:41] == pytest.approx(0.1 + 50 * np.exp(-1 / 72) + 0.9, abs=1e-3)
    assert (np.delete(falk, [39, 40]) == 1).all()


def test_falk_background_of_one_object_alone_on_the_grid():
    labels = np.ones((21, 120), np.int32)
    labels[:, :40] = 2
    weight = weight_map(make_target(labels), FALK)[10]
    for distance in [d for d in ALONE if d > 0]:
        assert weight[39 + distance] == pytest.approx(ALONE[distance], abs=0.0051)
    assert (weight[:40] == 1).all()


@pytest.mark.parametrize("preset", [RONNEBERGER, FALK], ids=lambda s: s.preset)
@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.4, 0.4), (1.0, 2.5), (1.7, 0.6)])
def test_border_term_equals_the_plain_method(preset, spacing):
    objects = scatter_discs(160, 25, np.random.default_rng(1))
    plain = plain_border_term(objects, preset.w0, preset.sigma, spacing)
    fast = border_term(objects, preset, spacing)
    assert fast.dtype == np.float32
    assert np.abs(fast - plain).max() <= 1e-3
    assert plain.max() > 0.9 * preset.w0  # the scene has contacts


@settings(max_examples=40, deadline=None)
@given(
    small_labels([0, 0, 0, 1, 2, 3, 9]),
    st.tuples(st.floats(0.3, 3), st.floats(0.3, 3)),
    st.floats(0.5, 6),
)
def test_border_term_equals_the_plain_method_on_anything(objects, spacing, sigma):
    chosen = WeightMapSettings(sigma=sigma)
    plain = plain_border_term(objects, chosen.w0, sigma, spacing)
    assert np.abs(border_term(objects, chosen, spacing) - plain).max() <= 1e-3


@settings(max_examples=40, deadline=None)
@given(
    small_labels([0] * 9 + [1, 2, 7]),
    st.floats(1, 12),
    st.tuples(st.floats(0.3, 3), st.floats(0.3, 3)),
    st.data(),
)
def test_two_nearest_is_exact_up_to_the_reach_in_every_area(objects, reach, spacing, data):
    y0, x0 = (data.draw(st.integers(0, n - 1)) for n in objects.shape)
    y1, x1 = (
        data.draw(st.integers(y0 + 1, objects.shape[0])),
        data.draw(st.integers(x0 + 1, objects.shape[1])),
    )
    area = (slice(y0, y1), slice(x0, x1))
    for fast, plain in zip(
        two_nearest(objects, reach, spacing, area), plain_distances(objects, spacing), strict=True
    ):
        near = plain[area] <= reach * (1 - 1e-6)
        assert fast[near] == pytest.approx(plain[area][near], abs=1e-4)
        assert (fast[plain[area] > reach * (1 + 1e-6)] > reach * (1 - 1e-6)).all()
    alone, plain = nearest(objects, reach, spacing, area), plain_distances(objects, spacing)[0][area]
    near = plain <= reach * (1 - 1e-6)
    assert alone[near] == pytest.approx(plain[near], abs=1e-4)


def test_a_part_of_the_border_term_is_the_same_as_that_part_of_the_whole():
    objects = scatter_discs(200, 30, np.random.default_rng(2))
    area = (slice(50, 120), slice(130, 200))
    assert np.array_equal(
        border_term(objects, RONNEBERGER, area=area), border_term(objects, RONNEBERGER)[area]
    )


def test_more_objects_than_one_strip_holds():
    objects = np.zeros((108, 108), np.int32)
    objects[1::3, 1::3] = np.arange(1, 36 * 36 + 1).reshape(36, 36)
    chosen = WeightMapSettings(sigma=1)
    plain = plain_border_term(objects, chosen.w0, chosen.sigma)
    assert np.abs(border_term(objects, chosen) - plain).max() <= 1e-3


@pytest.mark.parametrize("w0", [0.5, 10, 50, 1000])
def test_the_term_is_cut_off_where_it_is_under_a_thousandth_and_1e_4_of_its_peak(w0):
    reach = np.float32([WeightMapSettings(w0=w0).border_reach])
    tail = border_of(reach, np.float32([0]), WeightMapSettings(w0=w0))[0]
    assert tail < 1e-3
    assert tail <= 1.001e-4 * w0


def test_one_object_alone_has_no_border_weight():
    objects = np.zeros((40, 40), np.int32)
    objects[10:20, 10:20] = 5
    assert not border_term(objects, RONNEBERGER).any()
    assert not border_term(np.zeros((40, 40), np.int32), RONNEBERGER).any()


def test_values_near_the_end_of_the_range_are_objects_like_others():
    objects = scatter_discs(80, 9, np.random.default_rng(3))
    large = np.where(objects > 0, objects + np.int32(2**31 - 20), 0).astype(np.int32)
    assert np.array_equal(border_term(large, RONNEBERGER), border_term(objects, RONNEBERGER))


def test_w0_of_zero_switches_the_border_off():
    objects = scatter_discs(80, 9, np.random.default_rng(3))
    assert not border_term(objects, WeightMapSettings(w0=0)).any()


def test_ronneberger_is_class_factor_plus_border_at_every_annotated_pixel():
    labels = scatter_discs(96, 9, np.random.default_rng(4), first=2)
    labels[labels == 0] = 1
    labels[:, 80:] = 0
    target = make_target(labels)
    factors = class_factors(target.classes, target.known, 2)
    expected = factors[target.classes] + plain_border_term(target.objects, 10, 5)
    weights = weight_map(target, RONNEBERGER)
    assert weights[target.known] == pytest.approx(expected[target.known], abs=2e-3)
    assert not weights[~target.known].any()
    assert weights.dtype == np.float32


def test_scribbles_have_no_border_weight_but_weigh():
    labels = np.zeros((40, 40), np.int32)
    labels[5:15, 5:15], labels[5:15, 17:27], labels[30:35] = 2, 3, 1
    target = make_target(labels)
    weights = weight_map(target, WeightMapSettings(balance_classes=False))
    assert (weights[target.known] == 1).all()
    marked = weight_map(make_target(labels, marked=[2, 3]), WeightMapSettings(balance_classes=False))
    assert marked[10, 14] == pytest.approx(1 + 10 * np.exp(-9 / 50), abs=1e-3)
    assert marked[10, 15] == 0  # between them, but not annotated


def test_given_factors_replace_those_of_the_image():
    target = make_target(two_halves(30))
    weights = weight_map(target, RONNEBERGER, factors=np.float32([3, 7]))
    assert weights[30, 55] == pytest.approx(3, abs=1e-3)
    assert weights[30, 5] == pytest.approx(7, abs=1e-3)


def test_class_factors_are_inverse_frequencies_with_mean_one():
    classes = np.zeros((10, 10), np.uint8)
    classes[:2], classes[2:3] = 1, 3
    known = np.ones((10, 10), bool)
    known[9] = False  # 60 of class 0, 20 of class 1, 10 of class 3
    factors = class_factors(classes, known, 5)
    assert factors == pytest.approx([90 / (3 * 60), 90 / (3 * 20), 1, 90 / (3 * 10), 1])
    assert factors[classes[known]].mean() == pytest.approx(1)


def test_class_factors_count_all_images_together():
    a, b = np.zeros((4, 4), np.uint8), np.ones((4, 12), np.uint8)
    known = [np.ones(image.shape, bool) for image in (a, b)]
    assert class_factors([a, b], known, 2) == pytest.approx([2, 2 / 3])


def test_nothing_known_gives_zero_weights_and_factors_of_one():
    target = make_target(np.zeros((8, 9), np.int32))
    assert class_factors(target.classes, target.known, 2).tolist() == [1, 1]
    for preset in (RONNEBERGER, FALK):
        assert not weight_map(target, preset).any()


@pytest.mark.parametrize("shape", [(1, 40), (40, 1), (1, 1)])
def test_images_of_one_row_or_column(shape):
    labels = np.ones(shape, np.int32)
    labels.flat[0], labels.flat[-1] = 2, 3
    for preset in (RONNEBERGER, FALK):
        weights = weight_map(make_target(labels), preset)
        assert weights.shape == shape
        assert np.isfinite(weights).all()


def test_bad_spacing_gives_a_sentence():
    with pytest.raises(UserError, match="not positive"):
        border_term(np.zeros((4, 4), np.int32), RONNEBERGER, (1.0, 0.0))


@pytest.mark.parametrize("wrong", [{"sigma": 0}, {"w0": -1}, {"v": 1.5}, {"preset": "mine"}, {"sigm": 3}])
def test_settings_refuse_what_makes_no_sense(wrong):
    with pytest.raises(ValidationError):
        WeightMapSettings(**wrong)


def test_every_setting_says_what_it_is():
    for field in WeightMapSettings.model_fields.values():
        assert field.title
        assert field.description
