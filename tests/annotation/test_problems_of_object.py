import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from label_strategies import small_labels

from napari_unet.annotation.problems_of_object import judge_object
from napari_unet.annotation.targets import complete_objects


def square(open_side=None):
    """One object with background around it but for one side."""
    labels = np.zeros((80, 80), np.int32)
    labels[25:55, 25:55] = 1
    labels[32:48, 32:48] = 2
    if open_side is not None:
        labels[open_side] = 0
    return labels


def test_a_closed_in_object_is_complete():
    found = judge_object(square(), 2)
    assert found.complete
    assert found.closed_in
    assert found.sentence.startswith("Complete: background")


@pytest.mark.parametrize(
    ("side", "name"),
    [
        (np.s_[32:48, 48:], "right"),
        (np.s_[32:48, :32], "left"),
        (np.s_[:32, 32:48], "top"),
        (np.s_[48:, 32:48], "bottom"),
        (np.s_[:36, 46:], "upper right"),
    ],
)
def test_it_says_where_an_object_is_open(side, name):
    labels = square()
    labels[side] = np.where(labels[side] == 1, 0, labels[side])
    found = judge_object(labels, 2)
    assert not found.complete
    assert f"open at the {name}." in found.sentence


def test_a_lone_object_has_nothing_around_it_until_the_user_says_it_is_complete():
    labels = np.where(square() == 2, 2, 0).astype(np.int32)
    assert "nothing is painted around it" in judge_object(labels, 2).sentence
    assert judge_object(labels, 2, marked=[2]).complete
    assert judge_object(labels, 2, marked=[2]).sentence == "Complete: you said so."


def test_an_object_that_is_not_there():
    found = judge_object(square(), 7, marked=[7])
    assert not found.complete
    assert found.sentence == "Object 7 is not on this plane."


@settings(max_examples=60, deadline=None)
@given(small_labels([0, 0, 1, 1, 2, 3], largest=40), st.sets(st.sampled_from([2, 3])))
def test_it_judges_as_training_does(labels, marked):
    complete = complete_objects(labels, marked)
    for value in (2, 3, 4):
        assert judge_object(labels, value, marked).complete == (value in complete)
