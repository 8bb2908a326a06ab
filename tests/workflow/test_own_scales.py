"""Images whose magnification nobody tells: their objects' size is found, and each is seen at its own scale."""

import numpy as np
import pytest
from painted_discs import annotate, draw_discs

from napari_unet.annotation.coding import LabelsAre
from napari_unet.annotation.weight_map import WeightMapSettings
from napari_unet.network.model_file import Model
from napari_unet.network.scaling import TARGET_SIZE, measure_normalisation, normalise, resample_image
from napari_unet.workflow import AnnotatedImage, magnification, segment_image, train_model
from napari_unet.workflow.magnification import Trial, busiest_windows, estimate_object_size
from napari_unet.workflow.preparation import prepare
from quick import QUICK


def picture(name: str, radius: float) -> AnnotatedImage:
    image, labels = draw_discs(n=3, pitch=int(3.2 * radius), radius=radius)
    return AnnotatedImage(name, image, labels + 1, picture=name)


def prepare_pictures(*images: AnnotatedImage, **options):
    return prepare(images, LabelsAre.OBJECTS, (), WeightMapSettings(), **options)


def test_pictures_of_different_magnification_are_each_seen_at_their_own_scale():
    prepared = prepare_pictures(picture("near", 24), picture("far", 9))
    assert prepared.own_size
    for frame, diameter in zip(prepared.frames, (48, 18), strict=True):
        assert frame.scale == pytest.approx(TARGET_SIZE / diameter, rel=0.05)


def test_pictures_of_one_magnification_share_their_scale():
    prepared = prepare_pictures(picture("a", 12), picture("b", 14))
    assert not prepared.own_size
    assert len({frame.scale for frame in prepared.frames}) == 1


def test_planes_of_one_picture_share_their_scale_however_much_objects_differ():
    planes = [AnnotatedImage(one.name, one.image, one.labels) for one in (picture("a", 24), picture("b", 9))]
    assert not prepare_pictures(*planes).own_size


@pytest.mark.parametrize("options", [{"magnification": "as in training"}, {"object_size": 30.0}])
def test_one_scale_can_be_asked_for(options):
    assert not prepare_pictures(picture("near", 24), picture("far", 9), **options).own_size


def test_a_lineage_keeps_how_it_began():
    apart = [picture("near", 24), picture("far", 9)]
    first = train_model(apart, QUICK)
    assert first.model.description.magnification == "per image"
    assert first.model.description.object_size == TARGET_SIZE
    second = train_model([picture("a", 12)], QUICK, start=first.model)
    assert second.model.description.magnification == "per image"
    alike = train_model([picture("a", 12), picture("b", 13)], QUICK)
    again = train_model(apart, QUICK, start=alike.model)
    assert again.model.description.magnification == "as in training"


@pytest.mark.parametrize("magnified", [0.5, 1.0, 2.0, 4.0])
def test_the_object_size_is_found_in_the_image_itself(learned, magnified):
    image, _ = draw_discs(seed=7)
    image = resample_image(image.astype(np.float32), magnified)
    found = estimate_object_size(learned.model, normalise(image, measure_normalisation([image])))
    assert found == pytest.approx(20 * magnified, rel=0.25)


def test_a_model_for_every_magnification_reads_each_image_at_its_own(learned):
    description = learned.model.description.model_copy(update={"magnification": "per image"})
    model = Model(description, learned.model.network)
    image, truth = draw_discs(seed=8)
    for magnified in (1.0, 3.0):
        segmented = segment_image(model, resample_image(image.astype(np.float32), magnified))
        assert segmented.labels.max() == truth.max()


def test_nothing_found_leaves_the_scale_of_training(learned):
    description = learned.model.description.model_copy(update={"magnification": "per image"})
    empty = np.zeros((1, 40, 50), np.float32)
    assert estimate_object_size(learned.model, empty) is None
    assert segment_image(Model(description, learned.model.network), empty).scale == description.scale


@pytest.mark.parametrize(("usual", "found"), [(None, 226), (20.0, 20)])
def test_a_size_far_from_those_of_training_needs_more_to_be_believed(learned, monkeypatch, usual, found):
    trials = [Trial(20.0, 20.0, 0.8), Trial(226.0, 226.0, 0.9)]
    monkeypatch.setattr(magnification, "try_sizes", lambda *_: trials)
    description = learned.model.description.model_copy(update={"object_size_image": usual})
    image = np.zeros((1, 300, 300), np.float32)
    size = estimate_object_size(Model(description, learned.model.network), image)
    assert size == pytest.approx(found)


def test_the_busiest_windows_hold_what_there_is_and_do_not_coincide():
    image = np.zeros((1, 300, 400), np.float32)
    image[0, 10:60:2, 300:360] = 1
    image[0, 220:280:2, 20:80] = 1
    windows = busiest_windows(image, 100, 2)
    assert sum(float(image[0][box].sum()) for box in windows) > 0.8 * image.sum()
    assert {(box[0].start > 150) for box in windows} == {True, False}
    assert busiest_windows(annotate().image, 200, 2) == [(slice(0, 128), slice(0, 128))]


def test_cells_of_all_sizes_are_of_one_magnification():
    def cells(name: str, radii: list[float]) -> AnnotatedImage:
        labels = np.ones((60, 60 * len(radii)), np.int32)
        y, x = np.indices(labels.shape)
        for k, radius in enumerate(radii):
            labels[(y - 30) ** 2 + (x - 60 * k - 30) ** 2 <= radius**2] = k + 2
        return AnnotatedImage(name, 1.0 * labels[None], labels, picture=name)

    few_small, few_large = [5, 8, 9, 20, 26], [7, 9, 16, 22, 25]
    assert not prepare_pictures(cells("a", few_small), cells("b", few_large)).own_size
    assert prepare_pictures(cells("a", [5, 5, 6]), cells("b", few_large)).own_size
