import numpy as np
import pytest

from napari_unet.annotation.coding import BACKGROUND, NOT_ANNOTATED, LabelsAre
from napari_unet.annotation.targets import complete_objects
from napari_unet.errors import UserError
from napari_unet.samples import (
    SAMPLES,
    as_layers,
    coins,
    dividing_cells,
    find_sample,
    ihc,
    nuclei_stack,
    retina,
    touching_cells,
)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_is_enough_to_press_train(name):
    sample = find_sample(name)
    assert sample.annotation.dtype == np.int32
    assert sample.annotation.shape == sample.image.shape[: sample.annotation.ndim]
    values = np.unique(sample.annotation)
    assert NOT_ANNOTATED in values
    assert BACKGROUND in values
    assert values.size >= 3
    assert sample.sentence.endswith(".")


@pytest.mark.parametrize("make", [coins, touching_cells])
def test_annotated_objects_are_complete_and_agree_with_the_truth(make):
    sample = make()
    values = np.unique(sample.annotation[sample.annotation > BACKGROUND])
    assert np.array_equal(complete_objects(sample.annotation), values)
    for value in values:
        inside = sample.truth[sample.annotation == value]
        assert np.unique(inside).size == 1
        assert inside[0] > 0
        assert inside.size == np.sum(sample.truth == inside[0])
    assert not sample.truth[sample.annotation == BACKGROUND].any()


@pytest.mark.parametrize(
    ("make", "planes", "scale", "units"),
    [
        (nuclei_stack, [6, 10], (1.5, 0.5, 0.5), ("um", "um", "um")),
        (dividing_cells, [3, 9], (5.0, 0.5, 0.5), ("min", "um", "um")),
    ],
)
def test_stacks_are_annotated_on_two_planes_as_the_truth_says(make, planes, scale, units):
    sample = make()
    assert np.flatnonzero(sample.annotation.any(axis=(1, 2))).tolist() == planes
    first, second = (sample.annotation[plane] for plane in planes)
    assert not set(np.unique(first[first > 1])) & set(np.unique(second[second > 1]))
    for plane in planes:
        painted, truth = sample.annotation[plane], sample.truth[plane]
        assert np.unique(painted[painted > 1]).size >= 4
        assert not truth[painted == BACKGROUND].any()
        assert truth[painted > BACKGROUND].all()
    _, attributes, _ = as_layers(sample)[0]
    assert (attributes["scale"], attributes["units"], attributes["rgb"]) == (scale, units, False)
    assert attributes["axis_labels"] == tuple(sample.axes)


def test_some_annotated_cells_touch():
    annotation = touching_cells().annotation
    left, right = annotation[:, :-1], annotation[:, 1:]
    assert np.any((left > 1) & (right > 1) & (left != right))


def test_all_24_coins_are_in_the_truth_and_brighter_than_the_table_around_them():
    from scipy import ndimage

    sample = coins()
    assert np.array_equal(np.unique(sample.truth), np.arange(25))
    for number in range(1, 25):
        coin = sample.truth == number
        assert ndimage.label(coin)[1] == 1
        assert 900 < coin.sum() < 3500
        around = ndimage.binary_dilation(coin, iterations=6) & ~ndimage.binary_dilation(coin, iterations=2)
        inner = coin & ~ndimage.binary_erosion(coin, iterations=6)
        assert sample.image[inner].mean() > sample.image[around & (sample.truth == 0)].mean() + 15


def test_ihc_strokes_have_the_colours_of_their_classes():
    sample = ihc()
    assert sample.labels_are is LabelsAre.CLASSES
    red, green, blue = (sample.image[..., k].astype(float) for k in range(3))
    glass, epithelium, stroma = (sample.annotation == value for value in (1, 2, 3))
    assert (red - blue)[epithelium].mean() > 30  # brown
    assert (red - blue)[stroma].mean() < 0  # bluish
    assert green[glass].mean() > green[stroma].mean() > green[epithelium].mean()
    assert sample.class_names == ("epithelium", "stroma")


def test_retina_vessels_are_darker_than_what_lies_beside_them_and_thin():
    from scipy import ndimage

    sample = retina()
    green = sample.image[..., 1].astype(float)
    vessel, background = sample.annotation == 2, sample.annotation == 1
    beside = background & ndimage.binary_dilation(vessel, iterations=8)
    assert green[vessel].mean() < green[beside].mean() - 8
    assert ndimage.distance_transform_edt(vessel).max() < 9
    assert (sample.labels_are, sample.class_names) == (LabelsAre.CLASSES, ("vessel",))


def test_layers_carry_the_coding_and_the_pixel_size():
    sample = touching_cells()
    (_, image_attributes, image_kind), (labels, attributes, kind) = as_layers(sample)
    assert (image_kind, kind) == ("image", "labels")
    assert attributes["name"] == "touching cells annotation"
    assert attributes["metadata"]["napari_unet"] == {
        "coding": "project",
        "labels_are": "objects",
        "class_names": (),
    }
    assert attributes["scale"] == image_attributes["scale"] == (0.5, 0.5)
    labels[:] = 7  # painting in the layer leaves the sample alone
    assert sample.annotation.max() > 7
    assert as_layers(ihc())[0][1]["rgb"] is True


def test_samples_are_not_changed_by_whoever_paints_on_them():
    coins().annotation[:] = 9
    assert coins().annotation.max() == 5


def test_an_unknown_sample_names_the_known_ones():
    with pytest.raises(UserError, match="coins, ihc, retina, touching-cells, nuclei-stack, dividing-cells"):
        find_sample("mitochondria")
    assert find_sample("Touching cells").name == "touching cells"
