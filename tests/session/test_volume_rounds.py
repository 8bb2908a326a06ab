"""Rounds of volumes in a session: what trains, how a stack is segmented, what does not fit."""

import numpy as np
import pytest

from napari_unet.annotation.coding import LabelsAre
from napari_unet.errors import UserError
from napari_unet.session import ImageSource, Session, Which
from napari_unet.session.depth import depth_of, plane_step_of, stack_of
from napari_unet.workflow import segment_volume
from quick import QUICK_VOLUMES


def painted(scale: tuple[float, ...] = (4.0, 1.0, 1.0)) -> Session:
    """A stack of two columns of balls, of which two planes are painted."""
    rng = np.random.default_rng(0)
    z, y, x = np.ogrid[:10, :64, :64]
    labels = np.zeros((10, 64, 64), np.int32)
    for number, (b, c) in enumerate([(20, 20), (44, 44)], start=2):
        labels[((z - 5) * 4) ** 2 + (y - b) ** 2 + (x - c) ** 2 <= 14**2] = number
    image = (100 + 400 * (labels > 0) + rng.normal(0, 20, labels.shape)).astype(np.float32)
    session = Session()
    session.set_image(ImageSource("balls", image, scale=scale))
    session.annotating.start(LabelsAre.OBJECTS)
    for plane in (4, 6):
        session.annotation[plane] = np.where(labels[plane] > 0, labels[plane], 1)
    return session


def train(session: Session) -> None:
    task = session.prepare_training("scratch", QUICK_VOLUMES)
    session.finish_training(task, task.run(lambda report: None, lambda: False))


def segment(session: Session, planes: list[tuple[int, ...]] | None = None) -> None:
    task = session.prepare_segmentation(planes, "none")
    session.finish_segmentation(task, task.run(lambda fraction, words: None, lambda: False))


@pytest.fixture(scope="module")
def trained() -> Session:
    session = painted()
    train(session)
    return session


def test_planes_tell_their_stack_and_how_far_apart_it_is():
    source = painted().image
    stack = stack_of(source, (6,), (0,), "balls")
    assert (stack.number, stack.n, stack.step) == (6, 10, 4.0)
    assert stack.read(2, 5).shape == (1, 3, 64, 64)
    np.testing.assert_array_equal(stack.read(6, 7)[0, 0], source.data[6])
    film = ImageSource("film", np.zeros((4, 3, 8, 8)), axis_labels=("z", "t", "y", "x"))
    assert depth_of(film) == 0
    assert stack_of(film, (2, 1), (0,), "film").number == 2
    assert plane_step_of(film) is None
    assert depth_of(ImageSource("plane", np.zeros((8, 8)))) is None
    assert depth_of(ImageSource("time", np.zeros((4, 8, 8)), axis_labels=("t", "y", "x"))) is None


def test_a_round_of_volumes_segments_the_stack_with_one_number_per_object(trained):
    description = trained.current.description
    assert description.axes == "CZYX"
    assert description.plane_step == pytest.approx(4.0, rel=0.5)  # at the network's scale
    segment(trained)
    whole = segment_volume(trained.current.network.load(), trained.image.data[None], plane_step=4.0)
    for z in set(range(10)) - {4, 6}:
        np.testing.assert_array_equal(trained.segmentation[z], whole.labels[z])
    for z in (4, 6):  # what was painted lies on top
        assert (trained.segmentation[z][trained.annotation[z] > 1] > 0).all()
    assert (0,) in trained.separating.stored
    assert trained.separating.prepare((0,)) is None  # on one plane objects in space would fall apart


def test_one_plane_is_segmented_with_those_around_it(trained):
    read = []
    source = trained.image
    original = type(source).plane

    def plane(self, index=(), channels=None):
        read.append(index)
        return original(self, index, channels)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(source), "plane", plane)
        segment(trained, [(1,)])
    assert {(0,), (1,), (2,)} <= set(read)


def test_a_network_of_volumes_on_a_plane_is_one_sentence(trained):
    stack = trained.state.image
    trained.state.image = ImageSource("plane", np.zeros((64, 64), np.float32))
    try:
        with pytest.raises(UserError, match="is no stack"):
            trained.prepare_segmentation([()], "none")
    finally:
        trained.state.image = stack


def test_a_stroke_while_volumes_are_shown_leaves_each_object_one_number(trained):
    task = trained.prepare_segmentation(None, "none")
    result = task.run(lambda fraction, words: None, lambda: False)
    other = np.stack([np.where(result[plane].labels > 0, 100 + plane[0], 0) for plane in sorted(result)])
    trained.canvas.add(Which.SEGMENTATION, other.astype(np.int32))
    showing = trained.segmenting.prepare_showing(task, result)
    settled = showing.run()
    trained.record_stroke(Which.ANNOTATION, (0, 0, 0), np.full((1, 2, 2), 1, np.int32))
    trained.segmenting.finish_showing(showing, settled)
    for plane, segmented in result.items():
        there = (segmented.labels > 0) & (trained.annotation[plane] == 0)  # the annotation is on top
        np.testing.assert_array_equal(trained.segmentation[plane][there], segmented.labels[there])
