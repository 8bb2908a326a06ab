import numpy as np
import pytest
from hypothesis import given, settings
from label_strategies import small_labels

from napari_unet.annotation.coding import (
    Coding,
    LabelsAre,
    check_labels,
    describe_coding,
    from_annotation,
    to_annotation,
)
from napari_unet.errors import UserError


@pytest.mark.parametrize(
    ("coding", "expected"),
    [
        (Coding.PROJECT, [0, 1, 2, 7]),
        (Coding.MASKS, [1, 2, 3, 8]),
        (Coding.MATLAB2016, [1, 0, 2, 7]),
    ],
)
def test_each_coding_means_what_its_table_says(coding, expected):
    annotation = to_annotation(np.array([[0, 1, 2, 7]]), coding)
    assert annotation.dtype == np.int32
    assert annotation.tolist() == [expected]


@pytest.mark.parametrize("foreground", [1, 255, True])
def test_a_binary_mask_of_objects_falls_apart_into_components(foreground):
    mask = np.zeros((5, 7), type(foreground) if foreground is True else np.uint8)
    mask[0, :2], mask[1, 2], mask[3:, 4:] = foreground, foreground, foreground
    annotation = to_annotation(mask, Coding.BINARY)
    assert np.unique(annotation).tolist() == [1, 2, 3]
    assert annotation[0, 0] == annotation[1, 2] != annotation[4, 5]
    assert np.unique(to_annotation(mask, Coding.BINARY, LabelsAre.CLASSES)).tolist() == [1, 2]


def test_a_binary_mask_with_several_values_is_refused():
    with pytest.raises(UserError, match="choose the coding 'masks'"):
        to_annotation(np.array([[0, 1, 2]]), Coding.BINARY)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", ">u2", ">i4", "<i8", "uint64", "bool"])
def test_any_width_and_byte_order_comes_in(dtype):
    labels = np.array([[0, 1, 1]]).astype(dtype)
    annotation = to_annotation(labels, Coding.MASKS)
    assert annotation.dtype == np.dtype(np.int32)
    assert annotation.tolist() == [[1, 2, 2]]


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (np.ones((2, 2)), "whole numbers"),
        (np.array([[-3, 1]]), "negative value -3"),
        (np.array([[2**31]], np.int64), "beyond the largest"),
        (np.array([[2**64 - 1]], np.uint64), "beyond the largest"),
    ],
)
def test_what_cannot_be_labels_is_refused_with_a_sentence(labels, sentence):
    with pytest.raises(UserError, match=sentence):
        check_labels(labels)


def test_the_largest_value_has_no_place_in_masks():
    labels = np.array([[2**31 - 1]])
    assert to_annotation(labels, Coding.PROJECT)[0, 0] == 2**31 - 1
    with pytest.raises(UserError, match="renumber"):
        to_annotation(labels, Coding.MASKS)


def _background_for(coding):
    return 2 if coding is Coding.ILASTIK else None


def test_the_annotation_is_never_the_array_that_came_in():
    labels = np.ones((3, 3), np.int32)
    for coding in Coding:
        annotation = to_annotation(labels, coding, background=_background_for(coding))
        annotation[:] = 9
        assert (labels == 1).all()


@settings(max_examples=30, deadline=None)
@given(small_labels([0, 1, 2, 3, 200, 70000]))
def test_masks_come_back_as_they_went_in(labels):
    assert np.array_equal(from_annotation(to_annotation(labels, Coding.MASKS)), labels)


def test_not_annotated_and_background_both_leave_as_zero():
    assert from_annotation(np.array([[0, 1, 2, 5]], np.int32)).tolist() == [[0, 0, 1, 4]]


def test_a_preview_counts_objects_and_fractions():
    labels = np.zeros((10, 10), np.uint8)
    labels[:2, :5], labels[5, 5] = 1, 2
    preview = describe_coding(labels, Coding.MASKS)
    assert (preview.n_objects, preview.background_fraction, preview.not_annotated_fraction) == (2, 0.89, 0)
    assert preview.sentence == "2 objects, 89 % background, 0 % not annotated."
    assert "1 class, " in describe_coding(labels > 0, Coding.BINARY, LabelsAre.CLASSES).sentence


def test_a_preview_doubts_a_coding_that_the_numbers_speak_against():
    masks = np.array([[0, 0, 2, 3]])
    assert "choose 'masks'" in describe_coding(masks, Coding.PROJECT).sentence
    binary = np.array([[1, 0, 0, 1]])
    assert "2 pieces" in describe_coding(binary, Coding.MASKS).sentence
    assert "right coding" in describe_coding(np.zeros((3, 3), int), Coding.MASKS).sentence
    assert describe_coding(masks, Coding.MASKS).sentence.endswith("annotated.")


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (1, 1)])
def test_empty_and_tiny_arrays(shape):
    for coding in Coding:
        how = (coding, LabelsAre.OBJECTS, _background_for(coding))
        assert to_annotation(np.zeros(shape, np.uint8), *how).shape == shape
        assert describe_coding(np.zeros(shape, np.uint8), *how).n_objects == 0


@pytest.mark.parametrize(
    ("background", "expected"),
    [
        (1, [0, 1, 2, 3, 9]),
        (2, [0, 2, 1, 3, 9]),
        (3, [0, 2, 3, 1, 9]),
        (0, [1, 2, 3, 4, 10]),
        (9, [0, 2, 3, 4, 1]),
    ],
)
def test_the_background_may_be_any_value_that_is_named(background, expected):
    labels = np.array([[0, 1, 2, 3, 9]], np.uint8)
    annotation = to_annotation(labels, Coding.ILASTIK, LabelsAre.CLASSES, background)
    assert annotation.tolist() == [expected]
    assert annotation.dtype == np.int32


def test_one_kind_of_pixels_beside_the_background_is_taken_apart_into_objects():
    labels = np.full((6, 9), 2, np.uint8)
    labels[:, 0], labels[1:3, 2:4], labels[1:3, 6:8] = 0, 1, 1
    annotation = to_annotation(labels, Coding.ILASTIK, LabelsAre.OBJECTS, 2)
    assert np.unique(annotation).tolist() == [0, 1, 2, 3]
    assert (annotation[:, 0] == 0).all()
    assert annotation[0, 1] == 1
    annotated = np.where(labels == 2, 0, labels)
    assert np.unique(to_annotation(annotated, Coding.ILASTIK, LabelsAre.OBJECTS, 0)).tolist() == [1, 2, 3]
    assert np.unique(to_annotation(annotated, Coding.ILASTIK, LabelsAre.CLASSES, 0)).tolist() == [1, 2]
    assert "2 objects" in describe_coding(labels, Coding.ILASTIK, LabelsAre.OBJECTS, 2).sentence
    assert "which value" in describe_coding(labels, Coding.ILASTIK, LabelsAre.OBJECTS, 7).sentence
    kinds = np.tile(np.array([[1, 2, 1, 3]], np.uint8), (4, 5))
    assert "choose classes" in describe_coding(kinds, Coding.ILASTIK, LabelsAre.OBJECTS, 1).sentence


@pytest.mark.parametrize(
    ("coding", "background", "said"),
    [
        (Coding.ILASTIK, None, "which value"),
        (Coding.MASKS, 1, "ilastik"),
        (Coding.ILASTIK, -1, "from 0"),
        (Coding.ILASTIK, 2**31, "from 0"),
    ],
)
def test_a_background_is_named_where_the_coding_needs_one_and_only_there(coding, background, said):
    with pytest.raises(UserError, match=said):
        to_annotation(np.ones((2, 2), int), coding, LabelsAre.OBJECTS, background)
