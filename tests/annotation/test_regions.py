import numpy as np
import pytest

from napari_unet.annotation.regions import Region, apply_regions, region_mask

CORNERS = np.array([[1.6, 2.0], [1.6, 5.4], [4.0, 5.4], [4.0, 2.0]])


@pytest.mark.parametrize("vertices", [CORNERS, CORNERS[[0, 2]], CORNERS[[2, 0]], CORNERS[::-1]])
def test_a_rectangle_holds_the_pixels_whose_centre_is_inside(vertices):
    expected = np.zeros((8, 8), bool)
    expected[2:5, 2:6] = True
    assert np.array_equal(region_mask(Region("rectangle", vertices), (8, 8)), expected)


def test_a_rectangle_that_reaches_out_of_the_image_is_cut():
    mask = region_mask(Region("rectangle", np.array([[-10.0, -10.0], [2.0, 30.0]])), (6, 5))
    assert mask[:3].all()
    assert not mask[3:].any()
    assert not region_mask(Region("rectangle", np.array([[-9.0, -9.0], [-2.0, -2.0]])), (6, 5)).any()


def test_a_turned_rectangle_and_a_polygon_are_filled():
    diamond = np.array([[5.0, 0.0], [0.0, 5.0], [5.0, 10.0], [10.0, 5.0]])
    y, x = np.mgrid[:11, :11]
    inside = np.abs(y - 5) + np.abs(x - 5) < 5
    outside = np.abs(y - 5) + np.abs(x - 5) > 5
    for kind in ("rectangle", "polygon"):
        mask = region_mask(Region(kind, diamond), (11, 11))
        assert mask[inside].all()
        assert not mask[outside].any()


@pytest.mark.parametrize("vertices", [np.zeros((0, 2)), np.ones((1, 2)), np.ones((2, 2))])
def test_a_polygon_without_area_holds_nothing(vertices):
    assert not region_mask(Region("polygon", vertices), (5, 5)).any()


def test_inside_regions_zero_becomes_background_and_nothing_else_changes():
    labels = np.array([[0, 0, 3, 0], [0, 1, 0, 0]], np.int32)
    region = Region("rectangle", np.array([[0.0, 1.0], [1.0, 2.0]]))
    assert apply_regions(labels, [region]).tolist() == [[0, 1, 3, 0], [0, 1, 1, 0]]
    assert labels.tolist() == [[0, 0, 3, 0], [0, 1, 0, 0]]
    assert np.array_equal(apply_regions(labels, []), labels)
