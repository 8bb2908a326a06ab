"""Objects that end where they are half gone: dim ones whole, bright ones no larger, and nothing from thin air."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_unet.objects.borders import PEAK, draw_own_borders, peaks_of
from napari_unet.objects.measures import match
from napari_unet.objects.separate import SeparationSettings, SplitMethod, separate

Y, X = np.mgrid[:80, :160].astype(np.float32)


def hill(y: float, x: float, radius: float, height: float) -> np.ndarray:
    """A probability that falls to half of its height at the radius."""
    return height / (1 + np.exp((np.hypot(Y - y, X - x) - radius) / 4))


DISCS = [(40, 40, 18, 1.0), (40, 115, 18, 0.72)]
TRUTH = sum(((np.hypot(Y - y, X - x) < r) * (k + 1) for k, (y, x, r, _) in enumerate(DISCS)), np.int32(0))
PROBABILITY = np.max([hill(*disc) for disc in DISCS], axis=0).astype(np.float32)


def score(probability: np.ndarray = PROBABILITY, **settings: object) -> float:
    found = separate(
        probability, SeparationSettings(method=SplitMethod.PROBABILITY, **settings), typical_size=36
    )
    return match(found, TRUTH.astype(np.int32), 0.85).f1


def test_a_bright_and_a_dim_object_are_both_found_whole_where_no_one_threshold_does():
    assert score(threshold=0.6, own_border=0.5) == 1
    assert max(score(threshold=float(t)) for t in np.arange(0.1, 0.95, 0.05)) < 1


def test_what_does_not_reach_the_threshold_is_no_object():
    found = separate(PROBABILITY, SeparationSettings(threshold=0.75, own_border=0.5))
    assert found.max() == 1
    assert found[40, 40] == 1
    assert not separate(PROBABILITY * 0.5, SeparationSettings(threshold=0.75, own_border=0.5)).any()


def test_an_object_that_comes_apart_keeps_its_largest_piece():
    labels = np.ones((3, 9), np.int32)
    probability = np.full((3, 9), 0.9)
    probability[:, 5] = 0.1
    kept = draw_own_borders(labels, probability, 0.5, 0.5)
    assert kept[:, :5].all()
    assert not kept[:, 5:].any()


@given(
    arrays(np.int32, (7, 9), elements=st.integers(0, 4)),
    arrays(np.float32, (7, 9), elements=st.floats(0, 1, width=32)),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_objects_only_lose_pixels_and_each_is_one_piece(labels, probability, least, share):
    from scipy import ndimage

    kept = draw_own_borders(labels, probability, least, share)
    assert ((kept == labels) | (kept == 0)).all()
    peaks = peaks_of(labels, probability)
    for value in np.unique(labels[labels > 0]):
        inside = probability[labels == value]
        assert peaks[value] == np.sort(inside)[int(np.floor(PEAK * (inside.size - 1)))]
        piece = kept == value
        assert ndimage.label(piece)[1] <= 1
        if piece.any():
            assert peaks[value] >= least
            assert probability[piece].min() >= np.float32(share * peaks[value]) - 1e-6
