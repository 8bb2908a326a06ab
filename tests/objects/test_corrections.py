"""The tools that correct objects, as functions of labels: hand-made cases, and what must hold for any."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from object_scenes import draw_discs, pack_cells, write_values
from scipy import ndimage as ndi

from napari_unet.errors import UserError
from napari_unet.objects.changes import Change, apply, invert
from napari_unet.objects.corrections.interpolating import add_shape, interpolate
from napari_unet.objects.corrections.merging import merge
from napari_unet.objects.corrections.places import (
    inside_loop,
    piece_at,
    pixels_along,
    value_at,
    values_along,
    values_enclosed,
)
from napari_unet.objects.corrections.snapping import snap_to_loop, snap_to_point
from napari_unet.objects.corrections.splitting import split_along, split_at
from napari_unet.objects.corrections.sureness import find_sure
from napari_unet.objects.corrections.tidying import delete, set_patch, smooth, smooth_patch

Labels = np.ndarray
EIGHT = np.ones((3, 3))


def path(*points: tuple[float, float]) -> np.ndarray:
    return np.array(points, float)


def circle(centre: tuple[float, float], radius: float) -> np.ndarray:
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    return np.array(centre) + radius * np.stack([np.sin(angles), np.cos(angles)], axis=1)


def applied(labels: Labels, change: Change | None) -> Labels:
    result = labels.copy()
    if change is not None:
        apply(result, change)
    return result


def areas(labels: Labels) -> dict[int, int]:
    values, counts = np.unique(labels[labels > 0], return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


# --- places


def test_a_line_meets_objects_in_order_and_none_outside_the_image() -> None:
    labels = write_values("""
        11.33
        11.33
        22...
    """)
    assert values_along(labels, path((0, 4), (0, 0), (9, 0))) == [3, 1, 2]
    assert value_at(labels, (-1, 0)) == 0
    assert value_at(labels, (2.4, 0.4)) == 2
    assert values_along(labels, path((-5, -5), (-9, 9))) == []


def test_no_two_pixels_on_both_sides_of_a_line_share_a_side() -> None:
    mask = np.ones((30, 40), bool)
    mask[pixels_along(path((-3, 5), (12, 20.4), (33, 31)), mask.shape)] = False
    assert ndi.label(mask)[1] == 2


def test_a_loop_encloses_what_lies_in_it_with_half_of_its_area() -> None:
    labels = draw_discs((60, 90), [(30, 20), (30, 45), (30, 70)], 8)
    assert values_enclosed(labels, circle((30, 30), 20))[0] == [1, 2]
    assert values_enclosed(labels, circle((5, 5), 4)) == ([], None)
    box, mask = inside_loop(circle((0, 0), 5), labels.shape)
    assert (box[0].start, box[1].start) == (0, 0)
    assert mask[0, 0]


@pytest.mark.parametrize("side", [20, 200, 700])
def test_the_patch_under_a_point_is_found_however_large_it_is(side: int) -> None:
    labels = np.zeros((800, 800), np.int32)
    labels[40 : 40 + side, 40 : 40 + side] = 3
    labels[10:20, 10:20] = 3
    box, mask = piece_at(labels, (45, 45))
    assert box == (slice(40, 40 + side), slice(40, 40 + side))
    assert mask.all()


# --- merge


def test_merged_objects_have_the_number_of_the_largest_and_no_seam() -> None:
    labels = draw_discs((60, 90), [(30, 30), (30, 50)], 12)
    labels[:, 40:42] = 0
    labels[30, 55] = 0
    labels[labels == 2] = 9
    before = areas(labels)
    largest = max(before, key=lambda value: before[value])
    merged = applied(labels, merge(labels, [9, 1]))
    assert set(areas(merged)) == {largest}
    assert ndi.label(merged, EIGHT)[1] == 1
    assert (merged[30, 38:44] == largest).all()
    assert merged[30, 55] == 0, "a hole that was there elsewhere stays: only what lies between is filled"
    assert np.array_equal((merged > 0)[:, :36], (labels > 0)[:, :36]), "outlines stay as they are elsewhere"


def test_what_lies_apart_and_a_single_object_are_not_merged() -> None:
    labels = draw_discs((60, 120), [(30, 20), (30, 90)], 12)
    with pytest.raises(UserError, match="too far apart"):
        merge(labels, [1, 2])
    with pytest.raises(UserError, match="Only one object"):
        merge(labels, [1, 0, 1])
    with pytest.raises(UserError, match="No object"):
        merge(labels, [0])


def test_an_object_between_two_others_is_not_painted_over() -> None:
    labels = draw_discs((60, 90), [(30, 20), (30, 36), (30, 52)], 8)
    labels[:, 28], labels[:, 44] = 0, 0
    with pytest.raises(UserError, match="too far apart"):
        merge(labels, [1, 3])
    assert areas(applied(labels, merge(labels, [1, 2, 3]))).keys() == {1}


# --- split


def test_a_line_across_an_object_makes_two_and_loses_no_pixel() -> None:
    labels = draw_discs((60, 60), [(30, 30)], 15)
    split = applied(labels, split_along(labels, path((5, 25), (55, 26))))
    assert ((split > 0) == (labels > 0)).all()
    sizes = areas(split)
    assert set(sizes) == {1, 2}
    assert sizes[1] > sizes[2] > 100, "the smaller part has the new number"
    assert split[30, 20] == 2
    assert split[30, 35] == 1


def test_a_line_that_ends_inside_is_drawn_on() -> None:
    labels = draw_discs((60, 60), [(30, 30)], 15)
    split = applied(labels, split_along(labels, path((24, 30), (28, 30.2), (37, 30))))
    assert all(200 < n < 500 for n in areas(split).values())
    assert len(areas(split)) == 2


def test_a_shaky_line_leaves_no_crumbs() -> None:
    labels = draw_discs((60, 60), [(30, 30)], 15)
    shaky = path((10, 28), (20, 31), (22, 28), (20, 27), (19, 31), (30, 29), (33, 33), (50, 30))
    assert len(areas(applied(labels, split_along(labels, shaky)))) == 2


def test_a_line_cuts_all_that_it_crosses_but_not_what_it_brushes() -> None:
    labels = draw_discs((60, 100), [(30, 20), (30, 50), (14, 80)], 12)
    split = applied(labels, split_along(labels, path((30, 2), (26, 98))))
    assert len(areas(split)) == 5
    assert areas(split)[3] == areas(labels)[3]


def test_a_line_in_the_background_or_along_an_object_cuts_nothing() -> None:
    labels = draw_discs((60, 60), [(30, 30)], 15)
    with pytest.raises(UserError, match="meets no object"):
        split_along(labels, path((0, 0), (0, 50)))
    small = np.zeros((9, 9), np.int32)
    small[4, 3:6] = 1
    with pytest.raises(UserError, match="does not go across"):
        split_along(small, path((4, 0), (4, 8)))


def test_two_points_divide_at_the_neck() -> None:
    labels = np.minimum(draw_discs((60, 90), [(30, 30), (30, 52)], 12), 1)
    split = applied(labels, split_at(labels, (30, 26), (32, 57)))
    assert len(areas(split)) == 2
    assert np.unique(split[30, 18:40]).tolist() == [split[30, 26]]
    assert np.unique(split[30, 43:64]).tolist() == [split[32, 57]]


def test_two_points_divide_where_the_network_saw_background_and_else_in_the_middle() -> None:
    labels = np.zeros((40, 80), np.int32)
    labels[10:30, 10:70] = 4
    background = np.full(labels.shape, 0.05, np.float16)
    background[:, 49:52] = 0.6
    points = (20, 20), (20, 60)
    seen = applied(labels, split_at(labels, *points, background))
    assert (np.unique(seen[10:30, 10:48]).size, np.unique(seen[10:30, 53:70]).size) == (1, 1)
    assert seen[20, 45] != seen[20, 55]
    plain = applied(labels, split_at(labels, *points))
    assert plain[20, 35] == plain[20, 20] != plain[20, 60] == plain[20, 45]


def test_points_in_different_objects_or_on_one_pixel_divide_nothing() -> None:
    labels = draw_discs((60, 90), [(30, 20), (30, 60)], 12)
    for points in (((30, 20), (30, 60)), ((30, 20), (30, 20.3)), ((0, 0), (30, 20))):
        with pytest.raises(UserError, match="same object"):
            split_at(labels, *points)


# --- delete, smooth


def test_deleted_objects_are_background_and_others_stay() -> None:
    labels = draw_discs((60, 90), [(30, 20), (30, 40), (30, 60)], 10)
    left = applied(labels, delete(labels, [1, 3]))
    assert areas(left) == {2: areas(labels)[2]}
    with pytest.raises(UserError, match="no object to delete"):
        delete(labels, [0, 7])


def test_smoothing_fills_holes_and_takes_thorns_but_spares_neighbours() -> None:
    labels = draw_discs((80, 120), [(40, 40), (40, 78)], 20)
    clean = labels.copy()
    labels[36:42, 36:42] = 0
    labels[40, 5:20] = 1
    labels[labels == 1] *= 1
    change = smooth(labels, [1])
    smoothed = applied(labels, change)
    assert (smoothed[36:42, 36:42] == 1).all()
    assert (smoothed[40, 5:17] == 0).all()
    assert ((smoothed == 2) == (clean == 2)).all()
    assert np.count_nonzero((smoothed == 1) != (clean == 1)) < 0.04 * areas(clean)[1]


def test_an_object_inside_a_hole_stays_and_thin_objects_survive() -> None:
    labels = np.zeros((60, 60), np.int32)
    labels[10:50, 10:50] = 1
    labels[20:40, 20:40] = 0
    labels[27:33, 27:33] = 2
    smoothed = applied(labels, smooth(labels, [1]))
    assert areas(smoothed)[2] == 36
    assert smoothed[22, 22] == 1
    thread = np.zeros((60, 60), np.int32)
    thread[30, 5:55] = 1
    assert smooth(thread, [1]) is None
    with pytest.raises(UserError, match="no object to smooth"):
        smooth(labels, [0])


def test_patches_of_a_class_are_set_and_smoothed_alone() -> None:
    labels = np.zeros((60, 60), np.int32)
    labels[5:25, 5:25] = 1
    labels[10:14, 10:14] = 0
    labels[40:50, 40:50] = 1
    other = applied(labels, set_patch(labels, *piece_at(labels, (6, 6)), 2))
    assert (other[6, 6], other[12, 12], other[45, 45]) == (2, 0, 1)
    smoothed = applied(labels, smooth_patch(labels, *piece_at(labels, (6, 6))))
    assert smoothed[12, 12] == 1
    assert (smoothed[40:50, 40:50] == 1).all()


# --- new objects


def blurred_background(discs: Labels, peak: float = 0.9) -> np.ndarray:
    return (1 - peak * ndi.gaussian_filter((discs > 0).astype(np.float32), 1.5)).astype(np.float16)


@pytest.mark.parametrize("peak", [0.9, 0.3])
def test_a_point_snaps_to_the_outline_also_where_the_network_was_unsure(peak: float) -> None:
    truth = draw_discs((80, 120), [(40, 35), (40, 80)], 14)
    labels = np.where(truth == 1, 1, 0).astype(np.int32)
    found = applied(labels, snap_to_point(labels, (44, 84), blurred_background(truth, peak), 28)) == 2
    both = np.count_nonzero(found & (truth == 2)) / np.count_nonzero(found | (truth == 2))
    assert both > 0.85


def test_a_new_object_keeps_off_others_and_stays_within_its_size() -> None:
    labels = np.zeros((200, 200), np.int32)
    labels[:, 100:] = 5
    found = applied(labels, snap_to_point(labels, (100, 90), np.zeros(labels.shape, np.float16), 20))
    assert areas(found)[5] == areas(labels)[5]
    y, x = np.nonzero(found == 6)
    assert np.hypot(y - 100, x - 90).max() <= 26


def test_a_point_on_an_object_or_on_nothing_makes_none() -> None:
    labels = draw_discs((80, 120), [(40, 35)], 14)
    background = blurred_background(labels)
    for point, words in (((40, 35), "already"), ((40, 100), "sees no object"), ((-4, 5), "outside")):
        with pytest.raises(UserError, match=words):
            snap_to_point(labels, point, background, 28)


def test_a_loose_loop_takes_what_stands_out_and_else_all() -> None:
    truth = draw_discs((80, 120), [(40, 35), (40, 80)], 14)
    labels = np.where(truth == 1, 1, 0).astype(np.int32)
    loop = circle((42, 78), 22)
    found = applied(labels, snap_to_loop(labels, loop, blurred_background(truth, 0.3))) == 2
    both = np.count_nonzero(found & (truth == 2)) / np.count_nonzero(found | (truth == 2))
    assert both > 0.85
    for background in (None, np.full(truth.shape, 0.5, np.float16)):
        whole = applied(labels, snap_to_loop(labels, loop, background)) == 2
        assert abs(np.count_nonzero(whole) / (np.pi * 22**2) - 1) < 0.05
    with pytest.raises(UserError, match="nothing but other objects"):
        snap_to_loop(labels, circle((40, 35), 5))


def test_shapes_between_two_move_and_change_evenly() -> None:
    first = draw_discs((80, 140), [(40, 25)], 10) > 0
    last = draw_discs((80, 140), [(40, 105)], 18) > 0
    shapes = interpolate(first, last, 3)
    centres = [ndi.center_of_mass(shape) for shape in shapes]
    assert np.allclose(centres, [(40, 45), (40, 65), (40, 85)], atol=0.6)
    radii = [np.sqrt(np.count_nonzero(shape) / np.pi) for shape in shapes]
    assert np.allclose(radii, [12, 14, 16], atol=0.7)
    assert np.array_equal(interpolate(first, first, 1)[0], first)


def test_a_shape_takes_only_free_pixels_and_a_free_number() -> None:
    labels = draw_discs((60, 90), [(30, 20), (30, 60)], 10)
    mask = draw_discs((60, 90), [(30, 32)], 10) > 0
    added = applied(labels, add_shape(labels, mask, 2))
    assert np.array_equal(added == 3, mask & (labels == 0))
    assert (applied(labels, add_shape(labels, mask, 9)) == 9).any()
    assert add_shape(labels, labels == 1, 9) is None


def test_sure_objects_are_those_of_a_high_mean_probability() -> None:
    labels = draw_discs((60, 90), [(30, 20), (30, 60)], 10)
    background = np.where(labels == 1, 0.02, 0.3).astype(np.float16)
    assert find_sure(labels, background, 0.95) == [1]
    assert find_sure(labels, background, 0.5) == [1, 2]
    assert find_sure(np.zeros((4, 4), np.int32), np.zeros((4, 4)), 0.5) == []


# --- what holds for any scene

points = st.tuples(st.floats(-5, 70), st.floats(-5, 70))
paths = st.lists(points, min_size=2, max_size=6).map(lambda found: np.array(found, float))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 50), line=paths, tool=st.sampled_from(["merge", "split", "delete", "smooth", "add"])
)
def test_a_tool_changes_only_what_it_meets_and_can_be_taken_back(
    seed: int, line: np.ndarray, tool: str
) -> None:
    labels = pack_cells(64, 9, seed)
    before = labels.copy()
    met = values_enclosed(labels, line)[0] if tool == "delete" else values_along(labels, line)
    work = {
        "merge": lambda: merge(labels, met),
        "split": lambda: split_along(labels, line),
        "delete": lambda: delete(labels, met),
        "smooth": lambda: smooth(labels, met),
        "add": lambda: snap_to_loop(labels, line, blurred_background(labels)),
    }[tool]
    try:
        change = work()
    except UserError:
        change = None
    assert np.array_equal(labels, before), "nothing is changed in place"
    after = applied(labels, change)
    others = (before > 0) & ~np.isin(before, [] if tool == "add" else met)
    assert np.array_equal(after[others], before[others])
    if tool == "split":
        assert np.array_equal(after > 0, before > 0)
        assert len(areas(after)) > len(areas(before)) or change is None
    if change is not None:
        outside = np.ones(after.shape, bool)
        outside[change.box] = False
        assert not np.isin(after[outside], np.setdiff1d(after[before != after], 0)).any(), (
            "the box is too small"
        )
        apply(after, invert(change))
        assert np.array_equal(after, before)
