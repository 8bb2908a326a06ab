import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_unet.errors import UserError
from napari_unet.synthetic.cells import touching_cells
from napari_unet.synthetic.optics import Microscope, light_field, photograph


def test_equal_seeds_give_equal_images_and_others_do_not():
    first, truth = touching_cells((96, 128), seed=3)
    again, truth_again = touching_cells((96, 128), seed=3)
    other, _ = touching_cells((96, 128), seed=4)
    assert np.array_equal(first, again)
    assert np.array_equal(truth, truth_again)
    assert not np.array_equal(first, other)
    assert (first.dtype, truth.dtype) == (np.uint16, np.int32)


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    shape=st.tuples(st.integers(1, 150), st.integers(1, 150)),
    diameter=st.floats(6, 40),
)
def test_cells_are_numbered_without_gaps_and_each_is_one_piece(seed, shape, diameter):
    image, truth = touching_cells(shape, diameter=diameter, seed=seed)
    assert image.shape == truth.shape == shape
    assert np.array_equal(np.unique(truth[truth > 0]), np.arange(1, truth.max() + 1))
    for number in range(1, truth.max() + 1):
        assert ndimage.label(truth == number)[1] == 1


def test_cells_have_the_diameter_asked_for_and_irregular_outlines():
    _, truth = touching_cells((600, 600), diameter=30, touching=0.0, seed=1)
    inner = np.setdiff1d(
        np.unique(truth), np.concatenate([truth[0], truth[-1], truth[:, 0], truth[:, -1], [0]])
    )
    area = np.bincount(truth.ravel())[inner]
    diameter = np.sqrt(4 * area / np.pi)
    assert np.mean(diameter) == pytest.approx(30, rel=0.06)
    assert 0.05 < np.std(diameter) / 30 < 0.25
    from skimage.measure import regionprops

    solidity = [p.solidity for p in regionprops(truth) if p.label in inner]
    assert 0.9 < np.mean(solidity) < 0.99  # neither discs (0.99 and more) nor stars


def test_many_cells_touch_unless_none_shall():
    def share_touching(truth):
        touching = set()
        for a, b in ((truth[:, 1:], truth[:, :-1]), (truth[1:], truth[:-1])):
            meet = (a != b) & (a > 0) & (b > 0)
            touching |= set(a[meet]) | set(b[meet])
        return len(touching) / truth.max()

    assert share_touching(touching_cells((384, 384), seed=0)[1]) > 0.5
    assert share_touching(touching_cells((384, 384), seed=0, touching=0.0)[1]) < 0.05


def test_truth_lies_where_the_light_comes_from():
    image, truth = touching_cells((256, 256), seed=5)
    values = image.astype(float)
    assert values[truth > 0].mean() > 2 * values[ndimage.distance_transform_edt(truth == 0) > 8].mean()
    # shifting the truth by two pixels in any direction fits the picture worse
    contrast = {
        (dy, dx): values[np.roll(truth, (dy, dx), (0, 1)) > 0].mean()
        for dy, dx in ((0, 0), (2, 0), (-2, 0), (0, 2), (0, -2))
    }
    assert max(contrast, key=contrast.get) == (0, 0)


def test_no_cells_at_all_still_is_a_picture():
    image, truth = touching_cells((40, 40), n=0)
    assert truth.max() == 0
    assert image.min() > 50


@pytest.mark.parametrize("wrong", [{"shape": (0, 5)}, {"diameter": 1}, {"n": -1}])
def test_senseless_numbers_give_a_sentence(wrong):
    with pytest.raises(UserError, match="positive image size"):
        touching_cells(**wrong)


def test_light_is_as_uneven_as_asked():
    light = light_field((60, 80), 0.4, np.random.default_rng(0))
    assert light.max() == pytest.approx(1)
    assert light.min() == pytest.approx(0.6)
    assert light_field((1, 1), 0.4, np.random.default_rng(0)).shape == (1, 1)


def test_noise_is_that_of_photons_and_camera():
    scope = Microscope(unevenness=0, haze=0, background=0, photons=200, gain=4, read_noise=3, offset=100)
    counts = photograph(np.ones((200, 200), np.float32), scope, np.random.default_rng(0)).astype(float)
    assert counts.mean() == pytest.approx(100 + 200 * 4, rel=0.01)
    assert counts.var() == pytest.approx(200 * 16 + 9, rel=0.05)


def test_blur_keeps_the_light():
    scope = Microscope(
        unevenness=0, background=0, read_noise=0, offset=0, gain=1, photons=1e4, blur=3, haze=0.5
    )
    point = np.zeros((121, 121), np.float32)
    point[60, 60] = 100
    counts = photograph(point, scope, np.random.default_rng(0)).astype(float)
    assert counts.sum() == pytest.approx(1e6, rel=0.01)
    assert counts.max() < 1e6 * 0.5 / (2 * np.pi * 9) * 1.2


def test_a_sample_is_made_fast():
    touching_cells((64, 64))
    begin = time.perf_counter()
    touching_cells((512, 512))
    assert time.perf_counter() - begin < 3
