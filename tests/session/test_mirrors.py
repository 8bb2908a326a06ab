"""The mirror image of a plane: seen as it lies, once per segmentation, forgotten with it."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from painted_rounds import a_round

from napari_unet.annotation.coding import LabelsAre
from napari_unet.session import ImageSource, Session, mirrors
from napari_unet.workflow import segment_image
from napari_unet.workflow.mirrored import mirrored_foreground
from tiny_models import a_model

PIXELS = np.random.default_rng(0).random((40, 52), np.float32)


def on_image(pixels: np.ndarray = PIXELS) -> Session:
    session = Session()
    session.set_image(ImageSource("cells", pixels))
    session.annotating.start(LabelsAre.OBJECTS)
    done = a_round(1)
    session.rounds.add(done)
    session.use_round(done)
    return session


def segment(session: Session, averaging: str = "none") -> None:
    task = session.prepare_segmentation(averaging=averaging)
    session.finish_segmentation(task, task.run(lambda *_: None, lambda: False))


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_what_is_seen_in_the_mirror_lies_as_the_image_does(scale: float) -> None:
    model = a_model()
    size = model.description.object_size / scale
    seen = mirrored_foreground(model, PIXELS[None], scale)
    turned = segment_image(model, PIXELS[None, :, ::-1], object_size=size).probabilities[0, :, ::-1]
    np.testing.assert_allclose(seen, 1 - turned, atol=2e-3)
    straight = 1 - segment_image(model, PIXELS[None], object_size=size).probabilities[0]
    assert np.abs(seen - straight).max() > 0.01, "this network is no mirror of itself"


def test_it_is_looked_at_once_and_enters_the_inbox() -> None:
    session = on_image()
    assert session.inbox.prepare_mirror(()) is None, "nothing is segmented"
    segment(session)
    task = session.inbox.prepare_mirror(())
    assert task is not None
    session.inbox.finish_mirror(task, task.run())
    assert session.inbox.prepare_mirror(()) is None
    looking = session.inbox.prepare(())
    assert looking is not None
    assert looking.mirrored is not None
    segment(session)
    looking = session.inbox.prepare(())
    assert looking is not None
    assert looking.mirrored is None, "it was of the segmentation before"
    session.inbox.finish_mirror(task, task.run())
    assert session.separating.mirrors.of(()) is None, "late, of the segmentation before"


def test_planes_that_cost_too_much_or_are_means_over_flips_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = on_image()
    segment(session, "flips")
    assert session.inbox.prepare_mirror(()) is None
    segment(session)
    monkeypatch.setattr(mirrors, "MOST_PIXELS", PIXELS.size - 1)
    assert session.inbox.prepare_mirror(()) is None


def test_planes_looked_at_first_make_room() -> None:
    stack = np.random.default_rng(1).random((3, 40, 52), np.float32)
    session = on_image(stack)
    segment(session)
    session.separating.mirrors.most_bytes = 2 * 2 * 40 * 52
    for z in range(3):
        task = session.inbox.prepare_mirror((z,))
        assert task is not None
        session.inbox.finish_mirror(task, task.run())
    kept = [session.separating.mirrors.of((z,)) is not None for z in range(3)]
    assert kept == [False, True, True]


def test_probabilities_that_made_room_do_not_stay_in_memory() -> None:
    session = on_image(np.random.default_rng(1).random((3, 40, 52), np.float32))
    separating = session.separating
    separating.stored.most_bytes = 1
    task = session.prepare_segmentation(planes=[(0,)])
    session.finish_segmentation(task, task.run(lambda *_: None, lambda: False))
    look = session.inbox.prepare_mirror((0,))
    assert look is not None
    session.inbox.finish_mirror(look, look.run())
    stored = weakref.ref(look.stored)
    del look, task
    for z in (1, 2):
        task = session.prepare_segmentation(planes=[(z,)])
        session.finish_segmentation(task, task.run(lambda *_: None, lambda: False))
    gc.collect()
    assert (0,) not in separating.stored
    assert stored() is None
    assert session.inbox.prepare_mirror((0,)) is None
    assert session.inbox.prepare_mirror((2,)) is not None
