import numpy as np
import pytest
from scipy import ndimage

from napari_unet.errors import UserError
from napari_unet.synthetic import Contrast, draw_scene
from napari_unet.synthetic.lens import edge_distance

CHANNELS = {Contrast.TWO_STAINS: 2, Contrast.STAINED: 3}


def scenes(contrast, n, shape=(112, 112), **settings):
    return [draw_scene(np.random.default_rng(seed), shape, contrast, **settings) for seed in range(n)]


@pytest.mark.parametrize("contrast", list(Contrast))
def test_every_contrast_gives_an_image_and_exact_truth(contrast):
    for scene in scenes(contrast, 3, (96, 130)):
        assert scene.contrast is contrast
        assert scene.image.shape == (CHANNELS.get(contrast, 1), 96, 130)
        assert scene.image.dtype == np.float32
        assert np.isfinite(scene.image).all()
        assert scene.image.min() >= 0
        assert scene.image.max() <= 1
        assert scene.image.std() > 0.005
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
@pytest.mark.parametrize(("size", "side"), [(14, 90), (36, 160)])
def test_objects_have_about_the_size_that_was_asked_for(contrast, size, side):
    sizes = [scene.object_size for scene in scenes(contrast, 4, (side, side), object_size=size)]
    assert np.median(sizes) == pytest.approx(size, rel=0.3)


def test_sizes_differ_by_more_than_ten_when_asked_to():
    rng = np.random.default_rng(0)
    small = draw_scene(rng, (100, 100), Contrast.NUCLEI, object_size=8).object_size
    large = draw_scene(rng, (400, 400), Contrast.NUCLEI, object_size=110).object_size
    assert large > 10 * small


def test_sizes_vary_from_image_to_image_and_densities_from_lone_cells_to_sheets():
    rng = np.random.default_rng(0)
    drawn = [draw_scene(rng, (170, 170)) for _ in range(36)]
    sizes = [scene.object_size for scene in drawn]
    assert max(sizes) > 5 * min(sizes)
    covered = [np.mean(scene.labels > 0) for scene in drawn]
    assert min(covered) < 0.08
    assert max(covered) > 0.95
    assert len({scene.contrast for scene in drawn}) > len(Contrast) - 3


def test_cells_within_an_image_differ_in_size_and_some_touch():
    spreads, touching = [], []
    for scene in scenes(Contrast.NUCLEI, 12, object_size=16):
        area = np.bincount(scene.labels.ravel())[1:]
        spreads.append(area.max() / np.median(area))
        differ = scene.labels[:, 1:] != scene.labels[:, :-1]
        both = (scene.labels[:, 1:] > 0) & (scene.labels[:, :-1] > 0)
        touching.append((differ & both).any())
    assert max(spreads) > 3
    assert any(touching)


@pytest.mark.parametrize("contrast", [Contrast.NUCLEI, Contrast.CYTOPLASM, Contrast.TWO_STAINS])
def test_light_comes_from_where_the_truth_says(contrast):
    for scene in scenes(contrast, 5, object_size=30):
        mask = scene.labels > 0
        if 0.02 < mask.mean() < 0.9:
            assert scene.image[0][mask].mean() > scene.image[0][~mask].mean()


def test_nuclei_are_darker_in_stained_tissue_than_the_ground():
    """But where a brown marker lies around pale nuclei."""
    inside_is_darker = [
        scene.image.mean(axis=0)[scene.labels > 0].mean() < scene.image.mean(axis=0)[scene.labels == 0].mean()
        for scene in scenes(Contrast.STAINED, 20, object_size=24)
    ]
    assert 15 <= sum(inside_is_darker) < 20


@pytest.mark.parametrize(
    "contrast", [Contrast.MEMBRANE, Contrast.EM_CELLS, Contrast.PHASE, Contrast.BRIGHTFIELD]
)
def test_borders_of_the_truth_lie_on_borders_of_the_picture(contrast):
    """Shifting the truth by a few px makes its borders differ less from the insides."""

    def difference(scene, shift):
        distance = np.roll(edge_distance(scene.labels), (shift, shift), (0, 1))
        border, inside = distance < 1.5, distance > 6
        if not (border.any() and inside.any()):
            return 0
        picture = ndimage.gaussian_filter(scene.image[0], 1)
        return abs(picture[border].mean() - picture[inside].mean()) / picture.std()

    drawn = scenes(contrast, 8, object_size=32, damaged=0)
    here, away = (np.mean([difference(scene, shift) for scene in drawn]) for shift in (0, 7))
    assert here > 1.3 * away


def test_small_and_oblong_images_work():
    for shape in ((32, 32), (33, 200)):
        for contrast in Contrast:
            assert draw_scene(np.random.default_rng(0), shape, contrast).labels.shape == shape


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
