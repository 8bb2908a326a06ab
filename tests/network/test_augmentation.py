import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_unet.network.augmentation import (
    AugmentationSettings,
    Planes,
    draw_grids,
    sample_image,
    sample_planes,
    spline_coefficients,
    vary_grey,
)

NONE = AugmentationSettings.none()


def draw_grid(*args) -> np.ndarray:
    """That of a patch of one plane."""
    return draw_grids(*args)[0]


def planes_of(weights: np.ndarray, rng: np.random.Generator) -> Planes:
    return Planes(
        classes=rng.integers(0, 3, weights.shape).astype(np.uint8),
        weights=weights.astype(np.float32),
        distance=rng.uniform(0, 1, weights.shape).astype(np.float32),
        distance_known=rng.uniform(size=weights.shape) > 0.5,
    )


def test_without_augmentation_a_patch_is_cut_out_unchanged() -> None:
    rng = np.random.default_rng(0)
    image = rng.normal(size=(2, 40, 50)).astype(np.float32)
    planes = planes_of(rng.uniform(0, 2, (40, 50)), rng)
    grid = draw_grid(rng, (19.5, 23.5), 16, NONE)
    box = slice(12, 28), slice(16, 32)
    np.testing.assert_allclose(sample_image(spline_coefficients(image), grid), image[:, *box], atol=1e-5)
    cut = sample_planes(planes, grid)
    np.testing.assert_array_equal(cut.classes, planes.classes[box])
    np.testing.assert_array_equal(cut.distance_known, planes.distance_known[box])
    np.testing.assert_allclose(cut.weights, planes.weights[box], atol=1e-6)
    np.testing.assert_allclose(cut.distance, planes.distance[box], atol=1e-6)
    np.testing.assert_allclose(vary_grey(image, rng, NONE), image, atol=1e-6)


@given(seed=st.integers(0, 2**31), height=st.integers(1, 70), width=st.integers(1, 70))
@settings(max_examples=25, deadline=None)
def test_labels_follow_the_image_exactly(seed: int, height: int, width: int) -> None:
    """An image that shows its own classes still shows them after any variation, mirrored edges included."""
    rng = np.random.default_rng(seed)
    classes = (ndimage.zoom(rng.normal(size=(9, 9)), (height / 9, width / 9), order=1) > 0).astype(np.uint8)
    classes = np.resize(classes, (height, width))
    planes = planes_of(np.ones((height, width)), rng)
    planes = Planes(classes, planes.weights, classes.astype(np.float32), planes.distance_known)
    grid = draw_grid(rng, (rng.uniform(0, height), rng.uniform(0, width)), 48, AugmentationSettings())
    linear = ndimage.map_coordinates(classes.astype(np.float32), grid, order=1, mode="mirror")
    taken = sample_planes(planes, grid)
    certain = np.abs(linear - 0.5) > 0.26  # nearest and linear can only differ around the middle of a step
    corner = (np.abs(grid - np.rint(grid)) < 0.25).all(axis=0)
    np.testing.assert_array_equal(taken.classes[certain & corner], (linear > 0.5)[certain & corner])
    np.testing.assert_allclose(taken.distance, linear, atol=1e-4)


def test_unknown_pixels_stay_without_weight() -> None:
    rng = np.random.default_rng(1)
    weights = np.zeros((60, 60))
    weights[20:40, 20:40] = 5.0
    planes = planes_of(weights, rng)
    planes = Planes(
        np.full((60, 60), 7, np.uint8) * (weights > 0), planes.weights, planes.distance, weights > 0
    )
    for _ in range(10):
        taken = sample_planes(planes, draw_grid(rng, (30, 30), 48, AugmentationSettings()))
        assert (taken.classes[taken.weights > 0] == 7).all()
        assert (taken.weights[taken.classes == 7] > 0).all()
        assert taken.weights.max() <= 5.0 + 1e-5


def test_elastic_displacements_depend_on_spacing_not_on_the_patch() -> None:
    elastic = NONE.model_copy(update={"elastic_sigma": 4.0, "elastic_spacing": 30.0})

    def roughness(size: int) -> tuple[float, float]:
        spreads, slopes = [], []
        for seed in range(30):
            grid = draw_grid(np.random.default_rng(seed), (0, 0), size, elastic)
            moved = grid - draw_grid(np.random.default_rng(seed), (0, 0), size, NONE)
            spreads.append(moved.std())
            slopes.append(np.diff(moved, axis=1).std())
        return float(np.mean(spreads)), float(np.mean(slopes))

    small, large = roughness(64), roughness(256)
    assert large[0] == pytest.approx(small[0], rel=0.35)
    assert large[1] == pytest.approx(small[1], rel=0.15)
    assert 2.0 < large[0] < 4.5  # interpolation between Gaussian vectors of σ 4


@pytest.mark.parametrize(
    ("setting", "value"),
    [("brightness", 0.3), ("contrast", 0.5), ("gamma", 0.5), ("noise", 0.2), ("blur", 3.0), ("colour", 0.5)],
)
def test_each_grey_setting_changes_the_image(setting: str, value: float) -> None:
    rng = np.random.default_rng(0)
    image = rng.uniform(0, 1, (3, 16, 16)).astype(np.float32)
    only = NONE.model_copy(update={setting: value})
    varied = [vary_grey(image, rng, only, rgb=True) for _ in range(20)]
    assert max(np.abs(v - image).max() for v in varied) > 0.05
    assert all(v.dtype == np.float32 and np.isfinite(v).all() for v in varied)


def test_colours_of_rgb_vary_together_and_stains_apart() -> None:
    image = np.random.default_rng(0).uniform(0, 1, (3, 8, 8)).astype(np.float32)
    brighter = NONE.model_copy(update={"brightness": 0.5})
    together = vary_grey(image, np.random.default_rng(1), brighter, rgb=True) - image
    apart = vary_grey(image, np.random.default_rng(1), brighter, rgb=False) - image
    assert np.ptp(together) < 1e-5
    assert np.ptp(apart.mean(axis=(1, 2))) > 1e-2
