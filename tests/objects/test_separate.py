"""From probabilities to objects: cuts, growth into gaps, sizes, holes, and why nothing is found."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from object_scenes import cut_contacts, draw_discs, pack_cells
from scipy import ndimage as ndi

from napari_unet.annotation.targets import make_target
from napari_unet.errors import UserError
from napari_unet.objects.gaps import fill_label_holes, grow_into_gaps
from napari_unet.objects.measures import match
from napari_unet.objects.separate import (
    SeparationSettings,
    SplitMethod,
    separate,
    separate_classes,
    why_empty,
)
from napari_unet.objects.valleys import split_at_valleys, unite_fragments

TWO_DISCS = draw_discs((60, 80), [(30, 26), (30, 50)], 14)


def settings_for(method: str, **others: object) -> SeparationSettings:
    return SeparationSettings(method=SplitMethod(method), **others)  # type: ignore[arg-type]


@pytest.mark.parametrize("radius", [10, 15, 25])
def test_the_cut_of_exact_truth_is_grown_back_with_an_area_bias_below_one_percent(
    radius: float,
) -> None:
    truth = pack_cells(512, radius)
    target = cut_contacts(truth)
    assert np.count_nonzero(target) < 0.985 * np.count_nonzero(truth)  # there is something to grow back
    found = separate((target > 0).astype(np.float32), settings_for("components", smallest=0))
    assert abs(np.count_nonzero(found) / np.count_nonzero(truth) - 1) < 0.01
    unchanged = np.count_nonzero((target == 0) & (truth > 0) & (found == 0))
    assert unchanged < 0.05 * np.count_nonzero((target == 0) & (truth > 0))
    assert match(found, truth, 0.9).f1 > 0.99


def test_the_target_of_training_comes_back_from_the_default_settings() -> None:
    truth = pack_cells(512, 15)
    target = make_target(np.where(truth > 0, truth + 1, 1).astype(np.int32))
    found = separate(target.classes.astype(np.float32), SeparationSettings(), target.distance)
    assert abs(np.count_nonzero(found) / np.count_nonzero(truth) - 1) < 0.01
    assert match(found, truth, 0.9).f1 == 1
    by_distance = separate(target.classes.astype(np.float32), settings_for("learned"), target.distance)
    assert match(by_distance, truth, 0.9).f1 == 1


def test_a_lone_object_and_the_outside_of_a_pair_do_not_grow() -> None:
    lone = draw_discs((60, 60), [(30, 30)], 15)
    assert np.array_equal(separate((lone > 0).astype(float), settings_for("components")), lone)
    grown = separate((cut_contacts(TWO_DISCS) > 0).astype(float), settings_for("components"))
    assert np.count_nonzero(grown != TWO_DISCS) <= 4  # at the two ends of the contact


@pytest.mark.parametrize(("scale", "closed"), [(1.0, 2), (0.5, 4), (0.25, 8), (2.0, 1)])
def test_gaps_are_closed_up_to_the_width_that_the_cut_has_in_the_image(scale: float, closed: int) -> None:
    for width in (closed, closed + 1):
        bars = np.zeros((30, 70))
        bars[:, 5:20] = bars[:, 20 + width : 40 + width] = 1
        found = separate(bars, settings_for("components"), scale=scale)
        gap = found[15, 20 : 20 + width]
        if width == closed:
            assert np.count_nonzero(gap == 1) == width // 2
            assert np.count_nonzero(gap == 2) == (width + 1) // 2
        else:
            assert not gap.any()


def test_no_gap_setting_leaves_the_cut_open() -> None:
    cut = cut_contacts(TWO_DISCS)
    found = separate((cut > 0).astype(float), settings_for("components", gap=0))
    assert np.array_equal(found > 0, cut > 0)


def test_methods_cut_where_they_say() -> None:
    touching = (TWO_DISCS > 0).astype(np.float32)
    assert separate(touching, settings_for("components")).max() == 1
    by_neck = separate(touching, settings_for("distance"))
    assert match(by_neck, TWO_DISCS, 0.9).tp == 2
    square = np.zeros((40, 80), np.float32)
    square[5:35, 5:75] = 0.9
    square[5:35, 40] = 0.6  # no neck, but the network is less sure along a line
    assert separate(square, settings_for("distance")).max() == 1
    assert separate(square, settings_for("probability", seed_depth=0.05), typical_size=10).max() == 2
    centres = np.zeros((40, 80), np.float32)
    centres[20, 22] = centres[20, 57] = 1
    learned = ndi.gaussian_filter(centres, 8)
    learned /= learned.max()
    assert separate(np.sign(square), settings_for("learned"), learned).max() == 2


def test_the_depth_of_a_cut_reaches_from_every_dent_to_never() -> None:
    touching = (TWO_DISCS > 0).astype(np.float32)
    neck = 1 - np.sqrt(14**2 - 12**2) / 14  # half a neck of two discs of radius 14, 24 px apart
    assert separate(touching, settings_for("distance", seed_depth=neck - 0.1)).max() == 2
    assert separate(touching, settings_for("distance", seed_depth=neck + 0.1)).max() == 1
    assert separate(touching, settings_for("distance", seed_depth=1)).max() == 1


def test_a_cut_does_not_depend_on_the_size_of_the_objects() -> None:
    for factor in (1, 2, 4):
        big = np.kron(TWO_DISCS > 0, np.ones((factor, factor))).astype(np.float32)
        assert separate(big, settings_for("distance")).max() == 2


def test_learned_split_without_a_learned_distance_says_what_to_do() -> None:
    with pytest.raises(UserError, match="choose another way"):
        separate(np.ones((8, 8)), settings_for("learned"))


def test_small_objects_go_and_small_fragments_join_their_neighbour() -> None:
    probability = np.zeros((40, 40))
    probability[5:25, 5:25] = 1
    probability[30:33, 30:33] = 1
    assert separate(probability, settings_for("distance", smallest=10)).max() == 1
    assert separate(probability, settings_for("distance", smallest=9)).max() == 2
    halves = np.zeros((10, 20), np.int32)
    halves[:, :17], halves[:, 17:] = 1, 2
    assert len(np.unique(unite_fragments(halves, 31))) == 1
    assert np.array_equal(unite_fragments(halves, 30), halves)


def test_holes_are_filled_only_inside_one_object() -> None:
    ring = np.zeros((30, 30))
    ring[5:25, 5:25] = 1
    ring[12:16, 12:16] = 0
    assert separate(ring, settings_for("distance")).astype(bool).sum() == 400
    assert separate(ring, settings_for("distance", fill_holes=False)).astype(bool).sum() == 384
    two = np.zeros((9, 9), np.int32)
    two[1:8, 1:5], two[1:8, 5:8] = 1, 2
    two[3:6, 3:7] = 0
    assert np.array_equal(fill_label_holes(two), two)
    at_the_edge = np.ones((5, 5), np.int32)
    at_the_edge[0, 2] = 0
    assert np.array_equal(fill_label_holes(at_the_edge), at_the_edge)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    shape=st.tuples(st.integers(1, 24), st.integers(1, 24)),
    method=st.sampled_from(["components", "distance", "probability", "learned"]),
    smallest=st.sampled_from([0.0, 1.0, 5.0]),
)
def test_every_pixel_above_the_threshold_is_in_an_object_large_enough(
    seed: int, shape: tuple[int, int], method: str, smallest: float
) -> None:
    rng = np.random.default_rng(seed)
    probability = ndi.gaussian_filter(rng.random(shape), 0.7)
    probability[rng.random(shape) < 0.02] = np.nan
    found = separate(probability, settings_for(method, smallest=smallest), rng.random(shape))
    areas = np.bincount(found.ravel())
    assert found.dtype == np.int32
    assert found.shape == shape
    assert np.all(areas[1:] >= max(1, smallest))  # consecutive numbers, none too small
    if smallest == 0:
        assert np.all(found[probability >= 0.5] > 0)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), depth=st.floats(0, 1))
def test_splitting_divides_the_mask_and_deeper_cuts_are_fewer(seed: int, depth: float) -> None:
    rng = np.random.default_rng(seed)
    heights = ndi.gaussian_filter(rng.random((30, 30)), 1.5).astype(np.float32)
    mask = heights > np.median(heights)
    labels = split_at_valleys(heights, mask, depth)
    assert np.array_equal(labels > 0, mask)
    n = len(np.unique(labels[mask]))
    assert ndi.label(mask)[1] <= n <= len(np.unique(split_at_valleys(heights, mask, depth / 2)[mask]))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), width=st.integers(0, 4))
def test_growth_touches_only_background_that_lies_between_two_objects(seed: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(1, 6, (16, 16)).astype(np.int32) * (rng.random((16, 16)) < 0.2)
    grown = grow_into_gaps(labels, width)
    assert np.array_equal(grown[labels > 0], labels[labels > 0])
    for y, x in zip(*np.nonzero((grown > 0) & (labels == 0)), strict=True):
        window = labels[max(0, y - width) : y + width + 1, max(0, x - width) : x + width + 1]
        assert grown[y, x] in window
        assert len(np.unique(window[window > 0])) >= 2


def test_class_maps_take_the_most_probable_class_and_lose_specks() -> None:
    probabilities = np.zeros((3, 12, 12), np.float32)
    probabilities[0] = 0.4
    probabilities[1, :, 6:] = 0.5
    probabilities[2, 2:4, 2:4] = 0.6
    plain = separate_classes(probabilities)
    assert plain.dtype == np.int32
    assert plain[0, 0] == 0
    assert plain[0, 8] == 1
    assert plain[3, 3] == 2
    clean = separate_classes(probabilities, smallest=5)
    assert not np.any(clean == 2)
    assert np.array_equal(clean == 1, plain == 1)


def test_the_sentence_names_what_would_help() -> None:
    probability = np.zeros((40, 40))
    probability[5:15, 5:15] = 0.33
    sentence = why_empty(probability, SeparationSettings())
    assert "0.33" in sentence
    assert "threshold of 0.30 would find 1 object" in sentence
    probability[5:8, 5:8] = 0.8
    sentence = why_empty(probability, SeparationSettings())
    assert "9 px²" in sentence
    assert separate(probability, SeparationSettings()).max() == 0
    assert separate(probability, SeparationSettings(smallest=7)).max() == 1  # what the sentence proposes
    assert "from 7 px²" in sentence
    assert "paint" in why_empty(np.full((5, 5), np.nan), SeparationSettings())
    assert "is 1 object" in why_empty(np.ones((9, 9)), SeparationSettings())


def test_with_borders_of_their_own_a_peak_decides_whether_there_is_an_object() -> None:
    probability = np.full((40, 40), 0.05)
    probability[10:20, 10:20] = 0.6
    probability[14:16, 14:16] = 0.85  # too few of its pixels for a peak
    settings = SeparationSettings(threshold=0.8, own_border=0.6, smallest=3)
    assert separate(probability, settings).max() == 0
    sentence = why_empty(probability, settings)
    assert "0.85, but no object has a tenth of its pixels above the threshold of 0.80" in sentence
    assert "threshold of 0.60 would find 1 object" in sentence
    assert separate(probability, settings.model_copy(update={"threshold": 0.6})).max() == 1
    sentence = why_empty(np.minimum(probability, 0.7), settings)
    assert "0.70, below the threshold of 0.80" in sentence
    assert "threshold of 0.60 would find" in sentence


def test_a_slider_can_call_it() -> None:
    truth = pack_cells(1024, 20)
    assert truth.max() > 480
    probability = ndi.gaussian_filter((cut_contacts(truth) > 0).astype(np.float32), 1)
    times = []
    for _ in range(3):
        start = time.thread_time()
        separate(probability, SeparationSettings(), typical_size=36)
        times.append(time.thread_time() - start)
    assert min(times) < 1.0  # 0.3 on a machine that does nothing else
