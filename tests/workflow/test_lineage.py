"""Places that are held out stay so for all rounds that start from one another."""

from dataclasses import replace

import numpy as np
import pytest
from painted_discs import annotate

from napari_unet.network.held_out import HeldOutPlace
from napari_unet.workflow import AnnotatedImage, train_model
from napari_unet.workflow.lineage import Lineage
from quick import QUICK as TWO_STEPS

QUICK = TWO_STEPS.model_copy(update={"steps": 1})


def painted_in(image: AnnotatedImage, *boxes: tuple[int, int, int, int]) -> AnnotatedImage:
    """Return the image with its annotation inside the boxes (y0, y1, x0, x1) only."""
    labels = np.zeros_like(image.labels)
    for y0, y1, x0, x1 in boxes:
        labels[y0:y1, x0:x1] = image.labels[y0:y1, x0:x1]
    return replace(image, labels=labels)


def cover(places, shape) -> np.ndarray:
    mask = np.zeros(shape, bool)
    for place in places:
        mask[place.slices] = True
    return mask


@pytest.fixture(scope="module")
def field() -> AnnotatedImage:
    """8 × 8 discs; tests paint parts of them."""
    return annotate("field", n=8)


@pytest.fixture(scope="module")
def first(field):
    return train_model([painted_in(field, (0, 128, 0, 160))], QUICK)


def test_the_places_are_annotated_and_the_rest_is_noted_as_trained(field, first):
    lineage = Lineage.of(first.model.description.training)
    assert first.held_out
    assert lineage.held_out == first.held_out
    held_out, trained = cover(first.held_out, field.labels.shape), cover(lineage.trained, field.labels.shape)
    annotated = np.zeros_like(held_out)
    annotated[:128, :160] = True
    assert held_out[annotated].any()
    assert trained[annotated & ~held_out].all()


def test_they_stay_held_out_when_more_is_annotated(field, first):
    more = train_model([painted_in(field, (0, 256, 0, 256))], QUICK, start=first.model)
    assert more.held_out == first.held_out
    again = train_model([annotate("elsewhere")], QUICK, start=more.model)
    assert again.held_out == first.held_out
    assert again.outcome.held_out is None  # nothing to be honest about


def test_they_stay_held_out_at_another_scale(field, first):
    larger = train_model([painted_in(field, (0, 160, 0, 192))], QUICK, start=first.model, object_size=31)
    assert larger.model.description.scale != first.model.description.scale
    assert larger.held_out == first.held_out


def test_nothing_trains_inside_them(field, first, monkeypatch):
    """The next round gets all the places, in the pixels of its own frame, whatever was painted since."""
    from napari_unet.network.held_out import without_held_out
    from napari_unet.workflow import training

    seen = []

    def watch(images, network, settings, held_out=(), **keywords):
        seen.append(without_held_out(images, held_out))
        return original(images, network, settings, held_out=held_out, **keywords)

    original = training.train
    monkeypatch.setattr(training, "train", watch)
    train_model([painted_in(field, (0, 256, 0, 256))], QUICK, start=first.model)
    (image,) = seen[0]
    scale = image.weights.shape[0] / field.labels.shape[0]
    for place in first.held_out:
        y0, y1, x0, x1 = (round(edge * scale) for edge in place.box)
        assert not image.weights[y0:y1, x0:x1].any()
        assert not image.distance_known[y0:y1, x0:x1].any()


def test_a_lineage_from_scratch_chooses_anew(field, first):
    seeds = [QUICK.model_copy(update={"seed": seed}) for seed in (1, 2)]
    others = [train_model([painted_in(field, (0, 128, 0, 160))], settings) for settings in seeds]
    assert any(other.held_out != first.held_out for other in others)
    assert all(
        other.model.description.training.lineage != first.model.description.training.lineage
        for other in others
    )


def test_a_lineage_without_places_chooses_them_only_where_it_never_trained(field):
    little = train_model([painted_in(field, (0, 64, 0, 128))], QUICK)
    assert little.held_out == ()
    assert any("8 complete objects are too few" in sentence for sentence in little.sentences)
    trained = cover(Lineage.of(little.model.description.training).trained, field.labels.shape)
    for seed in range(2):
        settings = QUICK.model_copy(update={"seed": seed})
        more = train_model([painted_in(field, (0, 256, 0, 256))], settings, start=little.model)
        assert more.held_out
        assert not (cover(more.held_out, field.labels.shape) & trained).any()


def test_what_was_trained_once_is_no_test_later(field):
    little = train_model([painted_in(field, (0, 64, 0, 128))], QUICK)
    again = train_model([painted_in(field, (0, 96, 0, 128))], QUICK, start=little.model)
    assert again.held_out == ()
    assert "earlier rounds trained on nearly all that is annotated" in again.sentences[-1]


def test_fresh_background_alone_is_no_test_of_objects(field):
    little = train_model([painted_in(field, (0, 64, 0, 128))], QUICK)
    background = painted_in(field, (0, 64, 0, 128))
    background.labels[100:] = 1
    again = train_model([background], QUICK, start=little.model)
    assert again.held_out == ()
    assert "from scratch" in again.sentences[-1]


def test_of_many_images_only_new_ones_are_held_out():
    many = [annotate(f"image {k}", n=3, seed=k) for k in range(9)]
    one = train_model(many[:1], QUICK)
    assert one.held_out == ()
    more = train_model(many, QUICK, start=one.model)
    assert more.held_out
    assert "image 0" not in {place.image for place in more.held_out}


def test_places_of_images_that_are_gone_are_remembered(field, first):
    elsewhere = train_model([annotate("elsewhere")], QUICK, start=first.model)
    lineage = Lineage.of(elsewhere.model.description.training)
    assert {place.image for place in lineage.trained} == {"field", "elsewhere"}
    assert HeldOutPlace("field", first.held_out[0].box) in lineage.held_out
