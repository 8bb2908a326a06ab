"""From painted pixels to objects: what is trained, how it is stopped, and what is said about it."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from painted_discs import annotate, draw_discs

from napari_unet.annotation.coding import LabelsAre
from napari_unet.errors import Stopped, UserError
from napari_unet.network.held_out import HeldOutPlace
from napari_unet.network.model_file import load_model, save_model
from napari_unet.objects.measures import match
from napari_unet.objects.separate import SeparationSettings
from napari_unet.workflow import AnnotatedImage, segment_image, separate_probabilities, train_model
from napari_unet.workflow.segmentation import separation_of
from quick import QUICK


def same_weights(a, b) -> bool:
    first, second = a.model.network.state_dict(), b.model.network.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_what_was_learned_is_found_again_on_another_image(learned):
    image, truth = draw_discs(seed=5)
    segmented = segment_image(learned.model, image)
    assert match(segmented.labels, truth).f1 > 0.9
    assert segmented.labels.dtype == np.int32
    assert segmented.sentences == ()
    assert np.allclose(segmented.probabilities.sum(axis=0), 1, atol=1e-4)
    assert segmented.distance.shape == truth.shape


def test_a_model_tells_where_it_comes_from(learned):
    training = learned.model.description.training
    assert (training.steps, training.seed, training.threads) == (80, 0, 1)
    assert training.started_from == "scratch"
    assert training.images == ("discs",)
    assert training.scores == learned.outcome.held_out
    assert any("held out" in sentence for sentence in learned.sentences)


def test_a_model_file_gives_the_same_segmentation(learned, tmp_path):
    image, _ = draw_discs(seed=5)
    save_model(learned.model, tmp_path / "m.safetensors")
    again = load_model(tmp_path / "m.safetensors")
    assert again.description == learned.model.description
    before, after = segment_image(learned.model, image), segment_image(again, image)
    np.testing.assert_allclose(before.probabilities, after.probabilities, atol=1e-6)
    np.testing.assert_array_equal(before.labels, after.labels)


def test_seed_steps_and_threads_give_equal_weights_and_another_seed_others():
    images = [annotate()]
    first, second = train_model(images, QUICK), train_model(images, QUICK)
    other = train_model(images, QUICK.model_copy(update={"seed": 1}))
    assert same_weights(first, second)
    assert first.held_out == second.held_out
    assert not same_weights(first, other)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_images_of_several_channels_train_and_segment(channels):
    trained = train_model([annotate(channels=channels)], QUICK, rgb=channels == 3)
    assert trained.model.description.network.in_channels == channels
    assert trained.model.description.rgb == (channels == 3)
    image, truth = draw_discs(channels=channels)
    assert segment_image(trained.model, image).labels.shape == truth.shape
    with pytest.raises(UserError, match=rf"trained on {channels} channel.*has {channels + 1}"):
        segment_image(trained.model, np.zeros((channels + 1, 20, 20)))


def test_images_of_different_channels_are_not_mixed():
    with pytest.raises(UserError, match=r"different numbers of channels \(1, 2\)"):
        train_model([annotate("a"), annotate("b", channels=2)], QUICK)


def test_images_of_one_name_are_refused():
    """Held-out places are known by the image's name."""
    with pytest.raises(UserError, match="Two images are called “discs”"):
        train_model([annotate(), annotate(seed=1)], QUICK)


def test_classes_keep_their_names_and_numbers():
    image, labels = draw_discs()
    classes = np.where(labels > 0, 2 + labels % 2, 1)
    image[0][classes == 3] += 1500
    settings = QUICK.model_copy(update={"steps": 90, "batch_size": 3, "learning_rate": 0.01})
    trained = train_model(
        [AnnotatedImage("discs", image, classes)],
        settings,
        labels_are=LabelsAre.CLASSES,
        class_names=("dim", "bright"),
    )
    assert trained.model.description.class_names == ("background", "dim", "bright")
    segmented = segment_image(trained.model, image)
    assert segmented.probabilities.shape == (3, *labels.shape)
    for number in (0, 1, 2):
        assert np.mean(segmented.labels[classes == number + 1] == number) > 0.6


def test_a_class_that_is_named_but_not_painted_has_its_output():
    image, labels = draw_discs()
    painted = AnnotatedImage("discs", image, np.where(labels > 0, 2, 1))
    trained = train_model([painted], QUICK, labels_are=LabelsAre.CLASSES, class_names=("a", "b", "c"))
    assert trained.model.description.network.classes == 4


def test_objects_may_carry_classes():
    discs = annotate()
    trained = train_model([replace(discs, object_classes={2: 2, 3: 2})], QUICK)
    assert trained.model.description.network.classes == 3


def test_the_object_size_that_was_given_sets_the_scale():
    measured = train_model([annotate()], QUICK).model.description
    assert measured.object_size_image == pytest.approx(20, abs=0.5)
    given = train_model([annotate()], QUICK, object_size=70).model.description
    assert given.object_size_image == 70
    assert given.scale < measured.scale / 2
    assert given.object_size == pytest.approx(70 * given.scale)


def test_without_complete_objects_a_scribble_teaches_all_the_same():
    image, labels = draw_discs()
    scribbles = np.zeros_like(labels)
    scribbles[16, 14:18], scribbles[16, 46:50], scribbles[30:34] = 2, 3, 1
    trained = train_model([AnnotatedImage("discs", image, scribbles)], QUICK)
    assert trained.model.description.object_size_image is None
    assert any("Quality is not measured" in sentence for sentence in trained.sentences)


def test_labels_of_enormous_value_cost_no_memory():
    image, labels = draw_discs()
    large = np.where(labels > 0, labels + (2**31 - 17), 1).astype(np.int32)
    assert large.max() == 2**31 - 1
    assert same_weights(
        train_model([AnnotatedImage("discs", image, large)], QUICK), train_model([annotate()], QUICK)
    )


def test_stop_before_the_first_step_leaves_nothing():
    with pytest.raises(Stopped):
        train_model([annotate()], QUICK, should_stop=lambda: True)


def test_stop_keeps_the_best_so_far():
    reports = []
    trained = train_model(
        [annotate()],
        QUICK.model_copy(update={"steps": 100_000}),
        on_report=reports.append,
        should_stop=lambda: bool(reports),
    )
    assert trained.outcome.stopped
    assert 1 <= trained.outcome.steps < 100
    assert trained.sentences[0].startswith("Stopped after")
    assert segment_image(trained.model, draw_discs()[0]).labels.shape == (128, 128)


def test_segmenting_can_be_stopped(learned):
    with pytest.raises(Stopped):
        segment_image(learned.model, draw_discs()[0], should_stop=lambda: True)


@pytest.mark.parametrize(("channels", "n_classes"), [(2, 2), (1, 4)])
def test_a_warm_start_takes_other_channels_and_classes(learned, channels, n_classes):
    discs = replace(annotate(channels=channels), object_classes={2: n_classes - 1})
    trained = train_model([discs], QUICK, start=learned.model)
    network = trained.model.description.network
    assert (network.in_channels, network.classes) == (channels, n_classes)
    assert (network.width, network.depth) == (4, 2)
    assert trained.model.description.training.started_from == "learned"
    assert trained.model.description.training.lineage == learned.model.description.training.lineage


def test_a_warm_start_goes_on_where_the_first_training_ended(learned):
    image, truth = draw_discs(seed=5)
    trained = train_model([annotate()], QUICK.model_copy(update={"learning_rate": 1e-6}), start=learned.model)
    assert match(segment_image(trained.model, image).labels, truth).f1 > 0.9


def test_a_start_of_another_kind_is_refused(learned):
    with pytest.raises(UserError, match="“learned” was trained on objects and your annotation holds classes"):
        train_model([annotate()], QUICK, labels_are=LabelsAre.CLASSES, start=learned.model)


def test_image_and_labels_of_different_shape_are_refused():
    with pytest.raises(UserError, match="is 8 × 9 px and its labels are 9 × 8 px"):
        AnnotatedImage("a", np.zeros((1, 8, 9)), np.zeros((9, 8), np.int32))


def test_probabilities_made_into_objects_again_are_the_same_objects(learned):
    segmented = segment_image(learned.model, draw_discs()[0])
    description = learned.model.description
    again = separate_probabilities(
        segmented.probabilities,
        segmented.distance,
        separation_of(description, segmented.scale),
        "objects",
        segmented.scale,
        description.object_size / segmented.scale,
    )
    np.testing.assert_array_equal(again, segmented.labels)


def test_when_nothing_is_found_it_says_why(learned):
    segmented = segment_image(
        learned.model, draw_discs()[0], separation=SeparationSettings(threshold=0.5, smallest=1e6)
    )
    assert not segmented.labels.any()
    assert len(segmented.sentences) == 1
    assert "px" in segmented.sentences[0]


def test_an_image_of_one_grey_value_is_named(learned):
    assert "one grey value" in segment_image(learned.model, np.full((1, 40, 50), 7)).sentences[0]


def test_an_image_of_other_brightness_is_named_when_the_range_is_that_of_training(learned):
    description = learned.model.description
    fixed = description.normalisation.model_copy(update={"mode": "as in training"})
    model = replace(learned.model, description=description.model_copy(update={"normalisation": fixed}))
    image, _ = draw_discs()
    assert segment_image(model, image).sentences == ()
    assert "differs from those the network was trained on" in segment_image(model, 20 * image).sentences[0]


def hundred_discs():
    """Return a training image of 600 × 600 px with 100 objects."""
    from napari_unet.network.sampling import TrainingImage

    y, x = np.mgrid[:600, :600]
    objects = ((y // 60) * 10 + x // 60 + 1) * ((y % 60 - 30) ** 2 + (x % 60 - 30) ** 2 < 200)
    known = np.ones(objects.shape, bool)
    return TrainingImage(
        name="a", image=np.zeros((1, 600, 600), np.float32), classes=(objects > 0).astype(np.uint8),
        weights=known.astype(np.float32), distance=np.zeros((600, 600), np.float32), distance_known=known,
        objects=objects.astype(np.int32),
    )  # fmt: skip


def test_fitting_in_haste_reads_only_as_much_as_there_is_time_for(monkeypatch):
    from napari_unet.workflow import scoring

    image = hundred_discs()
    read = []

    def predict(network, crop, should_stop):
        read.append(crop.shape)
        return np.full((2, *crop.shape[1:]), 0.5, np.float32)

    monkeypatch.setattr(scoring, "predict", predict)
    monkeypatch.setattr(scoring, "fold", lambda network: network)
    network = SimpleNamespace(config=SimpleNamespace(distance=False, classes=2))
    for places in ([], [HeldOutPlace("a", (0, 600, 0, 600))]):  # few objects held out, and enough
        scoring.fit_objects(network, [image], places, LabelsAre.OBJECTS, 16.0, seconds=0.0)
        assert len(read) == 1
        assert max(read[0]) <= scoring.PART + 2 * scoring.CONTEXT
        read.clear()
    scoring.fit_objects(network, [image], [], LabelsAre.OBJECTS, 16.0)
    assert read == [(1, 600, 600)]


def test_who_asks_to_stop_waits_for_no_held_out_place(monkeypatch):
    from napari_unet.workflow import honest, scoring

    read = []

    def predict(network, crop, should_stop):
        read.append(crop.shape)
        return np.full((2, *crop.shape[1:]), 0.5, np.float32)

    for module in (scoring, honest):
        monkeypatch.setattr(module, "fold", lambda network: network)
    monkeypatch.setattr(scoring, "predict", predict)
    network = SimpleNamespace(config=SimpleNamespace(distance=False, classes=2))
    image, places = hundred_discs(), [HeldOutPlace("a", (y, y + 120, 0, 600)) for y in range(0, 600, 120)]
    with pytest.raises(Stopped):
        scoring.HeldOutScore([image], places, LabelsAre.OBJECTS, lambda: len(read) >= 2)(network)
    assert len(read) == 2
    read.clear()
    how = SeparationSettings(method="components")
    assert len(honest.tally_held_out(network, [image], places, LabelsAre.OBJECTS, how, seconds=0.0)) == 1
    assert len(read) == 1
    assert len(honest.tally_held_out(network, [image], places, LabelsAre.OBJECTS, how)) == 5


def test_a_training_tells_its_score_when_to_stop(monkeypatch):
    from napari_unet.workflow import training

    made = []

    class Score(training.HeldOutScore):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            made.append(self.should_stop)

    def never():
        return False

    monkeypatch.setattr(training, "HeldOutScore", Score)
    monkeypatch.setattr(
        training, "at_network_scale", lambda *_: [HeldOutPlace(annotate().name, (0, 64, 0, 64))]
    )
    train_model([annotate()], QUICK, should_stop=never)
    assert made == [never]
