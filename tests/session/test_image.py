"""Planes come out of images of any axis order as (C, Y, X)."""

import dask.array as da
import numpy as np
import pytest

from napari_unet.errors import UserError
from napari_unet.session import ImageSource, stack_channels


@pytest.mark.parametrize("axis", [0, 1, 2, 3])
def test_a_channel_axis_anywhere_in_a_stack_comes_first(axis):
    czyx = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    source = ImageSource("a", np.moveaxis(czyx, 0, axis), channel_axis=axis)
    assert source.spatial_shape == (3, 4, 5)
    assert source.n_channels == 2
    np.testing.assert_array_equal(source.plane((1,)), czyx[:, 1])


def test_a_plain_image_has_one_channel_and_one_plane():
    source = ImageSource("a", np.ones((4, 5)))
    assert source.plane().shape == (1, 4, 5)
    assert source.planes() == [()]


def test_alpha_is_left_out():
    rgba = np.zeros((4, 5, 4), np.uint8)
    rgba[..., 3] = 255
    source = ImageSource("a", rgba, rgb=True)
    assert source.plane().shape == (3, 4, 5)
    assert source.plane().max() == 0


def test_channels_can_be_chosen_and_lazy_arrays_are_read_plane_by_plane():
    source = ImageSource("a", da.from_array(np.arange(24).reshape(2, 3, 4), chunks=1), channel_axis=0)
    plane = source.plane((), [1])
    assert isinstance(plane, np.ndarray)
    np.testing.assert_array_equal(plane[0], np.arange(12, 24).reshape(3, 4))


def test_channels_of_different_size_are_refused_in_a_sentence():
    with pytest.raises(UserError, match="“b” is 3 × 3 and “a” is 2 × 2"):
        stack_channels([ImageSource("a", np.ones((2, 2))), ImageSource("b", np.ones((3, 3)))])


def test_stacked_channels_keep_the_order():
    joined = stack_channels([ImageSource("a", np.zeros((2, 2))), ImageSource("b", np.ones((2, 2)))])
    np.testing.assert_array_equal(joined.plane()[1], np.ones((2, 2)))


@pytest.mark.parametrize(
    ("scale", "units", "expected"),
    [
        ((0.5, 0.5), ("µm", "µm"), 0.5),
        ((500.0, 500.0), ("nm", "nm"), 0.5),
        ((2.0, 2.0), ("pixel", "pixel"), None),
    ],
)
def test_pixel_size_follows_from_scale_and_units(scale, units, expected):
    source = ImageSource("a", np.ones((4, 4)), scale=scale, units=units)
    assert source.pixel_size_um == (pytest.approx(expected) if expected else None)


@pytest.mark.parametrize(("shape", "dtype"), [((7,), float), ((4, 4), complex)])
def test_what_is_no_image_is_refused(shape, dtype):
    with pytest.raises(UserError, match="choose an image"):
        ImageSource("a", np.ones(shape, dtype))
