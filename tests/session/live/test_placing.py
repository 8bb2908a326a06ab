"""Parts of a plane, and which of them are looked at in which order."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.annotation.coding import LabelsAre
from napari_unet.session.live import view
from napari_unet.session.live.placing import put_into
from napari_unet.session.live.view import View, area_of, quick_place, sharp_place, surroundings


def test_an_object_that_goes_on_beyond_the_box_stays_one():
    before = np.zeros((10, 20), np.int32)
    before[4:7, 2:18] = 7
    before[0, 0] = 30
    found = np.zeros((10, 10), np.int32)
    found[4:6, :6] = 1  # goes on at the left as 7
    found[8, 8] = 2
    after = put_into(before, (10, 20), (0, 10, 10, 20), found, LabelsAre.OBJECTS)
    assert after[5, 5] == after[5, 12] == 7
    assert after[6, 12] == 0
    assert after[9 - 1, 18] > 30
    assert after[0, 0] == 30


def test_objects_of_a_box_get_numbers_of_their_own_and_classes_keep_theirs():
    before = np.full((4, 4), 1, np.int32)
    found = np.array([[0, 0], [0, 1]], np.int32)
    objects = put_into(before, (4, 4), (0, 2, 0, 2), found, LabelsAre.OBJECTS)
    assert objects[1, 1] == 1  # it goes on as the object around
    found = np.array([[2, 2], [2, 2]], np.int32)
    classes = put_into(before, (4, 4), (0, 2, 0, 2), found, LabelsAre.CLASSES)
    assert (classes[:2, :2] == 2).all()
    assert put_into(None, (4, 4), (0, 2, 0, 2), found, LabelsAre.OBJECTS)[2:].sum() == 0


BOXES = st.tuples(*[st.integers(0, 900)] * 4).map(
    lambda b: (min(b[:2]), max(b[:2]) + 2, min(b[2:]), max(b[2:]) + 2)
)


@given(box=BOXES, zoom=st.floats(0.1, 8))
def test_places_cover_what_is_looked_at_within_bounds(box, zoom):
    shape = (902, 902)
    seen = View((), box, zoom)
    quick, sharp = quick_place(seen, shape), sharp_place(seen, shape)
    for place in (quick, *([sharp] if sharp else [])):
        y0, y1, x0, x1 = place.box
        assert 0 <= y0 <= box[0]
        assert box[1] <= y1 <= 902
        assert 0 <= x0 <= box[2]
        assert box[3] <= x1 <= 902
    assert area_of(quick.box) * quick.reduction**2 <= view.QUICK * 1.01
    if sharp:
        assert sharp.reduction > quick.reduction
        assert area_of(sharp.box) * sharp.reduction**2 <= view.SHARP * 1.01


@given(box=BOXES)
def test_surroundings_are_all_the_rest_once(box):
    shape = (902, 950)
    covered = np.zeros(shape, int)
    place = quick_place(View((), box, 1.0), shape)
    for part in [place, *surroundings(place, shape)]:
        y0, y1, x0, x1 = part.box
        covered[y0:y1, x0:x1] += 1
    assert (covered == 1).all()
