"""Planes linked into 3D objects and tracks."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_unet.errors import Stopped
from napari_unet.objects.linking import Linked, LinkSettings, link_planes
from napari_unet.objects.matching import match_best_first
from napari_unet.objects.overlaps import count_overlaps

volumes = arrays(np.int32, (4, 6, 7), elements=st.sampled_from([0, 0, 0, 1, 2, 3, 90_000]))


def reader(labels: np.ndarray) -> Callable[[tuple[int, ...]], np.ndarray]:
    return lambda plane: labels[plane]


def apply(linked: Linked, labels: np.ndarray) -> np.ndarray:
    return np.stack([linked.apply((z,), labels[z]) for z in range(len(labels))])


def link(labels: np.ndarray, **how: object) -> np.ndarray:
    return apply(link_planes(reader(labels), labels.shape[:1], depth=0, settings=LinkSettings(**how)), labels)


def discs(*planes: list[tuple[int, int, int]]) -> np.ndarray:
    """Planes of 40 × 60 px with discs (y, x, radius), numbered on each plane anew."""
    y, x = np.mgrid[:40, :60]
    labels = np.zeros((len(planes), 40, 60), np.int32)
    for plane, found in zip(labels, planes, strict=True):
        for number, (cy, cx, r) in enumerate(found, start=1):
            plane[(y - cy) ** 2 + (x - cx) ** 2 <= r * r] = number
    return labels


@settings(max_examples=80, deadline=None)
@given(labels=volumes, least=st.sampled_from([0.05, 0.2, 0.6, 1.0]), bridge=st.booleans())
def test_linking_keeps_the_objects_of_every_plane_and_gives_each_object_one_number(
    labels: np.ndarray, least: float, bridge: bool
) -> None:
    linked = link(labels, least_overlap=least, bridge_gaps=bridge)
    assert np.array_equal(linked > 0, labels > 0)
    for before, after in zip(labels, linked, strict=True):
        pairs = count_overlaps(before, after)
        assert len(set(pairs.first)) == len(pairs.first) == len(set(pairs.second))


@settings(max_examples=60, deadline=None)
@given(labels=volumes, least=st.sampled_from([0.1, 0.4, 1.0]), bridge=st.booleans())
def test_objects_of_one_number_hang_together_by_overlaps_that_suffice(
    labels: np.ndarray, least: float, bridge: bool
) -> None:
    linked = link(labels, least_overlap=least, bridge_gaps=bridge)
    for number in np.unique(linked[linked > 0]):
        there = np.flatnonzero((linked == number).any(axis=(1, 2)))
        for a, b in itertools.pairwise(there):
            assert b - a == 1 or (bridge and b - a == 2)
            one, other = linked[a] == number, linked[b] == number
            assert (one & other).sum() >= least * min(one.sum(), other.sum())


@settings(max_examples=40, deadline=None)
@given(labels=volumes)
def test_linking_again_changes_nothing(labels: np.ndarray) -> None:
    once = link(labels)
    assert np.array_equal(link(once), once)


@settings(max_examples=40, deadline=None)
@given(labels=volumes, seed=st.integers(0, 100))
def test_what_is_linked_does_not_hang_on_the_numbers(labels: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    other = np.zeros_like(labels)
    for before, after in zip(labels, other, strict=True):
        values = np.unique(before[before > 0])  # in the same order, for equal overlaps go by the order
        new = np.sort(rng.choice(5000, values.size, replace=False)) + 1
        for value, number in zip(values, new, strict=True):
            after[before == value] = number
    pairs = count_overlaps(link(labels), link(other))
    assert len(set(pairs.first)) == len(pairs.first) == len(set(pairs.second))


@settings(max_examples=80, deadline=None)
@given(
    pairs=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), unique=True, max_size=30),
    seed=st.integers(0, 50),
)
def test_pairs_are_chosen_as_one_after_the_other_would_be(pairs: list[tuple[int, int]], seed: int) -> None:
    first = np.array([a for a, _ in pairs], np.int64)
    second = np.array([b for _, b in pairs], np.int64)
    weight = np.random.default_rng(seed).choice([0.1, 0.5, 0.5, 0.9], len(pairs))
    expected, left, right = [], set(), set()
    for k in sorted(range(len(pairs)), key=lambda k: (-weight[k], *pairs[k])):
        if first[k] not in left and second[k] not in right:
            expected.append(k)
            left.add(first[k])
            right.add(second[k])
    assert match_best_first(first, second, weight).tolist() == sorted(expected)


def test_a_gap_of_one_plane_is_bridged_and_one_of_two_is_not() -> None:
    here = [(20, 20, 8)]
    linked = link(discs(here, [], here, [], [], here))
    assert linked[0].max() == linked[2].max() != linked[5].max()
    apart = link(discs(here, [], here), bridge_gaps=False)
    assert apart[0].max() != apart[2].max()


def test_where_two_objects_melt_on_one_plane_both_go_on_behind_it() -> None:
    two = [(20, 20, 8), (20, 37, 8)]
    labels = discs(two, two, two)
    labels[1][labels[1] == 2] = 1
    linked = link(labels)
    assert np.array_equal(linked[0], linked[2])
    assert np.unique(linked[0][linked[0] > 0]).size == 2


def test_the_number_of_the_largest_part_goes_on() -> None:
    labels = discs([(20, 20, 4)], [(20, 20, 9)], [(20, 20, 5)])
    labels[0] *= 5
    labels[1] *= 7
    labels[2] *= 9
    assert set(np.unique(link(labels))) == {0, 7}


def test_planes_along_other_axes_are_never_linked() -> None:
    one = discs([(20, 20, 8)], [(20, 20, 8)])
    labels = np.stack([one, one])  # two positions of two planes
    linked = link_planes(reader(labels), (2, 2), depth=1)
    assert linked.n_objects == 2
    numbers = {plane: int(found[1][0]) for plane, found in linked.numbers.items()}
    assert numbers[0, 0] == numbers[0, 1] != numbers[1, 0] == numbers[1, 1]


def test_a_division_starts_new_numbers_and_names_the_mother() -> None:
    other = (30, 50, 6)
    labels = discs(
        [(20, 20, 9), other],
        [(20, 20, 9), other],
        [(20, 14, 6), (20, 27, 6), other],
        [(20, 12, 6), (20, 29, 6), other],
    )
    found = link_planes(reader(labels), (4,), time=0)
    linked = apply(found, labels)
    mother, bystander = int(linked[0, 20, 20]), int(linked[0, 30, 50])
    left, right = int(linked[3, 20, 12]), int(linked[3, 20, 29])
    assert len({mother, bystander, left, right}) == 4
    assert (linked[:, 30, 50] == bystander).all()
    assert (linked[2, 20, 14], linked[2, 20, 27]) == (left, right)
    assert {tuple(row) for row in found.tracks.tolist()} == {
        (mother, 0, 1, 0),
        (bystander, 0, 3, 0),
        (left, 2, 3, mother),
        (right, 2, 3, mother),
    }


def test_3d_objects_are_tracked_as_wholes() -> None:
    volume = [[(20, 20, 5)], [(20, 20, 9)], [(20, 20, 5)]]
    moved = [[(20, 23, 5)], [(20, 23, 9)], [(20, 23, 5)]]
    labels = np.stack([discs(*volume), discs(*moved), discs([], *moved[:2])])
    found = link_planes(reader(labels), (3, 3), depth=1, time=0)
    assert found.n_objects == 1
    assert found.tracks[0, 1:].tolist() == [0, 2, 0]


def test_nothing_to_link_is_no_mistake() -> None:
    empty = np.zeros((3, 8, 8), np.int32)
    found = link_planes(reader(empty), (3,), depth=0)
    assert found.n_objects == 0
    assert not found.apply((1,), empty[1]).any()
    single = discs([(20, 20, 5)])
    assert link_planes(reader(single), (1,), time=0).tracks.tolist() == [[1, 0, 0, 0]]


def test_it_tells_how_far_it_is_and_stops() -> None:
    labels = discs(*[[(20, 20, 5)]] * 4)
    seen: list[float] = []
    link_planes(reader(labels), (4,), depth=0, on_progress=lambda fraction, _: seen.append(fraction))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    with pytest.raises(Stopped):
        link_planes(reader(labels), (4,), depth=0, should_stop=lambda: len(seen) > 0)
