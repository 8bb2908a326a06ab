"""Volumes from painted planes to 3D objects: what teaches, what is kept, what fits what."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from painted_balls import STEP, annotate_planes, draw_balls
from painted_discs import annotate

from napari_unet.annotation.coding import LabelsAre
from napari_unet.annotation.weight_map import WeightMapSettings
from napari_unet.errors import Stopped, UserError
from napari_unet.network.model_file import load_model, save_model
from napari_unet.objects.measures import match
from napari_unet.workflow import segment_image, segment_volume, train_model
from napari_unet.workflow.volumes import prepare_volumes
from quick import QUICK as QUICK_PLANES
from quick import QUICK_VOLUMES

SIZE = 25.0
"""A diameter at which the network sees the stack as it is."""


@pytest.fixture(scope="module")
def volumes():
    """Trained on three planes of a stack of balls."""
    longer = {"steps": 16, "batch_size": 4, "learning_rate": 0.015, "early_stop": False}
    return train_model(
        annotate_planes(), QUICK_VOLUMES.model_copy(update=longer), name="volumes", object_size=SIZE
    )


def prepared(images, **changes):
    return prepare_volumes(images, LabelsAre.OBJECTS, (), WeightMapSettings(), object_size=SIZE, **changes)


def test_only_annotated_planes_teach_and_they_keep_their_places():
    found = prepared(annotate_planes((3, 11)))
    volume = found.images[0]
    assert volume.classes.shape == (16, 96, 96)
    assert np.flatnonzero(volume.weights.any(axis=(1, 2))).tolist() == [3, 11]
    truth = draw_balls()[1]
    np.testing.assert_array_equal(volume.objects[3] > 0, truth[3] > 0)
    assert found.plane_step == STEP
    sections = [np.unique(volume.objects[z][volume.objects[z] > 0]) for z in (3, 11)]
    assert not set(sections[0]) & set(sections[1])


def test_planes_finer_than_pixels_are_reduced_and_every_annotated_one_still_teaches():
    found = prepared(annotate_planes((3, 8, 11), step=0.5))
    volume = found.images[0]
    assert found.plane_step == 1.0
    assert volume.plane_step == pytest.approx(1.0)
    assert len(volume.classes) == 8
    assert np.flatnonzero(volume.weights.any(axis=(1, 2))).tolist() == [1, 4, 5]


def test_depth_is_small_where_a_section_is():
    """What the network learns of depth must tell cells apart that lie upon one another."""
    truth = draw_balls()[1]
    depth = prepared(annotate_planes(range(16))).images[0].distance
    for number in (1, 2):
        z = np.flatnonzero((truth == number).any(axis=(1, 2)))
        deepest = [depth[k][truth[k] == number].max() for k in z]
        middle = len(z) // 2
        assert deepest[middle] > 1.25 * deepest[0]


def test_a_cell_painted_plane_by_plane_is_one_object_for_its_weights():
    """Numbered anew on each plane, it would be its own neighbour, one plane away."""
    planes = annotate_planes((3, 4))
    through = set.intersection(*({int(v) for v in np.unique(plane.labels)} for plane in planes))
    alone = [
        replace(plane, labels=np.where(np.isin(plane.labels, sorted(through)), plane.labels, 1))
        for plane in planes
    ]
    anew = [
        replace(plane, labels=np.where(plane.labels > 1, plane.labels + 100 * k, plane.labels))
        for k, plane in enumerate(alone)
    ]
    assert len(through) > 3
    np.testing.assert_allclose(prepared(anew).images[0].weights, prepared(alone).images[0].weights, atol=1e-4)


def test_three_planes_teach_balls_of_the_whole_stack(volumes):
    image, truth = draw_balls(seed=5)
    found = segment_volume(volumes.model, image)
    assert found.labels.shape == truth.shape
    assert found.probabilities.shape == (2, *truth.shape)
    assert match(found.labels, truth, 0.5).f1 > 0.8


@pytest.mark.slow
def test_the_same_training_twice_gives_the_same_network():
    first, second = (
        train_model(annotate_planes(), QUICK_VOLUMES, object_size=SIZE).model.network.state_dict()
        for _ in range(2)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_model_of_volumes_is_kept_in_a_file_like_any_other(volumes, tmp_path):
    save_model(volumes.model, tmp_path / "volumes.safetensors")
    model = load_model(tmp_path / "volumes.safetensors")
    assert model.description.axes == "CZYX"
    assert model.description.plane_step == STEP
    image, _ = draw_balls(shape=(6, 40, 40))
    np.testing.assert_array_equal(
        segment_volume(model, image).labels, segment_volume(volumes.model, image).labels
    )


def test_planes_and_volumes_are_told_apart_in_a_sentence(volumes, learned):
    image, _ = draw_balls(shape=(4, 40, 40))
    with pytest.raises(UserError, match="segment the whole stack"):
        segment_image(volumes.model, image[:, 0])
    with pytest.raises(UserError, match="plane by plane"):
        segment_volume(learned.model, image)
    with pytest.raises(UserError, match="this image has one plane"):
        segment_volume(volumes.model, image[:, 0])
    with pytest.raises(UserError, match="can’t go on with single planes"):
        train_model([annotate()], QUICK_PLANES, start=volumes.model)
    with pytest.raises(UserError, match="is no plane of a stack"):
        train_model([annotate()], QUICK_VOLUMES)


def test_a_network_of_planes_can_begin_one_of_volumes(learned):
    trained = train_model(annotate_planes(), QUICK_VOLUMES, start=learned.model, object_size=SIZE)
    config = trained.model.description.network
    assert (config.dimensions, config.depth, config.width) == (3, 2, 4)
    image, truth = draw_balls(seed=2)
    found = segment_volume(trained.model, image).probabilities[1] > 0.5
    assert ((truth > 0) == found).mean() > 0.9  # it has learned discs, and the steps since were two


def test_planes_twice_as_far_apart_are_resampled_to_what_was_trained_on(volumes):
    image, truth = draw_balls(seed=5)
    found = segment_volume(volumes.model, image[:, ::2], plane_step=2 * STEP)
    assert found.labels.shape == truth[::2].shape
    assert match(found.labels, truth[::2], 0.5).f1 > 0.6


def test_it_can_be_stopped(volumes):
    image, _ = draw_balls(shape=(4, 40, 40))
    with pytest.raises(Stopped):
        segment_volume(volumes.model, image, should_stop=lambda: True)


@pytest.mark.slow
def test_what_was_held_out_in_volumes_stays_so(volumes):
    planes = annotate_planes((3, 7, 11))
    assert volumes.held_out
    assert {place.image for place in volumes.held_out} == {"balls"}
    again = train_model(planes, QUICK_VOLUMES, start=volumes.model)
    assert again.held_out == volumes.held_out
    assert 0 <= again.outcome.held_out["score"] <= 1


def test_what_was_trained_on_in_a_plane_is_not_held_out_in_its_stack(learned):
    from napari_unet.network.held_out import HeldOutPlace
    from napari_unet.workflow.lineage import Lineage

    place = (0, 32, 0, 32)
    before = Lineage(
        held_out=(HeldOutPlace("balls 3", place), HeldOutPlace("balls 3", (64, 96, 64, 96))),
        trained=(HeldOutPlace("balls 7", (16, 48, 16, 48)), HeldOutPlace("balls 3", (32, 64, 32, 64))),
    )
    whole = before.through_planes({"balls 3": "balls", "balls 7": "balls"})
    assert whole.held_out == (HeldOutPlace("balls", (64, 96, 64, 96)),)
    assert len(whole.trained) == 2
