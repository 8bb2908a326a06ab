"""What a session notes of corrections: which objects, which pairs; undone with them, kept with the project."""

import numpy as np
import pytest
from test_correcting import CENTRES, drawn, path, segmented

from napari_unet.session import Which
from napari_unet.session.lessons import corrections_as_json, corrections_from_json


def test_a_split_names_its_pair_and_undo_forgets_it():
    session = segmented()
    session.correcting.split((), path((5, 16), (35, 16)))
    (done,) = session.painting.corrections
    parts = sorted(np.unique(session.annotation[drawn(*CENTRES) == 1]).tolist())
    assert list(done.values) == parts
    assert done.apart == (tuple(parts),)
    (plane,) = session.painting.snapshot(session.image, (0,))
    assert plane.corrections == (done,)
    session.undo()
    assert session.painting.corrections == ()
    session.redo()
    assert session.painting.corrections == (done,)


def test_a_merge_names_one_object_and_no_pair():
    session = segmented()
    session.correcting.merge((), path((20, 10), (20, 50)))
    (done,) = session.painting.corrections
    assert (len(done.values), done.apart) == (1, ())


def test_a_deleted_object_leaves_its_place():
    session = segmented()
    session.correcting.delete((), (60, 20))
    (done,) = session.painting.corrections
    assert (done.values, done.box) == ((), (49, 72, 9, 32))


def test_a_stroke_over_the_segmentation_is_a_correction_and_one_over_the_annotation_is_none():
    session = segmented()
    session.record_stroke(Which.ANNOTATION, (80, 80), np.full((3, 3), 1, np.int32))
    assert session.painting.corrections == ()
    session.record_stroke(Which.SEGMENTATION, (18, 28), np.full((4, 4), 1, np.int32))
    (done,) = session.painting.corrections
    assert session.annotation[20, 18] in done.values
    session.accept((), [5])
    assert session.painting.corrections == (done,), "accepting corrects nothing"


def test_corrections_go_through_the_words_of_a_project():
    session = segmented()
    session.correcting.split((), path((5, 16), (35, 16)))
    session.correcting.delete((), (60, 20))
    kept = session.painting.corrections
    assert corrections_from_json(corrections_as_json(kept)) == kept


@pytest.mark.parametrize(
    "harmed", [None, 3, [[1]], [[[], [0, 0, 0, 0], [], []]], [[[], [0, 9, 0, "x"], [2], []]]]
)
def test_what_is_no_correction_any_more_is_left_out(harmed):
    assert corrections_from_json(harmed) == ()
