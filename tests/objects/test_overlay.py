"""The annotation on top of the network's objects."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from object_scenes import write_values

from napari_unet.annotation import coding
from napari_unet.annotation.targets import complete_objects
from napari_unet.objects import overlay
from napari_unet.objects.overlaps import replace_values
from napari_unet.objects.overlay import find_complete, overlay_annotation


def test_both_rooms_mean_the_same_by_the_codes() -> None:
    assert overlay.NOT_ANNOTATED == coding.NOT_ANNOTATED
    assert overlay.BACKGROUND == coding.BACKGROUND
    assert overlay.FIRST == coding.FIRST


def test_a_complete_object_replaces_the_one_that_it_mostly_covers_under_its_number() -> None:
    segmentation = write_values("""
        .......
        .77777.
        .77777.
        .......""")
    annotation = write_values("""
        111110.
        122210.
        122210.
        111110.""")
    shown = overlay_annotation(segmentation, annotation)
    assert np.array_equal(shown, np.where(annotation == 2, 7, 0))


def test_a_complete_object_in_a_large_one_leaves_the_rest_of_it_alone() -> None:
    segmentation = np.full((1, 20), 3, np.int32)
    annotation = np.zeros((1, 20), np.int32)
    annotation[0, :4], annotation[0, 4] = 2, 1
    shown = overlay_annotation(segmentation, annotation)
    assert np.array_equal(shown, np.array([[4] * 4 + [0] + [3] * 15]))


def test_a_scribble_joins_the_object_that_it_lies_in() -> None:
    segmentation = write_values("5555..66")
    annotation = write_values("02200000")
    assert np.array_equal(overlay_annotation(segmentation, annotation), segmentation)
    marked = overlay_annotation(
        segmentation, annotation, marked=[2]
    )  # said to be complete, but covers half only
    assert np.array_equal(marked, write_values("57750066"))


def test_a_scribble_that_touches_a_neighbour_joins_only_its_own_object() -> None:
    segmentation = write_values("1111112222")
    annotation = write_values("0033333000")
    assert np.array_equal(overlay_annotation(segmentation, annotation), write_values("1111111222"))


def test_scribbles_with_several_values_divide_an_object() -> None:
    segmentation = write_values("44444444")
    annotation = write_values("22000003")
    assert np.array_equal(overlay_annotation(segmentation, annotation), write_values("44444555"))


def test_new_objects_get_fresh_numbers_and_annotated_background_is_background() -> None:
    segmentation = write_values("9999....")
    annotation = write_values("00110230")
    assert np.array_equal(
        overlay_annotation(segmentation, annotation), np.array([[9, 9, 0, 0, 0, 10, 11, 0]])
    )


def test_two_complete_objects_replace_a_merged_one() -> None:
    segmentation = write_values(".888888888.")
    annotation = write_values("12222133331")
    assert np.array_equal(
        overlay_annotation(segmentation, annotation), np.array([[0] + [8] * 4 + [0] + [9] * 4 + [0]])
    )


def test_classes_show_the_annotated_class() -> None:
    segmentation, annotation = write_values("001122"), write_values("030100")
    assert np.array_equal(overlay_annotation(segmentation, annotation, "classes"), write_values("021022"))


def random_pair(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    shape = rng.integers(2, 24, 2)

    def draw(values: list[int]) -> np.ndarray:
        small = rng.choice(values, tuple(shape // 3 + 1))
        return np.kron(small, np.ones((3, 3), int))[: shape[0], : shape[1]].astype(np.int32)

    segmentation = np.roll(draw([0, 0, 1, 2, 3, 4, 50_000]), rng.integers(3), axis=1)
    return segmentation, draw([0, 0, 0, 1, 2, 3, 9])


@settings(max_examples=120, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_overlay_says_what_the_annotation_says_one_number_each_and_is_idempotent(seed: int) -> None:
    segmentation, annotation = random_pair(seed)
    shown = overlay_annotation(segmentation, annotation)
    assert np.all(shown[annotation == 1] == 0)
    numbers = {}
    for value in np.unique(annotation[annotation >= 2]):
        found = np.unique(shown[annotation == value])
        assert len(found) == 1
        assert found[0] > 0
        numbers[value] = found[0]
    assert len(set(numbers.values())) == len(numbers)
    assert np.all(shown[(annotation == 0) & (segmentation == 0)] == 0)
    assert np.array_equal(overlay_annotation(shown, annotation), shown)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_overlay_does_not_depend_on_the_annotated_values_or_turn_of_the_image(seed: int) -> None:
    segmentation, annotation = random_pair(seed)
    shown = overlay_annotation(segmentation, annotation)
    raised = replace_values(annotation, {2: 4, 3: 6, 9: 70_000})
    assert np.array_equal(overlay_annotation(segmentation, raised), shown)
    turned = overlay_annotation(segmentation.T, annotation.T).T
    assert np.array_equal(turned > 0, shown > 0)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_complete_here_is_complete_for_training_too(seed: int) -> None:
    _, annotation = random_pair(seed)
    assert find_complete(annotation) <= set(complete_objects(annotation).tolist())


def test_complete_means_that_no_pixel_beside_is_not_annotated() -> None:
    annotation = write_values("""
        2211.
        22114
        11133""")
    assert find_complete(annotation) == {2, 3}


def test_what_the_network_sees_in_a_narrow_gap_of_the_annotation_joins_the_object() -> None:
    segmentation = write_values("777777...")
    annotation = write_values("222201111")
    assert np.array_equal(overlay_annotation(segmentation, annotation), write_values("777770000"))
