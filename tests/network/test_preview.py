from dataclasses import replace

import numpy as np
from training_images import disc_image

from napari_unet.network.augmentation import AugmentationSettings
from napari_unet.network.preview import CLASS_COLOURS, GAP, UNKNOWN, class_colour, strip
from napari_unet.network.sampling import PatchSampler


def test_a_strip_shows_image_target_and_weights_of_each_patch() -> None:
    image = disc_image()
    weights = np.full((96, 96), 4.0, np.float32)
    weights[:, :48] = 0
    image = replace(image, weights=weights)
    sampler = PatchSampler([image], 32, 8, np.random.default_rng(0), AugmentationSettings.none())
    batch = sampler.draw(5)
    picture = strip(batch, 3)
    assert picture.shape == (3 * 32 + 2 * GAP, 3 * 32 + 2 * GAP, 3)
    assert picture.dtype == np.uint8
    for number in range(3):
        columns = slice(number * (32 + GAP), number * (32 + GAP) + 32)
        shown, target, weight = (picture[k * (32 + GAP) : k * (32 + GAP) + 32, columns] for k in range(3))
        expected = np.clip(batch.image[number, 0, 8:40, 8:40], 0, 1) * 255
        np.testing.assert_allclose(shown[..., 0], expected, atol=1)
        unknown = batch.weights[number] == 0
        assert (target[unknown] == UNKNOWN).all()
        assert (target[~unknown & (batch.classes[number] == 0)] == 0).all()
        assert (weight[unknown] == 0).all()
        assert np.median(weight[~unknown]) == 255  # less at the border of what is annotated


def test_every_class_has_a_colour_of_its_own() -> None:
    colours = [class_colour(k) for k in range(20)]
    assert colours[: len(CLASS_COLOURS)] == list(CLASS_COLOURS)
    assert len(set(colours)) == 20


def test_images_of_two_and_of_many_channels_can_be_shown() -> None:
    for channels in (2, 3, 5):
        sampler = PatchSampler(
            [disc_image(channels=channels)], 32, 0, np.random.default_rng(0), AugmentationSettings()
        )
        assert strip(sampler.draw(2)).shape == (100, 66, 3)
