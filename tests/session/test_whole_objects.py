"""Tools that act on an object through its stack: all of its planes, one step of Undo, nobody else's pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_unet.annotation.coding import LabelsAre
from napari_unet.errors import UserError
from napari_unet.objects.linking import LinkSettings
from napari_unet.session import ImageSource, Session, Which
from napari_unet.session.stored import Stored
from napari_unet.session.through import Through

SHAPE = (7, 60, 100)
AT = {1: (20, 20), 2: (20, 39), 3: (40, 75)}


def disc(centre: tuple[int, int], radius: int = 9) -> np.ndarray:
    y, x = np.ogrid[: SHAPE[1], : SHAPE[2]]
    return (y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2


def linked(classes: tuple[str, ...] = (), through: Through = Through.DEPTH) -> Session:
    """Objects 1 and 2 touch on planes 1 to 5, 2 is not on plane 3 and alone on 6; 3 is on all."""
    session = Session()
    session.set_image(ImageSource("stack", np.zeros(SHAPE, np.uint8)))
    session.annotating.start(LabelsAre.OBJECTS, classes)
    labels = np.zeros(SHAPE, np.int32)
    for z, plane in enumerate(labels):
        plane[disc(AT[3])] = 3
        if 1 <= z <= 5:
            plane[disc(AT[1])] = 1
        if z in (1, 2, 4, 5, 6):
            plane[disc(AT[2]) & (plane == 0)] = 2
    session.canvas.add(Which.SEGMENTATION, labels)
    session.segmenting.linking.choose(through, LinkSettings())
    return session


def use(session: Session, tool: str, *how: Any) -> int:
    """Use a tool as the window does, without the thread."""
    whole = session.correcting.whole
    task = whole.prepare(lambda: getattr(whole, tool)(*how))
    found = task.find()
    assert whole.holds(task), "finding changes nothing"
    return whole.do(found)


def planes_with(array: np.ndarray, value: int) -> list[int]:
    return np.flatnonzero((array == value).any(axis=(1, 2))).tolist()


def test_an_object_is_deleted_from_all_its_planes_in_one_step() -> None:
    session = linked()
    before = session.segmentation.copy()
    assert use(session, "delete_at", (1,), AT[2]) == 5
    assert planes_with(session.segmentation, 2) == []
    np.testing.assert_array_equal(session.segmentation, np.where(before == 2, 0, before))
    np.testing.assert_array_equal(session.annotation == 1, before == 2)
    assert (session.annotation >= 2).sum() == 0, "nothing else was accepted along"
    assert session.undo() == "Delete"
    np.testing.assert_array_equal(session.segmentation, before)
    assert not session.annotation.any()
    assert session.redo() == "Delete"
    np.testing.assert_array_equal(session.segmentation, np.where(before == 2, 0, before))


def test_a_loop_on_one_plane_deletes_all_that_it_encloses_everywhere() -> None:
    session = linked()
    loop = np.array([(5.0, 5.0), (5, 60), (35, 60), (35, 5)])
    assert use(session, "delete_inside", (2,), loop) == 6
    assert np.unique(session.segmentation).tolist() == [0, 3]
    with pytest.raises(UserError, match="encloses no object"):
        use(session, "delete_inside", (2,), loop)


def test_merged_objects_are_one_on_every_plane_and_only_where_both_lie_is_annotated() -> None:
    session = linked()
    before = session.segmentation.copy()
    n = use(session, "merge", (2,), np.array([AT[1], AT[2]], float))
    assert n == 5, "on plane 3 nothing is to be done"
    kept = int(session.segmentation[2][AT[1]])
    assert planes_with(session.segmentation, kept) == [1, 2, 3, 4, 5, 6]
    assert planes_with(session.segmentation, 3 - kept) == []
    np.testing.assert_array_equal(session.segmentation == 3, before == 3)
    annotated = session.annotation[2][AT[1]]
    assert planes_with(session.annotation, annotated) == [1, 2, 4, 5], "one value on all of these"
    assert not session.annotation[[0, 3, 6]].any(), "there only the number changed, if anything"
    session.undo()
    np.testing.assert_array_equal(session.segmentation, before)
    assert not session.annotation.any()


def test_accepting_an_object_annotates_it_on_all_planes_with_a_ring_each() -> None:
    session = linked()
    n = use(session, "accept", (3,), 3)
    value = session.annotation[3][AT[3]]
    np.testing.assert_array_equal(session.annotation == value, session.segmentation == 3)
    assert all((plane == 1).any() for plane in session.annotation)
    assert n == np.count_nonzero(session.annotation)
    assert use(session, "accept", (3,), 3) == 0
    assert session.undo() == "Accept"
    assert not session.annotation.any()


def test_a_class_is_given_on_all_planes_also_where_the_object_is_annotated_already() -> None:
    session = linked(("alive", "dead"))
    session.accept((4,), [3])
    mine = int(session.annotation[4][AT[3]])
    assert use(session, "set_class", (0,), AT[3], 2) == 7
    values = set(np.unique(session.annotation[session.segmentation == 3]).tolist())
    assert mine in values
    assert values.isdisjoint({0, 1})
    assert {v for v, c in session.painting.object_classes.items() if c == 2} == values
    use(session, "delete_at", (0,), AT[3])
    assert session.painting.object_classes == {}, "nothing is said of what is no more"
    session.undo()
    assert set(session.painting.object_classes) == values


def test_an_annotated_object_that_lies_on_another_in_part_keeps_its_class() -> None:
    session = linked(("alive", "dead"))
    y, x = AT[3]
    session.record_stroke(Which.ANNOTATION, (2, y - 22, x - 5), np.full((1, 16, 10), 5, np.int32))
    use(session, "set_class", (4,), AT[3], 2)
    classes = session.painting.object_classes
    assert classes
    assert 5 not in classes


def test_where_numbers_mean_nothing_on_other_planes_there_is_no_whole_object() -> None:
    session = linked(through=Through.NOTHING)
    assert session.correcting.whole.axes((2,)) == ()
    probabilities = np.zeros((2, *SHAPE[1:]), np.float16)
    session.separating.stored.put_back((2,), Stored(probabilities, None, 1.0, 20.0, in_space=True))
    assert session.correcting.whole.axes((2,)) == (0,), "a network of volumes has numbered them"


def test_an_object_that_grows_fast_is_found_whole() -> None:
    session = linked()
    wide = np.zeros(SHAPE[1:], np.int32)
    wide[2:58, 1:99] = 9
    small = np.zeros(SHAPE[1:], np.int32)
    small[28:31, 48:51] = 9
    session.segmentation[:3] = small, wide, small
    assert use(session, "delete_at", (0,), (29, 49)) == 3
    assert planes_with(session.segmentation, 9) == []


def test_another_time_point_is_another_object() -> None:
    session = Session()
    shape = (2, 3, 40, 40)
    session.set_image(ImageSource("series", np.zeros(shape, np.uint8)))
    session.annotating.start(LabelsAre.OBJECTS)
    labels = np.zeros(shape, np.int32)
    labels[..., 10:20, 10:20] = 4
    session.canvas.add(Which.SEGMENTATION, labels)
    session.segmenting.linking.choose(Through.DEPTH, LinkSettings())
    assert use(session, "delete_at", (1, 1), (15, 15)) == 3
    assert session.segmentation[0].any()
    assert not session.segmentation[1].any()
    session.undo()
    session.segmenting.linking.choose(Through.BOTH, LinkSettings())
    assert use(session, "delete_at", (1, 1), (15, 15)) == 6
    assert Which.ANNOTATION in session.canvas.arrays


def test_an_edit_in_between_is_noticed() -> None:
    session = linked()
    whole = session.correcting.whole
    task = whole.prepare(lambda: whole.delete((3,), [3]))
    session.record_stroke(Which.ANNOTATION, (0, 5, 5), np.full((1, 3, 3), 2, np.int32))
    assert not whole.holds(task)
