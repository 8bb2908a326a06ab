"""The rule of edits: what corrections and acceptance change in the annotation, and how that is undone."""

import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from object_scenes import draw_discs, pack_cells, write_values
from scipy import ndimage as ndi

from napari_unet.objects.edit import Change, accept, apply, correct, diff, invert
from napari_unet.objects.near import find_near
from napari_unet.objects.overlay import overlay_annotation

Labels = np.ndarray
shapes = st.tuples(st.integers(1, 12), st.integers(1, 12))
seeds = st.integers(0, 10**6)


def blobs(shape: tuple[int, int], n: int, rng: np.random.Generator, values: list[int]) -> Labels:
    """Random coarse patches of values, so that objects are larger than single pixels."""
    small = rng.choice(values, (shape[0] // 3 + 1, shape[1] // 3 + 1))
    return np.kron(small, np.ones((3, 3), int))[: shape[0], : shape[1]].astype(np.int32) * (n > 0)


def applied(array: Labels, change: Change | None) -> Labels:
    result = array.copy()
    if change is not None:
        apply(result, change)
    return result


# --- changes


@settings(max_examples=60, deadline=None)
@given(data=st.data(), shape=shapes)
def test_a_change_and_its_inverse_restore_every_state(data: st.DataObject, shape: tuple[int, int]) -> None:
    states = [data.draw(arrays(np.int32, shape, elements=st.integers(0, 3))) for _ in range(4)]
    changes = [diff(a, b) for a, b in pairwise(states)]
    array = states[0].copy()
    for change, state in zip(changes, states[1:], strict=True):
        if change is not None:
            apply(array, change)
        assert np.array_equal(array, state)
    for change, state in zip(reversed(changes), reversed(states[:-1]), strict=True):
        if change is not None:
            apply(array, invert(change))
        assert np.array_equal(array, state)


def test_a_change_holds_the_smallest_box_and_copies() -> None:
    old = np.zeros((3, 9, 9), np.int32)
    new = old.copy()
    new[1, 2:4, 5] = 7
    change = diff(old, new, box=(slice(1, 2), slice(1, 6), slice(3, 9)))
    assert change is not None
    assert change.offset == (1, 2, 5)
    assert change.new.shape == (1, 2, 1)
    new[:] = 0
    assert change.new.max() == 7
    assert diff(old, old.copy()) is None


# --- corrections


def test_a_painted_object_enters_whole_with_a_free_value_and_erased_pixels_become_background() -> None:
    before = write_values("""
        11..22
        11..22
        ......""")
    after = write_values("""
        111.22
        11..2.
        ......""")
    annotation = write_values("""
        ......
        ......
        5.....""")
    assert np.array_equal(
        applied(annotation, correct(before, after, annotation)),
        write_values("""
        666.77
        66..71
        5....."""),
    )


def test_an_annotated_object_keeps_its_value_and_the_larger_part_of_a_split_does() -> None:
    before = write_values("11111.22")
    annotation = write_values("33333100")
    after = write_values("11144.22")
    assert np.array_equal(applied(annotation, correct(before, after, annotation)), write_values("33344100"))
    renumbered = write_values("99999.22")  # filled with another number: it is still the same object
    assert correct(before, renumbered, annotation) is None
    assert np.array_equal(
        applied(annotation, correct(before, write_values("44999.22"), annotation)), write_values("44333100")
    )


def test_merged_objects_get_one_value_over_their_whole_area() -> None:
    before = write_values("111222..")
    annotation = write_values("33304000")  # 3 under the first, 4 in the second
    merged = write_values("111111..")
    assert np.array_equal(applied(annotation, correct(before, merged, annotation)), write_values("33333300"))


def test_a_deleted_object_becomes_background_and_painted_background_becomes_object() -> None:
    before = write_values("11..22")
    annotation = write_values("331100")
    assert np.array_equal(
        applied(annotation, correct(before, write_values("....22"), annotation)), write_values("111100")
    )
    assert np.array_equal(
        applied(annotation, correct(before, write_values("111.22"), annotation)), write_values("333100")
    )


def test_a_new_object_painted_over_an_annotated_one_leaves_that_one_its_value() -> None:
    before = write_values("111111...")
    annotation = write_values("444444000")
    after = write_values("119999999")
    changed = applied(annotation, correct(before, after, annotation))
    assert np.array_equal(changed, write_values("445555555"))


def test_free_values_start_where_the_caller_says() -> None:
    before, after = write_values("......"), write_values("11....")
    change = correct(before, after, np.zeros((1, 6), np.int32), free_value=40)
    assert change is not None
    assert change.new.max() == 40


def test_in_class_maps_only_the_edited_pixels_enter() -> None:
    before, after = write_values("1111222"), write_values("1101222")
    annotation = np.zeros((1, 7), np.int32)
    changed = applied(annotation, correct(before, after, annotation, "classes"))
    assert np.array_equal(changed, write_values("0010000"))
    changed = applied(changed, correct(after, write_values("2201222"), changed, "classes"))
    assert np.array_equal(changed, write_values("3310000"))


@settings(max_examples=80, deadline=None)
@given(seed=seeds)
def test_after_any_correction_the_annotation_says_what_is_shown(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(3, 20, 2))
    annotation = blobs(shape, 1, rng, [0, 0, 0, 1, 2, 3, 8])
    before = overlay_annotation(blobs(shape, 1, rng, [0, 0, 1, 2, 3, 4]), annotation)
    after = before.copy()
    for _ in range(rng.integers(1, 4)):
        y, x = rng.integers(0, shape[0]), rng.integers(0, shape[1])
        after[y : y + 4, x : x + 3] = rng.choice([0, *np.unique(before), 77])
    change = correct(before, after, annotation)
    changed = applied(annotation, change)
    edited = before != after
    touched = set(np.unique(after[edited])) | set(np.unique(before[edited])) - {0}
    for number in touched & set(np.unique(after[after > 0])):
        values = np.unique(changed[after == number])
        assert len(values) == 1  # whole,
        assert values[0] >= 2
        assert not np.any(changed[(after != number) & np.isin(after, list(touched))] == values[0])  # its own
    assert np.all(changed[edited & (after == 0)] == 1)
    untouched = ~np.isin(after, list(touched - {0})) & ~edited
    assert np.array_equal(changed[untouched], annotation[untouched])
    assert np.array_equal(overlay_annotation(after, changed)[edited] > 0, after[edited] > 0)
    if change is not None:
        apply(changed, invert(change))
        assert np.array_equal(changed, annotation)


# --- acceptance


def test_the_ring_of_an_accepted_object_leaves_out_what_may_be_a_missed_neighbour() -> None:
    segmentation = np.zeros((40, 60), np.int32)
    segmentation[15:25, 15:25] = 1
    sure = np.ones(segmentation.shape, bool)
    sure[10:30, 25:40] = False  # a dim neighbour touches it
    change = accept(segmentation, np.zeros_like(segmentation), [1], reach=10, sure_background=sure)
    assert change is not None
    annotation = np.zeros_like(segmentation)
    annotation[change.box] = change.new
    assert (annotation[15:25, 25:28] == 1).all()  # it says where the object ends
    assert (annotation[15:25, 29:40] == 0).all()
    assert (annotation[15:25, 6:15] == 1).all()


def test_an_accepted_object_brings_a_ring_without_other_objects() -> None:
    segmentation = draw_discs((60, 60), [(25, 20), (25, 38)], 8)
    annotation = np.zeros((60, 60), np.int32)
    changed = applied(annotation, accept(segmentation, annotation, [1], reach=6))
    assert np.array_equal(changed >= 2, segmentation == 1)
    distance = ndi.distance_transform_edt(segmentation != 1)
    assert np.array_equal(changed == 1, (distance <= 6) & (segmentation == 0))
    again = applied(changed, accept(segmentation, changed, [2], reach=6))
    assert np.array_equal(again == 3, segmentation == 2)
    assert accept(segmentation, again, [1, 2], reach=6) is None


def test_acceptance_completes_what_is_annotated_in_part_and_never_overwrites() -> None:
    segmentation = write_values("11111.222.")
    annotation = write_values("0550000100")
    changed = applied(annotation, accept(segmentation, annotation))
    assert np.array_equal(changed, write_values("5555506160"))


def test_two_scribbles_in_one_object_share_it() -> None:
    segmentation = write_values("111111")
    annotation = write_values("200003")
    assert np.array_equal(applied(annotation, accept(segmentation, annotation)), write_values("222333"))


def test_regions_choose_objects_by_half_of_their_area_and_unknown_numbers_do_nothing() -> None:
    segmentation = write_values("1111.2222.33")
    annotation = np.zeros(segmentation.shape, np.int32)
    region = np.zeros(segmentation.shape, bool)
    region[:, 2:6] = True
    assert np.array_equal(
        applied(annotation, accept(segmentation, annotation, region)), write_values("222200000000")
    )
    assert accept(segmentation, annotation, [9]) is None
    assert accept(segmentation, annotation, []) is None
    assert accept(segmentation, annotation, ~region & False) is None


def test_class_maps_are_accepted_by_region_or_class() -> None:
    segmentation = write_values("001122")
    annotation = write_values("100030")
    assert np.array_equal(
        applied(annotation, accept(segmentation, annotation, labels_are="classes")), write_values("112233")
    )
    assert np.array_equal(
        applied(annotation, accept(segmentation, annotation, [2], labels_are="classes")),
        write_values("100033"),
    )
    region = np.array([[True, True, True, False, False, False]])
    assert np.array_equal(
        applied(annotation, accept(segmentation, annotation, region, labels_are="classes")),
        write_values("112030"),
    )


@settings(max_examples=80, deadline=None)
@given(seed=seeds, reach=st.sampled_from([0.0, 1.0, 2.5]))
def test_acceptance_fills_only_not_annotated_pixels_with_what_is_shown(seed: int, reach: float) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(3, 20, 2))
    annotation = blobs(shape, 1, rng, [0, 0, 0, 1, 2, 3, 8])
    segmentation = blobs(shape, 1, rng, [0, 0, 1, 2, 3, 4])
    shown = overlay_annotation(segmentation, annotation)
    change = accept(segmentation, annotation, reach=reach)
    changed = applied(annotation, change)
    assert np.array_equal(changed[annotation > 0], annotation[annotation > 0])
    filled = (annotation == 0) & (changed >= 2)
    assert np.array_equal(filled, (annotation == 0) & (shown > 0))
    for number in np.unique(shown[shown > 0]):
        assert len(np.unique(changed[shown == number])) == 1
    pairs = {(int(a), int(b)) for a, b in zip(shown[shown > 0], changed[shown > 0], strict=True)}
    assert len({b for _, b in pairs}) == len(pairs)
    ring = (annotation == 0) & (changed == 1)
    assert np.all(segmentation[ring] == 0)
    assert np.all(find_near(shown > 0, reach)[ring])
    if change is not None:
        apply(changed, invert(change))
        assert np.array_equal(changed, annotation)


@settings(max_examples=150, deadline=None)
@given(seed=seeds, reach=st.sampled_from([0.0, 1.0, 3.0]))
def test_accepting_single_objects_in_their_box_equals_looking_at_the_whole_plane(
    seed: int, reach: float
) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(10, 40, 2))
    annotation = blobs(shape, 1, rng, [0, 0, 0, 0, 1, 2, 3, 4, 5])
    segmentation = np.roll(blobs(shape, 1, rng, [0, 0, *range(1, 12)]), 1, axis=0)
    numbers = rng.choice(np.arange(1, 12), 2)
    shown = overlay_annotation(segmentation, annotation)
    free = annotation == 0
    wanted = set(shown[np.isin(segmentation, numbers) & free].tolist())
    for number in numbers:
        under = shown[segmentation == number]
        wanted |= {k for k in under.tolist() if np.count_nonzero(under == k) > under.size / 2}
    filled = free & np.isin(shown, list(wanted - {0}))
    changed = applied(annotation, accept(segmentation, annotation, numbers.tolist(), reach))
    assert np.array_equal(free & (changed >= 2), filled)


@settings(max_examples=40, deadline=None)
@given(seed=seeds, reach=st.floats(0, 12), shape=shapes)
def test_near_is_the_euclidean_distance(seed: int, reach: float, shape: tuple[int, int]) -> None:
    mask = np.random.default_rng(seed).random(shape) < 0.05
    mask.flat[0] = True
    assert np.array_equal(find_near(mask, reach), ndi.distance_transform_edt(~mask) <= reach)
    assert not find_near(np.zeros(shape, bool), reach).any()


@pytest.mark.parametrize("what", ["plane", "object", "stroke"])
def test_edits_are_fast_at_2048(what: str) -> None:
    quarter = pack_cells(1024, 18)
    segmentation = np.block(
        [[np.where(quarter > 0, quarter + 1000 * (2 * i + j), 0) for j in (0, 1)] for i in (0, 1)]
    ).astype(np.int32)
    annotation = np.zeros(segmentation.shape, np.int32)
    annotation[:600] = segmentation[:600] + 1
    start = time.thread_time()
    if what == "plane":
        accept(segmentation, annotation, reach=21)
    elif what == "object":
        accept(segmentation, annotation, [1500], reach=21)
    else:
        after = segmentation.copy()
        after[1000:1020, 1000:1020] = 0
        start = time.thread_time()
        correct(segmentation, after, annotation, box=np.s_[1000:1020, 1000:1020])
    assert time.thread_time() - start < {"plane": 2.0, "object": 0.3, "stroke": 0.3}[what]
