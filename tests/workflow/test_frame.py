"""Places between the whole image and the part of it, at another scale, that is trained on."""

from hypothesis import given, settings
from hypothesis import strategies as st

from napari_unet.network.held_out import HeldOutPlace
from napari_unet.workflow.frame import Frame


@st.composite
def frames(draw) -> Frame:
    y0, x0 = draw(st.integers(0, 500)), draw(st.integers(0, 500))
    height, width = draw(st.integers(1, 900)), draw(st.integers(1, 900))
    return Frame("a", (y0, y0 + height, x0, x0 + width), draw(st.floats(0.02, 2)))


@st.composite
def spans(draw, start: int, stop: int) -> tuple[int, int]:
    first = draw(st.integers(start, stop - 1))
    return first, draw(st.integers(first + 1, stop))


@settings(max_examples=100, deadline=None)
@given(st.data(), frames())
def test_a_place_that_goes_to_the_image_and_back_covers_itself(data, frame):
    """A pixel that is held out must not be trained on because of rounding."""
    height, width = frame.shape
    (y0, y1), (x0, x1) = data.draw(spans(0, height)), data.draw(spans(0, width))
    back = frame.from_image(frame.to_image(HeldOutPlace("a", (y0, y1, x0, x1))))
    assert back is not None
    top, bottom, left, right = back.box
    assert top <= y0
    assert bottom >= y1
    assert left <= x0
    assert right >= x1
    pixels = 2 + 2 * max(frame.scale, 1)  # what rounding to px of the image and of the network adds
    assert y0 - top <= pixels
    assert bottom - y1 <= pixels
    assert 0 <= top < bottom <= height
    assert 0 <= left < right <= width


@settings(max_examples=100, deadline=None)
@given(st.data(), frames())
def test_a_place_of_the_image_is_covered_in_every_frame_that_it_reaches_into(data, frame):
    (y0, y1), (x0, x1) = data.draw(spans(0, 1400)), data.draw(spans(0, 1400))
    inside = frame.from_image(HeldOutPlace("a", (y0, y1, x0, x1)))
    top, bottom, left, right = frame.box
    if max(y0, top) >= min(y1, bottom) or max(x0, left) >= min(x1, right):
        assert inside is None
        return
    assert inside is not None
    covered = frame.to_image(inside).box
    assert covered[0] <= max(y0, top)
    assert covered[1] >= min(y1, bottom)
    assert covered[2] <= max(x0, left)
    assert covered[3] >= min(x1, right)


def test_at_full_scale_places_are_only_shifted():
    frame = Frame("a", (10, 110, 20, 220), 1.0)
    place = HeldOutPlace("a", (5, 60, 0, 31))
    assert frame.to_image(place).box == (15, 70, 20, 51)
    assert frame.from_image(frame.to_image(place)) == place
