"""Object numbers persist by overlap."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from object_scenes import write_values

from napari_unet.objects.edit import accept
from napari_unet.objects.numbering import free_numbers, keep_numbers
from napari_unet.objects.overlaps import count_overlaps, replace_values
from napari_unet.objects.overlay import overlay_annotation

images = arrays(np.int32, (8, 9), elements=st.sampled_from([0, 0, 1, 2, 3, 7, 100_000]))


def same_objects(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two label images divide the plane alike."""
    pairs = count_overlaps(a, b)
    return len(set(pairs.first)) == len(pairs.first) == len(set(pairs.second)) and np.array_equal(
        a > 0, b > 0
    )


@settings(max_examples=60, deadline=None)
@given(new=images, old=images)
def test_renumbering_keeps_the_objects_and_uses_old_numbers_or_fresh_ones(
    new: np.ndarray, old: np.ndarray
) -> None:
    kept = keep_numbers(new, old)
    assert same_objects(new, kept)
    top = max(new.max(), old.max())
    for number in np.unique(kept[kept > 0]):
        assert number > top or np.any((kept == number) & (old == number))


@settings(max_examples=30, deadline=None)
@given(old=images, seed=st.integers(0, 1000))
def test_shuffled_numbers_come_back(old: np.ndarray, seed: int) -> None:
    values = np.unique(old[old > 0])
    shuffled = np.random.default_rng(seed).permutation(len(values)) + 1
    new = replace_values(old, dict(zip(values.tolist(), shuffled.tolist(), strict=True)))
    assert np.array_equal(keep_numbers(new, old), old)


def test_the_larger_part_of_a_split_keeps_the_number_and_a_graze_gives_none() -> None:
    old = write_values("444444....\n444444....\n......5555\n")
    new = write_values("112222....\n112222....\n.....33333\n")
    assert np.array_equal(keep_numbers(new, old), np.where(new == 2, 4, np.where(new == 3, 5, new * 6)))
    moved = write_values("...4444444\n...4444444\n..........\n")
    neighbour = write_values("1111......\n1111......\n..........\n")
    assert keep_numbers(neighbour, moved).max() == 4  # 2 of 8 px are a quarter
    neighbour = write_values("1111......\n111.......\n111.......\n")
    assert keep_numbers(neighbour, moved).max() == 5


def test_where_the_type_ends_free_numbers_below_are_taken() -> None:
    largest = np.iinfo(np.int32).max
    assert free_numbers(2, 2, np.array([2, largest - 3])) == [largest - 2, largest - 1]
    assert free_numbers(3, 2, np.array([2, 4, largest])) == [3, 5, 6]
    old = np.array([[largest, largest, 0, 1]], np.int32)
    new = np.array([[2, 2, 3, 0]], np.int32)
    kept = keep_numbers(new, old)
    assert kept[0, :2].tolist() == [largest, largest]
    assert kept[0, 2] not in (0, 1, 2, largest)
    shown = overlay_annotation(old, np.array([[0, 1, 5, 0]]))
    assert shown.tolist() == [[largest, 0, 2, 1]]
    change = accept(new, old * (old > 1), reach=1)
    assert change is not None
    assert change.new.tolist() == [[2, 1]]


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="different shape"):
        keep_numbers(np.zeros((2, 2), int), np.zeros((2, 3), int))


@settings(max_examples=40, deadline=None)
@given(a=images, b=images)
def test_overlaps_are_those_of_counting_pixel_by_pixel(a: np.ndarray, b: np.ndarray) -> None:
    counted = count_overlaps(a, b)
    plain: dict[tuple[int, int], int] = {}
    for pair in zip(a.ravel().tolist(), b.ravel().tolist(), strict=True):
        plain[pair] = plain.get(pair, 0) + 1
    found = zip(
        zip(counted.first.tolist(), counted.second.tolist(), strict=True),
        counted.pixels.tolist(),
        strict=True,
    )
    assert dict(found) == plain
