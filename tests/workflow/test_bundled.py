"""The network that comes with the package: what it is fit for, and trainings that start from it."""

import numpy as np
import pytest
import torch
from painted_discs import annotate, draw_discs
from skimage.data import immunohistochemistry

from napari_unet.annotation.coding import LabelsAre
from napari_unet.errors import UserError
from napari_unet.network import bundled
from napari_unet.network.bundled import bundled_for, is_bundled, load_bundled
from napari_unet.objects.measures import match
from napari_unet.workflow import AnnotatedImage, segment_image, train_model
from quick import QUICK

FEW_STEPS = QUICK.model_copy(update={"width": None, "depth": None})


def test_what_is_shipped_is_small_and_tells_where_it_comes_from():
    assert bundled.WEIGHTS.stat().st_size < 20e6
    description = load_bundled().description
    assert is_bundled(description)
    assert description.magnification == "per image"
    assert description.training.steps > 0
    assert any("CC0" in source for source in description.training.images)
    assert any("MIT" in source for source in description.training.images)


@pytest.mark.parametrize("n_channels", [1, 2, 3, 5])
def test_an_image_without_colour_looks_the_same_in_any_number_of_channels(n_channels):
    grey = torch.rand(1, 1, 48, 64, generator=torch.Generator().manual_seed(0))
    expected = load_bundled().network(grey.repeat(1, 3, 1, 1))
    found = bundled_for(n_channels).network(grey.repeat(1, n_channels, 1, 1))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("radius", [7, 16, 30])
def test_bright_discs_of_any_size_are_found_without_training(radius):
    image, truth = draw_discs(n=4, pitch=int(3.5 * radius), radius=radius, seed=3)
    segmented = segment_image(bundled_for(1), image)
    assert match(segmented.labels, truth).f1 > 0.9


def test_it_says_where_it_does_not_know_what_an_object_is():
    image, _ = draw_discs(n=4, seed=3)
    tissue = immunohistochemistry()[:160, :160].transpose(2, 0, 1)
    assert not segment_image(bundled_for(1), image).sentences
    assert "not sure what an object is" in segment_image(bundled_for(3), tissue).sentences[0]


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_a_training_from_it_begins_a_lineage_of_its_own(channels):
    trained = train_model([annotate(channels=channels)], FEW_STEPS, start=load_bundled())
    description = trained.model.description
    assert not is_bundled(description)
    assert description.training.started_from == "bundled"
    assert description.network.in_channels == channels
    assert description.magnification == "as in training"
    assert description.object_size_image == pytest.approx(20, rel=0.1)
    assert description.normalisation.high[0] > 500  # the image's own range, not that of the bundle


def test_classes_can_start_from_it_too():
    image, labels = draw_discs()
    classes = np.where(labels > 0, 2 + labels % 2, 1).astype(np.int32)
    trained = train_model(
        [AnnotatedImage("discs", image, classes)],
        FEW_STEPS,
        labels_are=LabelsAre.CLASSES,
        start=load_bundled(),
    )
    assert trained.model.description.network.classes == 3
    assert not trained.model.description.network.distance


def test_a_round_from_it_is_a_start_that_keeps_its_held_out_places():
    first = train_model([annotate(n=6)], FEW_STEPS, start=load_bundled())
    second = train_model([annotate(n=6)], FEW_STEPS, start=first.model)
    assert first.held_out
    assert second.held_out == first.held_out
    assert second.model.description.training.lineage == first.model.description.training.lineage


def test_missing_weights_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(bundled, "WEIGHTS", tmp_path / "laptop.safetensors")
    load_bundled.cache_clear()
    try:
        with pytest.raises(UserError, match="install napari-unet again"):
            load_bundled()
    finally:
        load_bundled.cache_clear()


@pytest.mark.slow
@pytest.mark.parametrize("steps", [1, 5])
def test_a_training_that_is_cut_short_is_no_worse_than_its_start(steps):
    image, truth = draw_discs(n=6, seed=4)
    settings = FEW_STEPS.model_copy(update={"steps": steps})
    trained = train_model([annotate(n=6, seed=4)], settings, start=load_bundled())
    assert match(segment_image(trained.model, image).labels, truth).f1 > 0.9
