"""Objects drawn again without seeing them."""

from __future__ import annotations

import numpy as np
import pytest

from napari_unet.annotation.coding import Coding, LabelsAre
from napari_unet.errors import UserError
from napari_unet.session import ImageSource, Session
from napari_unet.session.blind import N_OBJECTS, Agreement, begin_blind_test
from napari_unet.synthetic.cells import touching_cells


def annotated(labels_are: LabelsAre = LabelsAre.OBJECTS, most: int = 1000) -> Session:
    image, truth = touching_cells((120, 160), diameter=18, seed=1)
    session = Session()
    session.set_image(ImageSource("cells", image))
    session.adopt_annotation(np.where(truth <= most, truth, 0), Coding.MASKS, labels_are)
    return session


def test_eight_objects_each_in_its_crop() -> None:
    session = annotated()
    test = begin_blind_test(session.state, [()], np.random.default_rng(0))
    assert len(test.objects) == N_OBJECTS
    assert session.annotation is not None
    for hidden in test.objects:
        there = session.annotation[hidden.box]
        assert hidden.shape[hidden.centre]
        assert np.unique(there[hidden.shape]).size == 1
        assert hidden.shape.shape == there.shape
    first = test.next
    assert first is not None
    with pytest.raises(UserError, match="Nothing is drawn"):
        test.take(np.zeros_like(first.shape))
    assert test.take(first.shape) == 1
    while test.next is not None:
        half = test.next.shape.copy()
        half[test.next.centre[0] :] = False
        test.take(half)
    own = Agreement(tuple(test.ious))
    assert len(own.ious) == N_OBJECTS
    assert 0.3 < own.iou < 0.8
    assert "of 8 objects again" in str(own)
    assert Agreement.read(own.as_json()) is not None
    found = own.f1
    assert found is not None
    assert found.value == np.mean([iou >= 0.5 for iou in own.ious])


def test_what_is_missing_is_said_and_notes_of_others_are_no_agreement() -> None:
    with pytest.raises(UserError, match="8 or more are needed"):
        begin_blind_test(annotated(most=5).state, [()], np.random.default_rng(0))
    with pytest.raises(UserError, match="you paint classes"):
        begin_blind_test(annotated(LabelsAre.CLASSES).state, [()], np.random.default_rng(0))
    for kept in (None, [], "well", [0.5, 2.0], [0.5, "x"]):
        assert Agreement.read(kept) is None
