"""A first segmentation by classical means."""

import numpy as np
import pytest
from object_scenes import draw_discs, pack_cells
from scipy import ndimage as ndi
from skimage import data

from napari_unet.objects.measures import match
from napari_unet.objects.propose import estimate_object_size, propose


def photograph(labels: np.ndarray, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return ndi.gaussian_filter((labels > 0) * 100.0, 1.0) + rng.normal(20, 8, labels.shape)


def test_the_coins_are_found_in_uneven_light() -> None:
    for image in (data.coins(), 255 - data.coins()):
        labels = propose(image, local=True)
        assert labels.max() == 24
        assert 40 < estimate_object_size(labels) < 48
        assert np.bincount(labels.ravel())[1:].min() > 700


def test_the_cell_is_found_whole() -> None:
    for local in (False, True):
        labels = propose(data.cell(), local=local)
        assert labels.max() == 1
        assert 110 < estimate_object_size(labels) < 130


def test_bright_and_dark_objects_are_told_apart() -> None:
    truth = pack_cells(200, 12, filled=0.4)
    image = photograph(truth)
    for shown in (image, -image, 255 - image):
        assert match(propose(shown), truth, 0.7).f1 > 0.93


def test_the_threshold_slider_goes_from_all_to_nothing() -> None:
    image = photograph(pack_cells(150, 12))
    areas = [np.count_nonzero(propose(image, shift)) for shift in (-1, -0.5, 0, 0.5, 1)]
    assert areas == sorted(areas, reverse=True)
    assert areas[0] > 0.95 * image.size
    assert areas[-1] == 0


def test_the_splitting_slider_goes_from_none_to_many() -> None:
    pair = draw_discs((60, 80), [(30, 28), (30, 50)], 14)
    image = photograph(pair)
    counts = [propose(image, splitting=s).max() for s in (0, 0.5, 1)]
    assert counts[0] == 1
    assert counts[1] == 2
    assert counts[2] >= 2


@pytest.mark.parametrize("local", [False, True])
def test_odd_images_give_labels_all_the_same(local: bool) -> None:
    for image in (
        np.zeros((20, 20)),
        np.full((5, 7), np.nan),
        np.full((9, 9), np.inf),
        np.arange(30.0)[None],
        np.zeros((1, 1), np.uint8),
        np.eye(64, dtype=bool),
        np.arange(400, dtype=">u2").reshape(20, 20),
    ):
        labels = propose(image, local=local)
        assert labels.shape == image.shape
        assert labels.dtype == np.int32
    holed = photograph(pack_cells(100, 12))
    whole = propose(holed, local=local)
    holed[10:13, 10:13] = np.nan
    holed[50, 50] = np.inf
    assert abs(int(propose(holed, local=local).max()) - int(whole.max())) <= 1


def test_size_is_the_median_of_objects_that_the_edge_does_not_cut() -> None:
    labels = draw_discs((100, 100), [(30, 30), (70, 70), (0, 60)], 10)
    assert estimate_object_size(labels) == pytest.approx(20, abs=0.5)
    assert estimate_object_size(draw_discs((30, 30), [(0, 15)], 10)) == pytest.approx(14.5, abs=1)
    assert estimate_object_size(np.zeros((5, 5), np.int32)) is None
