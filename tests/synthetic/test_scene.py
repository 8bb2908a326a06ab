import numpy as np
import pytest
from scipy import ndimage

from napari_unet.errors import UserError
from napari_unet.synthetic import Contrast, draw_scene

CHANNELS = {Contrast.TWO_STAINS: 2, Contrast.STAINED: 3}


@pytest.mark.parametrize("contrast", list(Contrast))
def test_every_contrast_gives_an_image_and_exact_truth(contrast):
    for seed in range(3):
        scene = draw_scene(np.random.default_rng(seed), (96, 130), contrast)
        assert scene.contrast is contrast
        assert scene.image.shape == (CHANNELS.get(contrast, 1), 96, 130)
        assert scene.image.dtype == np.float32
        assert np.isfinite(scene.image).all()
        assert scene.image.min() >= 0
        assert scene.image.max() <= 1
        assert scene.labels.shape == (96, 130)
        assert scene.labels.dtype == np.int32
        numbers = np.unique(scene.labels[scene.labels > 0])
        assert np.array_equal(numbers, np.arange(1, len(numbers) + 1))
        assert all(ndimage.label(scene.labels == number)[1] == 1 for number in numbers)


@pytest.mark.parametrize("contrast", list(Contrast))
def test_equal_seeds_give_equal_scenes_and_others_do_not(contrast):
    first, again, other = (draw_scene(np.random.default_rng(seed), (64, 64), contrast) for seed in (1, 1, 2))
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.labels, again.labels)
    assert not np.array_equal(first.image, other.image)


@pytest.mark.parametrize("contrast", list(Contrast))
@pytest.mark.parametrize("size", [12, 60])
def test_objects_have_about_the_size_that_was_asked_for(contrast, size):
    scenes = [
        draw_scene(np.random.default_rng(seed), (320, 320), contrast, object_size=size) for seed in range(5)
    ]
    assert np.median([scene.object_size for scene in scenes]) == pytest.approx(size, rel=0.35)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"shape": (8, 300)}, "sides of at least 32 px"),
        ({"object_size": 2}, "6 to 400 px"),
        ({"object_size": float("nan")}, "6 to 400 px"),
    ],
)
def test_senseless_numbers_give_a_sentence(wrong, words):
    with pytest.raises(UserError, match=words):
        draw_scene(np.random.default_rng(0), **wrong)
