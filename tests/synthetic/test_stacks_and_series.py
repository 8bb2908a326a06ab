from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage

from napari_unet.errors import UserError
from napari_unet.synthetic import Contrast, draw_series, draw_stack


@pytest.mark.parametrize("contrast", [Contrast.NUCLEI, Contrast.MEMBRANE])
def test_a_stack_has_exact_truth(contrast):
    stack = draw_stack(np.random.default_rng(0), (12, 64, 70), contrast)
    again = draw_stack(np.random.default_rng(0), (12, 64, 70), contrast)
    assert stack.image.shape == stack.labels.shape == (12, 64, 70)
    assert (stack.image.dtype, stack.labels.dtype) == (np.float32, np.int32)
    assert 0 <= stack.image.min() < stack.image.max() <= 1
    assert np.array_equal(stack.image, again.image)
    assert np.array_equal(stack.labels, again.labels)
    numbers = np.unique(stack.labels[stack.labels > 0])
    assert np.array_equal(numbers, np.arange(1, len(numbers) + 1))
    assert all(ndimage.label(stack.labels == number)[1] == 1 for number in numbers)


@pytest.mark.parametrize("anisotropy", [1.0, 4.0])
def test_objects_span_as_many_planes_as_the_anisotropy_lets_them(anisotropy):
    rng = np.random.default_rng(3)
    stack = draw_stack(rng, (round(64 / anisotropy), 64, 64), Contrast.NUCLEI, 16, anisotropy=anisotropy)
    assert stack.spacing == (anisotropy, 1.0, 1.0)
    boxes = [box for box in ndimage.find_objects(stack.labels) if box[0].start > 0]
    planes = np.median([box[0].stop - box[0].start for box in boxes])
    rows = np.median([box[1].stop - box[1].start for box in boxes])
    assert planes * anisotropy == pytest.approx(rows, rel=0.4)


def test_a_stack_of_one_plane_is_a_stack():
    assert draw_stack(np.random.default_rng(0), (1, 40, 40)).image.shape == (1, 40, 40)


@pytest.mark.parametrize("contrast", [Contrast.NUCLEI, Contrast.CYTOPLASM, Contrast.PHASE])
def test_cells_keep_their_numbers_and_place_and_the_table_tells_when(contrast):
    series = draw_series(np.random.default_rng(1), 8, (96, 96), contrast, 20, speed=1.0)
    assert series.image.shape == series.labels.shape == (8, 96, 96)
    assert series.image.dtype == np.float32
    for number, first, last, _ in series.tracks:
        seen = np.flatnonzero((series.labels == number).any(axis=(1, 2)))
        assert np.array_equal(seen, np.arange(first, last + 1))
        for earlier, later in pairwise(seen):
            centre, next_centre = (
                np.array(ndimage.center_of_mass(series.labels[t] == number)) for t in (earlier, later)
            )
            assert np.linalg.norm(centre - next_centre) < 12
    assert np.array_equal(np.unique(series.labels[series.labels > 0]), series.tracks[:, 0])


def test_daughters_appear_where_and_when_their_mother_divided():
    series = draw_series(np.random.default_rng(2), 12, (128, 128), Contrast.NUCLEI, 20, frames_per_life=6)
    born = series.tracks[series.tracks[:, 3] > 0]
    assert len(born) >= 4
    table = {row[0]: row for row in series.tracks}
    for number, first, _, parent in born:
        assert table[parent][2] == first - 1
        before = ndimage.distance_transform_edt(series.labels[first - 1] != parent)
        assert before[series.labels[first] == number].min() < 10
    per_mother = np.bincount(born[:, 3])
    assert per_mother.max() == 2


def test_frames_share_the_light_but_not_the_noise():
    series = draw_series(
        np.random.default_rng(0), 3, (64, 64), Contrast.NUCLEI, 16, speed=0, frames_per_life=1000
    )
    first, second = (ndimage.gaussian_filter(frame, 3) for frame in series.image[:2])
    assert not np.array_equal(series.image[0], series.image[1])
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] > 0.8


@pytest.mark.parametrize(
    ("draw", "wrong", "words"),
    [
        (draw_stack, {"contrast": Contrast.DIC}, "nuclei or membranes, not DIC"),
        (draw_stack, {"anisotropy": 0.0}, "between 0.5 and 20"),
        (draw_stack, {"shape": (0, 64, 64)}, "sides of at least 32"),
        (draw_stack, {"shape": (3, 64, 4)}, "sides of at least 32"),
        (draw_series, {"contrast": Contrast.STAINED}, "not stained"),
        (draw_series, {"n_frames": 0}, "at least one frame"),
        (draw_series, {"speed": -1.0}, "negative speed"),
    ],
)
def test_senseless_numbers_give_a_sentence(draw, wrong, words):
    with pytest.raises(UserError, match=words):
        draw(np.random.default_rng(0), **wrong)
