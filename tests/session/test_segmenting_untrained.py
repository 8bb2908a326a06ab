"""Segmenting before anything was painted or trained, and training from the bundled network."""

import numpy as np
import pytest

from napari_unet.annotation.coding import Coding, LabelsAre
from napari_unet.errors import UserError
from napari_unet.network.training_settings import TrainingSettings
from napari_unet.objects.separate import SeparationSettings
from napari_unet.session import BUNDLED, SCRATCH, ImageSource, Session, Which

QUICK = TrainingSettings(minutes=None, steps=1, patch_size=32, batch_size=2, threads=1, device="cpu")


def discs(diameter: int, shape: tuple[int, int] = (160, 200)) -> np.ndarray:
    """Bright discs on dark ground, with a little noise."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    pitch = round(1.7 * diameter)
    off = (y % pitch - pitch // 2) ** 2 + (x % pitch - pitch // 2) ** 2
    return np.where(off < (diameter / 2) ** 2, 180.0, 30.0) + np.random.default_rng(0).normal(0, 5, shape)


def opened(image: np.ndarray, size: float | None = None, **more: object) -> Session:
    """A session with this image; where the objects' size is given, it is not looked for at ten scales."""
    session = Session()
    session.set_image(ImageSource("discs", image, **more))
    if size is not None:
        session.set_object_size(size)
    return session


def separate(session: Session, settings: SeparationSettings) -> None:
    task = session.segmenting.prepare_separation(settings, ())
    assert task is not None
    session.segmenting.finish_separation(task, task.run())


def segment(session: Session, planes: list[tuple[int, ...]] | None = None) -> list[str]:
    task = session.prepare_segmentation(planes)
    return session.finish_segmentation(task, task.run(lambda fraction, message: None, lambda: False))


def n_objects(labels: np.ndarray) -> int:
    return np.unique(labels[labels > 0]).size


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return discs(22)


def test_an_image_is_segmented_before_anything_was_painted_or_trained(image: np.ndarray) -> None:
    session = opened(image)
    assert segment(session) == []
    assert session.annotation is None
    assert 26 <= n_objects(session.segmentation) <= 32  # 5 × 6 discs, some of them cut by the edge
    assert session.segmentation[18, 18] > 0
    assert session.segmentation[0, 0] == 0


def test_the_size_is_found_in_the_image_and_everything_follows_it() -> None:
    session = opened(discs(40, (256, 256)))
    assert session.object_size() == (28.0, "assumed")
    segment(session)
    size, origin = session.object_size()
    assert origin == "found in the image"
    assert 30 < size < 53
    stored = session.separating.stored.get(())
    assert stored.scale == pytest.approx(28 / size)
    assert stored.typical_size == pytest.approx(size)
    fitted = session.prepare_segmentation().network.description.separation
    assert session.separating.settings.smallest == pytest.approx(fitted["smallest"] / stored.scale**2)


def test_the_size_that_was_found_is_not_looked_for_again_until_the_pixels_change(
    image: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_unet.workflow import segmentation

    asked, ask = [], segmentation.estimate_object_size
    monkeypatch.setattr(segmentation, "estimate_object_size", lambda *given: asked.append(1) or ask(*given))
    session = opened(np.stack([image, image]))
    segment(session)
    assert len(asked) == 1, "planes of one image have one magnification"
    segment(session, [(0,)])
    assert len(asked) == 1
    session.set_image(ImageSource("another", np.stack([image, image])))
    assert session.object_size()[1] == "assumed"
    segment(session, [(1,)])
    assert len(asked) == 2


def test_a_size_that_the_user_gives_wins_over_the_one_found(image: np.ndarray) -> None:
    session = opened(image)
    segment(session)
    found = session.separating.settings.smallest
    session.set_object_size(44)
    segment(session)
    assert session.object_size() == (44.0, "set by you")
    assert session.separating.stored.get(()).scale == pytest.approx(28 / 44)
    assert session.separating.settings.smallest > 2 * found
    session.set_object_size(None)
    assert session.object_size()[1] == "found in the image"


def test_complete_objects_that_were_painted_win_over_the_size_found(image: np.ndarray) -> None:
    session = opened(image)
    segment(session)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    labels = np.where((y - 80) ** 2 + (x - 100) ** 2 < 25**2, 1, 0)
    labels[(y - 80) ** 2 + (x - 100) ** 2 < 20**2] = 2
    session.adopt_annotation(labels, Coding.PROJECT, LabelsAre.OBJECTS)
    task = session.prepare_segmentation()
    assert task.size.answer(per_image=True) == pytest.approx(40, abs=1)
    assert task.size.answer(per_image=False) is None
    assert session.object_size()[1] == "measured"


def test_the_smallest_object_that_was_chosen_goes_through_the_network_unchanged(image: np.ndarray) -> None:
    session = opened(image, 22)
    segment(session)
    first = session.separating.settings
    before = n_objects(session.segmentation)
    chosen = session.separating.settings.model_copy(update={"smallest": 5000.0})
    separate(session, chosen)
    assert n_objects(session.segmentation) == 0
    sentences = segment(session)
    assert n_objects(session.segmentation) == 0
    assert session.separating.settings.smallest == pytest.approx(5000)
    assert any("less than the smallest allowed" in sentence for sentence in sentences)
    separate(session, first)
    assert n_objects(session.segmentation) == before


def test_nothing_found_says_how_near_it_was_and_what_to_try() -> None:
    session = opened(np.zeros((96, 96)))
    sentences = " ".join(segment(session))
    assert n_objects(session.segmentation) == 0
    assert "how large they are" in sentences
    assert "highest probability" in sentences


@pytest.mark.parametrize(("channels", "rgb"), [(1, False), (2, False), (3, True)])
def test_images_of_any_number_of_channels_are_segmented(image: np.ndarray, channels: int, rgb: bool) -> None:
    grey = np.clip(image, 0, 255).astype(np.uint8)
    session = opened(np.stack([grey] * channels, -1), 22, channel_axis=2, rgb=rgb)
    segment(session)
    assert n_objects(session.segmentation) >= 12


def test_correcting_what_was_found_begins_the_annotation(image: np.ndarray) -> None:
    session = opened(image, 22)
    said: list[str] = []
    session.said.connect(lambda level, sentence: said.append(sentence))
    segment(session)
    found, kept = session.segmentation.copy(), session.separating.stored.get(())
    value = found[18, 18]
    session.record_stroke(Which.SEGMENTATION, (10, 18), np.zeros((16, 3), np.int32), "Correct")
    assert session.labels_are is LabelsAre.OBJECTS
    assert (session.annotation[10:26, 18:21][found[10:26, 18:21] > 0] == 1).all(), "erased is background"
    assert np.unique(session.annotation[session.segmentation == value]).min() >= 2
    assert session.separating.stored.get(()) is kept
    assert len(said) == 1
    assert session.undo() == "Correct"
    np.testing.assert_array_equal(session.segmentation, found)
    assert not session.annotation.any()
    assert session.undo() == "Segment"


def test_accepting_what_was_found_begins_the_annotation(image: np.ndarray) -> None:
    session = opened(image, 22)
    with pytest.raises(UserError, match="segment first"):
        session.accept(())
    assert session.annotation is None
    segment(session)
    assert session.accept((), [int(session.segmentation[18, 18])]) > 0
    assert session.annotation[18, 18] >= 2


def test_a_first_annotation_of_objects_leaves_what_was_found(image: np.ndarray) -> None:
    session = opened(image, 22)
    segment(session)
    found = session.segmentation
    session.annotating.start(LabelsAre.OBJECTS)
    assert session.segmentation is found
    session.annotating.start(LabelsAre.CLASSES)
    assert session.segmentation is None
    with pytest.raises(UserError, match="finds objects"):
        session.prepare_segmentation()


@pytest.mark.slow
def test_a_training_starts_from_the_bundle_until_there_is_a_round(image: np.ndarray) -> None:
    session = opened(image, 22)
    assert session.rounds.starts()[0][0] == BUNDLED
    assert [key for key, _ in session.rounds.starts(bundled=False)] == [SCRATCH]
    segment(session)
    session.accept(())
    task = session.prepare_training(BUNDLED, QUICK)
    done = session.finish_training(task, task.run(lambda report: None, lambda: False))
    assert done.model.description.training.started_from == "bundled"
    assert done.model.description.training.lineage != "bundled"
    assert done.model.description.network.width == session.prepare_segmentation().network.network.config.width
    assert [key for key, _ in session.rounds.starts()] == ["round 1", BUNDLED, SCRATCH]
    assert session.prepare_segmentation().model() is done.model


def test_the_bundle_is_no_start_for_another_network(image: np.ndarray) -> None:
    session = opened(image, 22)
    segment(session)
    session.accept(())
    with pytest.raises(UserError, match="start from scratch"):
        session.prepare_training(BUNDLED, TrainingSettings(preset="ronneberger2015"))


@pytest.mark.slow
def test_a_round_that_sees_each_image_at_its_own_scale_uses_the_size_found(image: np.ndarray) -> None:
    session = opened(image)
    segment(session)
    session.accept(())
    task = session.prepare_training(BUNDLED, QUICK.model_copy(update={"magnification": "per image"}))
    done = session.finish_training(task, task.run(lambda report: None, lambda: False))
    assert done.model.description.magnification == "per image"
    network_size = done.model.description.object_size
    session.set_image(ImageSource("larger", discs(44, (256, 256))))
    segment(session)
    size, origin = session.object_size()
    assert origin in ("found in the image", "measured")
    scale = session.separating.stored.get(()).scale
    fitted = done.model.description.separation["smallest"]
    assert scale == pytest.approx(network_size / size)
    assert session.sizes.scale() == pytest.approx(scale)
    assert session.separating.settings.smallest == pytest.approx(fitted / scale**2)


def test_a_result_that_was_taken_does_not_change_with_the_segmentation(image: np.ndarray) -> None:
    session = opened(image, 22)
    segment(session)
    taken = session.result(())
    kept = taken.copy()
    session.record_stroke(Which.SEGMENTATION, (0, 0), np.full((5, 5), 999, np.int32))
    np.testing.assert_array_equal(taken, kept)
