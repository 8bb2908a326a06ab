"""The weight map of volumes: distances in space and in units, planes that are not annotated weigh nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_unet.annotation.targets import make_target
from napari_unet.annotation.volume_weights import two_nearest_in_space, volume_weight_map
from napari_unet.annotation.weight_map import WeightMapSettings, class_factors, weight_map

PRESETS = {"ronneberger2015": WeightMapSettings.ronneberger2015(), "falk2019": WeightMapSettings.falk2019()}


def plain_distances(objects: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    """Distances of all voxels to each object, by the formula; sorted, the nearest first."""
    at = np.stack(
        np.meshgrid(*(np.arange(n) * s for n, s in zip(objects.shape, spacing, strict=True)), indexing="ij")
    )
    each = []
    for value in np.unique(objects[objects > 0]):
        own = at[:, objects == value]
        apart = at[..., None] - own[:, None, None, None]
        each.append(np.sqrt((apart**2).sum(axis=0)).min(axis=-1))
    each += [np.full(objects.shape, np.inf)] * 2
    return np.sort(np.stack(each), axis=0)[:2]


@given(
    seed=st.integers(0, 10_000),
    step=st.floats(0.4, 6),
    reach=st.floats(1, 12),
    n=st.integers(0, 4),
)
@settings(deadline=None, max_examples=25)
def test_distances_equal_the_plain_formula_up_to_the_reach(seed, step, reach, n):
    rng = np.random.default_rng(seed)
    objects = np.zeros((4, 9, 10), np.int32)
    for value in range(1, n + 1):
        z, y, x = (int(rng.integers(0, side - 1)) for side in objects.shape)
        objects[z : z + 1 + int(rng.integers(2)), y : y + 2, x : x + 2] = 7 * value
    spacing = (step, 1.0, 1.0)
    wanted = plain_distances(objects, spacing)
    for found, exact in zip(two_nearest_in_space(objects, reach, spacing), wanted, strict=True):
        near = exact <= reach
        np.testing.assert_allclose(found[near], exact[near], atol=1e-5)
        assert (found[~near] > reach - 1e-5).all()


@pytest.mark.parametrize("preset", PRESETS)
def test_one_annotated_plane_weighs_as_it_would_alone(preset):
    labels = np.ones((40, 50), np.int32)
    labels[8:20, 8:20], labels[8:20, 23:35], labels[28:38, 10:30] = 2, 3, 4
    target, chosen = make_target(labels), PRESETS[preset]
    factors = class_factors(target.classes, target.known, 2)
    volume = [np.zeros((5, 40, 50), kind.dtype) for kind in (target.classes, target.known, target.objects)]
    for whole, plane in zip(volume, (target.classes, target.known, target.objects), strict=True):
        whole[2] = plane
    weights = volume_weight_map(*volume, chosen, (3.0, 1.0, 1.0), factors)
    np.testing.assert_allclose(weights[2], weight_map(target, chosen, factors=factors), atol=2e-3)
    assert not weights[[0, 1, 3, 4]].any()


def test_an_object_above_weighs_like_one_beside_that_is_as_near():
    """Two bars one plane of 6 px apart have between them what two bars 6 px apart in a plane have."""
    chosen = WeightMapSettings(balance_classes=False)
    above = np.zeros((2, 5, 30), np.int32)
    above[0, :, 10:20], above[1, :, 10:20] = 2, 3
    known = np.ones(above.shape, bool)
    found = volume_weight_map((above > 0).astype(np.uint8), known, above, chosen, (6.0, 1.0, 1.0))
    beside = np.zeros((1, 5, 30), np.int32)
    beside[:, :, :10], beside[:, :, 15:] = 2, 3
    same = volume_weight_map((beside > 0).astype(np.uint8), known[:1], beside, chosen, (6.0, 1.0, 1.0))
    assert found[0, 2, 15] == pytest.approx(same[0, 2, 9], rel=1e-3)
    assert found[0, 2, 15] > 4


def test_an_object_that_goes_on_in_the_next_plane_is_one():
    objects = np.zeros((2, 5, 30), np.int32)
    objects[:, :, 10:20] = 2
    known = np.ones(objects.shape, bool)
    weights = volume_weight_map(
        (objects > 0).astype(np.uint8),
        known,
        objects,
        WeightMapSettings(balance_classes=False),
        (2.0, 1.0, 1.0),
    )
    np.testing.assert_array_equal(weights, 1)
