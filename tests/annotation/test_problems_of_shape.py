"""Two objects under one value, slivers at the edge, look-alikes in a region: found, and repaired."""

import numpy as np
import pytest

from napari_unet.annotation.problems_of_shape import find_look_alikes, find_slivers, find_touching
from napari_unet.annotation.repairs import repair

FREE = 50


def discs(*middles, radius=9, shape=(80, 120), ground=1):
    y, x = np.ogrid[: shape[0], : shape[1]]
    labels = np.full(shape, ground, np.int32)
    for value, (row, column) in enumerate(middles, start=2):
        labels[(y - row) ** 2 + (x - column) ** 2 <= radius**2] = value
    return labels


def test_two_that_touch_under_one_value_are_cut_at_the_neck():
    labels = discs((20, 20), (50, 40), (50, 57))
    truth = labels.copy()
    labels[labels == 4] = 3
    (problem,) = find_touching(labels)
    assert (problem.kind, problem.blocking) == ("two_touching", False)
    assert labels[problem.where] == 3
    done = repair(problem, labels, FREE)
    assert done.name == "Split object"
    assert done.split_from == {FREE: 3}
    side = done.labels == FREE
    assert max(np.sum(side & (truth == k)) / np.sum(side | (truth == k)) for k in (3, 4)) > 0.9
    assert set(np.unique(done.labels)) == {1, 2, 3, FREE}
    assert repair(problem, done.labels, FREE) is None, "it is repaired already"


@pytest.mark.parametrize("radius", [3, 9, 20])
def test_discs_ellipses_and_rods_are_no_pairs(radius):
    labels = discs((40, 40), radius=radius)
    y, x = np.ogrid[:80, :120]
    labels[((y - 40) / radius) ** 2 + ((x - 90) / (radius / 2.5)) ** 2 <= 1] = 3
    labels[75:79, 2:60] = 4
    assert list(find_touching(labels)) == []


def test_a_sliver_at_the_edge_is_left_out_and_half_an_object_is_not():
    labels = discs((20, 20), (50, 40), (30, 119), (60, -7))
    (problem,) = find_slivers(labels)
    assert problem.kind == "cut_by_edge"
    assert labels[problem.where] == 5
    done = repair(problem, labels, FREE)
    assert not done.labels[labels == 5].any()
    np.testing.assert_array_equal(done.labels[labels != 5], labels[labels != 5])


def test_where_the_edge_cuts_all_objects_the_size_is_a_guess():
    (problem,) = find_slivers(discs((0, 20), (79, 40)))
    assert problem.kind == "all_cut"
    assert repair(problem, discs((0, 20), (79, 40)), FREE) is None


def in_a_region():
    """Two painted objects and one that was forgotten; all of the image is a region."""
    everything = discs((20, 20), (50, 40), (50, 90))
    painted = np.where((everything == 1) | (everything == 4), 0, everything).astype(np.int32)
    labels = np.where(painted == 0, 1, painted).astype(np.int32)
    rng = np.random.default_rng(0)
    image = np.where(everything > 1, 100, 20) + rng.normal(0, 5, everything.shape)
    return everything, painted, labels, image[np.newaxis]


def test_what_looks_like_the_objects_in_a_region_is_told_and_made_one():
    everything, painted, labels, image = in_a_region()
    (problem,) = find_look_alikes(painted, labels, image)
    assert everything[problem.where] == 4
    done = repair(problem, painted, FREE)
    assert done.name == "Add object"
    added = done.labels == FREE
    assert np.sum(added & (everything == 4)) / np.sum(added | (everything == 4)) > 0.8
    painted[problem.where] = 7
    assert repair(problem, painted, FREE) is None, "somebody painted there since"


def test_what_a_network_found_is_asked_first():
    everything, painted, labels, _ = in_a_region()
    flat = np.zeros((1, *painted.shape), np.float32)
    assert list(find_look_alikes(painted, labels, flat)) == [], "nothing tells them apart"
    (problem,) = find_look_alikes(painted, labels, flat, np.where(everything > 1, everything, 0))
    np.testing.assert_array_equal(repair(problem, painted, FREE).labels == FREE, everything == 4)


def test_outside_of_regions_nothing_is_looked_for():
    _everything, painted, _, image = in_a_region()
    assert list(find_look_alikes(painted, painted, image)) == []
    background = np.where(painted == 0, 1, painted).astype(np.int32)
    assert list(find_look_alikes(background, background, image)) == [], "this background was painted by hand"
