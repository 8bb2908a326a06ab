"""Objects in volumes: balls that touch, thick planes, and settings fitted on sections."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi

from napari_unet.objects.fit import Example, fit_separation, sections
from napari_unet.objects.measures import match
from napari_unet.objects.separate import SeparationSettings, SplitMethod, separate
from napari_unet.objects.valleys import split_at_valleys

STEP = 4.0


def balls(shape, centres, radius, step=STEP) -> np.ndarray:
    """Balls in a stack whose planes are `step` px apart; centres in (plane, y, x)."""
    labels = np.zeros(shape, np.int32)
    z, y, x = np.ogrid[tuple(slice(0, n) for n in shape)]
    for number, (a, b, c) in enumerate(centres, start=1):
        labels[((z - a) * step) ** 2 + (y - b) ** 2 + (x - c) ** 2 <= radius**2] = number
    return labels


PAIRS = {"beside": [(6, 20, 14), (6, 20, 34)], "above": [(3, 20, 20), (8, 20, 20)]}


@pytest.mark.parametrize("how", PAIRS)
@pytest.mark.parametrize("method", [SplitMethod.DISTANCE, SplitMethod.LEARNED])
def test_balls_that_touch_are_cut_apart_beside_and_above_one_another(how, method):
    truth = balls((13, 40, 50), PAIRS[how], 10.4)
    inside = (truth > 0).astype(np.float32)
    assert ndi.label(inside)[1] == 1
    depth = np.stack([ndi.distance_transform_edt(plane) for plane in inside]) / 10.4
    found = separate(
        inside, SeparationSettings(method=method), np.minimum(depth, 1), plane_step=STEP, typical_size=20.8
    )
    assert match(found, truth, 0.8).f1 == 1


def test_one_ball_in_few_thick_planes_stays_one():
    truth = balls((9, 40, 40), [(4, 20, 20)], 12)
    found = separate(truth.astype(np.float32), SeparationSettings(), plane_step=STEP)
    assert found.max() == 1
    assert match(found, truth, 0.95).f1 == 1


def test_the_smallest_object_is_counted_in_voxels():
    truth = balls((9, 40, 40), [(4, 20, 20)], 12)
    voxels = int((truth > 0).sum())
    for smallest, n in ((voxels, 1), (voxels + 1, 0)):
        found = separate(truth.astype(np.float32), SeparationSettings(smallest=smallest), plane_step=STEP)
        assert found.max() == n


@given(seed=st.integers(0, 10_000), depth=st.floats(0, 1))
@settings(deadline=None, max_examples=20)
def test_a_volume_of_one_plane_is_that_plane(seed, depth):
    rng = np.random.default_rng(seed)
    heights = np.abs(ndi.gaussian_filter(rng.normal(size=(24, 31)), 2)).astype(np.float32)
    mask = heights > np.median(heights)
    flat = split_at_valleys(heights, mask, depth)
    np.testing.assert_array_equal(split_at_valleys(heights[None], mask[None], depth)[0], flat)


@given(seed=st.integers(0, 10_000), axes=st.permutations([0, 1, 2]))
@settings(deadline=None, max_examples=20)
def test_the_axes_of_a_volume_are_alike(seed, axes):
    rng = np.random.default_rng(seed)
    heights = np.abs(ndi.gaussian_filter(rng.normal(size=(9, 12, 14)), 1.5)).astype(np.float32)
    mask = heights > np.median(heights)
    plain = split_at_valleys(heights, mask, 0.3).transpose(axes)
    turned = split_at_valleys(np.ascontiguousarray(heights.transpose(axes)), mask.transpose(axes), 0.3)
    pairs = set(zip(plain.ravel().tolist(), turned.ravel().tolist(), strict=True))
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


def test_sections_are_those_of_the_planes_that_are_known():
    labels = balls((13, 40, 50), PAIRS["beside"], 10.4)
    valid = np.zeros(labels.shape, bool)
    valid[[4, 6]] = True
    found = list(sections(labels, labels, valid))
    assert len(found) == 2
    np.testing.assert_array_equal(found[1][0], labels[6])


def test_settings_are_fitted_on_sections_whatever_the_objects_are_called_on_other_planes():
    truth = balls((13, 60, 60), [(6, 15, 15), (6, 15, 36), (6, 40, 15), (6, 40, 36)], 10.2)
    probability = (
        ndi.gaussian_filter((truth > 0).astype(np.float32), (0.3, 1, 1)) * 0.55
    )  # too low a threshold
    known = np.zeros(truth.shape, bool)
    known[[5, 6, 7]] = True
    named = np.where(known & (truth > 0), truth + 10 * np.arange(13)[:, None, None], 0).astype(np.int32)
    example = Example(probability, None, named, known, plane_step=STEP)
    fitted, score = fit_separation([example], typical_size=20.4)
    assert fitted.threshold < 0.5
    assert score > 0.8
    volume = 4 / 3 * np.pi * 10.2**3 / STEP
    assert 0.05 * volume < fitted.smallest < 0.2 * volume
