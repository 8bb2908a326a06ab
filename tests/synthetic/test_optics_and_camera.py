import numpy as np
import pytest

from napari_unet.synthetic.camera import damage, jpeg, shoot
from napari_unet.synthetic.lens import blur, defocus, phase_contrast, relief
from napari_unet.synthetic.shapes import Kind, draw_form, relative_depth
from napari_unet.synthetic.texture import fibres, per_cell, rough_noise, smooth_noise


def disc(side=101, radius=20.0):
    y, x = np.mgrid[:side, :side] - side // 2
    return np.clip(radius + 0.5 - np.hypot(y, x), 0, 1).astype(np.float32)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("irregular", [0.0, 1.0])
def test_a_shape_has_the_area_that_was_asked_for_and_ends_at_its_reach(kind, irregular):
    y, x = (np.mgrid[:241, :241] - 120).astype(np.float32)
    for seed in range(4):
        form = draw_form(kind, 24.0, 0.7, irregular, np.random.default_rng(seed))
        inside = relative_depth(form, y, x) < 1
        assert inside.sum() == pytest.approx(np.pi * 24**2, rel=0.12)
        assert np.hypot(y, x)[inside].max() <= form.reach + 1.5


def test_noise_has_unit_spread_and_its_scale():
    rng = np.random.default_rng(0)
    for noise in (
        smooth_noise((128, 96), 4, rng),
        rough_noise((128, 96), 20, rng),
        smooth_noise((8, 40, 40), 2, rng),
    ):
        assert noise.mean() == pytest.approx(0, abs=1e-3)
        assert noise.std() == pytest.approx(1, rel=1e-3)
    fine, coarse = (smooth_noise((128, 128), sigma, rng) for sigma in (2, 8))
    # the slope of Gaussian-filtered noise is 1/(√2 σ)
    assert np.diff(fine, axis=0).std() == pytest.approx(1 / (np.sqrt(2) * 2), rel=0.1)
    assert np.diff(coarse, axis=0).std() < 0.3 * np.diff(fine, axis=0).std()
    assert 0 <= fibres((64, 64), 10, rng).min() <= fibres((64, 64), 10, rng).max() <= 1


def test_a_cell_keeps_its_factor_when_others_come():
    few, many = np.array([[0, 1, 2]], np.int32), np.array([[0, 1, 2, 3, 9]], np.int32)
    first, second = (per_cell(np.random.default_rng(5), labels, 0.5) for labels in (few, many))
    assert np.array_equal(first[0], second[0, :3])
    assert first[0, 0] == 1


@pytest.mark.parametrize("sigma", [1.0, 6.0, 25.0])
def test_blur_is_the_gaussian_that_it_stands_for(sigma):
    from scipy import ndimage

    expected = ndimage.gaussian_filter(disc(), sigma, mode="nearest", truncate=3)
    assert np.abs(blur(disc(), sigma) - expected).max() < 0.03


def test_phase_contrast_has_a_bright_halo_around_dark_cells():
    image = phase_contrast(disc(), 8, 0.8, 0.5)
    assert image[50, 50] < -0.05
    assert image[50, 50 + 24] > 0.05
    assert image[50, 50 + 17] < image[50, 50]  # shade-off: lighter in the middle than near the rim
    assert abs(image[2, 2]) < 0.02


def test_relief_is_bright_on_one_side_and_dark_on_the_other():
    image = relief(blur(disc(), 1.5), 0.0, 2.0)
    left, right = image[50, 30], image[50, 70]
    assert left * right < 0
    assert abs(image[30, 50]) < 0.1 * abs(left)
    turned = relief(blur(disc(), 1.5), np.pi, 2.0)
    assert turned[50, 30] == pytest.approx(-left, rel=1e-3)


def test_in_focus_a_phase_is_invisible_and_defocus_turns_with_its_sign():
    nothing = np.zeros((101, 101), np.float32)
    weak = 0.05 * disc()
    assert np.allclose(defocus(weak, nothing, 0.0, 1.0), 1, atol=1e-5)
    above, below = (defocus(weak, nothing, distance, 1.0) for distance in (40.0, -40.0))
    assert above.std() > 0.005
    assert np.allclose(above - 1, 1 - below, atol=1e-5)
    assert defocus(nothing, weak, 0.0, 1.0)[50, 50] == pytest.approx(1 - 2 * 0.05, abs=0.01)


@pytest.mark.parametrize("photons", [10, 500])
def test_shot_noise_is_that_of_photons(photons):
    noisy = shoot(np.ones((200, 200), np.float32), photons, 0.0, np.random.default_rng(0))
    assert noisy.mean() == pytest.approx(1, abs=0.01)
    assert noisy.var() == pytest.approx(1 / photons, rel=0.05)


def test_files_have_eight_bits_and_compression_leaves_blocks():
    rng = np.random.default_rng(0)
    image = np.stack([disc()] * 3) * 0.6 + 0.2
    plain = damage(image, 20, rng, 0)
    assert np.abs(plain - image).max() <= 0.5 / 255 + 1e-6
    assert np.allclose(plain * 255, np.rint(plain * 255), atol=1e-4)
    eight = np.rint(image * 255).astype(np.uint8)
    worse, better = (np.abs(jpeg(eight, q).astype(int) - eight).mean() for q in (20, 90))
    assert worse > better > 0
    assert jpeg(eight[:1], 50).shape == (1, 101, 101)
