"""Bad input: one clear sentence each, and nothing lost.

Where each item is tested (files in ``tests/``; a name alone is a test of this file):

==============================================  =======================================================
No image open                                   session/test_session ``without_an_image…``, qt/test_dock
                                                ``without_an_image…``, ``every_step_without_an_image…``
Image and labels of different shape             session/test_session ``labels_of_another_size…``,
                                                workflow/test_train_and_segment ``…different_shape…``,
                                                qt/test_dock ``labels_that_can_not…``, cli ``small.tif``
Float labels                                    ``labels_that_are_none…``, cli/test_cli_bad_input
Foreign Labels layer whose coding nobody said   qt/test_dock ``a_foreign_layer…``, qt/test_layers,
                                                cli/test_cli_measuring ``the_coding_is_asked…``
Annotation empty, one class, no background      session/test_session ``training_on_too_little…``,
                                                ``one_class_only…``, qt/test_dock, cli/test_cli_bad_input
One object; only scribbles; an object larger    ``little_annotation_trains_all_the_same``
than the patch; objects at the image's edge
All-zero, constant, NaN, infinite pixels;       ``odd_pixels_go_through_the_whole_loop``,
1×N; uint16, float64, big-endian; RGBA          cli/test_cli_loop, qt/test_dock ``odd_images…``
Images without pixels, or of no numbers         ``images_that_can_not_be_used…``
Label values beyond the type                    ``labels_that_are_none…``, ``the_largest_value…``,
                                                workflow/test_train_and_segment ``…enormous…``
Layer removed or data replaced while it trains  ``…replaced_while_it_trains``, ``…while_it_segments``,
                                                qt/test_dock ``painting_goes_on_and_layers…``, qt/test_layers
Viewer closed while it trains; Train twice      qt/test_window, qt/test_dock, qt/test_job
Device not there                                ``a_device_that_is_not_there…``, qt/test_dock, cli
Disk full while saving                          ``a_full_disk…``, qt/test_dock, formats/test_writing
Files and folders on the command line           cli/test_cli_bad_input, cli/test_cli_measuring
==============================================  =======================================================
"""

import errno
import os
import sys
import warnings

import numpy as np
import pytest
import torch

from napari_unet.annotation.coding import Coding, LabelsAre
from napari_unet.errors import Stopped, UserError
from napari_unet.network.training_settings import TrainingSettings
from napari_unet.session import ImageSource, Session, Which
from quick import QUICK


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def blobs(shape=(64, 72)) -> np.ndarray:
    """Return an annotation of a few squares on background, in the project's coding."""
    labels = np.ones(shape, np.int32)
    if 1 in shape:
        labels.ravel()[10:30], labels.ravel()[45:60] = 2, 3
        return labels
    for k, (y, x) in enumerate([(8, 8), (8, 40), (36, 8), (36, 40)]):
        labels[y : y + 20, x : x + 20] = k + 2
    return labels


def begun(data, labels=None, labels_are=LabelsAre.OBJECTS, **source) -> Session:
    session = Session()
    session.set_image(ImageSource("image", data, **source))
    session.adopt_annotation(
        blobs(session.image.spatial_shape) if labels is None else labels, Coding.PROJECT, labels_are
    )
    return session


def train(session: Session, settings: TrainingSettings = QUICK):
    task = session.prepare_training("scratch", settings)
    return session.finish_training(task, task.run(lambda report: None, lambda: False))


def segment(session: Session) -> list[str]:
    task = session.prepare_segmentation()
    return session.finish_segmentation(task, task.run(lambda fraction, text: None, lambda: False))


def grey(shape=(64, 72)) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 200, shape) + 50 * (blobs(shape) > 1)


@pytest.fixture(scope="module")
def trained() -> Session:
    """A session that has trained and segmented; tests leave it as it is."""
    session = begun(grey().astype(np.uint8))
    train(session)
    segment(session)
    return session


# ---- pixels ----------------------------------------------------------------------------------------------------

ODD = {
    "zero": np.zeros((64, 72), np.uint8),
    "constant": np.full((64, 72), 700, np.uint16),
    "nan and inf": np.where(grey() > 200, np.nan, np.where(grey() > 150, np.inf, grey())),
    "only nan": np.full((64, 72), np.nan, np.float32),
    "one row": grey((1, 90)),
    "one column": grey((90, 1)),
    "uint16": grey().astype(np.uint16) * 250,
    "float64": grey() * 1e200,
    "float16": grey().astype(np.float16),
    "int64": grey() * 2**54,
    "big-endian": grey().astype(">u2"),
    "big-endian float": grey().astype(">f8"),
    "bool": grey() > 100,
}


@pytest.mark.parametrize("data", ODD.values(), ids=ODD.keys())
def test_odd_pixels_go_through_the_whole_loop(data, tmp_path):
    before = data.copy()
    session = begun(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # overflows, divisions by zero, means of nothing
        session.propose(())
        done = train(session)
        sentences = segment(session)
    assert np.isfinite(session.separating.stored.probability(())).all()
    assert session.segmentation.shape == data.shape
    assert all(sentence.endswith(".") for sentence in [*done.sentences, *sentences])
    session.save_labels(tmp_path / "labels.tif")
    session.save_table(tmp_path / "table.csv")
    session.save_model(tmp_path / "model.safetensors")
    session.save_model(tmp_path / "model.onnx")
    assert (tmp_path / "model.onnx").stat().st_size > 1000
    np.testing.assert_array_equal(data, before)


def test_transparency_is_left_out():
    rgba = np.random.default_rng(0).integers(0, 255, (64, 72, 4)).astype(np.uint8)
    session = begun(rgba, rgb=True)
    assert train(session).model.description.network.in_channels == 3
    segment(session)
    without = session.separating.stored.probability(())
    rgba[..., 3] = 0
    segment(session)
    np.testing.assert_array_equal(session.separating.stored.probability(()), without)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (np.zeros(9), "1 dimension"),
        (np.zeros((4, 4), complex), "complex128"),
        (np.full((4, 4), "a"), "numbers"),
        (np.zeros((0, 9)), "no pixels"),
        (np.zeros((9, 0)), "no pixels"),
    ],
)
def test_images_that_can_not_be_used_are_refused(data, said):
    session = Session()
    with pytest.raises(UserError, match=said):
        session.set_image(ImageSource("odd", data))
    assert session.image is None


def test_every_step_without_an_image_says_how_to_open_one(tmp_path):
    session = Session()
    for step in (
        lambda: session.annotating.start(LabelsAre.OBJECTS),
        lambda: session.propose(()),
        lambda: session.prepare_training("scratch", QUICK),
        lambda: session.prepare_segmentation(),
        lambda: session.save_labels(tmp_path / "a.tif"),
        lambda: session.save_table(tmp_path / "a.csv"),
    ):
        with pytest.raises(UserError, match="No image is open"):
            step()
    assert not list(tmp_path.iterdir())


# ---- annotation ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (np.full((8, 8), 0.5), "float64"),
        (np.full((8, 8), -1), "-1"),
        (np.full((8, 8), 2**31, np.uint32), "2147483648"),
        (np.full((8, 8), 2**63, np.uint64), "9223372036854775808"),
        (np.ones((8, 9), int), "9 × 8 px"),
    ],
)
def test_labels_that_are_none_are_refused_and_what_was_painted_stays(labels, said):
    session = begun(grey((8, 8)), np.full((8, 8), 3, np.int32))
    with pytest.raises(UserError, match=said):
        session.adopt_annotation(labels, Coding.PROJECT, LabelsAre.OBJECTS)
    assert (session.annotation == 3).all()


def test_after_the_largest_value_new_objects_take_a_free_one():
    labels = blobs()
    labels[labels == 5] = 2**31 - 1
    session = begun(grey(), labels)
    assert session.next_object_value() == 5
    session.segmenting.show((), np.where(labels == 1, 0, labels), "Segment", key="segment")
    stroke = np.full((6, 6), 2**31 - 1, np.int32)
    assert session.record_stroke(Which.SEGMENTATION, (0, 0), stroke) is not None
    assert session.annotation[2, 2] > 1
    session.segmenting.show((), np.roll(np.where(labels == 1, 0, 9), 30, axis=0), "Segment", key="segment")
    assert session.segmentation.min() >= 0
    session.accept(())
    assert session.annotation.min() >= 0


def test_one_class_only_is_said_for_classes_too():
    session = begun(grey(), np.full((64, 72), 3, np.int32), LabelsAre.CLASSES)
    with pytest.raises(UserError, match=r"class"):
        session.prepare_training("scratch", QUICK)


def test_objects_called_classes_are_said_to_be_objects():
    labels = np.ones((64, 72), np.int32)
    labels[:, 36:] = np.arange(64 * 36).reshape(64, 36) + 2
    session = begun(grey(), labels, LabelsAre.CLASSES)
    with pytest.raises(UserError, match="objects, not classes"):
        session.prepare_training("scratch", QUICK)


def one_object():
    return np.where(blobs() == 2, 2, 1)


def only_scribbles():
    labels = np.zeros((64, 72), np.int32)
    labels[12:14, 10:20], labels[40:42, 45:55], labels[30:33] = 2, 3, 1
    return labels


def larger_than_the_patch():
    labels = np.ones((64, 72), np.int32)
    labels[4:-4, 4:-4] = 2
    return labels


def at_the_edge():
    labels = np.ones((64, 72), np.int32)
    labels[:20, :20], labels[-20:, -20:], labels[:20, -20:] = 2, 3, 4
    return labels


def single_pixels():
    labels = np.ones((64, 72), np.int32)
    labels[::9, ::9] = np.arange(64).reshape(8, 8) + 2
    return labels


def nothing_but_two_pixels():
    labels = np.zeros((64, 72), np.int32)
    labels[5, 5], labels[5, 6] = 1, 2
    return labels


@pytest.mark.parametrize(
    "annotation",
    [one_object, only_scribbles, larger_than_the_patch, at_the_edge, single_pixels, nothing_but_two_pixels],
)
def test_little_annotation_trains_all_the_same(annotation):
    session = begun(grey(), annotation())
    settings = QUICK.model_copy(update={"patch_size": 16})
    done = train(session, settings)
    assert done.outcome.steps == 2
    assert np.isfinite(done.outcome.curves.loss).all()
    assert done.sentences
    segment(session)
    assert session.segmentation is not None
    if annotation in (one_object, only_scribbles):
        assert any(problem.kind == annotation.__name__ for problem in session.problems(()))


# ---- while something runs --------------------------------------------------------------------------------------


def test_an_image_that_is_replaced_while_it_trains_keeps_the_round_and_the_annotation():
    session = begun(grey().astype(np.uint8))
    task = session.prepare_training("scratch", QUICK)
    result = task.run(lambda report: None, lambda: False)
    session.set_image(ImageSource("image", np.zeros((64, 72), np.uint8)))
    assert session.finish_training(task, result) is session.current
    assert (session.annotation == blobs()).all()


def test_an_image_of_another_shape_that_comes_while_it_trains_keeps_the_round():
    session = begun(grey().astype(np.uint8))
    task = session.prepare_training("scratch", QUICK)
    session.set_image(ImageSource("other", np.zeros((30, 20), np.uint8)))
    session.finish_training(task, task.run(lambda report: None, lambda: False))
    assert session.current.number == 1
    assert session.annotation is None
    segment(session)
    assert session.segmentation.shape == (30, 20)


def test_painting_while_it_trains_changes_nothing_of_the_training():
    session = begun(grey().astype(np.uint8))
    task = session.prepare_training("scratch", QUICK)
    session.record_stroke(Which.ANNOTATION, (0, 0), np.zeros((64, 72), np.int32))
    assert task.run(lambda report: None, lambda: False).outcome.steps == 2
    assert not session.annotation.any()


def test_an_image_that_is_replaced_while_it_segments_shows_nothing_of_the_old_one(trained):
    session = begun(grey().astype(np.uint8))
    session.rounds.add(trained.current)
    task = session.prepare_segmentation()
    result = task.run(lambda fraction, text: None, lambda: False)
    session.set_image(ImageSource("image", np.zeros((64, 72), np.uint8)))
    assert session.finish_segmentation(task, result) == [
        "The image was replaced while it was segmented; segment again."
    ]
    assert session.segmentation is None
    assert () not in session.separating.stored


def test_an_image_of_other_channels_is_refused_before_it_is_segmented(trained):
    session = Session()
    session.set_image(ImageSource("two", np.zeros((2, 64, 72)), channel_axis=0))
    session.rounds.add(trained.current)
    with pytest.raises(UserError, match=r"trained on 1 channel.* this image has 2"):
        session.prepare_segmentation()


def test_stopping_at_once_leaves_the_session_as_it_was():
    session = begun(grey().astype(np.uint8))
    task = session.prepare_training("scratch", QUICK)
    with pytest.raises(Stopped):
        task.run(lambda report: None, lambda: True)
    assert session.current is None
    assert session.rounds.all == []


# ---- machine ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", ["cuda:99", "mps:1", "toaster"])
def test_a_device_that_is_not_there_is_named(trained, device):
    session = begun(grey().astype(np.uint8))
    task = session.prepare_training("scratch", QUICK.model_copy(update={"device": device}))
    with pytest.raises(UserError, match=r"choose|install"):
        task.run(lambda report: None, lambda: False)
    session.rounds.add(trained.current)
    session.state.device = device
    with pytest.raises(UserError, match=r"choose|install"):
        session.prepare_segmentation().run(lambda fraction, text: None, lambda: False)


def full_at_the_end(monkeypatch):
    def refuse(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", refuse)


def full_from_the_beginning(monkeypatch):
    real = open

    def refuse(file, mode="r", *arguments, **keywords):
        if set(mode) & set("wxa+"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(file, mode, *arguments, **keywords)

    monkeypatch.setattr("builtins.open", refuse)


def no_replacing(monkeypatch):
    def refuse(source, target):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "replace", refuse)


@pytest.mark.parametrize("trouble", [full_at_the_end, full_from_the_beginning, no_replacing])
@pytest.mark.parametrize("what", ["labels.tif", "table.csv", "model.safetensors"])
@pytest.mark.parametrize("exists", [True, False])
def test_a_full_disk_is_said_and_the_old_file_stays(trained, tmp_path, monkeypatch, trouble, what, exists):
    path = tmp_path / what
    if exists:
        path.write_text("old")
    with monkeypatch.context() as patch:
        trouble(patch)
        with pytest.raises(UserError) as error:
            getattr(trained, f"save_{path.stem}")(path)
    sentence = str(error.value)
    assert what in sentence
    assert "no space left" in sentence.lower() or trouble is no_replacing
    assert sentence.endswith(".")
    assert [p.read_text() for p in tmp_path.iterdir()] == (["old"] if exists else [])


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit on Windows")
@pytest.mark.parametrize("what", ["labels.tif", "table.csv", "model.safetensors"])
def test_a_disk_that_fills_up_in_the_middle_leaves_no_half_file(trained, tmp_path, what):
    import resource

    path = tmp_path / what
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, before[1]))
    try:
        with pytest.raises(UserError, match=what):
            getattr(trained, f"save_{path.stem}")(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.iterdir())


def test_nothing_to_save_yet_is_said(tmp_path):
    session = begun(grey())
    for save, said in (("labels", "no segmentation"), ("table", "no segmentation"), ("model", "no trained")):
        with pytest.raises(UserError, match=said):
            getattr(session, f"save_{save}")(tmp_path / "x")
    assert not list(tmp_path.iterdir())
