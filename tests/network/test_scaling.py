import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_unet.network.scaling import (
    Normalisation,
    brightness_warning,
    choose_scale,
    measure_normalisation,
    normalise,
    resample_image,
    resample_labels,
    resample_probability,
    thin_structure_width,
)


@given(
    image=hnp.arrays(
        st.sampled_from([np.uint8, np.dtype(">u2"), np.int32, np.float32, np.dtype(">f8"), np.float16, bool]),
        hnp.array_shapes(min_dims=3, max_dims=3, max_side=6),
    ),
    mode=st.sampled_from(["as in training", "per image"]),
)
@settings(max_examples=80, deadline=None)
def test_normalised_values_are_always_finite_and_bounded(image: np.ndarray, mode: str) -> None:
    normalised = normalise(image, measure_normalisation([image], mode))
    assert normalised.dtype == np.float32
    assert normalised.shape == image.shape
    assert np.isfinite(normalised).all()
    assert np.abs(normalised).max() <= 3


def test_grey_range_becomes_zero_to_one() -> None:
    image = np.linspace(100, 300, 10_000).reshape(1, 100, 100)
    normalised = normalise(image, measure_normalisation([image]))
    assert normalised.min() == pytest.approx(0, abs=0.01)
    assert normalised.max() == pytest.approx(1, abs=0.01)
    assert not normalise(np.full((1, 4, 4), 7), measure_normalisation([image])).any()


def test_few_bright_pixels_on_a_constant_ground_are_seen() -> None:
    image = np.zeros((1, 200, 200), np.uint16)
    image[0, 100, 100:105] = 900
    assert normalise(image, measure_normalisation([image])).max() == pytest.approx(1)


def test_as_in_training_keeps_differences_in_brightness() -> None:
    image = np.random.default_rng(0).uniform(0, 1, (1, 50, 50))
    measured = measure_normalisation([image], "as in training")
    dim = normalise(image * 0.2, measured)
    assert dim.max() < 0.25
    assert normalise(image * 0.2, measured.model_copy(update={"mode": "per image"})).max() > 0.95
    assert brightness_warning(image, measured) is None
    assert "contrast" in (brightness_warning(image * 0.2, measured) or "")
    assert "brighter" in (brightness_warning(image + 2, measured) or "")
    assert "one grey value" in (brightness_warning(np.ones((1, 5, 5)), measured) or "")


def test_normalisation_refuses_what_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="one value per channel"):
        Normalisation(low=(0.0,), high=(1.0, 2.0))
    with pytest.raises(ValueError, match="finite"):
        Normalisation(low=(0.0,), high=(float("nan"),))


@pytest.mark.parametrize("size", [28.0, 24.0, 32.0])
def test_objects_of_the_target_size_stay_as_they_are(size: float) -> None:
    assert choose_scale(size) == 1.0


def test_scale_grows_and_shrinks_within_its_limits() -> None:
    assert choose_scale(14.0) == pytest.approx(2.0)
    assert choose_scale(4.0) == 2.0
    assert choose_scale(4.0, max_up=1.5) == 1.5
    assert 24 <= 100 * choose_scale(100.0) <= 36
    assert choose_scale(1e6) > 0
    assert choose_scale(float("nan")) == choose_scale(None) == 1.0


@given(size=st.floats(1, 2000), thin=st.floats(0.5, 200))
@settings(max_examples=100, deadline=None)
def test_thin_structures_keep_five_pixels_or_their_own_width(size: float, thin: float) -> None:
    for scale in (choose_scale(size, thin), choose_scale(None, thin)):
        assert thin * scale >= min(5.0, thin) - 1e-6 or scale == pytest.approx(1 / 16)
    assert choose_scale(size, thin) >= choose_scale(size)


def test_widths_of_membranes_and_of_compact_objects() -> None:
    membranes = np.zeros((120, 120), bool)
    membranes[28:34] = membranes[88:94] = True
    membranes[:, 58:64] = True
    assert thin_structure_width(membranes) == pytest.approx(6, rel=0.15)
    yy, xx = np.indices((120, 120))
    assert thin_structure_width((yy - 60) ** 2 + (xx - 60) ** 2 < 40**2) > 30
    assert thin_structure_width(np.zeros((9, 9), bool)) == np.inf
    diagonal = np.abs(yy - xx) < 4  # 7 px along an axis, 7 / √2 across
    assert thin_structure_width(diagonal) == pytest.approx(7 / np.sqrt(2), rel=0.15)


@given(height=st.integers(1, 40), width=st.integers(1, 40), scale=st.floats(0.1, 2))
@example(height=11, width=1, scale=0.5)  # a column, which PyTorch alone gets wrong
@settings(max_examples=40, deadline=None)
def test_image_and_labels_stay_on_each_other(height: int, width: int, scale: float) -> None:
    yy, xx = np.indices((height, width))
    image = np.stack([yy, xx]).astype(np.float32)
    small = resample_image(image, scale)
    shape = (small.shape[1], small.shape[2])
    for axis, plane in enumerate((yy, xx)):
        labels = resample_labels(plane, shape)
        assert labels.shape == shape
        ratio = plane.shape[axis] / shape[axis]
        # away from the edges, where smoothing sees one side only
        inner = (labels > 2 * ratio) & (labels < plane.shape[axis] - 1 - 2 * ratio)
        assert np.abs(small[axis] - labels)[inner].max(initial=0) <= max(1.0, ratio)
    assert resample_probability(small, (height, width)).shape == image.shape


def test_reduced_images_are_smoothed_not_picked() -> None:
    checks = np.indices((64, 64)).sum(axis=0)[None] % 2
    assert np.ptp(resample_image(checks.astype(np.float32), 0.25)[:, 2:-2, 2:-2]) < 0.1
