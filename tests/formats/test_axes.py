import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.errors import UserError
from napari_unet.formats.axes import guess_axes, match_channels, plane_axes, planes, to_channels_first

SIZES = {"T": 2, "C": 3, "Z": 4, "Y": 5, "X": 6}


@given(st.permutations("CYX"))
def test_any_order_becomes_channels_first(order):
    expected = np.arange(3 * 5 * 6).reshape(3, 5, 6)
    stored = np.transpose(expected, ["CYX".index(axis) for axis in order])
    assert np.array_equal(to_channels_first(stored, "".join(order)), expected)


def test_grey_rgb_and_alpha():
    grey = np.zeros((5, 6))
    assert to_channels_first(grey).shape == (1, 5, 6)
    assert to_channels_first(np.zeros((1, 6))).shape == (1, 1, 6)
    for samples, kept in ((1, 1), (2, 1), (3, 3), (4, 3)):
        assert to_channels_first(np.zeros((5, 6, samples)), rgb=True).shape == (kept, 5, 6)
    assert to_channels_first(np.zeros((4, 5, 6))).shape == (4, 5, 6)
    assert to_channels_first(np.zeros((1, 1, 5, 6)), "TZYX").shape == (1, 5, 6)


@pytest.mark.parametrize("axes", ["YX", "CCYX", "CZT", "CY"])
def test_axes_that_do_not_fit_are_refused(axes):
    with pytest.raises(UserError, match="axes"):
        to_channels_first(np.zeros((3, 5, 6)), axes)


def test_a_stack_is_not_taken_for_an_image():
    with pytest.raises(UserError, match="4 planes along Z"):
        to_channels_first(np.zeros((4, 5, 6)), "ZYX")


@pytest.mark.parametrize("axes", ["YX", "TCZYX", "ZCYX", "CYX", "TYX"])
def test_planes_come_in_order_with_their_place(axes):
    array = np.arange(np.prod([SIZES[a] for a in axes])).reshape([SIZES[a] for a in axes])
    found = list(planes(array, axes))
    stacked = plane_axes(axes)
    assert len(found) == np.prod([SIZES[a] for a in stacked], dtype=int)
    for index, plane in found:
        place = tuple(index[stacked.index(a)] if a in stacked else slice(None) for a in axes)
        assert np.array_equal(plane, to_channels_first(array[place], "".join(a for a in axes if a in "CYX")))


def test_axes_are_guessed_from_the_number():
    assert guess_axes(np.zeros((5, 6))) == "YX"
    assert guess_axes(np.zeros((4, 5, 6))) == "ZYX"
    assert guess_axes(np.zeros((2, 4, 5, 6))) == "TZYX"
    assert guess_axes(np.zeros((5, 6, 3)), rgb=True) == "YXS"
    for shape in ((6,), (2, 2, 2, 5, 6)):
        with pytest.raises(UserError, match="two axes"):
            guess_axes(np.zeros(shape))


def test_channels_match_or_the_image_is_named():
    grey = np.ones((1, 5, 6))
    assert match_channels(grey, 1, "a") is grey
    assert match_channels(grey, 3, "a").shape == (3, 5, 6)
    with pytest.raises(UserError, match=r"cells\.tif has 3"):
        match_channels(np.ones((3, 5, 6)), 1, "cells.tif")
