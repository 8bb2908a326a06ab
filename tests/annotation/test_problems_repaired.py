import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from label_strategies import small_labels

from napari_unet.annotation.coding import LabelsAre
from napari_unet.annotation.problems import SPECK, Problem, find_problems
from napari_unet.annotation.repairs import describe_repair, repair

FREE = 100


def discs(*middles, radius=6, shape=(80, 100)):
    """Objects 2, 3 … around these middles, nothing else."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    labels = np.zeros(shape, np.int32)
    for value, (row, column) in enumerate(middles, start=2):
        labels[(y - row) ** 2 + (x - column) ** 2 <= radius**2] = value
    return labels


def on_background(labels):
    return np.where(labels == 0, 1, labels).astype(np.int32)


def repaired(labels, kind, **kwargs):
    (problem, *_) = [problem for problem in find_problems(labels) if problem.kind == kind]
    before = labels.copy()
    done = repair(problem, labels, FREE, **kwargs)
    np.testing.assert_array_equal(labels, before)
    return done


def test_a_speck_is_erased_and_nothing_else():
    labels = on_background(discs((20, 20), (20, 60)))
    labels[70, 90:93] = 2
    done = repaired(labels, "speck")
    assert (done.labels[70, 90:93] == 0).all()
    assert np.count_nonzero(done.labels != labels) == 3
    assert done.name == "Erase specks"


def test_all_specks_that_one_sentence_tells_of_are_erased():
    labels = np.ones((80, 80), np.int32)
    labels[::4, ::4] = np.arange(2, 402).reshape(20, 20)
    *told, rest = find_problems(labels)
    assert len(rest.places) == 381
    done = repair(rest, labels, FREE)
    assert np.count_nonzero(done.labels != labels) == 381
    assert [problem.where for problem in find_problems(done.labels) if problem.kind == "speck"] == [
        problem.where for problem in told
    ]


def test_a_hole_is_filled_with_its_object():
    labels = on_background(discs((20, 20), (20, 60)))
    labels[19:22, 19:21] = 0
    done = repaired(labels, "hole")
    np.testing.assert_array_equal(done.labels, on_background(discs((20, 20), (20, 60))))


def test_a_hole_that_was_opened_meanwhile_is_left_alone():
    labels = on_background(discs((20, 20), (20, 60)))
    labels[19:22, 19:21] = 0
    (problem,) = [problem for problem in find_problems(labels) if problem.kind == "hole"]
    labels[20, 20:40] = 0
    assert repair(problem, labels, FREE) is None


def test_the_smaller_of_two_places_becomes_an_object_of_its_own():
    labels = discs((20, 20), (60, 80))
    labels[labels == 3] = 2
    labels[20:34, 20] = 2  # the first piece is the larger one
    done = repaired(on_background(labels), "value_twice")
    assert (done.labels[60, 80], done.labels[20, 20]) == (FREE, 2)
    assert done.split_from == {FREE: 2}
    assert not [problem for problem in find_problems(done.labels) if problem.kind == "value_twice"]


def test_a_new_number_is_none_that_the_plane_holds():
    labels = on_background(discs((20, 20), (60, 80), (60, 20)))
    labels[labels == 3] = 2
    labels[labels == 4] = FREE
    assert repaired(labels, "value_twice").split_from == {FREE + 1: 2}


def test_a_piece_that_grew_to_be_the_larger_one_keeps_its_number():
    labels = discs((20, 20), (60, 80))
    labels[labels == 3] = 2
    labels[20, 14:30] = 2
    labels = on_background(labels)
    (problem,) = [problem for problem in find_problems(labels) if problem.kind == "value_twice"]
    assert problem.where[0] > 40
    assert repair(problem, labels, FREE) is not None
    labels[60:66, 60:98] = 2
    assert repair(problem, labels, FREE) is None


def test_a_ring_is_painted_around_complete_objects_only():
    labels = discs((30, 30), (30, 70))
    done = repaired(labels, "no_background", marked=[2])
    ring = done.labels == 1
    assert ring[30, 37]
    assert ring[30, 39]  # a quarter of the diameter wide
    assert not ring[30, 41]
    assert not ring[:, 50:].any()
    np.testing.assert_array_equal(done.labels[labels > 0], labels[labels > 0])
    assert not [problem for problem in find_problems(done.labels, marked=[2]) if problem.blocking]


def test_a_ring_leaves_out_what_may_be_other_cells():
    labels = discs((30, 30), (30, 46))
    found = np.zeros(labels.shape, bool)
    found[40:, :] = True
    found[36:, 30] = True
    ring = repaired(labels, "no_background", marked=[2], found=found).labels == 1
    assert not ring[found].any()
    assert not ring[30, 38], "too near to an object that is not complete"
    assert ring[30, 22]


def test_only_what_is_safe_is_offered():
    labels = discs((30, 30), (30, 70))
    (no_background, scribbles) = find_problems(labels)
    assert describe_repair(no_background, labels) is None, "no object is complete"
    assert describe_repair(no_background, labels, marked=[2]) is not None
    assert describe_repair(scribbles, labels) is None
    assert repair(scribbles, labels, FREE) is None
    classes = Problem("…", False, None, "no_background")
    assert describe_repair(classes, labels, LabelsAre.CLASSES, [2]) is None


@pytest.mark.parametrize("kind", ["speck", "hole", "value_twice", "no_background", "one_object"])
def test_a_problem_that_is_gone_is_repaired_no_more(kind):
    labels = on_background(discs((20, 20), (20, 60)))
    for where in ((0, 0), (20, 20), (79, 99)):
        assert repair(Problem("…", False, where, kind), labels, FREE) is None


@settings(max_examples=80, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(small_labels([0, 0, 1, 1, 2, 3, 4], largest=30), st.sets(st.sampled_from([2, 3, 4])))
def test_whatever_is_offered_helps_and_harms_no_other_object(labels, marked):
    for problem in find_problems(labels, marked=marked):
        if describe_repair(problem, labels, marked=marked) is None:
            continue
        done = repair(problem, labels, FREE, marked)
        if done is None:
            assert problem.kind == "no_background", "there is no room for a ring"
            continue
        changed = done.labels != labels
        assert changed.any()
        left = {(p.kind, p.where) for p in find_problems(done.labels, marked=marked)}
        if problem.kind == "speck":
            assert changed.sum() < SPECK * len(problem.places)
            assert (done.labels[changed] == 0).all()
            assert (problem.kind, problem.where) not in left
        if problem.kind == "hole":
            assert (labels[changed] == 0).all()
            assert (problem.kind, problem.where) not in left
        if problem.kind == "value_twice":
            assert (labels[changed] >= 2).all()
            assert (done.labels[changed] >= FREE).all()
        if problem.kind == "no_background":
            assert (labels[changed] == 0).all()
            assert (done.labels[changed] == 1).all()
