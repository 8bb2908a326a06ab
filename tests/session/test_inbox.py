"""Answers to the inbox become annotation, one undo step each."""

import numpy as np
import pytest
from scipy import ndimage as ndi
from test_correcting import drawn, segmented

from napari_unet.annotation.coding import LabelsAre
from napari_unet.errors import UserError
from napari_unet.objects.doubts.doubt import Kind
from napari_unet.session.earlier import Earlier
from napari_unet.session.stored import Stored


def with_a_pair(plane=(), shape=None, started=True):
    """Objects 2 and 3 of `drawn` are one in the segmentation, and one is missed."""
    truth = drawn((20, 18), (20, 40), (20, 59), (60, 20), (60, 60), (60, 85))
    labels = np.where(truth == 3, 2, np.where(truth == 6, 0, truth)).astype(np.int32)
    session = segmented(labels, shape=shape, plane=plane, started=started)
    sharp = ndi.gaussian_filter((truth > 0).astype(np.float32), 1.0)
    background = (1 - sharp * np.where(truth == 6, 0.4, 0.97)).astype(np.float16)
    session.separating.stored.put_back(plane, Stored(np.stack([background, 1 - background]), None, 1.0, 22.0))
    return session, truth


def the(found, kind):
    return next(doubt for doubt in found.doubts if doubt.kind is kind)


@pytest.mark.parametrize(("plane", "shape"), [((), None), ((2,), (4, 88, 100))])
def test_taking_the_fix_splits_annotates_and_is_one_step(plane, shape):
    session, truth = with_a_pair(plane, shape)
    before = session.segmentation.copy()
    doubt = the(session.inbox.look(plane), Kind.TWO_IN_ONE)
    assert doubt.values == (2,)
    session.inbox.take_fix(plane, doubt)
    annotation = session.annotation[plane]
    assert len(np.unique(annotation[(truth == 2) | (truth == 3)])) == 2
    assert (annotation == 1).any(), "with a ring of background"
    assert len(session.painting.corrections[-1].apart) == 1
    assert not session.inbox.is_open(plane, doubt)
    with pytest.raises(UserError, match="changed since"):
        session.inbox.take_fix(plane, doubt)
    assert session.undo() == "Split"
    assert not session.annotation.any()
    np.testing.assert_array_equal(session.segmentation, before)
    assert session.redo() == "Split"
    np.testing.assert_array_equal(session.annotation[plane], annotation)


def test_accepting_says_that_it_is_one_object():
    session, truth = with_a_pair()
    doubt = the(session.inbox.look(()), Kind.TWO_IN_ONE)
    session.inbox.accept((), doubt)
    assert len(np.unique(session.annotation[(truth == 2) | (truth == 3)])) == 1
    assert session.painting.corrections == (), "the network was right"
    assert all(2 not in other.values for other in session.inbox.look(()).doubts)
    assert session.undo() == "Accept"
    assert not session.annotation.any()


def test_a_place_that_is_left_empty_becomes_background():
    session, truth = with_a_pair()
    doubt = the(session.inbox.look(()), Kind.MISSED)
    assert truth[doubt.where] == 6
    session.inbox.accept((), doubt)
    assert session.annotation[doubt.where] == 1
    assert not session.inbox.is_open((), doubt)
    assert session.undo() == "Nothing here"
    session.inbox.take_fix((), doubt)
    assert session.annotation[doubt.where] >= 2
    assert session.undo() == "New object"


def test_what_is_skipped_comes_again_after_the_next_segmentation():
    session, _ = with_a_pair()
    doubt = session.inbox.look(()).doubts[0]
    session.inbox.skip((), doubt)
    assert not session.inbox.is_open((), doubt)
    assert doubt.where not in [other.where for other in session.inbox.look(()).doubts]
    stored = session.separating.stored.get(())
    session.separating.stored.put_back((), Stored(stored.probabilities, None, 1.0, 22.0))
    assert doubt.where in [other.where for other in session.inbox.look(()).doubts]


def test_answers_begin_an_annotation_where_there_is_none():
    session, truth = with_a_pair(started=False)
    assert session.painting is None
    found = session.inbox.look(())
    assert found.part is not None
    session.inbox.take_fix((), the(found, Kind.TWO_IN_ONE))
    assert session.annotation[truth == 2].all()


def test_another_plane_is_named_where_it_would_teach_more():
    session, _ = with_a_pair((2,), (4, 88, 100))
    assert session.inbox.look((2,)).next_plane is None
    unsure = np.full((88, 100), 0.5, np.float16)
    session.separating.stored.put_back((1,), Stored(np.stack([unsure, unsure]), None, 1.0, 22.0))
    assert session.inbox.look((2,)).next_plane == (1,)


def test_where_classes_are_painted_only_places_to_paint_are_named():
    session = segmented(labels_are=LabelsAre.CLASSES)
    found = session.inbox.look(())
    assert found.doubts == ()
    assert found.part is not None


def test_nothing_to_look_through_before_a_segmentation():
    session = segmented()
    session.separating.stored.clear()
    assert session.inbox.prepare(()) is None
    with pytest.raises(UserError, match="Segment this plane first"):
        session.inbox.look(())


def named(name):
    """Return a network's name as the session tells it: equal to that of last time, and another object."""
    return "lineage", name


def test_the_round_before_is_remembered_within_bounds():
    labels = [np.full((10, 10), k, np.int32) for k in range(4)]
    earlier = Earlier(most_bytes=3 * labels[0].nbytes)
    earlier.keep((0,), named("first"), labels[0])
    earlier.keep((0,), named("first"), labels[1])
    assert earlier.before((0,)) is None, "the same network, with other settings"
    earlier.keep((0,), named("second"), labels[2])
    assert earlier.before((0,)) is labels[1]
    earlier.keep((1,), named("second"), labels[3])
    earlier.keep((2,), named("second"), labels[3])
    assert earlier.before((0,)) is None
