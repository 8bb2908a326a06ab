import numpy as np
import pytest
from hypothesis import given, settings
from label_strategies import small_labels
from plain_weight_map import scatter_discs

from napari_unet.annotation.coding import LabelsAre
from napari_unet.annotation.problems import find_blocking, find_problems


def painted(n_objects=9):
    """A good annotation: whole objects on background."""
    labels = scatter_discs(150, n_objects, np.random.default_rng(0), first=2, coverage=0.3)
    labels[labels == 0] = 1
    return labels


def kinds(labels, *args, **kwargs):
    return [problem.kind for problem in find_problems(labels, *args, **kwargs)]


def test_a_good_annotation_has_no_problems():
    assert find_problems(painted()) == []
    assert find_problems(np.minimum(painted(), 2), LabelsAre.CLASSES) == []


@pytest.mark.parametrize("labels_are", list(LabelsAre))
def test_an_empty_annotation(labels_are):
    (problem,) = find_problems(np.zeros((9, 9), np.int32), labels_are)
    assert (problem.kind, problem.blocking) == ("empty", True)


@pytest.mark.parametrize("labels_are", list(LabelsAre))
def test_background_only(labels_are):
    (problem,) = find_problems(np.ones((9, 9), np.int32), labels_are)
    assert (problem.kind, problem.blocking) == ("only_one_class", True)


def test_no_background():
    labels = painted()
    labels[labels == 1] = 0
    problems = {problem.kind: problem for problem in find_problems(labels)}
    assert problems["no_background"].blocking
    problems = {problem.kind: problem for problem in find_problems(labels, LabelsAre.CLASSES)}
    assert not problems["no_background"].blocking


def test_one_class_only():
    assert kinds(np.full((5, 5), 3, np.int32), LabelsAre.CLASSES) == ["only_one_class"]


def test_object_values_in_a_class_annotation():
    labels = painted()
    labels[labels == 5] = 5000
    (problem,) = find_problems(labels, LabelsAre.CLASSES)
    assert (problem.kind, problem.blocking) == ("too_many_classes", True)
    assert labels[problem.where] == 5000


def test_one_object_does_not_block():
    (problem,) = find_problems(painted(1))
    assert (problem.kind, problem.blocking) == ("one_object", False)
    assert painted(1)[problem.where] == 2


def test_only_scribbles_do_not_block():
    labels = np.zeros((60, 60), np.int32)
    labels[10:13, 10:30], labels[30:33, 10:30], labels[50:53, 10:30] = 2, 3, 1
    (problem,) = find_problems(labels)
    assert (problem.kind, problem.blocking) == ("only_scribbles", False)
    assert find_problems(labels, marked=[2, 3]) == []


def test_objects_that_are_not_closed_in_are_counted():
    labels = painted()
    y, x = np.argwhere(labels == 4)[0]
    labels[:y, x] = np.where(
        labels[:y, x] == 1, 0, labels[:y, x]
    )  # a way out that is longer than a gap is wide
    (problem,) = find_problems(labels)
    assert problem.kind == "not_enclosed"
    assert problem.sentence.startswith("1 of 9 objects is")
    assert labels[problem.where] == 4


def test_one_value_in_two_places_far_apart():
    labels = painted()
    labels[labels == 10] = 2
    (problem,) = find_problems(labels)
    assert problem.kind == "value_twice"
    assert not problem.blocking
    assert labels[problem.where] == 2


def test_an_object_in_two_pieces_close_together_is_no_problem():
    labels = np.ones((40, 40), np.int32)
    labels[10:20, 10:20], labels[10:20, 22:32], labels[30:36, 30:36] = 2, 2, 3
    assert find_problems(labels) == []


def test_specks():
    labels = painted()
    y, x = np.argwhere(labels == 1)[0]
    labels[y, x] = 6
    (problem,) = find_problems(labels)
    assert (problem.kind, problem.where) == ("speck", (y, x))
    assert "1 pixel" in problem.sentence


def test_many_specks_are_summed_up():
    labels = np.ones((80, 80), np.int32)
    labels[::4, ::4] = np.arange(2, 402).reshape(20, 20)
    problems = find_problems(labels)
    assert len(problems) == 20
    assert problems[-1].sentence.startswith("381 more")
    assert labels[problems[-1].where] >= 2


def test_a_hole_in_an_object():
    labels = painted()
    y, x = np.argwhere(labels == 3).mean(axis=0).astype(int)
    labels[y : y + 2, x : x + 2] = 0
    problems = {problem.kind: problem for problem in find_problems(labels)}
    assert problems["hole"].where == (y, x)
    assert "Object 3" in problems["hole"].sentence
    assert set(problems) == {"hole"}


def test_holes_of_one_object_are_told_at_once():
    labels = painted()
    y, x = np.argwhere(labels == 3).mean(axis=0).astype(int)
    labels[y, x] = labels[y, x + 2] = 0
    (hole,) = [problem for problem in find_problems(labels) if problem.kind == "hole"]
    assert "2 holes" in hole.sentence
    assert len(hole.places) == 2


def test_not_annotated_areas_at_the_edge_or_between_objects_are_no_holes():
    labels = np.full((20, 20), 2, np.int32)
    labels[:, 10:] = 3
    labels[0, 0] = labels[9:11, 9:11] = 0
    assert "hole" not in kinds(labels)


@settings(max_examples=40, deadline=None)
@given(small_labels([0, 0, 1, 1, 2, 3, 4000000]))
def test_any_annotation_is_judged_and_every_place_is_painted_or_a_hole(labels):
    for labels_are in LabelsAre:
        for problem in find_problems(labels, labels_are):
            assert problem.sentence.endswith((".", "?"))
            if problem.where is not None:
                assert (labels[problem.where] == 0) == (problem.kind == "hole")


@pytest.mark.parametrize("labels_are", list(LabelsAre))
@pytest.mark.parametrize("values", [[0], [1], [2], [0, 2], [1, 2], [0, 1, 2, 3], [2, 400], [1, 400]])
def test_what_blocks_is_found_without_looking_at_shapes(values, labels_are):
    labels = np.resize(np.repeat(np.array(values, np.int32), 6), (12, 12))
    blocking = [problem for problem in find_problems(labels, labels_are) if problem.blocking]
    assert find_blocking(labels, labels_are) == blocking
