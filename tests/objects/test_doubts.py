"""What is worth a look: probable merges and splits, missed and faint objects, where two rounds disagree."""

import re
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_unet.objects.changes import apply
from napari_unet.objects.doubts.doubt import Kind, brought_up_to_date, still_holds
from napari_unet.objects.doubts.looks import Scene
from napari_unet.objects.doubts.ranking import rank_doubts
from napari_unet.objects.doubts.teaching import most_unsure_part


def discs(*centres, radius=10, shape=(120, 160)):
    y, x = np.ogrid[: shape[0], : shape[1]]
    labels = np.zeros(shape, np.int32)
    for number, (cy, cx) in enumerate(centres, start=1):
        labels[((y - cy) ** 2 + (x - cx) ** 2 <= radius**2) & (labels == 0)] = number
    return labels


ROW = [(20, 20 + 30 * k) for k in range(5)]
TOUCHING = [(60, 40), (60, 58)]


def scene_of(labels, truth=None, annotated=None, before=None):
    sharp = ((labels if truth is None else truth) > 0).astype(np.float32)
    foreground = np.clip(0.95 * ndi.gaussian_filter(sharp, 1.0) + 0.02, 0, 1)
    return Scene(labels, foreground, np.zeros(labels.shape, bool) if annotated is None else annotated, before)


def of_kind(doubts, kind):
    return [doubt for doubt in doubts if doubt.kind is kind]


def test_nothing_is_said_of_round_objects_that_the_network_is_sure_of():
    assert rank_doubts(scene_of(discs(*ROW))) == []


def test_two_in_one_comes_first_and_the_cut_parts_it_at_the_neck():
    truth = discs(*ROW, *TOUCHING)
    labels = np.where(truth == 7, 6, truth).astype(np.int32)
    first = rank_doubts(scene_of(labels))[0]
    assert first.kind is Kind.TWO_IN_ONE
    assert first.values == (6,)
    after = labels.copy()
    apply(after, first.fix.change)
    parts = np.unique(after[truth >= 6])
    assert len(parts) == 2
    for part in parts:
        best = max(
            np.sum((after == part) & (truth == k)) / np.sum((after == part) | (truth == k)) for k in (6, 7)
        )
        assert best > 0.9
    (line,) = first.fix.lines
    assert np.abs(line[:, 1] - 49).max() < 4, "the line that is drawn is where the cut goes"


def test_one_in_two_is_merged():
    truth = discs(*ROW, (70, 70))
    labels = truth.copy()
    labels[(truth == 6) & (np.arange(160) > 70)] = 7
    first = rank_doubts(scene_of(labels, truth))[0]
    assert (first.kind, first.values) == (Kind.ONE_IN_TWO, (6, 7))
    after = labels.copy()
    apply(after, first.fix.change)
    assert len(np.unique(after[truth == 6])) == 1


def test_neighbours_between_which_the_network_saw_a_border_are_no_pair():
    labels = discs(*ROW, *TOUCHING)
    scene = scene_of(labels)
    scene.foreground[40:80, 48:51] = 0.3
    assert not of_kind(rank_doubts(scene), Kind.ONE_IN_TWO)


def test_what_was_missed_and_what_is_faint():
    truth = discs(*ROW, (80, 40), (80, 100))
    labels = np.where(truth == 6, 0, truth).astype(np.int32)
    scene = scene_of(labels, truth)
    scene.foreground[truth == 6] *= 0.45
    scene.foreground[truth == 7] *= 0.6
    doubts = rank_doubts(scene)
    (missed,) = of_kind(doubts, Kind.MISSED)
    after = labels.copy()
    apply(after, missed.fix.change)
    new = after == after[80, 40]
    assert np.sum(new & (truth == 6)) / np.sum(new | (truth == 6)) > 0.7
    assert [d.values for d in of_kind(doubts, Kind.FAINT)] == [(7,)]


def test_rounds_that_disagree_and_the_way_back():
    labels = discs(*ROW, *TOUCHING)
    now = np.where(labels == 7, 6, labels).astype(np.int32)
    scene = scene_of(now, before=labels)
    doubt = next(d for d in rank_doubts(scene) if 6 in d.values)
    assert doubt.score > 0.5
    changed = next(d for d in of_kind(list(_all(scene)), Kind.CHANGED) if d.values == (6,))
    after = now.copy()
    apply(after, changed.fix.change)
    assert len(np.unique(after[labels >= 6])) == 2


def test_an_object_that_looks_otherwise_in_the_mirror_image_is_doubtful_and_gets_the_mean_outline():
    labels = discs(*ROW, (70, 40))
    plain = scene_of(labels)
    assert of_kind(rank_doubts(plain), Kind.MIRROR) == []
    half = plain.foreground.copy()
    half[60:82, 40:52] = 0.02  # the mirror image shows its left half only
    scene = replace(plain, mirrored=half)
    (doubt,) = rank_doubts(scene)
    assert (doubt.kind, doubt.values) == (Kind.MIRROR, (6,))
    assert re.search(r"9\d % sure of this object, and [45]\d % in the mirror image", doubt.sentence)
    after = labels.copy()
    apply(after, doubt.fix.change)
    assert not (after[:, 42:] == 6).any()
    assert (after == 6)[60:80, 32:39].sum() > 100, "the half that both show stays"
    assert np.array_equal(after[:45], labels[:45]), "the others are as they were"
    assert rank_doubts(replace(scene, annotated=labels == 6)) == []


def test_an_object_that_is_gone_in_the_mirror_image_is_proposed_for_deletion():
    labels = discs(*ROW, (70, 40))
    scene = scene_of(labels)
    gone = np.where(labels == 6, 0.02, scene.foreground).astype(np.float32)
    (doubt,) = rank_doubts(replace(scene, mirrored=gone))
    after = labels.copy()
    apply(after, doubt.fix.change)
    assert not (after == 6).any()


def test_a_mirror_image_like_the_image_says_nothing():
    labels = discs(*ROW, *TOUCHING)
    scene = scene_of(labels)
    noise = np.random.default_rng(0).normal(0, 0.02, labels.shape).astype(np.float32)
    assert rank_doubts(replace(scene, mirrored=np.clip(scene.foreground + noise, 0, 1))) == []


def test_a_network_that_differs_everywhere_is_not_doubted_everywhere():
    labels = discs(*ROW, *((60, 20 + 30 * k) for k in range(5)))
    scene = scene_of(labels)
    other = np.clip(scene.foreground - 0.1, 0, 1).astype(np.float32)
    other[labels == 8] -= 0.2
    (doubt,) = of_kind(rank_doubts(replace(scene, mirrored=other)), Kind.MIRROR)
    assert doubt.values == (8,)


def _all(scene):
    from napari_unet.objects.doubts.single import find_changed

    return find_changed(scene)


def test_what_a_person_decided_is_no_doubt_any_more():
    truth = discs(*ROW, *TOUCHING)
    labels = np.where(truth == 7, 6, truth).astype(np.int32)
    assert rank_doubts(scene_of(labels, annotated=labels == 6)) == []


def test_a_fix_still_fits_after_a_stroke_elsewhere_and_not_after_one_on_it():
    truth = discs(*ROW, *TOUCHING)
    labels = np.where(truth == 7, 6, truth).astype(np.int32)
    change = rank_doubts(scene_of(labels))[0].fix.change
    now = labels.copy()
    now[100:110, 100:110] = 7  # the number that the second half would have got
    assert still_holds(now, change)
    apply(now, brought_up_to_date(now, change))
    assert np.unique(now[truth >= 6]).size == 2
    assert (now[100:110, 100:110] == 7).all()
    assert 7 not in now[truth >= 6]
    labels[60, 30:70] = 0
    assert not still_holds(labels, change)


@pytest.mark.parametrize("corner", [(0, 0), (60, 100)])
def test_the_part_that_teaches_most_is_where_the_network_is_unsure_and_nobody_painted(corner):
    foreground = np.full((120, 160), 0.02, np.float32)
    y, x = corner
    foreground[y : y + 40, x : x + 40] = 0.5
    annotated = np.zeros(foreground.shape, bool)
    part = most_unsure_part(foreground, annotated, 10.0)
    assert y <= part.where[0] <= y + 40
    assert x <= part.where[1] <= x + 40
    annotated[:] = True
    assert most_unsure_part(foreground, annotated, 10.0) is None
