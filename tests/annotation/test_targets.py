import numpy as np
import pytest
from hypothesis import given, settings
from label_strategies import small_labels
from plain_weight_map import scatter_discs
from scipy import ndimage

from napari_unet.annotation.coding import LabelsAre
from napari_unet.annotation.gaps import cut_gaps
from napari_unet.annotation.targets import complete_objects, make_target, object_sizes, touches_edge
from napari_unet.errors import UserError


def square(shape=(12, 12), value=2, ring=True):
    """One 4 × 4 object, closed in by background or not."""
    labels = np.zeros(shape, np.int32)
    if ring:
        labels[3:9, 3:9] = 1
    labels[4:8, 4:8] = value
    return labels


def different_neighbours(labels):
    """Plainly: which pixels of objects have another object among their 8 neighbours."""
    found = np.zeros(labels.shape, bool)
    for y, x in np.argwhere(labels >= 2):
        around = labels[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
        found[y, x] = ((around >= 2) & (around != labels[y, x])).any()
    return found


def test_an_object_is_complete_when_annotation_closes_it_in():
    assert complete_objects(square()).tolist() == [2]
    assert complete_objects(square(ring=False)).tolist() == []


@pytest.mark.parametrize("direction", [(-1, 0), (1, 0), (0, -1), (0, 1), (1, 1)])
def test_a_way_out_over_pixels_that_nobody_annotated_keeps_it_open(direction):
    labels = np.ones((40, 40), np.int32)
    labels[16:24, 16:24] = 2
    y, x = 20, 20
    while 0 <= y < 40 and 0 <= x < 40:
        if labels[y, x] == 1:
            labels[y, x] = 0
        y, x = y + direction[0], x + direction[1]
    assert complete_objects(labels).tolist() == []
    assert complete_objects(labels, marked=[2, 77]).tolist() == [2]


@pytest.mark.parametrize(
    ("diameter", "gap", "closed"), [(30, 3, True), (30, 5, False), (6, 1, True), (6, 3, False)]
)
def test_a_narrow_gap_between_object_and_ring_does_not_open_it(diameter, gap, closed):
    y, x = np.mgrid[:64, :64]
    distance = np.hypot(y - 31.5, x - 31.5) - diameter / 2
    labels = np.zeros((64, 64), np.int32)
    labels[distance <= 0] = 2
    labels[(distance > gap) & (distance <= gap + 4)] = 1
    assert (complete_objects(labels).tolist() == [2]) is closed
    assert (
        not make_target(labels).known[(distance > 0) & (distance <= gap)].any()
    )  # nobody said what is in the gap


def test_the_images_edge_and_other_objects_close_in_too():
    labels = np.ones((6, 6), np.int32)
    labels[0:2, 0:2], labels[0:2, 2:4] = 5, 3
    labels[5, 5] = 0
    assert complete_objects(labels).tolist() == [3, 5]


def test_sizes_are_diameters_of_discs_without_those_that_the_edge_cuts():
    labels = scatter_discs(100, 4, np.random.default_rng(0), first=2)
    labels[0, 0] = 9
    values = np.array([9, 2], np.int32)
    area = np.count_nonzero(labels == 2)
    assert touches_edge(labels, values).tolist() == [True, False]
    assert object_sizes(labels, values) == pytest.approx([2 * np.sqrt(area / np.pi)])
    assert object_sizes(labels, values, include_cut=True)[0] == pytest.approx(2 * np.sqrt(1 / np.pi))


def test_a_straight_contact_is_cut_one_pixel_on_each_side():
    labels = np.full((6, 10), 2, np.int32)
    labels[:, 5:] = 3
    target = make_target(labels)
    assert target.classes.tolist() == [[1, 1, 1, 1, 0, 0, 1, 1, 1, 1]] * 6
    assert target.known.all()
    assert np.array_equal(target.objects, labels)


def test_objects_that_touch_at_a_corner_only_are_cut_apart():
    labels = np.ones((6, 6), np.int32)
    labels[:3, :3], labels[3:, 3:] = 2, 3
    assert ndimage.label(make_target(labels).classes, np.ones((3, 3)))[1] == 2


@settings(max_examples=60, deadline=None)
@given(small_labels([0, 1, 2, 2, 2, 3, 3, 4], largest=12))
def test_after_the_cut_no_two_objects_touch_and_only_pixels_at_contacts_went(labels):
    cut = cut_gaps(labels)
    changed = cut != labels
    assert not different_neighbours(cut).any()
    assert (cut[changed] == 1).all()
    assert different_neighbours(labels)[changed].all()


def test_smooth_objects_lose_one_pixel_at_their_contacts():
    labels = scatter_discs(120, 16, np.random.default_rng(5), first=2, coverage=0.52)
    shares_side = np.zeros(labels.shape, bool)
    for axis in (0, 1):
        for step in (1, -1):
            moved = np.roll(labels, step, axis)
            shares_side |= (labels >= 2) & (moved >= 2) & (moved != labels)
    inner = np.s_[1:-1, 1:-1]  # roll wraps around at the edge
    cut = (cut_gaps(labels) != labels)[inner]
    assert shares_side[inner].sum() > 50
    assert cut[shares_side[inner]].all()
    assert cut.sum() <= shares_side[inner].sum() + 16  # a corner here and there


def test_thin_objects_between_others_do_not_vanish():
    labels = np.full((9, 14), 2, np.int32)
    labels[:, 6:8], labels[:, 8:] = 3, 4
    assert np.unique(cut_gaps(labels)).tolist() == [1, 2, 3, 4]
    side_by_side = np.repeat(np.arange(2, 8, dtype=np.int32), 2)[None].repeat(9, axis=0)
    assert np.unique(cut_gaps(side_by_side)).tolist() == [1, 2, 3, 4, 5, 6, 7]


def test_an_object_of_one_pixel_inside_another_stays_and_is_ringed():
    for value, around in ((2, 9), (9, 2)):
        labels = np.full((7, 7), around, np.int32)
        labels[3, 3] = value
        cut = cut_gaps(labels)
        assert cut[2:5, 2:5].tolist() == [[1, 1, 1], [1, value, 1], [1, 1, 1]]
        assert np.count_nonzero(cut == around) == 40


def test_incomplete_objects_teach_pixels_but_not_borders_or_distances():
    labels = np.zeros((20, 30), np.int32)
    labels[:12, :12] = square()
    labels[15:18, 20:25] = 3
    target = make_target(labels)
    assert target.classes[16, 22] == 1
    assert target.known[16, 22]
    assert np.unique(target.objects).tolist() == [0, 2]
    assert not target.distance_known[16, 22]
    assert target.distance_known[5, 5]
    assert target.distance_known[3, 3]
    assert not target.distance_known[19, 29]
    assert 3 in make_target(labels, marked=[3]).objects


def test_dtypes_are_as_promised():
    target = make_target(square())
    assert [a.dtype for a in (target.classes, target.known, target.objects, target.distance)] == [
        np.uint8,
        bool,
        np.int32,
        np.float32,
    ]


def test_distance_rises_from_the_border_to_one_and_is_zero_outside():
    labels = np.ones((15, 15), np.int32)
    labels[3:12, 3:12] = 2
    distance = make_target(labels).distance
    assert distance[7, 3:12] == pytest.approx(np.array([1, 2, 3, 4, 5, 4, 3, 2, 1]) / 5)
    assert not distance[labels == 1].any()


def test_distance_of_touching_objects_is_zero_in_the_gap_and_one_in_each():
    labels = np.full((9, 40), 2, np.int32)
    labels[:, 10:] = 3
    distance = make_target(labels).distance[4]
    assert (distance[9:11] == 0).all()
    assert distance[0] == 1  # the image's edge is no border
    assert distance[39] == 1
    assert distance[8] == pytest.approx(1 / 9)


def test_distance_of_an_object_that_fills_the_image():
    target = make_target(np.full((5, 5), 2, np.int32))
    assert (target.distance == 1).all()
    assert target.distance_known.all()


@settings(max_examples=40, deadline=None)
@given(small_labels([0, 1, 1, 2, 2, 3, 9]))
def test_any_annotation_makes_a_consistent_target(labels):
    target = make_target(labels, marked=[3])
    assert not target.classes[~target.known].any()
    assert np.array_equal(target.known, labels != 0)
    assert target.distance.min() >= 0
    assert target.distance.max() <= 1
    assert not target.distance[target.classes == 0].any()
    for value in np.unique(target.objects[(target.objects > 0) & (target.classes > 0)]):
        assert target.distance[target.objects == value].max() == 1
    assert target.distance_known[target.objects > 0].all()


def test_objects_may_carry_a_class_each():
    labels = np.ones((5, 9), np.int32)
    labels[:, 0:2], labels[:, 3:5], labels[:, 6:8] = 2, 3, 70000
    classes = make_target(labels, object_classes={3: 2, 70000: 5, 12: 3}).classes
    assert classes[0].tolist() == [1, 1, 0, 2, 2, 0, 5, 5, 0]
    with pytest.raises(UserError, match="classes go from 1 to 255"):
        make_target(labels, object_classes={3: 0})


def test_classes_are_neither_cut_nor_objects():
    labels = np.array([[0, 1, 2, 3, 3]], np.int32)
    target = make_target(labels, LabelsAre.CLASSES)
    assert target.classes.tolist() == [[0, 0, 1, 2, 2]]
    assert target.known.tolist() == [[False, True, True, True, True]]
    assert not target.objects.any()
    with pytest.raises(UserError, match="rather than classes"):
        make_target(np.array([[1, 300]], np.int32), LabelsAre.CLASSES)


@pytest.mark.parametrize(
    "labels", [np.zeros((7, 7)), np.ones((7, 7)), np.full((1, 1), 2), np.full((1, 9), 2)]
)
def test_degenerate_annotations_make_a_target(labels):
    target = make_target(labels.astype(np.int32))
    assert target.classes.shape == labels.shape
    assert np.isfinite(target.distance).all()
