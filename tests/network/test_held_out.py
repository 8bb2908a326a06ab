import time

import numpy as np
import pytest
from training_images import disc_image

from napari_unet.network.held_out import (
    HeldOutPlace,
    choose_held_out,
    without_held_out,
)
from napari_unet.network.sampling import TrainingImage


def held_out_truth(image: TrainingImage, places: list[HeldOutPlace]) -> tuple[np.ndarray, np.ndarray]:
    """Objects (Y, X) with more than half of their area in the places, and the pixels (Y, X) that are measured."""
    boxes = np.zeros(image.classes.shape, bool)
    for place in places:
        if place.image == image.name:
            boxes[place.slices] = True
    values = np.unique(image.objects[boxes])
    counted = [
        v for v in values[values > 0] if 2 * (boxes & (image.objects == v)).sum() > (image.objects == v).sum()
    ]
    held = np.isin(image.objects, counted)
    return np.where(held, image.objects, 0), held | (boxes & (image.weights > 0) & (image.objects == 0))


def as_classes(image: TrainingImage) -> TrainingImage:
    return TrainingImage(
        image.name,
        image.image,
        image.classes,
        image.weights,
        image.distance,
        np.zeros_like(image.distance_known),
        np.zeros_like(image.objects),
    )


@pytest.mark.parametrize("seed", range(8))
def test_about_a_fifth_of_the_objects_is_held_out_and_none_of_it_trained_on(seed: int) -> None:
    images = [disc_image(k, (200, 240), 36, name=f"image {k}") for k in range(3)]
    places, sentence = choose_held_out(images, seed)
    held = 0
    for image, trained in zip(images, without_held_out(images, places), strict=True):
        objects, valid = held_out_truth(image, places)
        held += len(np.unique(objects)) - 1
        assert not trained.weights[valid].any()
        assert not (trained.objects[valid]).any()
        assert not (trained.distance_known & valid).any()
        for value in np.unique(objects)[1:]:  # whole objects, never a part of one
            assert ((objects == value) == (image.objects == value)).all()
        for value in np.unique(trained.objects)[1:]:
            assert (trained.weights[image.objects == value] > 0).all()
    assert 0.2 * 108 <= held <= 108 / 3
    assert f"{held} of 108" in sentence


def test_too_few_objects_are_said_not_faked() -> None:
    places, sentence = choose_held_out([disc_image(n=9)], seed=0)
    assert places == []
    assert "9 complete objects" in sentence
    assert "12" in sentence


def test_at_least_three_and_at_most_a_third() -> None:
    for seed in range(5):
        image = disc_image(seed, (160, 160), 16)
        places, _ = choose_held_out([image], seed)
        if places:
            assert 3 <= len(np.unique(held_out_truth(image, places)[0])) - 1 <= 5


def test_whole_images_when_there_are_many() -> None:
    images = [disc_image(k, n=4, name=f"image {k}") for k in range(10)]
    places, _ = choose_held_out(images, seed=1)
    assert {place.box for place in places} == {(0, 96, 0, 96)}
    assert 2 <= len(places) <= 3


def test_places_depend_on_the_seed_only() -> None:
    images = [disc_image(k, (200, 200), 36, name=f"image {k}") for k in range(2)]
    assert choose_held_out(images, 3) == choose_held_out(images, 3)
    assert any(choose_held_out(images, 3)[0] != choose_held_out(images, seed)[0] for seed in range(4, 8))


def test_classes_are_held_out_by_pixels_with_every_class_on_both_sides() -> None:
    images = [as_classes(disc_image(k, (220, 220), 25, name=f"image {k}")) for k in range(2)]
    places, sentence = choose_held_out(images, seed=0)
    valid = [held_out_truth(image, places)[1] for image in images]
    fraction = np.mean(valid)
    assert 0.2 <= fraction <= 1 / 3
    assert f"{fraction:.0%}" in sentence
    held = np.concatenate([image.classes[v] for image, v in zip(images, valid, strict=True)])
    assert set(np.unique(held)) == {0, 1}


def test_few_annotated_pixels_are_said() -> None:
    places, sentence = choose_held_out([as_classes(disc_image())], seed=0)
    assert places == []
    assert "too few pixels" in sentence


def test_a_class_in_one_place_is_never_held_out_wholly() -> None:
    image = as_classes(disc_image(0, (240, 240), 1))
    classes = np.zeros((240, 240), np.uint8)
    classes[10:50, 10:50] = 1
    image = TrainingImage(
        "one", image.image, classes, image.weights, image.distance, image.distance_known, image.objects
    )
    places, _ = choose_held_out([image], seed=0)
    trained = without_held_out([image], places)[0]
    assert (trained.weights[classes == 1] > 0).sum() >= 1600 * 2 / 3


def test_places_of_images_that_are_not_there_are_left_out() -> None:
    image = disc_image()
    kept = without_held_out([image], [HeldOutPlace("gone", (0, 50, 0, 50))])
    assert kept[0] is image


def test_a_large_image_with_many_objects_takes_no_long_wait() -> None:
    image = disc_image(0, (1536, 1536), 400)
    start = time.process_time()
    places, _ = choose_held_out([image], 0)
    assert places
    assert time.process_time() - start < 4  # counting whole images for every place took 15
