"""From strokes to objects without training."""

import numpy as np
import pytest
import torch

from napari_unet.annotation.coding import LabelsAre
from napari_unet.network.model_file import Model, ModelDescription
from napari_unet.network.scaling import Normalisation
from napari_unet.network.unet import UNet, UNetConfig
from napari_unet.objects.separate import SeparationSettings
from napari_unet.workflow.fields import grey_range_of, see_field
from napari_unet.workflow.preview import (
    MOST_PIXELS,
    annotated_pixels,
    balanced_weights,
    fit_preview,
    preview_labels,
)

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def model():
    config = UNetConfig(in_channels=1, classes=2, distance=True, depth=2, width=4)
    description = ModelDescription(
        name="tiny",
        network=config,
        normalisation=Normalisation(low=(0.0,), high=(1.0,)),
        object_size=28.0,
        labels_are="objects",
    )
    return Model(description, UNet(config))


@pytest.fixture
def discs():
    """Bright discs, their labels, and two strokes: one in a disc, one beside it."""
    yy, xx = np.mgrid[:96, :128]
    truth = np.zeros((96, 128), np.int32)
    for i, (y, x) in enumerate([(24, 24), (24, 64), (24, 104), (72, 24), (72, 64), (72, 104)]):
        truth[(yy - y) ** 2 + (xx - x) ** 2 < 12**2] = i + 1
    image = np.where(truth > 0, 190.0, 30.0) + np.random.default_rng(0).normal(0, 15, truth.shape)
    strokes = np.zeros_like(truth)
    strokes[20:28, 16:32], strokes[40:46, 10:60] = 2, 1
    return image[None].astype(np.float32), truth, strokes


def look(model, image, box=None, reduction=1.0, scale=1.0):
    box = box or (0, image.shape[1], 0, image.shape[2])
    return see_field(model, image, (), box, reduction, scale, grey_range_of(model, image), "cpu")


def iou(a, b):
    return np.count_nonzero(a & b) / np.count_nonzero(a | b)


@pytest.mark.parametrize("reduction", [1.0, 0.5])
@pytest.mark.parametrize("scale", [1.0, 1.7, 0.4])
def test_two_strokes_find_all_discs(model, discs, reduction, scale):
    image, truth, strokes = discs
    seen = look(model, image, reduction=reduction, scale=scale)
    pixels = annotated_pixels(seen, strokes, LabelsAre.OBJECTS)
    preview = fit_preview([pixels], 2, trained=False)
    probabilities = preview.probabilities(seen)
    labels = preview_labels(probabilities, seen, SeparationSettings(), LabelsAre.OBJECTS)
    assert labels.shape == truth.shape
    assert labels.max() == 6
    assert iou(labels > 0, truth > 0) > 0.75


def test_a_part_of_a_plane_is_seen_as_the_whole(model, discs):
    image, _, _ = discs
    whole = look(model, image)
    part = look(model, image, (40, 96, 48, 128))
    here = whole.features[:, 40:96, 48:128].astype(np.float32)
    inner = (slice(None), slice(8, None), slice(8, None))  # the last pixels of a filter's reach differ
    assert np.abs(part.features[inner].astype(np.float32) - here[inner]).mean() < 0.02
    assert whole.covers((), part.box, 1.0)
    assert not part.covers((), whole.box, 1.0)
    assert not whole.covers((1,), part.box, 1.0)


def test_one_class_alone_tells_nothing(model, discs):
    image, _, strokes = discs
    seen = look(model, image)
    only = annotated_pixels(seen, np.where(strokes == 2, 2, 0).astype(np.int32), LabelsAre.OBJECTS)
    assert fit_preview([only], 2, trained=False) is None
    assert fit_preview([], 2, trained=False) is None


def test_pixels_between_touching_objects_are_background(model, discs):
    image, _, _ = discs
    labels = np.zeros(image.shape[1:], np.int32)
    labels[10:40, 10:30], labels[10:40, 30:50] = 2, 3
    found = annotated_pixels(look(model, image), labels, LabelsAre.OBJECTS)
    assert {0, 1} == set(found.classes.tolist())


def test_large_annotations_are_thinned_evenly(model, discs):
    image, _, _ = discs
    labels = np.ones(image.shape[1:], np.int32)
    labels[:4, :4] = 2
    found = annotated_pixels(look(model, image), labels, LabelsAre.OBJECTS)
    assert len(found.classes) == MOST_PIXELS
    assert np.count_nonzero(found.values == 2) == 16


def test_classes_count_the_same_and_objects_by_their_root():
    classes = np.array([0] * 6 + [1] * 5, np.uint8)
    values = np.array([1] * 6 + [2] * 4 + [3], np.int32)
    weights = balanced_weights(classes, values)
    assert weights[classes == 0].sum() == pytest.approx(weights[classes == 1].sum())
    assert weights[values == 2].sum() == pytest.approx(2 * weights[values == 3].sum())


def test_a_network_that_knows_is_corrected_only_where_it_is_wrong(model, discs):
    image, _, strokes = discs
    seen = look(model, image)
    logits = seen.features[seen.own][0]
    logits[:] = np.where(image[0] > 110, 6, -6)
    pixels = annotated_pixels(seen, strokes, LabelsAre.OBJECTS)
    preview = fit_preview([pixels], 2, trained=True)
    assert preview.anchored
    assert np.abs(preview.probabilities(seen)[1] - (logits > 0)).max() < 0.1
    again = fit_preview([pixels], 2, True, preview)
    np.testing.assert_allclose(again.probabilities(seen), preview.probabilities(seen), atol=1e-2)


def test_strokes_do_not_spoil_what_the_network_finds_anyway(model, discs):
    image, truth, strokes = discs
    seen = look(model, image)
    seen.features[seen.own][0][:] = np.where(truth > 0, 3, -3)
    preview = fit_preview([annotated_pixels(seen, strokes, LabelsAre.OBJECTS)], 2, trained=False)
    assert preview.anchored
    np.testing.assert_array_equal(preview.probabilities(seen)[1] > 0.5, truth > 0)


def test_strokes_decide_where_the_network_finds_something_else(model, discs):
    image, truth, strokes = discs
    seen = look(model, image)
    seen.features[seen.own][0][:] = 3.0  # everything is an object
    preview = fit_preview([annotated_pixels(seen, strokes, LabelsAre.OBJECTS)], 2, trained=False)
    assert not preview.anchored
    assert iou(preview.probabilities(seen)[1] > 0.5, truth > 0) > 0.75
