"""At which scale a model sees an image, and that results come back in the image's own pixels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from painted_discs import draw_discs

from napari_unet.annotation.coding import LabelsAre
from napari_unet.objects.separate import SeparationSettings
from napari_unet.workflow import AnnotatedImage, segment_image
from napari_unet.workflow.scale import scale_of
from napari_unet.workflow.segmentation import separation_of
from napari_unet.workflow.size import LARGEST_SCALE, SMALLEST_SCALE, initial_scale


def magnify(image: np.ndarray, factor: int) -> np.ndarray:
    return image.repeat(factor, axis=-2).repeat(factor, axis=-1)


def test_images_of_another_magnification_follow_by_their_pixel_size(learned):
    image, truth = draw_discs(seed=5)
    as_trained = segment_image(learned.model, image, pixel_size_um=0.5)
    twice = segment_image(learned.model, magnify(image, 2), pixel_size_um=0.25)
    assert twice.scale == pytest.approx(as_trained.scale / 2)
    assert twice.labels.max() == as_trained.labels.max() == truth.max()
    agreement = np.mean((twice.labels > 0) == (magnify(as_trained.labels, 2) > 0))
    assert agreement > 0.96


def test_a_given_object_size_wins_over_the_pixel_size(learned):
    description = learned.model.description
    assert scale_of(description, None, None) == description.scale
    assert scale_of(description, None, 0.5) == pytest.approx(description.scale)
    assert scale_of(description, None, 1.0) == pytest.approx(min(2 * description.scale, LARGEST_SCALE))
    assert scale_of(description, 80, 0.5) == pytest.approx(description.object_size / 80)


def test_without_a_size_in_training_pixel_sizes_change_nothing(learned):
    description = learned.model.description.model_copy(update={"object_size_um": None})
    assert scale_of(description, None, 0.1) == description.scale


@settings(max_examples=40, deadline=None)
@given(size=st.none() | st.floats(0, 1e6), pixel_size=st.none() | st.floats(1e-6, 1e3))
def test_every_size_gives_a_scale_within_bounds(learned, size, pixel_size):
    assert SMALLEST_SCALE <= scale_of(learned.model.description, size, pixel_size) <= LARGEST_SCALE


@pytest.mark.parametrize("object_size", [3, 9.7, 20, 45.3, 400])
@pytest.mark.parametrize("shape", [(53, 77), (1, 60)])
def test_results_have_the_images_shape_at_every_scale(learned, shape, object_size):
    image = draw_discs()[0][:, : shape[0], : shape[1]]
    segmented = segment_image(learned.model, image, object_size=object_size)
    assert segmented.labels.shape == segmented.distance.shape == shape
    assert segmented.probabilities.shape == (2, *shape)
    assert np.isfinite(segmented.probabilities).all()


def test_the_smallest_size_follows_the_magnification(learned):
    description = learned.model.description.model_copy(
        update={"separation": SeparationSettings(smallest=40).model_dump(mode="json")}
    )
    assert separation_of(description, 1.0).smallest == 40
    assert separation_of(description, 0.5).smallest == 160
    assert separation_of(description, 2.0).smallest == 10


def scale_of_first_training(labels: np.ndarray, labels_are=LabelsAre.CLASSES, object_size=None) -> float:
    image = np.zeros((1, *labels.shape), np.uint8)
    return initial_scale([AnnotatedImage("a", image, labels)], labels_are, object_size)


def test_classes_of_cells_are_seen_as_large_as_objects_would_be():
    _, cells = draw_discs()
    assert scale_of_first_training(1 + (cells > 0)) == 1
    _, large = draw_discs(pitch=200, radius=80, n=2)
    assert 0.15 < scale_of_first_training(1 + (large > 0)) < 0.25


def test_classes_of_thin_structures_keep_their_width():
    membranes = np.ones((120, 120), np.int32)
    membranes[:, ::30] = membranes[::30] = 2
    assert scale_of_first_training(membranes) == 1
    membranes = membranes.repeat(10, axis=0).repeat(10, axis=1)
    assert scale_of_first_training(membranes) == pytest.approx(0.5, rel=0.1)


def test_the_finest_class_decides():
    _, large = draw_discs(pitch=200, radius=80, n=2)
    labels = 1 + (large > 0)
    labels[::50] = 3
    assert scale_of_first_training(labels) == 1


def test_scribbles_and_enormous_values_have_a_scale_too():
    scribbles = np.zeros((60, 60), np.int32)
    scribbles[10:14, 5:50], scribbles[40:44, 5:50] = 2, 2**31 - 1
    assert scale_of_first_training(scribbles, LabelsAre.OBJECTS) == 1
    _, cells = draw_discs()
    enormous = np.where(cells > 0, cells + 2**30, 1)
    assert scale_of_first_training(enormous, LabelsAre.OBJECTS, 20) == pytest.approx(1.4)
