"""The largest value is known without a search of the whole array."""

import numpy as np
import pytest

from napari_unet.annotation.coding import LabelsAre
from napari_unet.session import ImageSource, Session, Which
from napari_unet.session.largest_value import LargestValue


@pytest.mark.parametrize("shape", [(1300, 700), (512, 512), (1, 1), (3, 600, 1030), (2, 3, 40, 50), (0, 5)])
def test_it_follows_every_change(shape):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 50, shape).astype(np.int32)
    largest = LargestValue(labels)
    assert largest.now == labels.max(initial=0)
    for _ in range(60 if labels.size else 0):
        start = [int(rng.integers(n)) for n in shape]
        box = tuple(slice(s, int(rng.integers(s, n)) + 1) for s, n in zip(start, shape, strict=True))
        labels[box] = rng.choice([0, 7, int(rng.integers(2, 10_000))])
        largest.follow(box)
        assert largest.now == labels.max()
        for value in (2, 7, 60, int(labels.max())):
            plane = tuple(int(rng.integers(n)) for n in shape[:-2])
            assert largest.holds(plane, value) == (labels[plane] == value).any()


def test_the_next_object_gets_a_number_above_all_others_whatever_was_done():
    session = Session()
    session.set_image(ImageSource("cells", np.zeros((2, 600, 700), np.uint8)))
    session.annotating.start(LabelsAre.OBJECTS)
    assert session.next_object_value() == 2
    session.record_stroke(Which.ANNOTATION, (1, 500, 500), np.full((1, 60, 60), 9, np.int32))
    assert session.next_object_value() == 10
    session.undo()
    assert session.next_object_value() == 2
    session.redo()
    session.record_stroke(Which.ANNOTATION, (1, 490, 490), np.full((1, 90, 90), 1, np.int32))
    assert session.next_object_value() == 2
