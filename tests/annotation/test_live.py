import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_weight_map import plain_border_term, plain_distances, scatter_discs

from napari_unet.annotation.live import LiveObjects, LiveWeightMap
from napari_unet.annotation.targets import complete_objects, make_target
from napari_unet.annotation.weight_map import WeightMapSettings, weight_map

RONNEBERGER = WeightMapSettings.ronneberger2015()
FALK = WeightMapSettings.falk2019()


def strokes(size):
    """A few brush dabs: centre, radius, value."""
    place = st.integers(0, size - 1)
    return st.lists(st.tuples(place, place, st.integers(1, 12), st.integers(0, 12)), min_size=1, max_size=4)


def dab(labels, y, x, radius, value):
    """Return the box that a round brush changes and the labels in it."""
    height, width = labels.shape
    box = (
        slice(max(y - radius, 0), min(y + radius + 1, height)),
        slice(max(x - radius, 0), min(x + radius + 1, width)),
    )
    rows, columns = np.ogrid[box]
    inside = (rows - y) ** 2 + (columns - x) ** 2 <= radius**2
    return box, np.where(inside, value, labels[box]).astype(np.int32)


@pytest.mark.parametrize("preset", [RONNEBERGER, FALK], ids=lambda s: s.preset)
@settings(max_examples=20, deadline=None)
@given(
    dabs=strokes(90), seed=st.integers(0, 5), spacing=st.sampled_from([(1.0, 1.0), (0.5, 0.5), (1.5, 0.7)])
)
def test_after_any_strokes_the_live_map_equals_the_plain_one(preset, dabs, seed, spacing):
    objects = scatter_discs(90, 9, np.random.default_rng(seed))
    live = LiveWeightMap(objects, preset, spacing)
    for stroke in dabs:
        before = live.border.copy(), None if live.balance is None else live.balance.copy()
        box, values = dab(objects, *stroke)
        objects[box] = values
        area = live.update(values, (box[0].start, box[1].start))
        outside = np.ones(objects.shape, bool)
        outside[area] = False
        assert np.array_equal(before[0][outside], live.border[outside])
        if live.balance is not None:
            assert np.array_equal(before[1][outside], live.balance[outside])
    plain = plain_border_term(objects, preset.w0, preset.sigma, spacing)
    assert np.abs(live.border - plain).max() <= 1e-3
    if preset is FALK:
        d1 = plain_distances(objects, spacing)[0]
        assert live.balance == pytest.approx(0.9 * np.exp(-(d1**2) / 200), abs=1e-3)
    else:
        assert live.balance is None


def test_a_stroke_that_changes_no_object_changes_no_area():
    objects = scatter_discs(90, 9, np.random.default_rng(0))
    live = LiveWeightMap(objects, RONNEBERGER)
    area = live.update(objects[10:30, 20:40], (10, 20))
    assert live.border[area].size == 0


def test_the_changed_area_holds_every_pixel_whose_weight_changes():
    objects = np.zeros((200, 200), np.int32)
    objects[90:100, 90:100] = 2
    for preset in (RONNEBERGER, FALK):
        live = LiveWeightMap(objects, preset)
        before = live.border + (0 if live.balance is None else live.balance)
        area = live.update(np.full((10, 10), 3, np.int32), (90, 102))
        changed = live.border + (0 if live.balance is None else live.balance) != before
        inside = changed[area].sum()
        assert inside == changed.sum() > 500
        assert changed[area].size < changed.size / 2


def test_the_objects_given_are_not_changed_by_an_update():
    objects = np.zeros((50, 50), np.int32)
    live = LiveWeightMap(objects, RONNEBERGER)
    live.update(np.full((5, 5), 2, np.int32), (10, 10))
    assert not objects.any()


def test_live_weights_are_the_weight_map():
    labels = scatter_discs(120, 16, np.random.default_rng(1), first=2)
    labels[(labels == 0)] = 1
    labels[90:] = 0
    target = make_target(labels)
    factors = np.float32([2, 0.5])
    area = (slice(20, 70), slice(5, 110))
    for preset in (RONNEBERGER, FALK):
        whole = weight_map(target, preset, (0.8, 0.8), factors)
        live = LiveWeightMap(target.objects, preset, (0.8, 0.8))
        assert np.array_equal(live.weights(target.classes, target.known, factors), whole)
        part = live.weights(target.classes[area], target.known[area], factors, area)
        assert np.array_equal(part, whole[area])


@settings(max_examples=40, deadline=None)
@given(dabs=strokes(60), seed=st.integers(0, 5), marked=st.sampled_from([[], [4], [4, 11]]))
def test_live_objects_follow_any_strokes(dabs, seed, marked):
    labels = scatter_discs(60, 9, np.random.default_rng(seed), first=2)
    labels[10:50, 10:50][labels[10:50, 10:50] == 0] = 1
    live = LiveObjects(labels, marked)
    shown = live.objects.copy()
    for stroke in dabs:
        box, values = dab(labels, *stroke)
        labels[box] = values
        objects, area = live.update(values, (box[0].start, box[1].start))
        shown[area] = objects
    expected = np.where(np.isin(labels, complete_objects(labels, marked)), labels, 0)
    assert np.array_equal(live.objects, expected)
    assert np.array_equal(shown, expected)


def test_closing_the_ring_brings_in_the_whole_object():
    labels = np.zeros((60, 60), np.int32)
    labels[4:56, 4:56] = 1
    labels[5:55, 5:55] = 2
    labels[4, 30] = 0
    live = LiveObjects(labels)
    assert not live.objects.any()
    objects, area = live.update(np.ones((1, 1), np.int32), (4, 30))
    assert np.count_nonzero(objects == 2) == 50 * 50
    assert area == (slice(4, 55), slice(5, 55))
    objects, _ = live.update(np.zeros((1, 1), np.int32), (4, 30))
    assert not objects.any()
