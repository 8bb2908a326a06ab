"""Fixed, broken and changed objects of two segmentations."""

import numpy as np
from object_scenes import write_values

from napari_unet.objects.comparison import DIFFERENCE_COLOURS, Difference, compare


def test_fixed_broken_and_changed_in_a_hand_made_case() -> None:
    truth = write_values("111.222.333................")
    known = write_values("1111111111111..............") > 0
    before = write_values("555.....777.....111..222..3")
    after = write_values("9.9.222.888.....111..44....")
    found = compare(before, after, truth, known)
    kinds = {(each.kind, each.value) for each in found.objects}
    # 1: two of its three pixels are found still
    assert kinds == {
        (Difference.FIXED, 2),
        (Difference.CHANGED, 4),
        (Difference.CHANGED, 0),
    }
    assert found.count(Difference.CHANGED) == 2
    worse = compare(after, write_values("9.......888.....111..44...."), truth, known)
    assert {(each.kind, each.value) for each in worse.objects} == {
        (Difference.BROKEN, 1),
        (Difference.BROKEN, 2),
    }
    assert worse.objects[0].centre == (0.0, 1.0)
    assert (worse.picture[truth == 1] == Difference.BROKEN).all()
    assert not worse.picture[truth == 3].any()


def test_the_same_twice_differs_nowhere() -> None:
    labels = write_values("11.22\n11.33")
    found = compare(labels, labels * 10, labels, labels > 0)
    assert found.objects == ()
    assert not found.picture.any()
    assert set(DIFFERENCE_COLOURS) == set(Difference)
    nothing = np.zeros_like(labels)
    gone = compare(labels, nothing, nothing, nothing > 0)
    assert gone.count(Difference.CHANGED) == 3
    assert np.array_equal(gone.picture > 0, labels > 0)
